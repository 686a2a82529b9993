"""Several processes over one board: wherever the admissions are carried, no window is over.

Carriers and databases go by real time; what the processes wait for (a Redis that is silent, or well again)
goes by a clock that leaps, and what the board waits for by rows that are made older.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import func, select, text, update

from leadgen.adapters.persistence.board import SqlProviderBoard
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import limiter_members, limiters, lookups
from leadgen.adapters.persistence.tallies import SqlTallyBook
from leadgen.adapters.rate_limits.board import LEASE_MICROS, LimiterBoard, Mode
from leadgen.adapters.rate_limits.failover import (
    BACK_AFTER_SECONDS,
    LOOK_EVERY_SECONDS,
    LOST_AFTER_SECONDS,
    FailoverRateLimiter,
)
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock
from leadgen.application.paid_calls import PaidCalls
from leadgen.application.ports.rate_limiter import Tickets
from leadgen.application.provider_watch import ProviderWatch
from leadgen.application.purchase import Purchase
from leadgen.application.ticket_desk import TicketDesk
from leadgen.domain.errors import ServiceUnavailable, StaleTicket
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Timing
from leadgen.domain.provider import Miss, NotSent
from leadgen.domain.waterfall import Answered, Ask
from tests import builders
from tests.adapters.rate_limits.process import (
    FIVE_A_MINUTE,
    LEAD_SECONDS_MAX,
    ORION,
    SOON_SECONDS,
    TIMING,
    Process,
    Start,
)
from tests.builders import ACCOUNT
from tests.contracts.rate_limiter import limits
from tests.fakes.phone_provider import ScriptedProvider
from tests.fakes.provider_catalog import InMemoryProviderCatalog
from tests.servers.valkey import ValkeyServer


async def let_pass(process: Process, seconds: float) -> None:
    """The board and the ledger as they are when nobody has done anything for so long."""
    micros = round(seconds * MICROS_PER_SECOND)
    async with process.database.write() as conn:
        for column in (
            limiter_members.c.until_micros,
            limiters.c.holder_until_micros,
            lookups.c.intended_micros,
        ):
            await conn.execute(update(column.table).values({column: column - micros}))


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds, for a bounded time."""
    async with asyncio.timeout(SOON_SECONDS):
        while not await holds():  # noqa: ASYNC110 - what it waits for is in a server
            await asyncio.sleep(0.05)


# ---------------------------------------------------------------- who carries


async def test_alone_without_redis(start: Start) -> None:
    """One process carries the admissions in its memory."""
    alone = start()
    assert len(await alone.get(wanted=5)) == 5
    assert (await alone.take()).tickets == []
    assert (await alone.mode())[0] is Mode.MEMORY


async def test_a_second_process(start: Start) -> None:
    """Both go over to the database under a new epoch, and what the first has sent still counts."""
    first, second = start(), start()
    for ticket in await first.get(wanted=3):
        await first.send(ticket)
    _, epoch = await first.mode()
    tickets = await second.get(wanted=2)
    assert await second.mode() == (Mode.SQL, epoch + 1)
    assert {ticket.epoch for ticket in tickets} == {epoch + 1}
    assert (await second.take()).tickets == []
    await first.look_again()
    assert (await first.take()).tickets == []
    assert await first.mode() == (Mode.SQL, epoch + 1)


async def test_first_calls_at_once(start: Start) -> None:
    """However many there are, a process gives one sign of life at a time."""
    alone = start()
    await asyncio.gather(*(alone.take(wanted=0) for _ in range(5)))
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    assert names.count("FailoverRateLimiter._keep_beating") == 1


async def test_release_while_the_database_is_away(start: Start) -> None:
    """The call is over, and nobody is to hear of it: its place is free when its lease ends."""
    first, second = start(), start()
    await second.take(wanted=0)
    (ticket,) = await first.get()
    assert (await first.mode())[0] is Mode.SQL
    for there, away in (("limiter_rings", "elsewhere"), ("elsewhere", "limiter_rings")):
        async with first.database.write() as conn:
            await conn.execute(text(f"ALTER TABLE {there} RENAME TO {away}"))
        await first.limiter.release(ticket)


