"""Metrics tell what happened, and the page of a worker what is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.telemetry.metrics import MeteredRateLimiter, Metrics
from leadgen.adapters.telemetry.metrics_server import FRESH_SECONDS, MetricsPage, metrics_served
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.condition_gauge import Condition, IConditionGauge
from leadgen.application.ports.rate_limiter import IRateLimiter
from leadgen.domain.errors import InvalidSetting, ServiceUnavailable
from leadgen.domain.limits import TIMING
from tests.adapters.providers.scripted_server import free_port
from tests.adapters.telemetry.metered import CONDITION, OUTCOMES, sample, samples, used_metrics
from tests.contracts.rate_limiter import RateLimiterContract
from tests.fake_clock import FakeClock
from tests.fakes.rate_limiter import WarmCarrier


class ScriptedGauge(IConditionGauge):
    """Tells a condition, or (None) that nobody answers; ``reads`` counts."""

    def __init__(self) -> None:
        self.condition: Condition | None = CONDITION
        self.reads = 0

    async def read(self) -> Condition:
        self.reads += 1
        if self.condition is None:
            raise ServiceUnavailable("the database", "nowhere", "start it")
        return self.condition


def test_lookups() -> None:
    """Each question is counted under its outcome, what it cost, and how long it took."""
    found = samples(used_metrics().text().decode())
    outcomes = dict.fromkeys(("hit", "miss", "unknown", "not_sent"), 1) | {"rejected": 2}
    for name, count in outcomes.items():
        assert found[sample("leadgen_lookups_total", provider="orion", outcome=name)] == count
    assert found[sample("leadgen_charged_micros_total", provider="orion", kind="posted")] == 40_000
    assert found[sample("leadgen_charged_micros_total", provider="orion", kind="estimated")] == 20_000
    assert found[sample("leadgen_limit_refusals_total", provider="orion")] == 1
    assert found[sample("leadgen_lookup_seconds_count", provider="orion")] == len(OUTCOMES) - 1
    assert found[sample("leadgen_lookup_seconds_bucket", provider="orion", le="0.25")] == len(OUTCOMES) - 1
    assert found[sample("leadgen_lookup_seconds_bucket", provider="orion", le="0.1")] == 0


def test_limits() -> None:
    """Tickets that were given, and waits with their length."""
    found = samples(used_metrics().text().decode())
    assert found[sample("leadgen_limiter_tickets_total", provider="orion")] == 2
    assert found[sample("leadgen_limiter_waits_total", provider="orion")] == 1
    assert found[sample("leadgen_limiter_wait_seconds_total", provider="orion")] == 0.75


def test_condition() -> None:
    """Jobs by status, webhooks, what carries the limits, and what is in doubt."""
    found = samples(used_metrics().text().decode())
    assert found[sample("leadgen_jobs", status="running")] == 2
    assert found[sample("leadgen_webhook_deliveries", state="waiting")] == 3
    assert found[sample("leadgen_limiter_mode", provider="orion", mode="redis")] == 1
    assert found[sample("leadgen_intents_open")] == 4
    assert found[sample("leadgen_unknown_open")] == 1
    assert found[sample("leadgen_unknown_oldest_seconds")] == 90.5
    assert found[sample("leadgen_database_up")] == 1


def test_another_carrier() -> None:
    """A carrier that carries no more is gone from the page."""
    metrics = used_metrics()
    metrics.show(Condition({}, {}, {"orion": "sql"}, {}, 0, 0, 0.0))
    found = samples(metrics.text().decode())
    assert sample("leadgen_limiter_mode", provider="orion", mode="redis") not in found
    assert found[sample("leadgen_limiter_mode", provider="orion", mode="sql")] == 1


class TestMeteredRateLimiter(RateLimiterContract):
    """A limiter that is counted is the same limiter."""

    def build(self, clock: IClock) -> IRateLimiter:
        return MeteredRateLimiter(WarmCarrier(InMemoryRateLimiter(clock, TIMING), clock), Metrics())


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who scrapes."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


async def test_page(client: httpx2.AsyncClient) -> None:
    """The page reads the condition at most every few seconds; counters are always fresh."""
    metrics, gauge, clock = Metrics(), ScriptedGauge(), FakeClock()
    address = f"127.0.0.1:{free_port()}"
    async with metrics_served(MetricsPage(metrics, gauge, clock), address):
        pages = [(await client.get(f"http://{address}/metrics")).text for _ in range(3)]
        assert gauge.reads == 1
        assert samples(pages[-1])[sample("leadgen_intents_open")] == 4
        await clock.advance(FRESH_SECONDS)
        gauge.condition = None
        gone = samples((await client.get(f"http://{address}/metrics")).text)
        assert gauge.reads == 2
    assert gone[sample("leadgen_database_up")] == 0
    assert sample("leadgen_jobs", status="running") not in gone


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "192.0.2.1:9464"])
async def test_no_place_for_the_page(address: str) -> None:
    """An address that cannot be served at is told in the name of its setting."""
    page = MetricsPage(Metrics(), ScriptedGauge(), FakeClock())
    with pytest.raises(InvalidSetting, match="LEADGEN_METRICS_ADDRESS"):
        async with metrics_served(page, address):
            pass
