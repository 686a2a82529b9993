"""The rule in a row of the database; all else that it must do is in the contract."""

import asyncio
from itertools import count

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.rate_limits.carrier import ColdCarrierError, Seed
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.limits import Ring, Timing
from tests.adapters.rate_limits.clocked import clocked_sql
from tests.contracts.rate_limiter import FIVE_A_SECOND, RateLimiterContract, limits
from tests.fakes.rate_limiter import WarmCarrier


class TestSqlRateLimiter(RateLimiterContract):
    @pytest.fixture(autouse=True)
    def on(self, database: Database) -> None:
        self.database = database
        self.numbers = count()

    def build(self, clock: IClock) -> IRateLimiter:
        carrier = clocked_sql(self.database, clock, Timing())
        return WarmCarrier(carrier, clock, before=f"{next(self.numbers)}:")


async def test_what_was_never_seeded_is_cold(database: Database) -> None:
    """No row means that nothing is known, not that nothing was admitted."""
    carrier = SqlRateLimiter(database, SystemClock(), Timing())
    with pytest.raises(ColdCarrierError):
        await carrier.take("orion:1", FIVE_A_SECOND, wanted=1, lease_seconds=1)


async def test_many_processes_share_one_row(database_url: str) -> None:
    """Thirty callers of three processes at once: each lease once, and no more than the rule allows."""
    databases = [Database(database_url) for _ in range(3)]
    carriers = [SqlRateLimiter(each, SystemClock(), Timing(validity=2_000_000)) for each in databases]
    rule = limits((20, 60))
    await carriers[0].seed("orion:1", rule, Seed())
    asked = [carriers[n % 3].take("orion:1", rule, wanted=1, lease_seconds=9) for n in range(30)]
    given = await asyncio.gather(*asked)
    leases = [ticket.lease for each in given for ticket in each.tickets]
    assert sorted(leases) == list(range(20))
    for each in databases:
        await each.close()


async def test_a_reply_that_comes_late_gives_nothing(database: Database) -> None:
    """A ticket that may be over before its call could be sent is not handed out, and its place is free."""
    clock = SystemClock()
    carrier = SqlRateLimiter(database, clock, Timing(validity=1))
    narrow = limits((1_000, 1), concurrency=1)
    await carrier.seed("orion:1", narrow, Seed())
    for _ in range(3):
        assert (await carrier.take("orion:1", narrow, wanted=1, lease_seconds=60)).tickets == []


async def test_a_database_that_is_gone(unused_port: int) -> None:
    """Nothing is admitted."""
    database = Database(f"postgresql://nobody@127.0.0.1:{unused_port}/nothing")
    with pytest.raises(ServiceUnavailable):
        await SqlRateLimiter(database, SystemClock(), Timing()).take(
            "orion:1", FIVE_A_SECOND, wanted=1, lease_seconds=1
        )
    await database.close()


async def test_a_pause_outlives_the_process(database: Database) -> None:
    """Who learns of a pause by a refusal has told all others of it."""
    first, second = (SqlRateLimiter(database, SystemClock(), Timing()) for _ in range(2))
    await first.seed("orion:1", FIVE_A_SECOND, Seed())
    await first.penalise("orion:1", 30)
    for carrier in (first, second, first):
        assert (await carrier.take("orion:1", FIVE_A_SECOND, wanted=1, lease_seconds=1)).tickets == []


class _LosingWrites(SqlRateLimiter):
    """One whose database is lost between reading a ring and writing it."""

    is_lost = True

    async def _store(self, conn: AsyncConnection, credential: str, ring: Ring) -> None:
        if self.is_lost:
            raise ServiceUnavailable("the database", "here", "start it")
        await super()._store(conn, credential, ring)


async def test_a_pause_that_was_not_written(database: Database) -> None:
    """Is told again with the next call: the provider asked for it, whatever became of the database."""
    carrier = _LosingWrites(database, SystemClock(), Timing())
    await carrier.seed("orion:1", FIVE_A_SECOND, Seed())
    await carrier.take("orion:1", FIVE_A_SECOND, wanted=0, lease_seconds=1)
    with pytest.raises(ServiceUnavailable):
        await carrier.penalise("orion:1", 30)
    carrier.is_lost = False
    for each in (carrier, SqlRateLimiter(database, SystemClock(), Timing())):
        assert (await each.take("orion:1", FIVE_A_SECOND, wanted=1, lease_seconds=1)).tickets == []
