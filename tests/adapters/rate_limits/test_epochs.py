"""Who raises an epoch seeds it: whatever is lost, late or done by two at once, no window is over."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, DatabaseClock, now_micros
from leadgen.adapters.persistence.tables import limiter_rings
from leadgen.adapters.rate_limits.board import LimiterBoard, Mode
from leadgen.adapters.rate_limits.carrier import LostCarrierError, Seed
from leadgen.adapters.rate_limits.failover import SETTLE_SECONDS
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket
from leadgen.domain.errors import ServiceUnavailable, StaleTicket
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Timing
from tests.adapters.conftest import stores_on
from tests.adapters.rate_limits.process import FIVE_A_MINUTE, ORION, Process, Start
from tests.contracts.rate_limiter import limits
from tests.contracts.stores import add_leads
from tests.fake_clock import FakeClock
from tests.servers.valkey import ValkeyServer

BRISK = limits((2, 0.25))
NINE_A_MINUTE = limits((2, 0.25), (9, 60))


async def send(process: Process, number: int, allowed: Limits = FIVE_A_MINUTE) -> None:
    """So many calls that are answered."""
    for _ in range(number):
        (ticket,) = await process.get(allowed)
        await process.send(ticket)


async def empty(server: ValkeyServer) -> None:
    """Redis forgets everything."""
    client = open_redis(server.url)
    await client.flushall()
    await client.aclose()


async def all_there_is(process: Process, allowed: Limits = FIVE_A_MINUTE, turns: int = 25) -> list[Ticket]:
    """Every ticket of some seconds, in which every epoch is warm again."""
    tickets: list[Ticket] = []
    for _ in range(turns):
        tickets += (await process.take(allowed, 9)).tickets
        await asyncio.sleep(0.1)
    return tickets


async def rings(process: Process) -> list[str]:
    """What the database carries, by its keys without the mark of their rules."""
    async with process.database.read() as conn:
        return [key.rpartition(":")[0] for key in await conn.scalars(select(limiter_rings.c.credential))]


# ---------------------------------------------------------------- who seeds


async def test_redis_is_emptied(start: Start, server: ValkeyServer) -> None:
    """Its admissions begin anew under another epoch with what the ledger knows; old tickets are void."""
    first, second = start(server.url), start(server.url)
    kept, *others = await first.get(wanted=4)
    for ticket in others:
        await first.send(ticket)
    _, epoch = await first.mode()
    await empty(server)
    tickets = await second.get(wanted=2)
    assert await second.mode() == (Mode.REDIS, epoch + 1)
    assert {ticket.epoch for ticket in tickets} == {epoch + 1}
    with pytest.raises(StaleTicket):
        await first.intend(kept)
    assert (await second.take()).tickets == []


async def test_rings_go_with_their_epochs(start: Start) -> None:
    """What no ticket names any more takes no room; other providers' rings are left alone."""
    first, second = start(), start()
    async with first.database.write() as conn:
        await conn.execute(insert(limiter_rings).values(credential=f"{ORION}-2:7:rules", ring=b""))
    await first.get()
    await second.get()
    _, epoch = await second.mode()
    assert sorted(await rings(first)) == [f"{ORION}-2:7", f"{ORION}:{epoch}"]
    await second.limiter.close()
    await first.look_again()
    assert await first.mode() == (Mode.MEMORY, epoch + 1)
    assert await rings(first) == [f"{ORION}-2:7"]


async def test_all_find_redis_empty(start: Start, server: ValkeyServer) -> None:
    """One of them raises the epoch and seeds it, the others wait for that; nothing is admitted twice."""
    processes = [start(server.url) for _ in range(3)]
    await send(processes[0], 2)
    for each in processes[1:]:
        await each.take(wanted=0)
    _, epoch = await processes[0].mode()
    await empty(server)
    given = await asyncio.gather(*(all_there_is(each) for each in processes))
    assert await processes[0].mode() == (Mode.REDIS, epoch + 1)
    assert [ticket.epoch for tickets in given for ticket in tickets] == [epoch + 1] * 3


