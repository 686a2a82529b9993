"""The rule in Redis or Valkey, on a real server; all else that it must do is in the contract."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import ConnectionPool, Redis

from leadgen.adapters.rate_limits.carrier import ColdCarrierError, LostCarrierError, Seed
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.system import SystemClock
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter, Tickets
from leadgen.domain.limits import Limits, Timing
from tests.adapters.rate_limits.clocked import ClockedRedis
from tests.contracts.rate_limiter import FIVE_A_SECOND, RateLimiterContract, limits
from tests.fakes.rate_limiter import WarmCarrier
from tests.servers.valkey import ValkeyServer, valkey_server

KEY = "orion:1"
LOST_WITHIN_SECONDS = 0.4
HOURLY = limits((20, 3_600))
_numbers = count()


@pytest.fixture
async def client(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    """A client of the server that all tests share, empty."""
    client = open_redis(valkey.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def setter(valkey: ValkeyServer) -> Iterator[BlockingRedis]:
    """Tells the server the time."""
    with BlockingRedis.from_url(valkey.url) as setter:
        yield setter


class TestRedisRateLimiter(RateLimiterContract):
    @pytest.fixture(autouse=True)
    async def on(self, client: Redis, setter: BlockingRedis) -> None:
        self.client, self.setter = client, setter

    def build(self, clock: IClock) -> IRateLimiter:
        carrier = ClockedRedis(self.client, self.setter, clock, Timing())
        return WarmCarrier(carrier, clock, before=f"{next(_numbers)}:")


@pytest.fixture
async def carrier(client: Redis) -> RedisRateLimiter:
    """A carrier by the server's own time, which may begin."""
    carrier = RedisRateLimiter(client, SystemClock(), Timing(validity=2_000_000))
    await carrier.seed(KEY, HOURLY, Seed())
    return carrier


async def take(carrier: RedisRateLimiter, allowed: Limits = HOURLY, wanted: int = 1) -> Tickets:
    """So many tickets, or fewer."""
    return await carrier.take(KEY, allowed, wanted=wanted, lease_seconds=9)


async def test_what_was_never_seeded_is_cold(client: Redis) -> None:
    """No keys mean that nothing is known, not that nothing was admitted."""
    with pytest.raises(ColdCarrierError):
        await take(RedisRateLimiter(client, SystemClock(), Timing()))


async def test_many_processes_share_one_state(valkey: ValkeyServer, carrier: RedisRateLimiter) -> None:
    """Thirty callers of three processes at once: each lease once, and no more than the rule allows."""
    clients = [open_redis(valkey.url) for _ in range(3)]
    carriers = [RedisRateLimiter(each, SystemClock(), Timing(validity=2_000_000)) for each in clients]
    given = await asyncio.gather(*(take(carriers[n % 3]) for n in range(30)))
    assert sorted(ticket.lease for each in given for ticket in each.tickets) == list(range(20))
    for each in clients:
        await each.aclose()


async def test_forgotten_scripts_fail_no_take(client: Redis, carrier: RedisRateLimiter) -> None:
    """Between any two takes the server may forget the script: each gives its ticket, once."""
    leases = []
    for _ in range(10):
        await client.script_flush()
        leases += [ticket.lease for ticket in (await take(carrier)).tickets]
    assert leases == list(range(10))


async def test_an_emptied_server_is_cold(client: Redis, carrier: RedisRateLimiter) -> None:
    """Whoever asks after a FLUSHALL gets no ticket."""
    await take(carrier, wanted=3)
    await client.flushall()
    with pytest.raises(ColdCarrierError):
        await take(carrier)
    with pytest.raises(ColdCarrierError):
        await take(RedisRateLimiter(client, SystemClock(), Timing()))


@pytest.mark.parametrize("part", ["state", "ring"])
@pytest.mark.parametrize("admitted", [1, 7, 20])
async def test_a_part_that_is_lost_is_cold(
    client: Redis, carrier: RedisRateLimiter, part: str, admitted: int
) -> None:
    """A server that evicts one key knows nothing any more, however much was admitted."""
    await take(carrier, wanted=admitted)
    (key,) = [each async for each in client.scan_iter(f"*:{part}")]
    await client.delete(key)
    with pytest.raises(ColdCarrierError):
        await take(carrier)


async def test_a_server_that_lost_the_last_admissions_is_cold(
    client: Redis, carrier: RedisRateLimiter
) -> None:
    """A replica that takes over without them is behind what this process has seen: no ticket."""
    await take(carrier, wanted=3)
    before = {key: await client.dump(key) or b"" async for key in client.scan_iter()}
    await take(carrier, wanted=2)
    await client.flushall()
    for key, value in before.items():
        await client.restore(key, 60_000, value)
    with pytest.raises(ColdCarrierError):
        await take(carrier)


async def test_another_key_is_cold(carrier: RedisRateLimiter) -> None:
    """What belongs to another epoch or to other rules is unknown."""
    with pytest.raises(ColdCarrierError):
        await carrier.take("orion:2", HOURLY, wanted=1, lease_seconds=9)


