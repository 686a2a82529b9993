import asyncio
import gc
import os
import random
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from sqlalchemy import Executable, func, insert, select, text

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.persistence.tables import accounts, lookups
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.tier import Tier
from tests.adapters.conftest import stores_on
from tests.builders import ACCOUNT, NOW
from tests.contracts.stores import add_leads
from tests.fake_clock import FakeClock

CANCELLATIONS = 40
CONNECTIONS = {"sqlite": 3, "postgresql": 15}
NOTHING = text("select 1")
ROOT = Path(__file__).parents[3]
WRITES = 200
SLOW = text(
    "with recursive n(x) as (select 1 union all select x + 1 from n where x < 10000) select max(x) from n"
)


async def test_a_read_sees_one_state(database: Database, database_url: str) -> None:
    """What others commit between two queries of a read is not seen in it."""
    other = Database(database_url)
    count = select(func.count()).select_from(accounts)
    async with database.read() as conn:
        before = (await conn.execute(count)).scalar_one()
        await _add_account(other, "newcomer")
        assert (await conn.execute(count)).scalar_one() == before
    async with database.read() as conn:
        assert (await conn.execute(count)).scalar_one() == before + 1
    async with database.write() as conn:
        await conn.execute(accounts.delete().where(accounts.c.id == "newcomer"))
    await other.close()


async def test_a_write_that_raises_is_gone(database: Database) -> None:
    """Nothing of a block that ends with an error stays."""
    with pytest.raises(ZeroDivisionError):
        await _add_account(database, "x", error=ZeroDivisionError())
    async with database.read() as conn:
        assert (await conn.execute(select(accounts.c.id).where(accounts.c.id == "x"))).all() == []


async def test_no_tables(empty_url: str) -> None:
    """Names the command that makes them."""
    database = Database(empty_url)
    stores = stores_on(database, FakeClock())
    with pytest.raises(ServiceUnavailable, match="leadgen db upgrade"):
        await stores.jobs.unended()
    with pytest.raises(ServiceUnavailable, match="leadgen db upgrade"):
        await add_leads(stores, 1)
    await database.close()


async def test_no_server(unused_port: int) -> None:
    """Names the address without the password, and the setting, whichever store is asked."""
    database = Database(f"postgresql://ann:s3cret@127.0.0.1:{unused_port}/leadgen")
    stores = stores_on(database, FakeClock())
    for call in (
        stores.accounts.tier(ACCOUNT),
        stores.catalog.configs(),
        stores.jobs.get("x"),
        stores.leads.columns(ACCOUNT),
        stores.ledger.get("x"),
    ):
        with pytest.raises(ServiceUnavailable, match="LEADGEN_DATABASE_URL") as caught:
            await call
        assert f"127.0.0.1:{unused_port}" in str(caught.value)
        assert "s3cret" not in f"{caught.value}{caught.value.__cause__}"
    await database.close()


async def test_a_file_of_something_else(tmp_path: Path) -> None:
    """A file that is no database is told like a server that is not there, and left alone."""
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(ServiceUnavailable, match="LEADGEN_DATABASE_URL"):
        await stores_on(database, FakeClock()).jobs.unended()
    await database.close()
    assert path.read_text().startswith("these are my notes")


def test_no_folder_for_the_file(tmp_path: Path) -> None:
    """A path that leads through a file can hold no database."""
    (tmp_path / "plain").touch()
    with pytest.raises(ServiceUnavailable, match="LEADGEN_DATABASE_URL"):
        upgrade(f"sqlite:///{tmp_path / 'plain' / 'leadgen.db'}")


async def test_many_reads_at_once(database: Database) -> None:
    """More readers than connections wait for their turn."""
    stores = stores_on(database, FakeClock())
    await add_leads(stores, 3)
    pages = await asyncio.gather(*(stores.leads.page(ACCOUNT, after="", limit=9) for _ in range(60)))
    assert [len(page) for page in pages] == [3] * 60


async def test_who_waits_longest_is_next(database: Database) -> None:
    """A connection that comes free is given to whoever waits for one, not to whoever asks at that moment."""
    connections = CONNECTIONS["sqlite" if database.is_sqlite else "postgresql"]
    turns: list[str] = []
    held = [asyncio.Event() for _ in range(connections)]
    released = asyncio.Event()

    async def hold(place: asyncio.Event) -> None:
        async with database.read():
            place.set()
            await released.wait()
        async with database.read():
            turns.append("newcomer")

    async def wait() -> None:
        async with database.read():
            turns.append("waiter")

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for place in held:
            group.create_task(hold(place))
        for place in held:
            await place.wait()
        for _ in range(connections):
            group.create_task(wait())
        await asyncio.sleep(0)  # all of them wait now
        released.set()
    assert turns[0] == "waiter"
    assert turns.index("newcomer") >= connections // 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_ledger_survives_a_power_cut(database: Database) -> None:
    """SQLite waits for the disk at every commit, and readers do not wait for writers."""
    async with database.read() as conn:
        assert (await conn.execute(text("pragma synchronous"))).scalar_one() == 2
        assert (await conn.execute(text("pragma journal_mode"))).scalar_one() == "wal"
        assert (await conn.execute(text("pragma foreign_keys"))).scalar_one() == 1


