"""The admission rule in one locked row of the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, now_micros
from leadgen.adapters.persistence.tables import limiter_rings
from leadgen.adapters.rate_limits.carrier import ColdCarrierError, ICarrier, Seed, turn
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Full, Granted, Later, Limits, Ring, Timing

DatabaseClock = Callable[[AsyncConnection, Database], Awaitable[int]]
"""Reads the time in microseconds."""


class SqlRateLimiter(ICarrier):
    """Exact over all processes of a database: each reads, asks and writes the ring under its lock."""

    def __init__(
        self, database: Database, clock: IClock, timing: Timing, now: DatabaseClock = now_micros
    ) -> None:
        self._database = database
        self._now = now
        self._clock = clock
        self._timing = timing
        self._limits: dict[str, Limits] = {}
        self._pauses: dict[str, float] = {}

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        self._limits[credential] = limits
        granted = list[Granted]()
        lease, lead = round(lease_seconds * MICROS_PER_SECOND), round(lead_seconds * MICROS_PER_SECOND)
        retry = None
        async with self._database.write() as conn:
            ring = await self._load(conn, credential, limits)
            if ring is None:
                raise ColdCarrierError(credential)
            asked_at = self._clock.monotonic()
            now = await self._now(conn, self._database)
            heard_at = self._clock.monotonic()
            is_paused = self._pause(credential, ring, now)
            while len(granted) < wanted and retry is None:
                match ring.admit(now, lease, lead):
                    case Granted() as one:
                        granted.append(one)
                    case Later(start):
                        retry = start - self._timing.reach(self._timing.lead_of(lead)) - now
                    case Full(until):
                        retry = min(until - now, round(2 * turn() * MICROS_PER_SECOND))
            if granted or is_paused:
                await self._store(conn, credential, ring)
        tickets = [self._ticket(credential, one, now, (asked_at, heard_at)) for one in granted]
        usable = [ticket for ticket in tickets if ticket.opens_at <= ticket.closes_at]
        for late in tickets[: len(tickets) - len(usable)]:
            await self.release(late)
        retry_seconds = None if retry is None else max(retry, 0) / MICROS_PER_SECOND
        return Tickets(usable, retry_seconds, is_shared=True)

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        if limits := self._limits.get(ticket.credential):
            async with self._database.write() as conn:
                if ring := await self._load(conn, ticket.credential, limits):
                    ring.release(ticket.lease)
                    await self._store(conn, ticket.credential, ring)

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        until = self._clock.monotonic() + seconds
        self._pauses[credential] = max(until, self._pauses.get(credential, until))
        if limits := self._limits.get(credential):
            async with self._database.write() as conn:
                if ring := await self._load(conn, credential, limits):
                    self._pause(credential, ring, await self._now(conn, self._database))
                    await self._store(conn, credential, ring)

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""

    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """See ICarrier."""
        async with self._database.write() as conn:
            await self.sow(conn, credential, limits, seed)

    async def sow(self, conn: AsyncConnection, credential: str, limits: Limits, seed: Seed) -> None:
        """Seeds within somebody's transaction."""
        now = await self._now(conn, self._database)
        ring = Ring(limits, self._timing)
        ring.seed((now + start for start in seed.starts), (now + end for end in seed.lease_ends))
        statement = self._database.insert_or_replace(limiter_rings, "credential")
        await conn.execute(statement.values(credential=credential, ring=ring.dump()))

    async def _load(self, conn: AsyncConnection, credential: str, limits: Limits) -> Ring | None:
        row = select(limiter_rings.c.ring).where(limiter_rings.c.credential == credential)
        dumped = (await conn.execute(row.with_for_update())).scalar()
        return None if dumped is None else Ring.load(dumped, limits, self._timing)

    def _pause(self, credential: str, ring: Ring, now: int) -> bool:
        """Whether there was a pause that the ring had not been told of; now it has."""
        until = self._pauses.pop(credential, None)
        if until is None:
            return False
        left = round((until - self._clock.monotonic()) * MICROS_PER_SECOND)
        ring.penalise(max(now, ring.seen) + left)
        return True

    async def _store(self, conn: AsyncConnection, credential: str, ring: Ring) -> None:
        this = limiter_rings.c.credential == credential
        await conn.execute(update(limiter_rings).where(this).values(ring=ring.dump()))

    def _ticket(self, credential: str, granted: Granted, now: int, read: tuple[float, float]) -> Ticket:
        """The window that holds wherever between asking and hearing the database's clock was read."""
        asked_at, heard_at = read
        wait = (granted.start - now) / MICROS_PER_SECOND
        return Ticket(
            credential=credential,
            opens_at=heard_at + wait,
            closes_at=asked_at + wait + self._timing.validity / MICROS_PER_SECOND,
            lease=granted.lease,
        )
