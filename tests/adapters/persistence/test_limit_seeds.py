"""What a cold carrier is seeded with: every call that may have been made, on both databases."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.tables import limiters
from leadgen.adapters.rate_limits.board import Leap, LimiterBoard, Mode
from leadgen.adapters.rate_limits.carrier import Seed
from leadgen.domain.limits import Limits, Rule, Timing
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Miss, NotSent, Outcome, Unknown
from tests import builders
from tests.adapters.conftest import stores_on
from tests.builders import NOW
from tests.contracts.stores import add_leads
from tests.fake_clock import FakeClock

LIMITS = Limits((Rule(100, 3_600_000_000),), concurrency=3)


@pytest.fixture
async def ledger(database: Database) -> SqlLookupLedger:
    """A ledger with one lead, and a board on which its provider is cold."""
    await add_leads(stores_on(database, FakeClock()), 1)
    row = {"credential": "orion", "mode": Mode.SQL.value, "epoch": 0, "holder": ""}
    async with database.write() as conn:
        await conn.execute(limiters.insert().values({**row, "holder_until_micros": 0}))
    return SqlLookupLedger(database)


async def seed_of(database: Database) -> Seed:
    """With what the provider's carrier would begin now."""
    board = LimiterBoard(database, "worker-1")
    return await board.history("orion", LIMITS, Timing(), lease_micros=15_000_000, leap=Leap())


async def buy(ledger: SqlLookupLedger, n: int, outcomes: Sequence[Outcome]) -> None:
    """A question that is sent once for each outcome, under one key."""
    for place, outcome in enumerate(outcomes):
        intent = builders.lookup(n=n, lead_id="lead-000", owner=f"worker-{place}")
        standing = await ledger.intend(intent, may_repeat=True)
        assert isinstance(standing, Lookup)
        end = standing.closed(outcome, Charges.REQUEST, NOW + timedelta(seconds=1))
        assert await ledger.close(end, None)


@pytest.mark.parametrize(
    ("outcomes", "calls"),
    [
        ([Miss()], 1),
        ([Unknown("timed out")], 1),
        ([NotSent("no route")], 0),
        ([NotSent("no route"), Miss()], 1),
        ([Unknown("timed out"), Miss()], 2),
        ([*[Unknown("timed out")] * 3, Miss()], 4),
    ],
    ids=["answered", "lost", "unsent", "reopened", "repeated", "repeated thrice"],
)
async def test_every_call_counts(
    ledger: SqlLookupLedger, database: Database, outcomes: Sequence[Outcome], calls: int
) -> None:
    """A repeat under the same key is another call at the provider, though it is one lookup in the ledger."""
    await buy(ledger, 0, outcomes)
    assert len((await seed_of(database)).starts) == calls


@pytest.mark.parametrize(("outcome", "places"), [(Miss(), 0), (Unknown("timed out"), 1)])
async def test_a_lost_answer_holds_its_place(
    ledger: SqlLookupLedger, database: Database, outcome: Outcome, places: int
) -> None:
    """Until its lease is over its provider may be at work on it, whatever carries the limits."""
    await buy(ledger, 0, [outcome])
    assert len((await seed_of(database)).lease_ends) == places


async def test_calls_of_several_questions_add_up(ledger: SqlLookupLedger, database: Database) -> None:
    """In the order of time."""
    await buy(ledger, 0, [Unknown("timed out"), Miss()])
    await buy(ledger, 1, [Miss()])
    starts = (await seed_of(database)).starts
    assert len(starts) == 3
    assert list(starts) == sorted(starts)
