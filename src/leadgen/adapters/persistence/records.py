"""Many rows in one statement, whose thread waits for its turn beside a busy event loop once and not per row.

To PostgreSQL they travel as one JSON parameter, which it unfolds. SQLite takes twice as long for that as for
rows of values, which are bound as they are.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

_GIVEN = "{given}"
_ROWS_MIN = 8
_ROWS_MAX = 64
"""More rows a statement were no faster, and its driver keeps each size prepared: 512 took 8 MB more."""

_COUNTED = {"preserve_rowcount": True}
_PLAIN = {str, int, float, type(None)}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Records:
    """Rows of some columns of a table; ``given`` in a condition or an assignment is what a row brings.

    No statement tells row by row what it did: with SQLite each row told is a turn of the thread's, which a
    busy event loop keeps waiting.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], *, is_sqlite: bool, parameter: str = "rows"
    ) -> None:
        """A column that the table does not have is a text; ``parameter``: as what the rows travel."""
        self._parameter = parameter
        self._is_sqlite = is_sqlite
        self._table = table
        self._columns = tuple(columns)
        self._source = _GIVEN if is_sqlite else self._postgresql()

    def insert_or_skip(self, key: str, fixed: Mapping[str, str] | None = None) -> str:
        """Inserts the rows whose key is not there, with the columns that are the same in all of them."""
        same = fixed or {}
        names, values = ", ".join((*self._columns, *same)), ", ".join((*self._columns, *same.values()))
        return (
            f"INSERT INTO {self._table.name} ({names}) "  # noqa: S608 - names of our own tables
            f"SELECT {values} FROM {self._source} "
            f"WHERE given.{self._columns[0]} IS NOT NULL ON CONFLICT ({key}) DO NOTHING"
        )

    def update(self, keys: Sequence[str], assignments: Mapping[str, str], where: str = "true") -> str:
        """Updates the rows of these keys for which the condition holds."""
        changes = ", ".join(f"{column} = {value}" for column, value in assignments.items())
        return f"UPDATE {self._table.name} SET {changes} FROM {self._found(keys, where)}"  # noqa: S608 - see above

    def find(self, keys: Sequence[str], where: str) -> str:
        """Tells the last key of the rows of these keys for which the condition holds."""
        name = self._table.name
        return f"SELECT {name}.{keys[-1]} FROM {name}, {self._found(keys, where)}"  # noqa: S608 - see above

    async def count(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], **named: Any
    ) -> int:
        """Executes a statement over rows, each with the values of the columns in order: how many changed."""
        return sum([int(result.rowcount) for result in await self._execute(conn, statement, rows, named)])

    async def tell(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], **named: Any
    ) -> list[Any]:
        """What a statement tells."""
        results = await self._execute(conn, statement, rows, named)
        return [value for result in results for value in result.scalars()]

    async def _execute(
        self, conn: AsyncConnection, statement: str, rows: Sequence[Sequence[Any]], named: Mapping[str, Any]
    ) -> list[CursorResult[Any]]:
        if not self._is_sqlite:
            return [await conn.execute(parsed(statement), {**self.given(rows), **named})]
        results = []
        for start in range(0, len(rows), _ROWS_MAX):
            some = rows[start : start + _ROWS_MAX]
            values = [*named.values(), *(self._bound(cell) for row in some for cell in row)]
            places = max(_ROWS_MIN, 1 << (len(some) - 1).bit_length())
            values += [None] * (places - len(some)) * len(self._columns)
            filled = sized(statement, self._columns, tuple(named), places)
            results.append(await conn.exec_driver_sql(filled, tuple(values), execution_options=_COUNTED))
        return results

    def given(self, rows: Sequence[Sequence[Any]]) -> dict[str, str]:
        """The rows as the parameter of a statement of PostgreSQL."""
        named = [dict(zip(self._columns, row, strict=True)) for row in rows]
        return {self._parameter: json.dumps(named, default=self._written)}

    def _found(self, keys: Sequence[str], where: str) -> str:
        """What is given, joined to its rows: each is looked up by its key, whatever the planner estimates.

        The condition ``IS TRUE`` so that no index serves it: SQLite would take the one on, say, all leads
        without a number, and unfold anew what is given for each of them. PostgreSQL would walk through the
        table for each batch; it may not look into a subquery with an OFFSET. It passes over a row that had to
        be waited for, whose place is another one by then: what others may write meanwhile is locked before.
        """
        name = self._table.name
        same = " AND ".join(f"{name}.{key} = given.{key}" for key in keys)
        if self._is_sqlite:
            return f"{self._source} WHERE {same} AND ({where}) IS TRUE"
        place = f"SELECT {name}.ctid AS place FROM {name} WHERE {same} AND ({where}) OFFSET 0"  # noqa: S608 - see above
        joined = f"SELECT given.*, place FROM {self._source} CROSS JOIN LATERAL ({place}) AS standing"  # noqa: S608 - see above
        # The condition is not repeated for the row itself: where it compares that with what is given, the
        # planner would join all rows to all that is given by it.
        return f"({joined}) AS given WHERE {name}.ctid = given.place"

    def _bound(self, cell: object) -> object:
        """A value as SQLite's driver takes it."""
        if cell.__class__ in _PLAIN:
            return cell
        if isinstance(cell, dict | list):
            return json.dumps(cell)
        return cell if isinstance(cell, str | int | float) else self._written(cell)

    def _written(self, value: object) -> str:
        if isinstance(value, datetime):
            return moment(value, is_sqlite=self._is_sqlite)
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value).__name__)

    def _postgresql(self) -> str:
        known = self._table.c
        types = ", ".join(
            f"{name} {known[name].type.compile(dialect=_DIALECT) if name in known else 'text'}"
            for name in self._columns
        )
        # The limit, which is none, has the planner take the rows for few: it goes by indexes then.
        unfolded = f"SELECT * FROM json_to_recordset(CAST(:{self._parameter} AS json)) AS given({types})"  # noqa: S608 - see above
        return f"({unfolded} LIMIT (SELECT 1000000)) AS given"


@functools.cache
def sized(statement: str, columns: tuple[str, ...], named: tuple[str, ...], places: int) -> str:
    """The statement for so many rows; what is named comes first. A row that is not there is all NULL.

    There are few sizes, so that SQLite's driver has them all prepared.
    """
    for place, name in enumerate(named, 1):
        statement = re.sub(rf":{name}\b", f"?{place}", statement)
    numbers = count(len(named) + 1)
    rows = ", ".join(f"({', '.join(f'?{next(numbers)}' for _ in columns)})" for _ in range(places))
    cells = ", ".join(f"column{place} AS {name}" for place, name in enumerate(columns, 1))
    # The limit, which is none, has SQLite go through the rows once and look up each by its key. Without it,
    # it walks through all rows of the table that fit the rest, and for each one through what is given.
    return statement.replace(_GIVEN, f"(SELECT {cells} FROM (VALUES {rows}) LIMIT -1) AS given")  # noqa: S608 - see above


def moment(value: datetime, *, is_sqlite: bool) -> str:
    """A time as the database takes it: SQLite as text without a zone, which is always UTC."""
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    plain = utc.isoformat(" ", "microseconds").removesuffix("+00:00")
    return plain if is_sqlite else f"{plain}+00"


@functools.cache
def parsed(statement: str) -> TextClause:
    """The statement, whose parameters are looked for once."""
    return text(statement).execution_options(**_COUNTED)