async def test_two_first_processes_at_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """One of them posts the first mode, and says so once; they agree in the end."""
    caplog.set_level(logging.INFO)
    processes = [start() for _ in range(3)]
    await asyncio.gather(*(each.take(wanted=0) for each in processes))
    assert len([each for each in caplog.messages if "not by nothing" in each]) == 1
    given = [ticket for each in processes for ticket in (await each.get(limits((50, 60)), wanted=2))]
    assert len(given) == 6


async def test_a_ticket_without_intent_dies_with_its_epoch(start: Start) -> None:
    """Whoever kept a ticket over a change cannot send, and nothing of it is recorded."""
    first, second = start(), start()
    (kept,) = await first.get()
    await second.get(wanted=5)
    with pytest.raises(StaleTicket):
        await first.intend(kept)
    async with first.database.read() as conn:
        assert (await conn.execute(select(func.count()).select_from(lookups))).scalar_one() == 0


async def test_a_change_in_the_middle_of_a_call_keeps_its_place(start: Start) -> None:
    """A call whose outcome is open holds its place in the cap under the next carrier too."""
    first, second = start(), start()
    narrow = limits((50, 60), concurrency=2)
    (ticket,) = await first.get(narrow)
    await first.intend(ticket)
    assert len(await second.get(narrow)) == 1
    for _ in range(5):  # a reply that comes late gives nothing either
        assert (await second.take(narrow)).tickets == []


async def test_a_holder_that_says_good_bye(start: Start) -> None:
    """Nobody waits for a process that has closed its limiter; what it sent still counts."""
    first, second = start(), start()
    for ticket in await first.get(wanted=3):
        await first.send(ticket)
    await first.limiter.close()
    assert len(await second.get(wanted=2)) == 2
    assert (await second.mode())[0] is Mode.MEMORY
    assert (await second.take()).tickets == []


async def test_a_holder_that_dies(start: Start) -> None:
    """Its place is taken as soon as its last sign of life is ten seconds old, and not before."""
    first, second = start(), start()
    for ticket in await first.get(wanted=3):
        await first.send(ticket)
    await first.die()
    await let_pass(first, LEASE_MICROS / MICROS_PER_SECOND - 3)
    posting = await second.board.look(ORION)
    assert posting is not None
    assert (posting.is_holder_alive, posting.has_others) == (True, True)
    await let_pass(first, 3)
    assert len(await second.get(wanted=2)) == 2
    assert (await second.mode())[0] is Mode.MEMORY
    assert (await second.take()).tickets == []


async def test_a_holder_that_was_asleep(start: Start) -> None:
    """Who finds that its signs of life are old gives nothing, though nobody has noticed yet."""
    alone = start()
    await alone.get()
    await alone.die()
    alone.limiter._beating = asyncio.create_task(asyncio.sleep(60))
    alone.clock.leap(5)
    assert await alone.take() == Tickets((), 0.1)


async def test_two_processes_of_which_one_stays(start: Start) -> None:
    """Where the other one has gone, the one that stays goes back to its memory."""
    first, second = start(), start()
    await first.get()
    await second.get()
    _, epoch = await second.mode()
    await second.limiter.close()
    await first.look_again()
    assert await first.mode() == (Mode.MEMORY, epoch + 1)


# ---------------------------------------------------------------- with Redis


async def test_redis_is_there(start: Start, server: ValkeyServer) -> None:
    """It carries the admissions of all processes, alone or not."""
    first, second = start(server.url), start(server.url)
    for ticket in await first.get(wanted=3):
        await first.send(ticket)
    assert len(await second.get(wanted=2)) == 2
    assert (await first.take()).tickets == []
    assert (await second.mode())[0] is Mode.REDIS


