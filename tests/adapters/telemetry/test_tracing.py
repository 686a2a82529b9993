"""Traces: nothing unless they are set, nothing personal in them, and nobody waits long for a collector."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from leadgen.adapters.telemetry.otel import OtelTracing, TracedProvider
from leadgen.adapters.telemetry.tracing import Tracing, open_tracing
from leadgen.domain.lead import Question
from leadgen.domain.provider import Fault, Miss, Outcome, Rejected
from tests.entrypoints.program import BARE
from tests.fake_clock import FakeClock
from tests.fakes.phone_provider import ScriptedProvider
from tests.servers.collector import Collector, collecting

KEY = "0123456789abcdef" * 4
_WITHOUT = """
import sys
sys.modules["opentelemetry.sdk"] = None
sys.argv[0] = "leadgen"
from leadgen.entrypoints.cli.main import run
run()
"""


def test_nothing_is_traced_unless_it_is_set() -> None:
    """Without an endpoint everything is handed back as it was: there is nothing left to cost anything."""
    tracing = open_tracing(None, ratio=1.0, bulk_ratio=1.0)
    providers = {"orion": ScriptedProvider(FakeClock())}
    assert type(tracing) is Tracing
    assert tracing.providers(providers) is providers
    assert tracing.around(never) is never
    assert not tracing.interceptors


def test_the_extra_is_missing(tmp_path: Path) -> None:
    """One line says what to install; without the setting nobody misses anything."""
    command = [sys.executable, "-c", _WITHOUT, "leads", "list"]
    settings = {**BARE, "LEADGEN_DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    told = []
    for extra in ({"LEADGEN_TRACES_ENDPOINT": "http://127.0.0.1:9"}, {}):
        ended = subprocess.run(
            command,
            cwd=tmp_path,
            env=settings | extra,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1
        told.append(ended.stderr)
    assert 'pip install "leadgen[otel]"' in told[0]
    assert len(told[0].strip().splitlines()) == 1
    assert "otel" not in told[1]


async def asked(collector: Collector, outcome: Outcome, ratio: float = 1.0) -> None:
    """Asks a traced provider once, and lets the span arrive."""
    tracing = OtelTracing(collector.address, ratio=ratio, bulk_ratio=1.0)
    provider = tracing.providers({"orion": ScriptedProvider(FakeClock(), otherwise=outcome)})["orion"]
    assert isinstance(provider, TracedProvider)
    try:
        await provider.ask(
            Question("ada@lovelace.example", None, None, None, None),
            reference=KEY,
            timeout_seconds=1,
            may_send=at_once,
        )
    finally:
        await tracing.close()


async def never(*_: object) -> None:
    """An app that is not called."""
    raise AssertionError


async def at_once() -> bool:
    """No ticket to wait for."""
    return True


async def test_outcome() -> None:
    """A span tells who was asked under which key, and what came of it."""
    with collecting() as collector:
        await asked(collector, Rejected(Fault.BUSY, "429 for ada@lovelace.example"))
        (span,) = collector.spans
    assert span.name == "ask orion"
    assert span.attributes == {
        "leadgen.provider": "orion",
        "leadgen.lookup_id": KEY[:12],
        "leadgen.outcome": "rejected",
    }
    assert "lovelace" not in "\n".join(collector.texts)


async def test_sampling() -> None:
    """Of what is not sampled nothing is sent."""
    with collecting() as collector:
        await asked(collector, Miss(), ratio=0.0)
        assert collector.spans == []


async def test_words_of_errors_stay_here() -> None:
    """What a library notes on a span of an error's text, or under a name that is not listed, is not sent."""
    with collecting() as collector:
        tracing = OtelTracing(collector.address, ratio=1.0, bulk_ratio=1.0)
        about: dict[str, str | int] = {"url.query": "email=ada", "leadgen.attempt": 3}
        with suppress(ValueError), tracing._tracer.start_as_current_span("work", attributes=about):
            raise ValueError("ada@lovelace.example cannot be read")
        await tracing.close()
        (sent,) = collector.spans
    told = "\n".join(collector.texts)
    assert (sent.attributes, sent.events) == ({"leadgen.attempt": 3}, ("exception",))
    assert "ValueError" in told
    for canary in ("lovelace", "email=ada", "test_tracing.py", "cannot be read"):
        assert canary not in told


async def test_nobody_collects(unused_port: int) -> None:
    """A collector that is away costs nobody a call, and the end a few seconds at most."""
    away = Collector(address=f"http://127.0.0.1:{unused_port}")
    began = time.monotonic()
    await asked(away, Miss())
    assert time.monotonic() - began < 8
