"""The condition of leadgen, as a scrape reads it."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import insert

from leadgen.adapters.persistence.condition import SqlConditionGauge
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import limiters
from leadgen.domain.breaker import Breaker, BreakerState, Cause
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.provider import Charges, Miss, Unknown
from tests.adapters.conftest import stores_on
from tests.builders import ACCOUNT
from tests.contracts.lookup_ledger import about
from tests.contracts.stores import add_leads
from tests.fake_clock import FakeClock


async def test_nothing_has_happened(database: Database) -> None:
    """Every status and state is there, with none in it."""
    condition = await SqlConditionGauge(database, FakeClock()).read()
    assert condition.jobs == {status.value: 0 for status in JobStatus}
    assert condition.deliveries == {"waiting": 0, "dead": 0}
    assert condition.modes == {}
    assert condition.breakers == {}
    assert (condition.intents_open, condition.unknown_open) == (0, 0)
    assert condition.oldest_unknown_seconds == 0


async def test_condition(database: Database) -> None:
    """Jobs by status, lookups that are open or in doubt, the age of the oldest, carriers and breakers."""
    clock = FakeClock()
    stores = stores_on(database, clock)
    await add_leads(stores, 4)
    for number in range(3):
        await stores.jobs.add(Job(f"job-{number}", ACCOUNT, JobScope(), JobStatus.WAITING, clock.now()))
    await stores.jobs.end("job-0", JobStatus.STOPPED)
    for number, outcome in enumerate([Unknown("?"), Unknown("?"), Miss(), None]):
        intent = about(number)
        await stores.ledger.intend(intent)
        if outcome:
            await stores.ledger.close(intent.closed(outcome, Charges.REQUEST, clock.now()), None)
    opened = replace(Breaker("astra"), state=BreakerState.OPEN, cause=Cause.ACCOUNT, until=clock.now())
    row = {"credential": "orion", "mode": "sql", "epoch": 7, "holder": "", "holder_until_micros": 0}
    async with database._engine.begin() as conn:
        await conn.execute(insert(limiters).values(row))
    await stores.board.save([Breaker("orion").closed(clock.now()), opened])
    since = about(0).created_at
    await clock.advance((since + timedelta(hours=2) - clock.now()).total_seconds())
    condition = await SqlConditionGauge(database, clock).read()
    assert (condition.jobs["waiting"], condition.jobs["stopped"]) == (2, 1)
    assert (condition.intents_open, condition.unknown_open) == (1, 2)
    assert condition.oldest_unknown_seconds == 7_200
    assert condition.modes == {"orion": "sql"}
    assert condition.breakers == {"orion": "closed", "astra": "open"}
