"""The tallies of providers in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import provider_tallies as table
from leadgen.application.ports.tally_book import ITallyBook
from leadgen.domain.experience import Cell, Tally, learned

_COUNTS = ("calls", "hits", "recent_calls", "recent_hits", "past_calls", "past_hits", "seen_at")
_SEPARATOR = "+"


class SqlTallyBook(ITallyBook):
    """One row a cell; whoever adds has locked all rows of the segments, in one order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tallies(self) -> Mapping[Cell, Tally]:
        """See ITallyBook."""
        async with self._database.read() as conn:
            return await _read(conn, select(table))

    @uninterrupted
    async def add(self, seen: Mapping[Cell, tuple[int, int]]) -> None:
        """See ITallyBook."""
        segments = {cell.segment for cell in seen}
        is_near = table.c.segment.in_(sorted(segments))
        blank = [_key(cell) | dict.fromkeys(_COUNTS, 0.0) for cell in sorted(seen)]

        async def work(conn: AsyncConnection) -> None:
            await conn.execute(self._database.insert_or_skip(table, *_KEYS), blank)
            await self._write(conn, learned(await _read(conn, _locked(is_near)), seen))

        await self._database.transact(work)

    @uninterrupted
    async def accept(self, provider: str) -> None:
        """See ITallyBook."""
        async with self._database.write() as conn:
            known = await _read(conn, _locked(table.c.provider == provider))
            await self._write(conn, {cell: tally.forgotten(past=True) for cell, tally in known.items()})

    async def _write(self, conn: AsyncConnection, tallies: Mapping[Cell, Tally]) -> None:
        if tallies:
            rows = [
                _key(cell) | {name: getattr(tally, name) for name in _COUNTS}
                for cell, tally in sorted(tallies.items(), key=lambda each: each[0])
            ]
            await conn.execute(self._database.insert_or_replace(table, *_KEYS), rows)


_KEYS = ("segment", "provider", "missed")


def _locked(which: ColumnElement[bool]) -> Select[Any]:
    return select(table).where(which).order_by(*(table.c[name] for name in _KEYS)).with_for_update()


async def _read(conn: AsyncConnection, statement: Select[Any]) -> dict[Cell, Tally]:
    rows = (await conn.execute(statement)).mappings()
    return {_cell_of(row): Tally(*(row[name] for name in _COUNTS)) for row in rows}


def _key(cell: Cell) -> dict[str, Any]:
    return {"segment": cell.segment, "provider": cell.provider, "missed": _SEPARATOR.join(cell.missed)}


def _cell_of(row: Row) -> Cell:
    missed = tuple(row["missed"].split(_SEPARATOR)) if row["missed"] else ()
    return Cell(row["segment"], row["provider"], missed)
