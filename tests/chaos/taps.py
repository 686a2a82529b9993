"""What is said on a wire: the moments of PostgreSQL's and of Redis' protocol that faults wait for.

PostgreSQL is read message by message, since a statement that was prepared before is named, not spelled out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

INTENT_INSERT = "intent insert"
INTENT_COMMIT = "intent commit"
INTENT_COMMITTED = "intent committed"
SETTLEMENT_COMMIT = "settlement commit"
SETTLEMENT_COMMITTED = "settlement committed"
COMMIT = "commit"
COMMITTED = "committed"
TICKET_ASKED = "ticket asked"
TICKET_GIVEN = "ticket given"
RELEASE = "release"

_INTENT = re.compile(rb"\s*(WITH\b.*)?INSERT INTO lookups\b", re.IGNORECASE | re.DOTALL)
_SETTLEMENT = re.compile(rb"\s*(WITH\b.*)?UPDATE lookups\b", re.IGNORECASE | re.DOTALL)
"""One statement may be both."""
_COMMITS = {(True, False): INTENT_COMMIT, (False, True): SETTLEMENT_COMMIT}
_REPLIES = {INTENT_COMMIT: INTENT_COMMITTED, SETTLEMENT_COMMIT: SETTLEMENT_COMMITTED, COMMIT: COMMITTED}


class Silent:
    """Understands nothing; every byte just passes."""

    def asked(self, data: bytes) -> list[str]:
        """See Tap."""
        return []

    def answered(self, data: bytes) -> list[str]:
        """See Tap."""
        return []


class PostgresTap:
    """Sees intents and settlements go out, and the commits of transactions that hold them.

    A commit is that of an intent or of a settlement where its transaction holds nothing else of the ledger.
    """

    def __init__(self) -> None:
        self._client, self._server = _Messages(has_start=True), _Messages(has_start=False)
        self._statements: dict[bytes, bytes] = {}
        self._intends = self._settles = False
        self._committing: str | None = None

    def asked(self, data: bytes) -> list[str]:
        """See Tap."""
        return [moment for kind, body in self._client.read(data) for moment in self._message(kind, body)]

    def answered(self, data: bytes) -> list[str]:
        """See Tap."""
        moments = []
        for kind, body in self._server.read(data):
            if kind == b"C" and body.startswith(b"COMMIT") and self._committing:
                moments.append(_REPLIES[self._committing])
                self._committing = None
        return moments

    def _message(self, kind: bytes, body: bytes) -> list[str]:
        match kind:
            case b"P":
                name, text, *_ = body.split(b"\0")
                self._statements[name] = text
            case b"B":
                _, name, *_ = body.split(b"\0", 2)
                return self._executed(self._statements.get(name, b""))
            case b"Q":
                return self._executed(body.rstrip(b"\0"))
            case _:
                pass
        return []

    def _executed(self, text: bytes) -> list[str]:
        word = text.split(None, 1)[0].upper().rstrip(b";") if text.strip() else b""
        if word == b"BEGIN":
            self._intends = self._settles = False
        elif word == b"COMMIT":
            self._committing = _COMMITS.get((self._intends, self._settles), COMMIT)
            return [self._committing]
        else:
            self._settles |= _SETTLEMENT.match(text) is not None
            if _INTENT.match(text):
                self._intends = True
                return [INTENT_INSERT]
        return []


class RedisTap:
    """Sees tickets asked for and given, and places given back."""

    def __init__(self) -> None:
        self._is_taking = False

    def asked(self, data: bytes) -> list[str]:
        """See Tap."""
        self._is_taking = b"\r\ntake\r\n" in data and b"EVAL" in data[:40]
        if self._is_taking:
            return [TICKET_ASKED]
        return [RELEASE] if b"ZREM\r\n" in data[:40] else []

    def answered(self, data: bytes) -> list[str]:
        """See Tap."""
        reply = re.match(rb"\*(\d+)\r\n", data)
        given = self._is_taking and reply is not None and int(reply[1]) > 2  # a status, a wait, then tickets
        return [TICKET_GIVEN] if given else []


class _Messages:
    """Cuts one direction of PostgreSQL's protocol into messages; the client's first one has no kind."""

    def __init__(self, *, has_start: bool) -> None:
        self._buffer = bytearray()
        self._has_start = has_start

    def read(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The messages that are complete by now: their kind and their body."""
        self._buffer += data
        while True:
            head = 4 if self._has_start else 5
            if len(self._buffer) < head:
                return
            (length,) = struct.unpack_from("!I", self._buffer, head - 4)
            end = head - 4 + length
            if len(self._buffer) < end:
                return
            kind, body = bytes(self._buffer[: head - 4]), bytes(self._buffer[head:end])
            del self._buffer[:end]
            self._has_start = False
            yield kind, body