async def test_nobody_seeds_what_another_raised(start: Start, server: ValkeyServer) -> None:
    """An epoch whose raiser went away is left alone for a second; then it is raised, not seeded."""
    process = start(server.url)
    await send(process, 2)
    _, epoch = await process.mode()
    await process.board.flip(ORION, Mode.REDIS, after=epoch)
    await process.look_again()
    for _ in range(3):
        assert not (await process.take()).tickets
    assert await process.mode() == (Mode.REDIS, epoch + 1)
    process.clock.leap(SETTLE_SECONDS)
    assert len(await all_there_is(process)) == 3
    assert await process.mode() == (Mode.REDIS, epoch + 2)


async def test_slow_seeds_are_given_more_time(start: Start, server: ValkeyServer) -> None:
    """Where several epochs in a row stay cold, each is left alone for twice as long as the one before."""
    process = start(server.url)
    await send(process, 1)
    for seconds in (SETTLE_SECONDS, 2 * SETTLE_SECONDS, 4 * SETTLE_SECONDS):
        _, epoch = await process.mode()
        await process.board.flip(ORION, Mode.REDIS, after=epoch)
        await process.look_again()
        process.clock.leap(0.8 * seconds)
        await process.take()
        assert (await process.mode())[1] == epoch + 1
    process.clock.leap(seconds)
    assert len(await process.get(wanted=4)) == 4


class ForgetfulBoard(LimiterBoard):
    """The answer to its first commit is lost."""

    has_lost = False

    async def flip(self, credential: str, mode: Mode, *, after: int | None) -> int | None:
        epoch = await super().flip(credential, mode, after=after)
        if not self.has_lost:
            self.has_lost = True
            raise ServiceUnavailable("the database", "nowhere", "start it")
        return epoch


async def test_who_does_not_know_that_it_raised_an_epoch(start: Start, server: ValkeyServer) -> None:
    """Takes it for another's: it is raised once more and then seeded."""
    process = start(server.url, board=ForgetfulBoard)
    with pytest.raises(ServiceUnavailable):
        await process.take()
    _, epoch = await process.mode()
    assert len(await process.get(wanted=5)) == 5
    assert await process.mode() == (Mode.REDIS, epoch + 1)


# ---------------------------------------------------------------- late seeds


class HangingRedis(RedisRateLimiter):
    """The first seed hangs on its way until ``arrive``; whoever sent it hears nothing."""

    def __init__(self, client: Redis, clock: IClock, timing: Timing) -> None:
        super().__init__(client, clock, timing)
        self.late: tuple[str, Limits, Seed] | None = None
        self.seeds = 0

    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        self.seeds += 1
        if self.seeds == 1:
            self.late = credential, limits, seed
            raise LostCarrierError("TimeoutError")
        await super().seed(credential, limits, seed)

    async def arrive(self) -> None:
        """It comes through after all."""
        assert self.late is not None
        await super().seed(*self.late)


def redis_of(process: Process) -> HangingRedis:
    """Its carrier."""
    carrier = process.limiter._redis
    assert isinstance(carrier, HangingRedis)
    return carrier


async def test_a_seed_that_comes_after_a_newer_one(start: Start, server: ValkeyServer) -> None:
    """Erases nothing of what has been admitted meanwhile."""
    process = start(server.url, redis=HangingRedis)
    await send(process, 3)
    await redis_of(process).arrive()
    assert len(await all_there_is(process)) == 2


async def test_a_seed_that_comes_before_a_newer_one(start: Start, server: ValkeyServer) -> None:
    """Is as true as on the day it was sent: who finds the epoch warm goes on with it."""
    first, second = start(server.url), start(server.url, redis=HangingRedis)
    await send(first, 3)
    await empty(server)
    await second.take(wanted=0)
    second.clock.leap(SETTLE_SECONDS)
    for _ in ("raises the epoch", "seeds it"):
        await second.take(wanted=0)
    assert redis_of(second).seeds == 1
    _, epoch = await second.mode()
    await asyncio.sleep(0.3)
    await redis_of(second).arrive()
    tickets = await all_there_is(second)
    assert [ticket.epoch for ticket in tickets] == [epoch] * 2