async def test_every_key_ends_by_itself(client: Redis, carrier: RedisRateLimiter) -> None:
    """Whatever was done last, each key has a time to live, and a longer one than the window."""
    seed = Seed(starts=(-5_000_000, -1), lease_ends=(3_000_000,))

    async def check() -> None:
        left = [await client.ttl(key) async for key in client.scan_iter()]
        assert left
        assert min(left) >= 3_600

    await carrier.seed(KEY, HOURLY, seed)
    await check()
    (ticket,) = (await take(carrier)).tickets
    await check()
    await carrier.release(ticket)
    await check()
    await carrier.penalise(KEY, 30)
    await check()
    await take(carrier)
    await check()


class GatedRedis(Redis):
    """Gives places back when it is let, round trip by round trip; ``sent`` tells how many go with each."""

    def __init__(self, url: str) -> None:
        super().__init__(connection_pool=ConnectionPool.from_url(url))
        self.sent = asyncio.Queue[int]()
        self.gate = asyncio.Semaphore(0)

    async def zrem(self, name: Any, *values: Any) -> int:
        """See Redis."""
        self.sent.put_nowait(len(values))
        await self.gate.acquire()
        return int(await super().zrem(name, *values))


async def test_who_gives_back_waits_for_nobody_else(valkey: ValkeyServer) -> None:
    """What comes while places are on their way goes with the next round trip, for which they do not wait."""
    async with asyncio.timeout(5), GatedRedis(valkey.url) as client, client.connection_pool:
        carrier = RedisRateLimiter(client, SystemClock(), Timing(validity=2_000_000))
        await carrier.seed(KEY, HOURLY, Seed())
        first, *later = (await take(carrier, wanted=3)).tickets
        one = asyncio.create_task(carrier.release(first))
        assert await client.sent.get() == 1
        others = [asyncio.create_task(carrier.release(ticket)) for ticket in later]
        await asyncio.sleep(0)
        client.gate.release()
        await one
        assert await client.sent.get() == 2
        assert not any(other.done() for other in others)
        client.gate.release()
        await asyncio.gather(*others)


async def test_a_pause_outlives_a_short_window(client: Redis) -> None:
    """Who is refused in a long pause does not shorten its memory to that of the rule."""
    carrier = RedisRateLimiter(client, SystemClock(), Timing())
    await carrier.seed(KEY, FIVE_A_SECOND, Seed())
    await take(carrier, FIVE_A_SECOND)
    await carrier.penalise(KEY, 3_600)
    assert (await take(carrier, FIVE_A_SECOND)).tickets == []
    assert min([await client.ttl(key) async for key in client.scan_iter("*:state")]) >= 3_600


async def test_a_seed_counts(carrier: RedisRateLimiter) -> None:
    """What was admitted elsewhere fills the window, and open calls take places."""
    await carrier.seed(KEY, HOURLY, Seed(starts=range(-18, 0)))
    assert len((await take(carrier, wanted=9)).tickets) == 2
    narrow = limits((20, 3_600), concurrency=3)
    await carrier.seed(KEY, narrow, Seed(lease_ends=(9_000_000, 9_500_000)))
    assert len((await take(carrier, narrow, wanted=9)).tickets) == 1


async def test_a_reply_that_comes_late_gives_nothing(client: Redis) -> None:
    """A ticket that may be over before its call could be sent is not handed out, and its place is free."""
    carrier = RedisRateLimiter(client, SystemClock(), Timing(validity=1))
    narrow = limits((1_000, 1), concurrency=1)
    await carrier.seed(KEY, narrow, Seed())
    for _ in range(3):
        assert (await take(carrier, narrow)).tickets == []


class TestTrouble:
    """A server of its own, which comes to harm."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[ValkeyServer]:
        with valkey_server(tmp_path) as server:
            yield server

    @pytest.fixture
    async def carrier(self, server: ValkeyServer) -> AsyncIterator[RedisRateLimiter]:
        carrier = RedisRateLimiter(open_redis(server.url), SystemClock(), Timing())
        await carrier.seed(KEY, HOURLY, Seed())
        yield carrier
        await carrier.close()

    async def lost(self, carrier: RedisRateLimiter) -> None:
        """Each call but ``ping`` says that the server is lost, and says it soon."""
        for call in (
            lambda: take(carrier),
            lambda: carrier.penalise(KEY, 1),
            lambda: carrier.seed(KEY, HOURLY, Seed()),
        ):
            begun = time.monotonic()
            with pytest.raises(LostCarrierError):
                await call()
            assert time.monotonic() - begun < LOST_WITHIN_SECONDS
        assert not await carrier.ping()

    async def test_a_hanging_server(self, server: ValkeyServer, carrier: RedisRateLimiter) -> None:
        """Is given up within its time; nothing is asked a second time, so nothing is admitted twice."""
        (ticket,) = (await take(carrier)).tickets
        server.pause()
        with pytest.raises(LostCarrierError):
            await carrier.release(ticket)
        begun = time.monotonic()
        with pytest.raises(LostCarrierError):
            await take(carrier)
        assert time.monotonic() - begun < LOST_WITHIN_SECONDS
        server.go_on()
        given = (await take(carrier, wanted=30)).tickets
        assert 18 <= len(given) <= 19

    async def test_a_dead_server(self, server: ValkeyServer, carrier: RedisRateLimiter) -> None:
        """Is lost; the one that comes back empty is cold."""
        (ticket,) = (await take(carrier)).tickets
        server.kill()
        await self.lost(carrier)
        with pytest.raises(LostCarrierError):
            await carrier.release(ticket)
        server.start()
        assert await carrier.ping()
        with pytest.raises(ColdCarrierError):
            await take(carrier)
