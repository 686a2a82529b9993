"""Many rows in one statement: they travel as one JSON parameter, which the database unfolds.

A statement of this kind costs the client one ``json.dumps``, and not a step for every value of every row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Records:
    """Rows of some columns of a table; ``given`` in a condition or an assignment is what a row brings."""

    def __init__(self, table: Table, columns: Sequence[str], *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite
        self._table = table
        self._columns = tuple(columns)
        self._source = self._sqlite() if is_sqlite else self._postgresql()

    def insert_or_skip(self, key: str) -> str:
        """Inserts the rows whose key is not there; gives the keys of those."""
        names = ", ".join(self._columns)
        return (
            f"INSERT INTO {self._table.name} ({names}) SELECT {names} FROM {self._source} WHERE true "  # noqa: S608 - names of our own tables
            f"ON CONFLICT ({key}) DO NOTHING RETURNING {key}"
        )

    def update(self, assignments: Mapping[str, str], where: str, returning: str | None = None) -> str:
        """Updates the rows for which the condition holds."""
        name = self._table.name
        changes = ", ".join(f"{column} = {value}" for column, value in assignments.items())
        told = f" RETURNING {name}.{returning}" if returning else ""
        return f"UPDATE {name} SET {changes} FROM {self._source} WHERE {where}{told}"  # noqa: S608 - see above

    async def run(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], **named: Any
    ) -> list[Any]:
        """Executes a statement over rows, each with the values of the columns in order; what it tells."""
        told = json.dumps(rows if self._is_sqlite else self._named(rows), default=self._written)
        result = await conn.execute(text(statement), {"rows": told, **named})
        return [row[0] for row in result] if result.returns_rows else []

    def _named(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        return [dict(zip(self._columns, row, strict=True)) for row in rows]

    def _written(self, value: object) -> str:
        """A time as the database keeps it: SQLite as text without a zone, which is always UTC."""
        if isinstance(value, datetime):
            plain = value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
            return plain if self._is_sqlite else f"{plain}+00"
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value).__name__)

    def _sqlite(self) -> str:
        cells = ", ".join(
            f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(self._columns)
        )
        return f"(SELECT {cells} FROM json_each(:rows)) AS given"  # noqa: S608 - see above

    def _postgresql(self) -> str:
        types = ", ".join(
            f"{name} {self._table.c[name].type.compile(dialect=_DIALECT)}" for name in self._columns
        )
        return f"json_to_recordset(CAST(:rows AS json)) AS given({types})"
