"""The schema: upgrading it, and telling whether the tables and the migrations agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from leadgen.adapters.persistence.database import SETTING, parse_url, remedy
from leadgen.adapters.persistence.tables import metadata
from leadgen.domain.errors import NotConfigured, ServiceUnavailable

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_403_515_601
_PATIENCE_SECONDS = 30


def upgrade(database_url: str) -> str:
    """Brings the database to the newest revision, which it returns; a second time changes nothing."""
    with _connected(database_url) as connection:
        try:
            command.upgrade(_config(connection), "head")
        except CommandError:
            raise NotConfigured("the database was made by a newer leadgen: upgrade this one") from None
        connection.commit()
        return str(MigrationContext.configure(connection).get_current_revision())


def differences(database_url: str) -> list[object]:
    """Where the database differs from ``tables.py``; none when the migrations are complete."""
    with _connected(database_url) as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def make_revision(database_url: str, message: str) -> None:
    """Writes a new migration from the differences between the database and ``tables.py``."""
    with _connected(database_url) as connection:
        number = len(list(ScriptDirectory(str(_FOLDER)).walk_revisions())) + 1
        command.revision(_config(connection), message, autogenerate=True, rev_id=f"{number:04}")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def _make_folder(url: URL) -> None:
    try:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        address = url.render_as_string(hide_password=True)
        raise ServiceUnavailable("the database", address, f"{error.strerror}, set {SETTING}") from error


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    """One connection; two processes that upgrade at once do so one after the other."""
    url = parse_url(database_url)
    is_sqlite = url.drivername == "sqlite"
    if is_sqlite:
        _make_folder(url)
    arguments = {"timeout": _PATIENCE_SECONDS} if is_sqlite else {"connect_timeout": 5}
    engine = create_engine(
        url.set(drivername="sqlite" if is_sqlite else "postgresql+psycopg"), connect_args=arguments
    )
    try:
        with engine.connect() as connection:
            if is_sqlite:
                _begin_alone(connection)
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
    except DBAPIError as error:
        address = url.render_as_string(hide_password=True)
        raise ServiceUnavailable("the database", address, remedy(error)) from error
    finally:
        engine.dispose()


@retry(
    retry=retry_if_exception(lambda error: "database is locked" in str(error)),
    stop=stop_after_delay(_PATIENCE_SECONDS),
    wait=wait_random(0.01, 0.1),
    reraise=True,
)
def _begin_alone(connection: Connection) -> None:
    """Begins to write; SQLite does not wait by itself for others who switch a new file to WAL as well."""
    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
