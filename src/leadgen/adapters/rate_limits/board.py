"""The board: which carrier holds a credential's admissions, in one row per credential.

Every change raises the row's epoch. A ticket names the epoch it was given in, and the ledger records no
intent of another one: so whatever is still under way when the epoch is raised either stands in the ledger
when the raise has been committed, or is never sent.

Only who has raised an epoch may seed its carrier, with what the ledger knows by then, and at most once. So
a seed that comes late is still true, and there is nothing that it could erase.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, DatabaseClock, now_micros, uninterrupted
from leadgen.adapters.persistence.tables import limiter_members, limiter_rings, limiters, lookups
from leadgen.adapters.rate_limits.carrier import Seed
from leadgen.domain.limits import CALLS_MAX, MICROS_PER_SECOND, Limits, Timing
from leadgen.domain.lookup import LookupState
from leadgen.domain.value import value

LEASE_MICROS = 10 * MICROS_PER_SECOND
"""So long after its last sign of life a process counts as dead."""

_SEEDS_MAX = CALLS_MAX
_AT_WORK = {LookupState.INTENDED.value, LookupState.UNKNOWN.value}
_COUNTED = {"preserve_rowcount": True}  # else the count of an insert is lost, and -1 reads as "inserted"


class Mode(StrEnum):
    """Where admissions are carried."""

    REDIS = "redis"
    MEMORY = "memory"
    SQL = "sql"


@value(frozen=True, slots=True)
class Posting:
    """What the board says of a credential, and who else is alive."""

    mode: Mode
    epoch: int
    holder: str
    is_holder_alive: bool
    has_others: bool
    now: int
    """The database's clock (microseconds)."""


@value(frozen=True, slots=True)
class Leap:
    """The database's clock was set forward by so many microseconds: ``until`` then it had been behind."""

    micros: int = 0
    until: int = 0

    def moment_of(self, written: int) -> int:
        """When it was, by the clock as it goes now."""
        return written + self.micros if written < self.until else written


class LimiterBoard:
    """Reads and changes the board; all times are the database's."""

    def __init__(self, database: Database, owner: str, now: DatabaseClock = now_micros) -> None:
        self._database = database
        self._owner = owner
        self._now = now

    @uninterrupted
    async def beat(self) -> None:
        """A sign of life: this process counts as alive, and keeps what it holds."""

        async def work(conn: AsyncConnection) -> None:
            until = await self._now(conn, self._database) + LEASE_MICROS
            member = self._database.insert_or_replace(limiter_members, "owner")
            await conn.execute(member.values(owner=self._owner, until_micros=until))
            mine = limiters.c.holder == self._owner
            await conn.execute(update(limiters).where(mine).values(holder_until_micros=until))

        await self._database.transact(work)

    @uninterrupted
    async def leave(self) -> None:
        """Says good-bye, so that nobody waits for this process."""
        async with self._database.write() as conn:
            await conn.execute(delete(limiter_members).where(limiter_members.c.owner == self._owner))
            await conn.execute(
                update(limiters).where(limiters.c.holder == self._owner).values(holder_until_micros=0)
            )

    async def look(self, credential: str) -> Posting | None:
        """What the board says; None where nobody has ever asked."""
        async with self._database.read() as conn:
            now = await self._now(conn, self._database)
            row = (
                (await conn.execute(select(limiters).where(limiters.c.credential == credential)))
                .mappings()
                .first()
            )
            others = select(func.count()).where(
                limiter_members.c.owner != self._owner, limiter_members.c.until_micros > now
            )
            has_others = bool((await conn.execute(others)).scalar_one())
        if row is None:
            return None
        return Posting(
            mode=Mode(row["mode"]),
            epoch=row["epoch"],
            holder=row["holder"],
            is_holder_alive=row["holder_until_micros"] > now,
            has_others=has_others,
            now=now,
        )

    @uninterrupted
    async def flip(self, credential: str, mode: Mode, *, after: int | None) -> int | None:
        """Posts a mode under the next epoch, which it gives; None when the board has moved on from ``after``.

        What the database has carried under earlier epochs goes: nobody can use a ticket of theirs any more.
        The first epoch is the moment in milliseconds, so that databases that share a server share no key.
        """
        holder = self._owner if mode is Mode.MEMORY else ""
        async with self._database.write() as conn:
            now = await self._now(conn, self._database)
            epoch = now // 1_000 if after is None else after + 1
            posted = {
                "mode": mode.value,
                "epoch": epoch,
                "holder": holder,
                "holder_until_micros": now + LEASE_MICROS,
            }
            if after is None:
                new = self._database.insert_or_skip(limiters, "credential")
                result = await conn.execute(
                    new.values(credential=credential, **posted), execution_options=_COUNTED
                )
            else:
                is_last = (limiters.c.credential == credential) & (limiters.c.epoch == after)
                result = await conn.execute(update(limiters).where(is_last).values(posted))
                if result.rowcount:
                    is_earlier = limiter_rings.c.credential.startswith(f"{credential}:", autoescape=True)
                    await conn.execute(delete(limiter_rings).where(is_earlier))
        return epoch if result.rowcount else None

    async def history(
        self, credential: str, limits: Limits, timing: Timing, *, lease_micros: int, leap: Leap
    ) -> Seed:
        """Every intent that may have been sent, as late as it can have left; repeats as late as the last.

        The provider may still be at work on those that are open, and on those whose answer was lost.
        """
        latest = timing.latest
        longest = max(lease_micros, *(rule.window_micros for rule in limits.rules))
        window = longest + latest + timing.validity + leap.micros
        maybe_sent = lookups.c.state != LookupState.NOT_SENT.value
        in_flight = lookups.c.state == LookupState.INTENDED.value
        async with self._database.read() as conn:
            now = await self._now(conn, self._database)
            recent = (
                select(lookups.c.intended_micros, lookups.c.state, lookups.c.repeats)
                .where(lookups.c.provider == credential, maybe_sent)
                .where(or_(lookups.c.intended_micros > now - window, in_flight))
                .order_by(lookups.c.intended_micros.desc())
                .limit(_SEEDS_MAX)
            )
            rows = (await conn.execute(recent)).all()
        left = [(min(leap.moment_of(row.intended_micros), now) + latest - now, row) for row in rows]
        starts = [start for start, row in left for _ in range(1 + row.repeats)]
        ends = [start + lease_micros for start, row in left if row.state in _AT_WORK]
        return Seed(starts=sorted(starts)[-_SEEDS_MAX:], lease_ends=[end for end in ends if end > 0])
