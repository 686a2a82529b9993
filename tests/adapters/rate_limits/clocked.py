"""Carriers whose servers go by a test's clock, and a clock that can leap."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import redis as blocking
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.rate_limits.carrier import Seed
from leadgen.adapters.rate_limits.redis import RedisRateLimiter
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Timing

_NOW = "test:now"
_CLOCK_LINE = f"local now = tonumber(redis.call('GET', '{_NOW}'))\n"


def micros(clock: IClock) -> int:
    """The moment, as servers write it."""
    return round(clock.monotonic() * MICROS_PER_SECOND)


class ClockedRedis(RedisRateLimiter):
    """The server's time is that of a clock, which ``setter`` tells it before each script."""

    def __init__(
        self,
        client: Redis,
        setter: blocking.Redis,
        clock: IClock,
        timing: Timing,
        server_clock: IClock | None = None,
    ) -> None:
        super().__init__(client, clock, timing, clock_line=_CLOCK_LINE)
        self._setter = setter
        self._server_clock = server_clock or clock

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        self._tell()
        return await super().take(
            credential, limits, wanted=wanted, lease_seconds=lease_seconds, lead_seconds=lead_seconds
        )

    async def penalise(self, credential: str, seconds: float) -> None:
        self._tell()
        await super().penalise(credential, seconds)

    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        self._tell()
        await super().seed(credential, limits, seed)

    def _tell(self) -> None:
        self._setter.set(_NOW, micros(self._server_clock))


def clocked_sql(
    database: Database, clock: IClock, timing: Timing, server_clock: IClock | None = None
) -> SqlRateLimiter:
    """The database's time is that of a clock."""

    async def now(_conn: AsyncConnection, _database: Database) -> int:
        return micros(server_clock or clock)

    return SqlRateLimiter(database, clock, timing, now=now)


class LeapingClock(IClock):
    """Real time, which a test can let leap forward; sleepers notice it within a hundredth of a second."""

    def __init__(self) -> None:
        self._leapt = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._leapt)

    def monotonic(self) -> float:
        return time.monotonic() + self._leapt

    async def sleep(self, seconds: float) -> None:
        wakes_at = self.monotonic() + seconds
        while (left := wakes_at - self.monotonic()) > 0:  # noqa: ASYNC110 - a leap is no event
            await asyncio.sleep(min(left, 0.01))

    def leap(self, seconds: float) -> None:
        """Lets so much time pass at once."""
        self._leapt += seconds
