"""Many new rows of a table, in the way in which each database takes them fastest.

With PostgreSQL that is COPY. With SQLite a statement names the values of many rows: it is a single step for
the database, during which the thread leaves Python to others, where ``executemany`` is a step for every row.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.writer_threads import AtOnce

_STATEMENT_ROWS = (1_000, 100, 10, 1)
"""Few sizes, so that there are few statements to prepare and to keep."""


class NewRows:
    """Rows of some columns of a table, each value in the form in which the database keeps it."""

    def __init__(self, table: Table, columns: Sequence[str], *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite
        self._width = len(columns)
        self._into = f"{table.name} ({', '.join(columns)})"

    async def insert(self, conn: AsyncConnection, rows: Sequence[Sequence[Any]]) -> None:
        """Inserts rows whose keys are not there, within a ``Database.transact``."""
        if self._is_sqlite:
            await self._insert(conn, rows)
        elif rows:
            await cast(AtOnce, conn).copy(f"COPY {self._into} FROM STDIN", rows)

    async def _insert(self, conn: AsyncConnection, rows: Sequence[Sequence[Any]]) -> None:
        place = 0
        for size in _STATEMENT_ROWS:
            while len(rows) - place >= size:
                values = tuple(chain.from_iterable(rows[place : place + size]))
                await conn.exec_driver_sql(_statement(self._into, self._width, size), values)
                place += size


@functools.lru_cache(maxsize=16)
def _statement(into: str, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * size)}"  # noqa: S608 - names of our own tables
