"""Many rows in one statement: they travel as one JSON parameter, which the database unfolds.

A statement of this kind costs the client one ``json.dumps``, and not a step for every value of every row.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Records:
    """Rows of some columns of a table; ``given`` in a condition or an assignment is what a row brings.

    No statement tells row by row what it did: with SQLite each row told is a turn of the thread's, which a
    busy event loop keeps waiting.
    """

    def __init__(self, table: Table, columns: Sequence[str], *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite
        self._table = table
        self._columns = tuple(columns)
        self._source = self._sqlite() if is_sqlite else self._postgresql()

    def insert_or_skip(self, key: str, fixed: Mapping[str, str] | None = None) -> str:
        """Inserts the rows whose key is not there, with the columns that are the same in all of them."""
        same = fixed or {}
        names, values = ", ".join((*self._columns, *same)), ", ".join((*self._columns, *same.values()))
        return (
            f"INSERT INTO {self._table.name} ({names}) "  # noqa: S608 - names of our own tables
            f"SELECT {values} FROM {self._source} WHERE true ON CONFLICT ({key}) DO NOTHING"
        )

    def update(self, keys: Sequence[str], assignments: Mapping[str, str], where: str = "true") -> str:
        """Updates the rows of these keys for which the condition holds.

        The condition ``IS TRUE`` so that no index serves it: SQLite would take the one on, say, all leads
        without a number, and unfold anew what is given for each of them.
        """
        changes = ", ".join(f"{column} = {value}" for column, value in assignments.items())
        return f"UPDATE {self._table.name} SET {changes} FROM {self._source} WHERE {self._same(keys, where)}"  # noqa: S608 - see above

    def find(self, keys: Sequence[str], where: str) -> str:
        """Tells the last key of the rows of these keys for which the condition holds."""
        name = self._table.name
        return f"SELECT {name}.{keys[-1]} FROM {name}, {self._source} WHERE {self._same(keys, where)}"  # noqa: S608 - see above

    async def count(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], **named: Any
    ) -> int:
        """Executes a statement over rows, each with the values of the columns in order: how many changed."""
        return int((await self._execute(conn, statement, rows, named)).rowcount)

    async def tell(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], **named: Any
    ) -> list[Any]:
        """What a statement tells."""
        return list((await self._execute(conn, statement, rows, named)).scalars())

    async def _execute(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], named: Mapping[str, Any]
    ) -> CursorResult[Any]:
        told = json.dumps(rows if self._is_sqlite else self._named(rows), default=self._written)
        return await conn.execute(_parsed(statement), {"rows": told, **named})

    def _same(self, keys: Sequence[str], where: str) -> str:
        same = " AND ".join(f"{self._table.name}.{key} = given.{key}" for key in keys)
        return f"{same} AND ({where}) IS TRUE"

    def _named(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        return [dict(zip(self._columns, row, strict=True)) for row in rows]

    def _written(self, value: object) -> str:
        if isinstance(value, datetime):
            return moment(value, is_sqlite=self._is_sqlite)
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value).__name__)

    def _sqlite(self) -> str:
        cells = ", ".join(
            f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(self._columns)
        )
        # The limit, which is none, has SQLite unfold the rows once and look up each by its key. Without it,
        # it walks through all rows of the table that fit the rest, and unfolds the parameter for each one.
        return f"(SELECT {cells} FROM json_each(:rows) LIMIT -1) AS given"  # noqa: S608 - see above

    def _postgresql(self) -> str:
        types = ", ".join(
            f"{name} {self._table.c[name].type.compile(dialect=_DIALECT)}" for name in self._columns
        )
        return f"json_to_recordset(CAST(:rows AS json)) AS given({types})"


def moment(value: datetime, *, is_sqlite: bool) -> str:
    """A time as the database takes it: SQLite as text without a zone, which is always UTC."""
    plain = value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")
    return plain if is_sqlite else f"{plain}+00"


@functools.cache
def _parsed(statement: str) -> TextClause:
    """The statement, whose parameters are looked for once."""
    return text(statement).execution_options(preserve_rowcount=True)
