"""Whole transactions in one step."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.persistence.tables import limiter_rings


@pytest.fixture
async def names(database: Database) -> list[str]:
    """What the table holds at first."""
    return await _names(database)


async def test_a_transaction_gives_what_its_work_gives(database: Database, names: list[str]) -> None:
    """What was written is there for everybody once the result is."""
    assert names == []
    assert await database.transact(lambda conn: _add(conn, "a", "b")) == 2
    assert await _names(database) == ["a", "b"]


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    """An error reaches the caller, and the rows that came before it are gone."""

    async def work(conn: AsyncConnection) -> None:
        await _add(conn, "a")
        raise KeyError("b")

    with pytest.raises(KeyError):
        await database.transact(work)
    assert await _names(database) == []


async def test_transactions_wait_for_each_other(database: Database) -> None:
    """Any number of writers of one process gets its turn, in both ways of writing."""

    async def written(name: str) -> None:
        async with database.write() as conn:
            await _add(conn, name)

    both = [database.transact(lambda conn, n=n: _add(conn, f"a{n}")) for n in range(20)]  # type: ignore[misc]  # bound now
    await asyncio.gather(*both, *(written(f"b{n}") for n in range(20)))
    assert len(await _names(database)) == 40


async def test_work_that_waits_is_an_error_with_sqlite(tmp_path: Path) -> None:
    """In its thread there is no event loop: a mistake of ours is told instead of hanging."""
    url = f"sqlite:///{tmp_path / 'leadgen.db'}"
    upgrade(url)
    database = Database(url)

    async def work(conn: AsyncConnection) -> None:
        await _add(conn, "a")
        await asyncio.sleep(0)

    try:
        with pytest.raises(RuntimeError, match="waited for something else"):
            await database.transact(work)
        assert await _names(database) == []
    finally:
        await database.close()


async def _add(conn: AsyncConnection, *names: str) -> int:
    await conn.execute(insert(limiter_rings), [{"credential": name, "ring": b""} for name in names])
    return len(names)


async def _names(database: Database) -> list[str]:
    async with database.read() as conn:
        return sorted((await conn.execute(select(limiter_rings.c.credential))).scalars())
