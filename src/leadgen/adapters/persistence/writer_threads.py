"""The way of writing many rows: a whole transaction in one step of a thread of its own.

Through an asyncio driver each statement waits for several turns of the event loop, with SQLite for a thread
besides. With a busy event loop that is where the time went: see docs/decisions/0015.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

Work = Callable[[AsyncConnection], Coroutine[Any, Any, T]]
"""Statements of one transaction, which may await nothing but their connection."""


class WriterThreads:
    """So many transactions at a time, each within its own commit."""

    def __init__(self, engine: Engine, count: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix="writer")

    async def run(self, work: Work[T]) -> T:
        """What the work gives, once it is durable; whoever is cancelled meanwhile leaves it to finish."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, work)

    async def close(self) -> None:
        """Ends the threads, after what they are at, and their connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _transact(self, work: Work[T]) -> T:
        with self._engine.begin() as connection:
            return _at_once(work(cast(AsyncConnection, AtOnce(connection))))


class AtOnce:
    """A connection whose statements are through when their coroutine is first stepped."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, *arguments: Any, **named: Any) -> CursorResult[Any]:
        """As of an ``AsyncConnection``."""
        return self._connection.execute(*arguments, **named)

    async def exec_driver_sql(self, *arguments: Any, **named: Any) -> CursorResult[Any]:
        """As of an ``AsyncConnection``."""
        return self._connection.exec_driver_sql(*arguments, **named)

    async def copy(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Rows by a COPY from STDIN of PostgreSQL; its errors are those of a statement."""
        driver: Any = self._connection.connection.driver_connection
        dialect = self._connection.dialect
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        except dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(statement, None, error, Exception, dialect=dialect) from error


def _at_once(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast(T, end.value)
    work.close()
    raise RuntimeError("a transaction of the writer's thread waited for something else")