# ---------------------------------------------------------------- two deployments


async def test_two_databases_on_one_redis(
    start: Start, server: ValkeyServer, migrated_file: Path, tmp_path: Path
) -> None:
    """They know nothing of each other: neither takes, erases or voids what is the other's."""
    path = tmp_path / "other.db"
    shutil.copyfile(migrated_file, path)
    other_database = Database(f"sqlite:///{path}")
    await add_leads(stores_on(other_database, FakeClock()), 1)
    await other_database.close()
    one, other = start(server.url), start(server.url, database_url=f"sqlite:///{path}")
    for _ in range(2):
        await send(one, 2)
        await send(other, 2)
    assert len(await all_there_is(one)) == len(await all_there_is(other)) == 1


# ---------------------------------------------------------------- other limits


@pytest.fixture(params=["memory", "sql", "redis"])
async def carried(request: pytest.FixtureRequest, start: Start, server: ValkeyServer) -> Process:
    """A process whose limits are carried so."""
    process = start(server.url if request.param == "redis" else None)
    if request.param == "sql":
        await start().take(wanted=0)
    await process.take(BRISK, 0)
    assert (await process.mode())[0] is Mode(request.param)
    return process


async def test_other_rules(carried: Process) -> None:
    """A rule that counts further back than its carrier finds all that was sent, under a new epoch."""
    await send(carried, 8, BRISK)
    _, epoch = await carried.mode()
    tickets = await all_there_is(carried, NINE_A_MINUTE)
    assert [ticket.epoch for ticket in tickets] == [epoch + 1]
    await send(carried, 2, BRISK)
    assert await all_there_is(carried, NINE_A_MINUTE) == []


async def test_another_cap_alone(carried: Process) -> None:
    """Is no other epoch."""
    await send(carried, 1)
    _, epoch = await carried.mode()
    tickets = await carried.get(limits((5, 60), concurrency=2), wanted=2)
    assert [ticket.epoch for ticket in tickets] == [epoch] * 2
    assert (await carried.take(limits((5, 60), concurrency=2))).tickets == []
    for ticket in tickets:
        await carried.limiter.release(ticket)
    assert len(await carried.get(limits((5, 60), concurrency=2), wanted=2)) == 2


async def test_a_pause_outlives_its_carrier(start: Start) -> None:
    """Whoever was asked for a pause tells the carriers that come, of other rules and of other modes."""
    first, second = start(), start()
    await send(first, 1)
    await first.limiter.penalise(ORION, 30)
    assert await all_there_is(first, limits((50, 60))) == []
    await second.take(wanted=0)
    await first.look_again()
    assert await all_there_is(first) == []
    assert (await first.mode())[0] is Mode.SQL
    refused = await second.take()
    assert refused.retry_seconds is not None
    assert 15 < refused.retry_seconds < 30


# ---------------------------------------------------------------- the database's clock


def ahead_of(seconds: Callable[[], float]) -> DatabaseClock:
    """The database's clock, set forward."""

    async def now(conn: AsyncConnection, database: Database) -> int:
        return await now_micros(conn, database) + round(seconds() * MICROS_PER_SECOND)

    return now


@pytest.mark.parametrize("others", [0, 1])
async def test_the_clock_of_the_database_is_set(start: Start, others: int) -> None:
    """What the ledger calls an hour old was just sent, whoever carries the limits next."""
    step = [0.0]
    now = ahead_of(lambda: step[0])
    process = start(now=now)
    for _ in range(others):
        await start(now=now).take(wanted=0)
    await send(process, 5)
    step[0] = 3_600
    assert await all_there_is(process) == []
    process.clock.leap(1)
    assert await all_there_is(process, limits((5, 60), (100, 3_600))) == []
    process.clock.leap(1)
    assert await all_there_is(process) == []
