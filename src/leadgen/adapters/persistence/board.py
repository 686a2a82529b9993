"""The breakers of providers in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import provider_breakers as table
from leadgen.application.ports.provider_board import IProviderBoard
from leadgen.domain.breaker import Breaker, BreakerState, Cause


class SqlProviderBoard(IProviderBoard):
    """One row a provider, whose version grows with every change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def breakers(self) -> Mapping[str, Breaker]:
        """See IProviderBoard."""
        return {row["provider"]: _breaker_of(row) for row in await self._database.look(select(table))}

    @uninterrupted
    async def save(self, breakers: Collection[Breaker]) -> set[str]:
        """See IProviderBoard."""

        async def work(conn: AsyncConnection) -> set[str]:
            saved = set[str]()
            for breaker in sorted(breakers, key=lambda each: each.provider):
                row = _columns(breaker)
                is_as_read = (table.c.provider == breaker.provider) & (table.c.version == breaker.version)
                if breaker.version:
                    statement: Any = update(table).where(is_as_read).values(row)
                else:
                    statement = self._database.insert_or_skip(table, "provider").values(row)
                if (await conn.execute(statement.returning(table.c.provider))).scalar() is not None:
                    saved.add(breaker.provider)
            return saved

        return await self._database.transact(work)


def _columns(breaker: Breaker) -> dict[str, Any]:
    return {
        "provider": breaker.provider,
        "version": breaker.version + 1,
        "state": breaker.state.value,
        "cause": breaker.cause.value if breaker.cause else None,
        "why": breaker.why,
        "since": breaker.since,
        "until": breaker.until,
        "times": breaker.times,
        "last_calls": breaker.window,
        "doubt": breaker.doubt,
        "probes": breaker.probes,
    }


def _breaker_of(row: Row) -> Breaker:
    return Breaker(
        provider=row["provider"],
        version=row["version"],
        state=BreakerState(row["state"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        why=row["why"],
        since=row["since"],
        until=row["until"],
        times=row["times"],
        window=row["last_calls"],
        doubt=row["doubt"],
        probes=row["probes"],
    )
