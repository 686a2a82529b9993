"""Many new rows: all of them arrive as they are, by whatever way the database takes them."""

import pytest
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.new_rows import NewRows
from leadgen.adapters.persistence.records import moment
from leadgen.adapters.persistence.tables import accounts, limiters
from leadgen.domain.errors import ServiceUnavailable
from tests.builders import NOW


@pytest.mark.parametrize("count", [0, 1, 11, 1_234])
async def test_every_row_is_inserted(database: Database, count: int) -> None:
    """However many there are, times included."""
    at = moment(NOW, is_sqlite=database.is_sqlite)
    rows = NewRows(accounts, ("id", "tier", "created_at"), is_sqlite=database.is_sqlite)
    given = [(f"new-{count}-{number}", "pro", at) for number in range(count)]
    await database.transact(lambda conn: rows.insert(conn, given))
    statement = select(accounts.c.id, accounts.c.created_at).where(accounts.c.id.like(f"new-{count}-%"))
    async with database.read() as conn:
        found = (await conn.execute(statement)).all()
    assert {row.id for row in found} == {f"new-{count}-{number}" for number in range(count)}
    assert len(found) == count
    assert {row.created_at for row in found} <= {NOW}


async def test_values_arrive_as_they_are(database: Database) -> None:
    """What COPY writes with a backslash, such as tabs and line ends, is no other text in the table."""
    odd = "a\tb\nc\\d\\N'\"☕"
    rows = NewRows(
        limiters,
        ("credential", "mode", "epoch", "holder", "holder_until_micros"),
        is_sqlite=database.is_sqlite,
    )
    given = [("odd", "memory", 1, odd, 2), ("empty", "memory", 1, "", 2)]
    await database.transact(lambda conn: rows.insert(conn, given))
    async with database.read() as conn:
        found = (await conn.execute(select(limiters.c.credential, limiters.c.holder))).all()
    assert {row.credential: row.holder for row in found} == {"odd": odd, "empty": ""}


async def test_a_server_that_goes_is_an_outage(copied_template: str) -> None:
    """Where PostgreSQL ends the connection during a COPY, that is told as what it is, and nothing is kept."""
    database = Database(copied_template)
    rows = NewRows(accounts, ("id", "tier", "created_at"), is_sqlite=False)
    given = [("new", "pro", moment(NOW, is_sqlite=False))]

    other = create_engine(make_url(copied_template).set(drivername="postgresql+psycopg"))

    async def lose_it(conn: AsyncConnection) -> None:
        mine = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        with other.begin() as ender:
            ender.execute(text("SELECT pg_terminate_backend(:mine, 5000)"), {"mine": mine})
        await rows.insert(conn, given)

    with pytest.raises(ServiceUnavailable):
        await database.transact(lose_it)
    other.dispose()
    async with database.write() as conn:
        assert (await conn.execute(select(accounts.c.id).where(accounts.c.id == "new"))).all() == []
    await database.close()
