"""The admission rule in one locked row of the database."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, DatabaseClock, now_micros, uninterrupted
from leadgen.adapters.persistence.tables import limiter_rings
from leadgen.adapters.rate_limits.carrier import ColdCarrierError, Reading, Seed, ServerCarrier, turn
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Full, Granted, Later, Limits, Ring, Timing


class SqlRateLimiter(ServerCarrier):
    """Exact over all processes of a database: each reads, asks and writes the ring under its lock."""

    def __init__(
        self, database: Database, clock: IClock, timing: Timing, now: DatabaseClock = now_micros
    ) -> None:
        super().__init__(clock, timing)
        self._database = database
        self._now = now
        self._limits: dict[str, Limits] = {}
        self._pauses: dict[str, float] = {}

    @uninterrupted
    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        self._limits[credential] = limits
        grants = list[Granted]()
        lease, lead = round(lease_seconds * MICROS_PER_SECOND), round(lead_seconds * MICROS_PER_SECOND)
        retry = None
        async with self._database.write() as conn:
            ring = await self._load(conn, credential, limits)
            if ring is None:
                raise ColdCarrierError(credential)
            asked_at = self._clock.monotonic()
            now = max(await self._now(conn, self._database), ring.seen)
            reading = Reading(now, asked_at, self._clock.monotonic())
            self._trust(credential, reading)
            pause = self._pause(credential, ring, now)
            while len(grants) < wanted and retry is None:
                match ring.admit(now, lease, lead):
                    case Granted() as granted:
                        grants.append(granted)
                    case Later(start):
                        retry = start - self._timing.reach(self._timing.lead_of(lead), limits) - now
                    case Full(until):
                        retry = min(until - now, round(2 * turn() * MICROS_PER_SECOND))
            if grants or pause is not None:
                await self._store(conn, credential, ring)
        self._told(credential, pause)
        return await self._tickets(credential, grants, reading, retry)

    @uninterrupted
    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        if limits := self._limits.get(ticket.credential):
            async with self._database.write() as conn:
                if ring := await self._load(conn, ticket.credential, limits):
                    ring.release(ticket.lease)
                    await self._store(conn, ticket.credential, ring)

    @uninterrupted
    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        until = self._clock.monotonic() + seconds
        self._pauses[credential] = max(until, self._pauses.get(credential, until))
        if limits := self._limits.get(credential):
            pause = None
            async with self._database.write() as conn:
                if ring := await self._load(conn, credential, limits):
                    now = await self._now(conn, self._database)
                    pause = self._pause(credential, ring, max(now, ring.seen))
                    await self._store(conn, credential, ring)
            self._told(credential, pause)

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""

    @uninterrupted
    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """See ICarrier."""
        self._readings.pop(credential, None)
        ring = Ring(limits, self._timing)
        statement = self._database.insert_or_replace(limiter_rings, "credential")
        async with self._database.write() as conn:
            now = await self._now(conn, self._database)
            ring.seed((now + start for start in seed.starts), (now + end for end in seed.lease_ends))
            await conn.execute(statement.values(credential=credential, ring=ring.dump()))

    def forget(self, credential: str) -> None:
        """See ICarrier."""
        super().forget(credential)
        self._limits.pop(credential, None)
        self._pauses.pop(credential, None)

    async def _load(self, conn: AsyncConnection, credential: str, limits: Limits) -> Ring | None:
        row = select(limiter_rings.c.ring).where(limiter_rings.c.credential == credential)
        dumped = (await conn.execute(row.with_for_update())).scalar()
        return None if dumped is None else Ring.load(dumped, limits, self._timing)

    def _pause(self, credential: str, ring: Ring, now: int) -> float | None:
        """Until when the ring pauses, where it had not been told of that: now it has."""
        until = self._pauses.get(credential)
        if until is not None:
            left = round((until - self._clock.monotonic()) * MICROS_PER_SECOND)
            ring.penalise(now + left)
        return until

    def _told(self, credential: str, until: float | None) -> None:
        """It is durable, and need not be told again; a longer one that came meanwhile does."""
        if until is not None and self._pauses.get(credential) == until:
            del self._pauses[credential]

    async def _store(self, conn: AsyncConnection, credential: str, ring: Ring) -> None:
        this = limiter_rings.c.credential == credential
        await conn.execute(update(limiter_rings).where(this).values(ring=ring.dump()))
