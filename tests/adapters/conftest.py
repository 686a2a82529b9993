"""Databases: every test finds one with all tables and without leads, on SQLite and on PostgreSQL.

Each kind is migrated once. A SQLite file is copied per test; a PostgreSQL database, whose copy takes a third
of a second, per module, and its rows are deleted after each test.
"""

import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, insert

from leadgen.adapters.persistence import schema
from leadgen.adapters.persistence.accounts import SqlAccountRepository
from leadgen.adapters.persistence.api_keys import SqlApiKeyRepository
from leadgen.adapters.persistence.board import SqlProviderBoard
from leadgen.adapters.persistence.books import SqlLedgerBooks
from leadgen.adapters.persistence.budgets import SqlBudgetRepository
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.idempotency import SqlIdempotencyStore
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.providers import SqlProviderCatalog
from leadgen.adapters.persistence.tables import accounts, metadata
from leadgen.adapters.persistence.tallies import SqlTallyBook
from tests.contracts.stores import ACCOUNTS, DEFAULTS, OpenStores, Stores
from tests.fake_clock import FakeClock
from tests.servers.postgres import PostgresServer

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "leadgen_migrated"
_numbers = count()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and the accounts of the suites; to be copied, not opened."""
    path = tmp_path_factory.mktemp("migrated") / "leadgen.db"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> str:
    """The name of a PostgreSQL database with the same content; to be copied, not connected to."""
    _prepare(postgres.create_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="module")
def copied_template(postgres: PostgresServer, migrated_template: str) -> Iterator[str]:
    """The URL of a PostgreSQL database of this module's own."""
    name = f"leadgen_{next(_numbers)}"
    yield postgres.create_database(name, template=migrated_template)
    postgres.drop_database(name)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database with the accounts of the suites and nothing else."""
    if request.param == "sqlite":
        path = tmp_path / "leadgen.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
    else:
        url: str = request.getfixturevalue("copied_template")
        yield url
        _delete_rows(url)


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables; the SQLite one is not even a file yet, nor is its folder."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'leadgen.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = f"leadgen_{next(_numbers)}"
        yield server.create_database(name)
        server.drop_database(name)


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and on which nobody answers."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """That database, open."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def open_stores(database_url: str) -> AsyncIterator[OpenStores]:
    """The stores of as many processes as are asked for, each with connections of its own."""
    opened: list[Database] = []
    clock = FakeClock()

    def open_more() -> Stores:
        opened.append(Database(database_url))
        return stores_on(opened[-1], clock)

    yield open_more
    for database in opened:
        await database.close()


def stores_on(database: Database, clock: FakeClock) -> Stores:
    """All stores of leadgen on one database."""
    ledger = SqlLookupLedger(database)
    return Stores(
        accounts=SqlAccountRepository(database, clock),
        api_keys=SqlApiKeyRepository(database),
        books=SqlLedgerBooks(database, ledger),
        budgets=SqlBudgetRepository(database),
        catalog=SqlProviderCatalog(database, clock, DEFAULTS),
        idempotency=SqlIdempotencyStore(database),
        jobs=SqlJobRepository(database, clock),
        leads=SqlLeadRepository(database, clock),
        ledger=ledger,
        board=SqlProviderBoard(database),
        tallies=SqlTallyBook(database),
        clock=clock,
    )


def _prepare(url: str) -> None:
    schema.upgrade(url)
    engine = create_engine(url)
    rows = [
        {"id": name, "tier": tier.value, "created_at": datetime.now(UTC)} for name, tier in ACCOUNTS.items()
    ]
    with engine.begin() as connection:
        connection.execute(insert(accounts), rows)
    engine.dispose()


def _delete_rows(url: str) -> None:
    engine = create_engine(url, connect_args={"options": "-c lock_timeout=5s"})
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not accounts:
                connection.execute(delete(table))
    engine.dispose()
