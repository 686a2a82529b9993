"""What all carriers have in common: their keys, and what becomes of a server's clock that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.rate_limits.carrier import (
    LEAP_MICROS_MAX,
    ColdCarrierError,
    ICarrier,
    Reading,
    Seed,
    carrier_key,
)
from leadgen.adapters.rate_limits.redis import open_redis
from leadgen.application.ports.rate_limiter import Ticket
from leadgen.domain.limits import MICROS_PER_SECOND, Timing
from tests.adapters.rate_limits.clocked import ClockedRedis, clocked_sql
from tests.contracts.rate_limiter import limits
from tests.fake_clock import FakeClock
from tests.servers.valkey import ValkeyServer

KEY = "orion:1:rules"
SECOND = MICROS_PER_SECOND
TWO_A_MINUTE = limits((2, 60))


class SteppedClock(FakeClock):
    """What a server goes by: the time of this process, but for its steps."""

    def __init__(self, real: FakeClock) -> None:
        super().__init__()
        self._real = real
        self.ahead_seconds = 0.0

    def monotonic(self) -> float:
        return self._real.monotonic() + self.ahead_seconds


def test_a_key_is_of_one_epoch_and_one_set_of_rules() -> None:
    """Whatever could make older admissions mean something else makes another key; the cap does not."""
    key = carrier_key("orion", 7, limits((5, 1), (9, 60), concurrency=3))
    assert key.startswith("orion:7:")
    assert key == carrier_key("orion", 7, limits((5, 1), (9, 60), concurrency=4))
    others = {
        carrier_key("astra", 7, limits((5, 1), (9, 60))),
        carrier_key("orion", 8, limits((5, 1), (9, 60))),
        carrier_key("orion", 7, limits((5, 1))),
        carrier_key("orion", 7, limits((6, 1), (9, 60))),
        carrier_key("orion", 7, limits((5, 2), (9, 60))),
    }
    assert len(others | {key}) == 6


@pytest.mark.parametrize(
    ("now", "leap"),
    [
        (SECOND, 0),
        (2 * SECOND, 0),  # as much as can have passed
        (2 * SECOND + LEAP_MICROS_MAX, 0),
        (2 * SECOND + LEAP_MICROS_MAX + 1, 2 * SECOND + LEAP_MICROS_MAX + 1 - SECOND),
        (-SECOND, 0),
    ],
)
def test_a_leap_is_what_no_waiting_explains(now: int, leap: int) -> None:
    """Between the end of one asking and the beginning of the next a second passed, from end to end two."""
    last, reading = Reading(0, 7.0, 7.5), Reading(now, 8.5, 9.0)
    assert reading.leap_since(last) == leap


class TestSteps:
    """A carrier whose server's clock is set."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def server_clock(self, clock: FakeClock) -> SteppedClock:
        return SteppedClock(clock)

    @pytest.fixture(params=["redis", "sql"])
    async def carrier(
        self,
        request: pytest.FixtureRequest,
        database: Database,
        valkey: ValkeyServer,
        clock: FakeClock,
        server_clock: SteppedClock,
    ) -> AsyncIterator[ICarrier]:
        timing = Timing()
        client: Redis = open_redis(valkey.url)
        with BlockingRedis.from_url(valkey.url) as setter:
            setter.flushall()
            carrier: ICarrier = (
                ClockedRedis(client, setter, clock, timing, server_clock)
                if request.param == "redis"
                else clocked_sql(database, clock, timing, server_clock)
            )
            await carrier.seed(KEY, TWO_A_MINUTE, Seed())
            yield carrier
        await client.aclose()

    async def take(self, carrier: ICarrier, wanted: int = 1) -> list[Ticket]:
        return list((await carrier.take(KEY, TWO_A_MINUTE, wanted=wanted, lease_seconds=1)).tickets)

    async def test_a_step_forward(
        self, carrier: ICarrier, clock: FakeClock, server_clock: SteppedClock
    ) -> None:
        """Two calls that were just made are no hour old: no ticket until the carrier is seeded again."""
        assert len(await self.take(carrier, wanted=2)) == 2
        await clock.advance(1)
        server_clock.ahead_seconds = 3_600
        for _ in range(3):
            with pytest.raises(ColdCarrierError):
                await self.take(carrier)
            await clock.advance(100)
        await carrier.seed(KEY, TWO_A_MINUTE, Seed(starts=[-1, -1]))
        assert await self.take(carrier) == []
        await clock.advance(61)
        assert len(await self.take(carrier, wanted=2)) == 2

    async def test_a_step_back(self, carrier: ICarrier, clock: FakeClock, server_clock: SteppedClock) -> None:
        """Nobody admits by a time that was before; when it is set right, that is a step forward."""
        assert len(await self.take(carrier, wanted=2)) == 2
        server_clock.ahead_seconds = -3_600
        await clock.advance(50)
        assert await self.take(carrier) == []
        await clock.advance(50)
        assert await self.take(carrier) == []
        server_clock.ahead_seconds = 0
        with pytest.raises(ColdCarrierError):
            await self.take(carrier)

    async def test_a_clock_that_is_slewed(
        self, carrier: ICarrier, clock: FakeClock, server_clock: SteppedClock
    ) -> None:
        """A little faster than this process's is no leap, however long it lasts."""
        taken = 0
        for _ in range(20):
            taken += len(await self.take(carrier))
            await clock.advance(10)
            server_clock.ahead_seconds += 0.9 * LEAP_MICROS_MAX / MICROS_PER_SECOND
        assert taken >= 6
