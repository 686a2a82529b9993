import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, inspect, select, text

from leadgen.adapters.persistence import schema
from leadgen.adapters.persistence.tables import limiter_rings, limiters, metadata
from leadgen.domain.errors import InvalidSetting, NotConfigured, ServiceUnavailable

NEWEST = max(
    path.name[:4] for path in (Path(schema.__file__).parent / "migrations" / "versions").glob("0*.py")
)


def tables_of(url: str) -> set[str]:
    """The names of the tables there are, but Alembic's own."""
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def accounts_of(url: str) -> list[str]:
    """The ids of all accounts."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(text("select id from accounts")).scalars())
    finally:
        engine.dispose()


def test_upgrade_an_empty_database(empty_url: str) -> None:
    """Makes every table and the default account, and says at which revision the database is."""
    assert schema.upgrade(empty_url) == NEWEST
    assert tables_of(empty_url) == set(metadata.tables)
    assert accounts_of(empty_url) == ["default"]


def test_upgrade_twice(empty_url: str) -> None:
    """A second time changes nothing."""
    schema.upgrade(empty_url)
    assert schema.upgrade(empty_url) == NEWEST
    assert accounts_of(empty_url) == ["default"]


def test_upgrades_at_once(empty_url: str) -> None:
    """Several processes that start on an empty database upgrade it once, and all go on."""
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(schema.upgrade, [empty_url] * 4)) == [NEWEST] * 4
    assert accounts_of(empty_url) == ["default"]


def test_tables_and_migrations_agree(empty_url: str) -> None:
    """Nothing drifts: what the migrations make is what the code describes."""
    schema.upgrade(empty_url)
    assert schema.differences(empty_url) == []


def test_differences_are_seen(empty_url: str) -> None:
    """The check would notice a column, an index or a table that only one side has."""
    schema.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("drop index ix_leads_email"))
        connection.execute(text("alter table jobs add column mood text"))
        connection.execute(text("create table stray (id integer primary key)"))
    engine.dispose()
    assert len(schema.differences(empty_url)) == 3


def test_epochs_of_before_become_moments(empty_url: str) -> None:
    """A board from before 0003 goes on under epochs that no other database has; its old rings are gone."""
    with schema._connected(empty_url) as connection:
        command.upgrade(schema._config(connection), "0002")
        connection.execute(text("insert into limiters values ('orion', 'sql', 7, false, '', 0)"))
        connection.execute(insert(limiter_rings).values(credential="orion:7", ring=b""))
        connection.commit()
    before = time.time_ns() // 1_000_000
    schema.upgrade(empty_url)
    engine = create_engine(empty_url)
    try:
        with engine.connect() as connection:
            row = connection.execute(select(limiters)).mappings().one()
            assert connection.execute(select(limiter_rings)).all() == []
    finally:
        engine.dispose()
    assert (row["credential"], row["mode"]) == ("orion", "sql")
    assert before + 7 <= row["epoch"] <= time.time_ns() // 1_000_000 + 7


def test_no_server(unused_port: int) -> None:
    """Names the address without the password, and the setting."""
    with pytest.raises(ServiceUnavailable) as caught:
        schema.upgrade(f"postgresql://ann:s3cret@127.0.0.1:{unused_port}/leadgen")
    assert "LEADGEN_DATABASE_URL" in str(caught.value)
    assert f"127.0.0.1:{unused_port}" in str(caught.value)
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql://h"]
)
def test_no_database(url: str) -> None:
    """Names the setting, and what it should look like."""
    with pytest.raises(InvalidSetting, match=r"LEADGEN_DATABASE_URL.*sqlite:///"):
        schema.upgrade(url)


def test_no_folder_for_the_file(tmp_path: Path) -> None:
    """A path that leads through a file is told like a server that is not there."""
    (tmp_path / "plain").touch()
    with pytest.raises(ServiceUnavailable, match="LEADGEN_DATABASE_URL"):
        schema.upgrade(f"sqlite:///{tmp_path / 'plain' / 'leadgen.db'}")


def test_a_file_of_something_else(tmp_path: Path) -> None:
    """A file that is no database is left alone."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    with pytest.raises(ServiceUnavailable, match="LEADGEN_DATABASE_URL"):
        schema.upgrade(f"sqlite:///{path}")
    assert path.read_text().startswith("these are my notes")


def test_a_database_of_a_newer_leadgen(empty_url: str) -> None:
    """A revision that this leadgen does not know is told in one line, and nothing is changed."""
    schema.upgrade(empty_url)
    engine = create_engine(empty_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("update alembic_version set version_num = '9999'"))
        with pytest.raises(NotConfigured, match="newer leadgen"):
            schema.upgrade(empty_url)
    finally:
        engine.dispose()
