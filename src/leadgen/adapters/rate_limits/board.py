"""The board: which carrier holds a credential's admissions, in one row per credential.

Every change raises the row's epoch. A ticket names the epoch it was given in, and the ledger records no
intent of another one: so whatever is still under way when the carrier changes either stands in the ledger,
from which the next carrier is seeded, or is never sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, now_micros
from leadgen.adapters.persistence.tables import limiter_members, limiters, lookups
from leadgen.adapters.rate_limits.carrier import Seed
from leadgen.domain.limits import CALLS_MAX, MICROS_PER_SECOND, Limits, Timing
from leadgen.domain.lookup import LookupState

LEASE_MICROS = 10 * MICROS_PER_SECOND
"""So long after its last sign of life a process counts as dead."""

_SEEDS_MAX = CALLS_MAX
_COUNTED = {"preserve_rowcount": True}  # else the count of an insert is lost, and -1 reads as "inserted"


Sow = Callable[[AsyncConnection, str, Seed], Awaitable[None]]
"""Gives a carrier its seed under a key; the connection holds the lock."""


class Mode(StrEnum):
    """Where admissions are carried."""

    REDIS = "redis"
    MEMORY = "memory"
    SQL = "sql"


@dataclass(frozen=True, slots=True)
class Posting:
    """What the board says of a credential, and who else is alive."""

    mode: Mode
    epoch: int
    holder: str
    is_holder_alive: bool
    has_others: bool


class LimiterBoard:
    """Reads and changes the board; all times are the database's."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def beat(self) -> None:
        """A sign of life: this process counts as alive, and keeps what it holds."""
        async with self._database.write() as conn:
            until = await now_micros(conn, self._database) + LEASE_MICROS
            member = self._database.insert_or_replace(limiter_members, "owner")
            await conn.execute(member.values(owner=self._owner, until_micros=until))
            mine = limiters.c.holder == self._owner
            await conn.execute(update(limiters).where(mine).values(holder_until_micros=until))

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
            now = await now_micros(conn, self._database)
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
        )

    async def flip(self, credential: str, mode: Mode, *, after: int) -> bool:
        """Posts another mode under the next epoch; False when the board has moved on from epoch ``after``."""
        holder = self._owner if mode is Mode.MEMORY else ""
        async with self._database.write() as conn:
            until = await now_micros(conn, self._database) + LEASE_MICROS
            posted = {
                "mode": mode.value,
                "epoch": after + 1,
                "is_seeded": False,
                "holder": holder,
                "holder_until_micros": until,
            }
            if after == 0:
                new = self._database.insert_or_skip(limiters, "credential")
                result = await conn.execute(
                    new.values(credential=credential, **posted), execution_options=_COUNTED
                )
            else:
                is_last = (limiters.c.credential == credential) & (limiters.c.epoch == after)
                result = await conn.execute(update(limiters).where(is_last).values(posted))
            return bool(result.rowcount)

    async def seed(
        self, credential: str, epoch: int, limits: Limits, *, timing: Timing, lease_micros: int, sow: Sow
    ) -> None:
        """Lets a cold carrier begin with what the ledger knows, under the row's lock.

        Where the epoch was seeded before, its admissions are lost and a new epoch begins. Nothing happens
        when the board has moved on.
        """
        async with self._database.write() as conn:
            is_this = (limiters.c.credential == credential) & (limiters.c.epoch == epoch)
            row = (await conn.execute(select(limiters).where(is_this).with_for_update())).mappings().first()
            if row is None:
                return
            current = epoch + 1 if row["is_seeded"] else epoch
            seed = await self._history(conn, credential, limits, timing, lease_micros)
            await conn.execute(update(limiters).where(is_this).values(epoch=current, is_seeded=True))
            await sow(conn, f"{credential}:{current}", seed)

    async def _history(
        self, conn: AsyncConnection, credential: str, limits: Limits, timing: Timing, lease_micros: int
    ) -> Seed:
        """Every intent that may have been sent, as late as it can have left."""
        now = await now_micros(conn, self._database)
        latest = timing.latest
        window = max(rule.window_micros for rule in limits.rules) + latest + timing.validity
        maybe_sent = lookups.c.state != LookupState.NOT_SENT.value
        in_flight = lookups.c.state == LookupState.INTENDED.value
        recent = (
            select(lookups.c.intended_micros, lookups.c.state)
            .where(lookups.c.provider == credential, maybe_sent)
            .where(or_(lookups.c.intended_micros > now - window, in_flight))
            .order_by(lookups.c.intended_micros.desc())
            .limit(_SEEDS_MAX)
        )
        rows = (await conn.execute(recent)).all()
        open_since = [row.intended_micros for row in rows if row.state == LookupState.INTENDED.value]
        ends = [since + latest + lease_micros - now for since in open_since]
        return Seed(
            starts=sorted(min(row.intended_micros, now) + latest - now for row in rows),
            lease_ends=[end for end in ends if end > 0],
        )