@pytest.mark.parametrize("others", [0, 1])
async def test_redis_dies_and_comes_back(
    start: Start, server: ValkeyServer, caplog: pytest.LogCaptureFixture, others: int
) -> None:
    """It is given up after a second, taken up again after ten good ones; each change is said once."""
    caplog.set_level(logging.INFO)
    first, *rest = [start(server.url) for _ in range(1 + others)]
    for each in rest:
        await each.take(wanted=0)
    for ticket in await first.get(wanted=2):
        await first.send(ticket)
    server.kill()
    assert await first.take() == Tickets((), 0.1)
    assert (await first.mode())[0] is Mode.REDIS
    first.clock.leap(LOST_AFTER_SECONDS)
    for ticket in await first.get(wanted=1):
        await first.send(ticket)
    without = Mode.SQL if others else Mode.MEMORY
    assert (await first.mode())[0] is without
    server.start()
    await eventually(lambda: is_well(first))
    await first.look_again()
    assert (await first.mode())[0] is without
    first.clock.leap(BACK_AFTER_SECONDS)
    assert len(await first.get(wanted=2)) == 2
    assert (await first.take()).tickets == []
    assert (await first.mode())[0] is Mode.REDIS
    changes = [each for each in caplog.messages if "carried by" in each]
    assert [each.split()[4].rstrip(",") for each in changes] == ["redis", str(without), "redis"]


async def test_redis_that_takes_no_writes(start: Start, server: ValkeyServer) -> None:
    """A replica, or one whose disk is full, answers and admits nobody: it is given up like one that died."""
    alone = start(server.url)
    for ticket in await alone.get(wanted=2):
        await alone.send(ticket)
    async with open_redis(server.url) as client:
        await client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]
    assert await alone.limiter.redis_answers() is False
    assert await alone.take() == Tickets((), 0.1)
    await asyncio.sleep(1.5 * LOOK_EVERY_SECONDS)
    alone.clock.leap(LOST_AFTER_SECONDS)
    assert len(await alone.get(wanted=1)) == 1
    assert (await alone.mode())[0] is Mode.MEMORY


async def is_well(process: Process) -> bool:
    """Whether it has felt that Redis answers."""
    return process.limiter._redis_well_since is not None


async def test_one_process_that_cannot_reach_redis(
    start: Start, server: ValkeyServer, unused_port: int
) -> None:
    """It takes the others along to the database, where all are served, and they do not fight about it."""
    near, far = start(server.url), start(f"redis://127.0.0.1:{unused_port}/0")
    await near.get()
    far.clock.leap(100)
    await far.take(wanted=0)
    await far.look_again()
    await far.look_again()
    _, epoch = await far.mode()
    for _ in range(3):
        await near.look_again()
        await far.look_again()
    assert (await far.mode())[1] <= epoch + 1
    assert len(await near.get(limits((50, 60)))) == 1


class DeafRedis(RedisRateLimiter):
    """Loses a cancellation, as a client may whose answer comes at that very moment."""

    async def ping(self) -> bool:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return True


async def test_a_cancellation_that_is_lost(start: Start, server: ValkeyServer) -> None:
    """The signs of life end all the same."""
    process = start(server.url, redis=DeafRedis)
    await process.get()
    process.clock.leap(BACK_AFTER_SECONDS)
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await process.limiter.close()


# ---------------------------------------------------------------- without a database


async def test_a_database_that_is_nobodys(unused_port: int, valkey: ValkeyServer) -> None:
    """Nothing is admitted, though Redis answers and memory would."""
    real, database = SystemClock(), Database(f"postgresql://nobody@127.0.0.1:{unused_port}/nothing")
    limiter = FailoverRateLimiter(
        board=LimiterBoard(database, "alone"),
        owner="alone",
        memory=InMemoryRateLimiter(real, TIMING),
        sql=SqlRateLimiter(database, real, TIMING),
        redis=RedisRateLimiter(open_redis(valkey.url), real, TIMING),
        clock=real,
        timing=TIMING,
    )
    with pytest.raises(ServiceUnavailable):
        await limiter.take(ORION, FIVE_A_MINUTE, wanted=1, lease_seconds=1)
    await limiter.close()
    await database.close()


# ---------------------------------------------------------------- paid calls


