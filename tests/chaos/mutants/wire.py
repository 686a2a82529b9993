"""Faults on the wire: what is sent, and what an answer is taken for."""

from __future__ import annotations

from tests.chaos.mutants.mutant import Mutant, pytest_of

_HTTP = "adapters/providers/http.py"
_CLIENT = "adapters/providers/test_http.py"
_USAGE = "adapters/providers/test_usage.py"
_PROVIDER = "adapters/providers/test_nimbus_lookup.py"

WIRE = (
    Mutant(
        "client-retries",
        "the HTTP client sends a question again",
        _HTTP,
        """\
            return await wire.ask(address, head.encode() + told, lambda answer: _outcome(answer, read))
""",
        """\
            for left in (2, 1, 0):
                again = Wire(client.transport.connector, may_send)
                try:
                    return await again.ask(
                        address, head.encode() + told, lambda answer: _outcome(answer, read)
                    )
                except Exception:
                    if not left:
                        raise
                finally:
                    wire.used = wire.used or again.used
""",
        (pytest_of(_PROVIDER, "TestNimbusLookup::test_broken_http_leaves_in_doubt[close]"),),
    ),
    Mutant(
        "stray-answer",
        "what came unasked is taken for an answer",
        "adapters/providers/wire.py",
        "    return not protocol.is_connected() or protocol.should_close",
        "    return not protocol.is_connected()",
        (pytest_of(_CLIENT, "test_answer_that_nobody_has_asked_for"),),
    ),
    Mutant(
        "look-too-early",
        "the first byte leaves a turn after the look",
        "adapters/providers/wire.py",
        """\
            self.used, is_over = True, False
""",
        """\
            self.used, is_over = True, False
            await asyncio.sleep(0)
""",
        (
            pytest_of(
                _PROVIDER,
                "TestNimbusLookup::test_nothing_lies_between_the_look_at_the_ticket_and_the_first_byte",
            ),
        ),
    ),
    Mutant(
        "timeout-not-sent",
        "a time-out after sending is booked as not sent",
        _HTTP,
        "        if not wire.used:\n            return NotSent(",
        "        if timeout_seconds:\n            return NotSent(",
        (pytest_of(_PROVIDER, "TestNimbusLookup::test_deadline_in_all[silence]"),),
    ),
    Mutant(
        "cut-not-sent",
        "a broken connection is booked as not sent",
        _HTTP,
        "return Unknown(_why_in_doubt(error)) if wire.used else NotSent(_why_not_sent(error))",
        "return NotSent(_why_not_sent(error))",
        (pytest_of(_PROVIDER, "TestNimbusLookup::test_broken_http_leaves_in_doubt[reset]"),),
    ),
    Mutant(
        "5xx-not-sent",
        "an answer of 500 is booked as not sent",
        _HTTP,
        """\
    if status >= 300:
        return _rejected(status, answer.headers)
""",
        """\
    if status >= 500:
        return NotSent(f"HTTP {status}")
    if status >= 300:
        return _rejected(status, answer.headers)
""",
        (pytest_of(_PROVIDER, "TestNimbusLookup::test_statuses[500-broken]"),),
    ),
    Mutant(
        "pause-not-read",
        "Retry-After is not read",
        _HTTP,
        "pause = read_retry_after(headers) if fault in (Fault.BUSY, Fault.BROKEN) else None",
        "pause = None",
        (pytest_of(_PROVIDER, "TestNimbusLookup::test_retry_after[7-7.0]"),),
    ),
    Mutant(
        "report-without-an-end",
        "a report that may have been cut is taken for whole",
        "adapters/providers/usage.py",
        'if "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", ""):',
        "if False:",
        (pytest_of(_USAGE, "test_report_without_an_end"),),
    ),
)