async def test_two_processes_write_at_once(database: Database, database_url: str) -> None:
    """Two processes that buy two hundred answers each lose none, and none finds the database locked."""
    await add_leads(stores_on(database, FakeClock()), 2 * WRITES)
    writers = [await _start_writer(database_url, first) for first in (0, WRITES)]
    words = await asyncio.gather(*(writer.communicate(b"go\n") for writer in writers))
    assert words == [(b"", b"")] * 2
    async with database.read() as conn:
        states = select(lookups.c.state, func.count(), func.sum(lookups.c.posted_micros)).group_by(
            lookups.c.state
        )
        assert (await conn.execute(states)).all() == [("settled", 2 * WRITES, 2 * WRITES * 20_000)]


class Book:
    """Something that writes, and stays in the middle of it for as long as a test wants."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    @uninterrupted
    async def add(self, name: str, *, statement: Executable = NOTHING, error: Exception | None = None) -> str:
        """The name, once the account is there."""
        async with self._database.write() as conn:
            self.begun.set()
            await self.go_on.wait()
            await conn.execute(statement)
            await conn.execute(insert(accounts).values(id=name, tier=Tier.FREE.value, created_at=NOW))
            if error:
                raise error
        return name


async def test_a_write_outlives_its_caller(database: Database, database_url: str) -> None:
    """Who is cancelled in the middle of a write leaves it to finish; closing the database waits for that."""
    mine = Database(database_url)
    book = Book(mine)
    caller = asyncio.create_task(book.add("x"))
    await book.begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    closing = asyncio.create_task(mine.close())
    await asyncio.sleep(0)
    assert not closing.done()
    book.go_on.set()
    await closing
    async with database.read() as conn:
        assert (await conn.execute(select(accounts.c.id).where(accounts.c.id == "x"))).all() == [("x",)]
    async with database.write() as conn:
        await conn.execute(accounts.delete().where(accounts.c.id == "x"))


async def test_what_a_write_gives_reaches_its_caller(database: Database) -> None:
    """Its result, and its error, as if nothing stood between."""
    book = Book(database)
    book.go_on.set()
    with pytest.raises(ZeroDivisionError):
        await book.add("y", error=ZeroDivisionError())
    assert await book.add("y") == "y"
    async with database.write() as conn:
        await conn.execute(accounts.delete().where(accounts.c.id == "y"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_cancelled_write_keeps_the_lock(database: Database, database_url: str) -> None:
    """At whatever moment its caller is cancelled, others can write soon after."""
    chance, other, book = random.Random(1), Database(database_url), Book(database)
    book.go_on.set()
    for turn in range(CANCELLATIONS):
        calls = [asyncio.create_task(book.add(f"{turn}-{place}", statement=SLOW)) for place in range(3)]
        await asyncio.sleep(chance.uniform(0, 0.012))  # the driver's threads go by real time
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        async with asyncio.timeout(5):
            await _add_account(other, f"{turn}")
    named = select(accounts.c.id).where(accounts.c.id.in_([f"{turn}" for turn in range(CANCELLATIONS)]))
    assert len(await other.look(named)) == CANCELLATIONS
    await other.close()


async def _add_account(database: Database, name: str, *, error: Exception | None = None) -> None:
    async with database.write() as conn:
        await conn.execute(insert(accounts).values(id=name, tier=Tier.FREE.value, created_at=NOW))
        if error:
            raise error


async def _start_writer(url: str, first: int) -> Process:
    """A writer that is ready and waits for a line."""
    script = ("-m", "tests.adapters.persistence.write_lookups", url, str(first), str(WRITES))
    writer = await asyncio.create_subprocess_exec(
        sys.executable, *script, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=PIPE, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"ready\n", await writer.communicate()
    return writer


async def test_an_error_that_nobody_waits_for_is_not_shown(database: Database) -> None:
    """A write goes on though its caller is interrupted; should it fail then, no traceback is printed."""
    shown: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: shown.append(context))
    may_fail = asyncio.Event()

    async def fail() -> None:
        await may_fail.wait()
        raise ServiceUnavailable("the database", "nowhere", "start it")

    waiting = asyncio.create_task(database.finish(fail()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_fail.set()
    await asyncio.sleep(0.01)
    gc.collect()
    assert shown == []