async def test_a_paid_call_asks_again_after_a_change(start: Start) -> None:
    """A ticket of an old epoch buys nothing and costs nothing; the same question is asked with a new one."""
    first, second = start(), start()
    clock = SystemClock()
    provider = ScriptedProvider(clock)
    config = builders.config(ORION, limits=FIVE_A_MINUTE)
    catalog = InMemoryProviderCatalog(config)
    desk = TicketDesk(limiter=first.limiter, catalog=catalog, clock=clock)
    database = first.database
    calls = PaidCalls(
        watch=ProviderWatch(board=SqlProviderBoard(database), tallies=SqlTallyBook(database), clock=clock),
        ledger=first.ledger,
        desk=desk,
        providers={ORION: provider},
        catalog=catalog,
        clock=clock,
        owner=first.owner,
    )
    await first.get()
    await second.get()  # the first one has not looked at the board since
    lead = replace(builders.lead(0, account=ACCOUNT), id="lead-000")
    purchase = Purchase(lead, lead.profile.question, None, Ask(ORION, 0))
    stale = await calls.ask(purchase)
    assert stale == Answered(ORION, 0, NotSent("the limits changed hands", late=True))
    assert provider.asked == []
    assert await first.ledger.of_lead(ACCOUNT, "lead-000") == []
    assert await calls.ask(purchase) == Answered(ORION, 0, Miss())
    (booked,) = await first.ledger.of_lead(ACCOUNT, "lead-000")
    assert booked.n == 0


# ---------------------------------------------------------------- no window over


@dataclass
class Traffic:
    """Everybody calls as often as he may; ``windows`` has when each call that was intended could leave."""

    processes: list[Process]
    allowed: Limits
    chance: random.Random
    windows: list[tuple[float, float]] = field(default_factory=list)
    stale: int = 0
    is_over: bool = False

    async def flow(self) -> None:
        """Until it is over."""
        await asyncio.gather(*(self._call(each) for each in self.processes for _ in range(3)))

    async def _call(self, process: Process) -> None:
        while not self.is_over:
            lead_seconds = self.chance.choice([0.0, 0.0, 0.3, LEAD_SECONDS_MAX])
            given = await process.take(self.allowed, self.chance.randint(1, 3), lead_seconds)
            for ticket in given.tickets:
                try:
                    await process.intend(ticket)
                except StaleTicket:
                    self.stale += 1
                    await process.limiter.distrust(ORION)
                    continue
                if process.clock.monotonic() <= ticket.closes_at:
                    self.windows.append((ticket.opens_at, ticket.closes_at))
            await asyncio.sleep(min(given.retry_seconds or 0.0, self.chance.uniform(0.01, 0.1)))


def most_in_a_window(windows: list[tuple[float, float]], seconds: float, chance: random.Random) -> int:
    """The most calls in any window of this length, were each sent at one of its worst moments."""
    counts = []
    for _ in range(30):
        late = chance.random()
        sends = [closes if chance.random() < late else opens for opens, closes in windows]
        counts += [sum(begin <= each < begin + seconds for each in sends) for begin in sends]
    return max(counts)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
async def test_no_window_is_over_through_all_changes(start: Start, server: ValkeyServer, seed: int) -> None:
    """Changes of mode at any time, an emptied Redis, a dead one, long leads: each window within its rule."""
    chance = random.Random(seed)
    allowed = limits((6, 0.5), (15, 2))
    processes = [start(server.url, Timing(validity=50_000)) for _ in range(3)]
    traffic = Traffic(processes, allowed, chance)
    flow = asyncio.create_task(traffic.flow())
    client = open_redis(server.url)
    try:
        for turn in range(12):
            await asyncio.sleep(chance.uniform(0.2, 0.6))
            if turn == 6:
                server.kill()
            elif turn == 8:
                server.start()
            elif turn < 6 and turn % 2:
                await client.flushall()
            else:
                process = chance.choice(processes)
                await process.limiter._raise(ORION, chance.choice([*Mode]), await process.board.look(ORION))
        await asyncio.sleep(2.5)
    finally:
        traffic.is_over = True
        await client.aclose()
        await flow
    assert len(traffic.windows) > 30
    for rule in allowed.rules:
        window = rule.window_micros / MICROS_PER_SECOND
        assert most_in_a_window(traffic.windows, window, chance) <= rule.calls


async def test_calls_of_long_leads_count_where_they_leave(start: Start) -> None:
    """Who prepares for two seconds sends after the change; the next carrier leaves room for it."""
    first, second = start(), start()
    allowed = limits((3, 1))
    before = await first.get(allowed, wanted=3, lead_seconds=LEAD_SECONDS_MAX)
    for ticket in before:
        await first.intend(ticket)
    after = await second.get(allowed, wanted=3)
    assert min(ticket.opens_at for ticket in after) - max(ticket.closes_at for ticket in before) >= 1 - 0.001
