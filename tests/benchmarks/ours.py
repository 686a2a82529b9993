"""The limiters of leadgen, each asked at its port, without the failover around them."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.rate_limits.carrier import ICarrier, Seed
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock
from leadgen.application.ports.rate_limiter import Ticket
from leadgen.domain.limits import Limits, Rule, Timing
from tests.benchmarks.contender import (
    CALLERS,
    STRICT_CALLS,
    WIDE_CALLS,
    WINDOW_MICROS,
    Admit,
    Contender,
    Send,
)

SQL_CALLERS = 4
"""The row is locked: more callers only wait for each other, and their tickets run out meanwhile."""

STRICT = Limits((Rule(STRICT_CALLS, WINDOW_MICROS),), concurrency=1_000)
WIDE = Limits((Rule(WIDE_CALLS, WINDOW_MICROS),), concurrency=WIDE_CALLS)
WIDE_SQL = Limits((Rule(1_000, 1_000),), concurrency=WIDE_CALLS)
"""As wide as 1,000 per 21 ms; the row holds as many starts as under a provider's limits, not a million."""

AT_ONCE = Timing(lead=0)
"""Tickets that open when they are given, as those of the peers do."""

_FAR_SECONDS = 0.0005
_LEASE_SECONDS = 5.0


class Ours(Contender):
    """A carrier of leadgen, which a process asks for all who wait at once, one question at a time.

    ``is_released``: each place in the concurrency cap is given back by a call.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[Timing], ICarrier],
        close: Callable[[], Awaitable[None]] | None = None,
        *,
        wide: Limits = WIDE,
        callers: int = CALLERS,
        is_released: bool = False,
    ) -> None:
        super().__init__(name, callers, desks=1, batch_max=WIDE_CALLS)
        self._build = build
        self._close = close
        self._wide = wide
        self._is_released = is_released

    async def wide(self) -> Admit:
        """See Contender; leases end as their tickets open, unless they are given back."""
        carrier, key = self._build(AT_ONCE), uuid.uuid4().hex
        await carrier.seed(key, self._wide, Seed())
        lease_seconds = _LEASE_SECONDS if self._is_released else 0.0

        async def admit(wanted: int) -> int:
            given = await carrier.take(key, self._wide, wanted=wanted, lease_seconds=lease_seconds)
            for ticket in given.tickets[-1:]:
                if (wait := ticket.opens_at - time.monotonic()) > _FAR_SECONDS:
                    await asyncio.sleep(wait)
            if self._is_released:
                for ticket in given.tickets:
                    await carrier.release(ticket)
            return len(given.tickets)

        return admit

    async def strict(self) -> Send:
        """See Contender; with the timing of production: tickets open 50 ms ahead and hold for 20 ms."""
        carrier, key = self._build(Timing()), uuid.uuid4().hex
        await carrier.seed(key, STRICT, Seed())
        under_way = asyncio.Semaphore(self.callers)

        async def send() -> int | None:
            async with under_way:
                given = await carrier.take(key, STRICT, wanted=1, lease_seconds=0.0)
            return await _sent(given.tickets[0]) if given.tickets else None

        return send

    async def close(self) -> None:
        """See Contender."""
        if self._close is not None:
            await self._close()


def in_memory() -> Ours:
    """The limiter of a single process."""
    return Ours("leadgen, memory", lambda timing: InMemoryRateLimiter(SystemClock(), timing))


def in_redis(url: str, name: str, *, is_released: bool = False) -> Ours:
    """The limiter in Redis or Valkey."""
    client = open_redis(url)
    return Ours(
        name,
        lambda timing: RedisRateLimiter(client, SystemClock(), timing),
        client.aclose,
        is_released=is_released,
    )


def in_sql(url: str, name: str) -> Ours:
    """The limiter in one row of a migrated database."""
    database = Database(url)
    return Ours(
        name,
        lambda timing: SqlRateLimiter(database, SystemClock(), timing),
        database.close,
        wide=WIDE_SQL,
        callers=SQL_CALLERS,
    )


async def _sent(ticket: Ticket) -> int | None:
    """The moment inside its ticket at which the caller goes on; None where it comes too late."""
    while (wait := ticket.opens_at - time.monotonic()) > 0:  # noqa: ASYNC110 - timers may end early
        await asyncio.sleep(wait)
    now = time.monotonic_ns()
    return now if now / 1e9 <= ticket.closes_at else None
