"""The gauge reads the ledger, on both databases."""

from datetime import timedelta

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.rate_limits.gauge import SqlLimitGauge
from leadgen.domain.limits import Limits, Rule, Timing
from leadgen.domain.provider import Charges, Fault, Miss, NotSent, Outcome, Rejected
from tests import builders
from tests.adapters.conftest import stores_on
from tests.contracts.stores import add_leads
from tests.fake_clock import FakeClock

SECOND = 1_000_000
CONFIG = builders.config("orion", limits=Limits((Rule(5, SECOND), Rule(4, 3_600 * SECOND)), concurrency=3))


async def test_nobody_has_asked_yet(database: Database) -> None:
    """Nothing is used, nobody carries it, and a call may start now."""
    reading = await SqlLimitGauge(database, Timing()).read(CONFIG)
    assert [used for _, used in reading.used] == [0, 0]
    assert (reading.mode, reading.epoch, reading.in_flight, reading.next_start_seconds) == ("", 0, 0, 0.0)


async def test_calls_are_counted(database: Database) -> None:
    """Sent calls count, unsent ones do not; a full hour says when the next call may start."""
    await add_leads(stores_on(database, FakeClock()), 1)
    ledger = SqlLookupLedger(database)
    late = NotSent("its ticket ran out", late=True)
    outcomes: list[Outcome | None] = [Miss(), Rejected(Fault.BUSY, "HTTP 429"), late, Miss(), None]
    for n, outcome in enumerate(outcomes):
        lookup = builders.lookup(n=n, provider="orion", lead_id="lead-000")
        assert await ledger.intend(lookup) == lookup
        if outcome is not None:
            at = lookup.created_at + timedelta(seconds=1)
            assert await ledger.close(lookup.closed(outcome, Charges.REQUEST, at), None)
    reading = await SqlLimitGauge(database, Timing()).read(CONFIG)
    assert reading.used[1][1] == 4
    assert (reading.in_flight, reading.refused, reading.discarded) == (1, 1, 1)
    assert 3_590 < reading.next_start_seconds < 3_601
