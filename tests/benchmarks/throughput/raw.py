"""The raw drivers at the same work: finished rows into and out of the tables that leadgen's migrations made.

Each function gives the rows and the seconds; rows are made ready ``PAGE`` by ``PAGE``, which is not timed.
The drivers have the better of it: their rows are finished tuples in memory, in the order of their ids, and
they look nobody up; what they read goes nowhere. Tables, indexes, foreign keys and syncs are leadgen's.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

PAGE = 10_000
"""So many rows a statement and a commit."""

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
"""As leadgen opens SQLite."""

_ALL = "SELECT * FROM leads ORDER BY id"
_EXPORTED = """
SELECT leads.*, (
    SELECT sum(posted_micros + estimated_micros) FROM lookups WHERE lookups.lead_id = leads.id
) FROM leads ORDER BY id
"""

Rows = Sequence[tuple[Any, ...]]


def write_sqlite(source: str, target: str) -> tuple[int, float]:
    """``executemany`` of sqlite3."""
    with closing(_sqlite(source)) as there, closing(_sqlite(target)) as here:

        def write(statement: str, rows: Rows) -> None:
            here.execute("BEGIN IMMEDIATE")
            here.executemany(statement, rows)
            here.execute("COMMIT")

        cursor = there.execute(_ALL)
        statement = f"INSERT INTO leads VALUES ({_marks('?', len(cursor.description))})"  # noqa: S608 - no input
        return _timed(_pages(cursor), lambda rows: write(statement, rows))


def write_postgres(source: str, target: str) -> tuple[int, float]:
    """``executemany`` of psycopg, which sends its statements in a pipeline."""
    with psycopg.connect(source) as there, psycopg.connect(target) as here:

        def write(statement: str, rows: Rows) -> None:
            with here.cursor() as cursor:
                cursor.executemany(statement.encode(), rows)
            here.commit()

        with _postgres_rows(there, _ALL) as cursor:
            statement = f"INSERT INTO leads VALUES ({_marks('%s', len(cursor.description or ()))})"  # noqa: S608 - no input
            return _timed(_pages(cursor), lambda rows: write(statement, rows))


def copy_postgres(source: str, target: str) -> tuple[int, float]:
    """``COPY`` of psycopg."""
    with psycopg.connect(source) as there, psycopg.connect(target) as here:

        def write(rows: Rows) -> None:
            with here.cursor() as cursor, cursor.copy("COPY leads FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            here.commit()

        with _postgres_rows(there, _ALL) as cursor:
            return _timed(_pages(cursor), write)


def read_sqlite(url: str) -> tuple[int, float]:
    """All that an export tells, page by page."""
    with closing(_sqlite(url)) as there:
        begun = time.perf_counter()
        count = sum(len(rows) for rows in _pages(there.execute(_EXPORTED)))
        return count, time.perf_counter() - begun


def read_postgres(url: str) -> tuple[int, float]:
    """The same, from a cursor of the server."""
    with psycopg.connect(url) as there:
        begun = time.perf_counter()
        with _postgres_rows(there, _EXPORTED) as cursor:
            count = sum(len(rows) for rows in _pages(cursor))
        return count, time.perf_counter() - begun


def _timed(pages: Iterator[Rows], write: Callable[[Rows], None]) -> tuple[int, float]:
    count, seconds = 0, 0.0
    for rows in pages:
        begun = time.perf_counter()
        write(rows)
        seconds += time.perf_counter() - begun
        count += len(rows)
    return count, seconds


def _pages(cursor: Any) -> Iterator[Rows]:
    while rows := cursor.fetchmany(PAGE):
        yield rows


def _sqlite(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _postgres_rows(connection: psycopg.Connection, query: str) -> psycopg.ServerCursor[tuple[Any, ...]]:
    """JSON as text, as it is written back."""
    cursor = connection.cursor("rows")
    cursor.adapters.register_loader("jsonb", TextLoader)
    cursor.execute(query.encode())
    return cursor


def _marks(mark: str, count: int) -> str:
    return ", ".join([mark] * count)
