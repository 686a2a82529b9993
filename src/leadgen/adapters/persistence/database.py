"""The database: connections for reading and for writing, and its troubles in leadgen's own words."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

from sqlalchemy import (
    BigInteger,
    Connection,
    Executable,
    RowMapping,
    Table,
    cast,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from leadgen.adapters.persistence.writer_threads import Work, WriterThreads
from leadgen.application.background import heard
from leadgen.domain.errors import InvalidSetting, ServiceUnavailable

SETTING = "LEADGEN_DATABASE_URL"
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # the ledger survives a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
)
_POOL: dict[str, Any] = {"pool_size": 15, "max_overflow": 0}
"""Connections are opened when needed and then kept: under load, opening one costs more than using it."""

_SQLITE_POOL = _POOL | {"pool_size": 3}
"""Each has a thread and 2 MB of cached pages, and all are for the same cores."""

_WAIT_SECONDS_MAX = 30.0
"""How long somebody waits for one of them."""

_WRITERS = 2
"""Threads that write to PostgreSQL: the ledger's commits do not wait for the ends of searches."""

_POSTGRESQL = "postgresql+psycopg"
_CONNECT = {
    "connect_args": {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
}
"""A server that goes silent, without a word that it goes, is noticed within about ten seconds."""

_SINGLES: dict[str, Any] = {
    "pool_size": 12,
    "max_overflow": 0,
    "isolation_level": "AUTOCOMMIT",
    "pool_reset_on_return": None,
    "skip_autocommit_rollback": True,
}
"""Connections for single statements, each its own transaction: nothing to begin, to end or to take back.

One that is lost shows by itself, without a ping."""

_SQLITE_SINGLES = _SINGLES | {"pool_size": 3}

_READS = {"isolation_level": "REPEATABLE READ"}  # as SQLite does by itself
_WRITES = {"leadgen_writes": True}

P = ParamSpec("P")
T = TypeVar("T")


def parse_url(text: str) -> URL:
    """The URL of a database leadgen can use; raises InvalidSetting."""
    expected = "sqlite:///path/to/file.db or postgresql://user:password@host/database"
    try:
        url = make_url(text)
    except (SQLAlchemyError, ValueError):
        raise InvalidSetting(SETTING, "(not a URL)", expected) from None
    if url.drivername not in {"sqlite", "postgresql"} or not url.database or url.database == ":memory:":
        raise InvalidSetting(SETTING, url.render_as_string(hide_password=True), expected)
    return url


def _existing_file(url: URL) -> URL:
    """A SQLite file that is there: only ``schema.upgrade`` makes one, with tables."""
    return url.set(database=f"file:{quote(str(url.database))}", query={"mode": "rw", "uri": "true"})


class Database:
    """A pool of connections to one database; its errors are ServiceUnavailable."""

    def __init__(self, text: str) -> None:
        url = parse_url(text)
        self.address = url.render_as_string(hide_password=True)
        self.is_sqlite = url.drivername == "sqlite"
        self._file = str(url.database) if self.is_sqlite else None
        plain_url = _existing_file(url) if self.is_sqlite else url.set(drivername=_POSTGRESQL)
        async_url = plain_url.set(drivername="sqlite+aiosqlite") if self.is_sqlite else plain_url
        options: dict[str, Any] = {"hide_parameters": True, **({} if self.is_sqlite else _CONNECT)}
        ping = {"pool_pre_ping": not self.is_sqlite}
        pool = _SQLITE_POOL if self.is_sqlite else _POOL
        self._engine = create_async_engine(async_url, **options, **pool, **ping)
        plain = create_engine(plain_url, execution_options=_WRITES, **options, **ping)
        singles = _SQLITE_SINGLES if self.is_sqlite else _SINGLES
        self._singles = create_async_engine(async_url, **options, **singles)
        if self.is_sqlite:
            for engine in (self._engine.sync_engine, plain):
                event.listen(engine, "connect", _prepare_sqlite)
                event.listen(engine, "begin", _begin_sqlite)
            event.listen(self._singles.sync_engine, "connect", _prepare_sqlite)
        self._threads = WriterThreads(plain, 1 if self.is_sqlite else _WRITERS)
        self._reader = self._engine.execution_options(**({} if self.is_sqlite else _READS))
        self._writer = self._engine.execution_options(**_WRITES)
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()
        self._places = asyncio.Semaphore(pool["pool_size"])
        self._single_places = asyncio.Semaphore(singles["pool_size"])

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one state of the database."""
        async with self._translated(), self._place(self._places), self._reader.begin() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose changes are durable when the block ends, and gone when it raises."""
        async with (
            self._translated(),
            self._my_turn(),
            self._place(self._places),
            self._writer.begin() as connection,
        ):
            yield connection

    async def look(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[RowMapping]:
        """The rows of one statement that reads: a fraction of what a ``read`` of one statement costs."""
        return await self._alone(statement, parameters)

    async def put(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[RowMapping]:
        """The rows that one statement returns, whose changes are durable then.

        It must bear being carried out twice: where its connection is lost, it is sent again.
        """
        if not self.is_sqlite:
            return await self._alone(statement, parameters)
        async with self.write() as connection:
            return await _rows(connection, statement, parameters)

    async def _alone(
        self, statement: Executable, parameters: Mapping[str, Any] | None
    ) -> Sequence[RowMapping]:
        async with self._translated(), self._place(self._single_places):
            try:
                async with self._singles.connect() as connection:
                    return await _rows(connection, statement, parameters)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            async with self._singles.connect() as connection:  # the pool has let go of all that it had
                return await _rows(connection, statement, parameters)

    async def transact(self, work: Work[T]) -> T:
        """What the work gives, once it is durable; it may await nothing but its connection.

        For many rows at a time: see ``writer_threads``.
        """
        async with self._translated(), self._my_turn():
            return await self._threads.run(work)

    def insert(self, table: Table) -> Any:
        """An insert that can tell what is to happen to rows whose keys are there."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def insert_or_skip(self, table: Table, *keys: str) -> Any:
        """An insert that passes over rows whose keys are there."""
        return self.insert(table).on_conflict_do_nothing(index_elements=list(keys))

    def insert_or_replace(self, table: Table, *keys: str) -> Any:
        """An insert that replaces all columns of rows whose keys are there."""
        insert = self.insert(table)
        others = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
        return insert.on_conflict_do_update(index_elements=list(keys), set_=others)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives; it goes on to its end though its caller is cancelled."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        task.add_done_callback(heard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Closes all connections, once everything that was to be finished is."""
        while self._unfinished:
            await asyncio.wait(self._unfinished)
        await self._threads.close()
        await self._singles.dispose()
        await self._engine.dispose()

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        """SQLite has one writer, for which its clients wait by napping: those of a process wait here."""
        if not self.is_sqlite:
            yield
            return
        async with self._turn:
            yield

    @asynccontextmanager
    async def _place(self, places: asyncio.Semaphore) -> AsyncIterator[None]:
        """Who waits for a connection gets one in turn: the pool by itself gives it to whoever comes along."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS_MAX):
                await places.acquire()
        except TimeoutError as error:
            raise ServiceUnavailable("the database", self.address, "all connections are busy") from error
        try:
            yield
        finally:
            places.release()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except (DBAPIError, OSError, NoConnectionFree) as error:
            if not _is_outage(error):
                raise
            raise ServiceUnavailable("the database", self.address, self._remedy(error)) from error

    def _remedy(self, error: Exception) -> str:
        if self._file and not Path(self._file).exists():
            return (
                "there is none: go to the folder where leadgen was started,"
                " or make one with `leadgen db upgrade`"
            )
        return remedy(error)


DatabaseClock = Callable[[AsyncConnection, Database], Awaitable[int]]
"""Reads the time in microseconds."""


class _OnDatabase(Protocol):
    """Something that writes to its database."""

    _database: Database


Writer = TypeVar("Writer", bound=_OnDatabase)


def uninterrupted(
    write: Callable[Concatenate[Writer, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Writer, P], Coroutine[Any, Any, T]]:
    """A method whose writing is never cut short: SQLite's file would stay locked.

    Who stops waiting for it leaves it to finish; an error reaches whoever still waits.
    """

    @functools.wraps(write)
    async def started(self: Writer, /, *arguments: P.args, **named: P.kwargs) -> T:
        return await self._database.finish(write(self, *arguments, **named))

    return started


async def _rows(
    connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any] | None
) -> Sequence[RowMapping]:
    result = await connection.execute(statement, parameters)
    return result.mappings().all() if result.returns_rows else ()


async def now_micros(conn: AsyncConnection, database: Database) -> int:
    """The database's clock, in microseconds; with SQLite that of this machine, which its processes share."""
    if database.is_sqlite:
        return time.time_ns() // 1_000
    clock = func.extract("epoch", func.clock_timestamp()) * 1_000_000
    return int((await conn.execute(select(cast(clock, BigInteger)))).scalar_one())


def _is_outage(error: Exception) -> bool:
    """Whether the database as such is at fault; a plain DatabaseError is a file that is no database."""
    outages = OperationalError | ProgrammingError | OSError | NoConnectionFree
    return isinstance(error, outages) or type(error) is DatabaseError


def remedy(error: Exception) -> str:
    """What to do about an error of the database's."""
    text = str(error).lower()
    if "file is not a database" in text:
        return f"this file holds something else, set {SETTING}"
    if "no such table" in text or ("does not exist" in text and "relation" in text):
        return "its tables are missing, run `leadgen db upgrade`"
    if "disk is full" in text or "disk i/o error" in text or "no space left" in text:
        return "its disk is full or broken, make room"
    if "readonly database" in text or "unable to open database file" in text:
        return f"its file is missing, or it and its folder cannot be written, change that, or set {SETTING}"
    return f"start it, or set {SETTING}"


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None  # transactions are begun below, and nowhere else
    cursor = dbapi_connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("leadgen_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
