"""Many rows in one statement: each is looked up by its key, whatever the size of the table."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.leads import _HAS_CHANGED, SqlLeadRepository
from leadgen.adapters.persistence.ledger_commit import _IS_OPEN, _IS_WITHOUT
from leadgen.adapters.persistence.records import Records, sized
from leadgen.adapters.persistence.tables import job_items, leads, limiter_members, lookups
from tests.builders import ACCOUNT
from tests.contracts.stores import arrival
from tests.fake_clock import FakeClock

RECORDS = {
    "leads": (leads, ("id", "phone"), {"phone": "given.phone"}, "leads.account_id = :account"),
    "job_items": (
        job_items,
        ("job_id", "lead_id", "state"),
        {"state": "given.state"},
        "job_items.state IS NULL",
    ),
    "lookups": (lookups, ("key", "owner", "state"), {"state": "given.state"}, _IS_OPEN),
}
_IS_AS_ASKED = f"leads.account_id = '{ACCOUNT}' AND leads.deleted_at IS NULL AND NOT {_HAS_CHANGED}"
KEYS = {"leads": ["id"], "job_items": ["job_id", "lead_id"], "lookups": ["key"]}
NUMBERS = [3, 8, 9, 600]


async def add_many_leads(database: Database, count: int) -> Sequence[str]:
    """The ids of so many new leads."""
    arrivals = [arrival(number) for number in range(count)]
    await SqlLeadRepository(database, FakeClock()).merge(ACCOUNT, arrivals)
    return [each.id for each in arrivals]


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A step of PostgreSQL's plan, and all steps below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("table", RECORDS)
def test_rows_are_looked_up(migrated_file: Path, table: str) -> None:
    """SQLite goes through the given rows, and finds each in the table by all of its key."""
    with closing(sqlite3.connect(f"file:{migrated_file}?mode=ro", uri=True)) as connection:
        of, columns, changes, where = RECORDS[table]
        update = Records(of, columns, is_sqlite=True).update(KEYS[table], changes, where)
        named = ("account",) if table == "leads" else ()
        values = [None] * (64 * len(columns) + len(named))
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {sized(update, columns, named, 64)}", values
        ).fetchall()
    steps = [step for *_, step in plan]
    (search,) = [step for step in steps if step.startswith(f"SEARCH {table} ")]
    assert steps.index("SCAN given") < steps.index(search)
    own = {"leads": "(id=?)", "job_items": "(job_id=? AND lead_id=?)", "lookups": "(key=?)"}
    assert search.endswith(own[table])


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("where", [_IS_WITHOUT, _IS_AS_ASKED])
async def test_rows_are_looked_up_in_postgresql(copied_template: str, where: str, *, analyzed: bool) -> None:
    """No part of the statement takes up more rows than are given, whatever is known of a table of many."""
    database = Database(copied_template)
    ids = await add_many_leads(database, 1_000)
    columns = ("id", "account_id", "question_version", "phone")
    records = Records(leads, columns, is_sqlite=False)
    update = records.update(["id"], {"phone": "given.phone"}, where)
    given = records.given([[each, ACCOUNT, 0, None] for each in ids[:50]])
    async with database.write() as conn:
        if analyzed:
            await conn.execute(text("ANALYZE leads"))
        explained = (await conn.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {update}"), given)).scalar_one()
        await conn.execute(delete(leads))
    await database.close()
    taken = [node["Actual Rows"] * node["Actual Loops"] for node in nodes(explained[0]["Plan"])]
    assert max(taken) == 50


@pytest.mark.parametrize("number", NUMBERS)
async def test_any_number_of_rows(database: Database, number: int) -> None:
    """What is not given is not written, however many rows a statement has room for."""
    columns = ("owner", "until_micros")
    records = Records(limiter_members, columns, is_sqlite=database.is_sqlite)
    rows = [[f"owner {place}", place] for place in range(number)]
    async with database.write() as conn:
        assert await records.count(conn, records.insert_or_skip("owner"), rows) == number
        assert await records.count(conn, records.insert_or_skip("owner"), rows) == 0
        more = records.update(["owner"], {"until_micros": "given.until_micros + :more"})
        assert await records.count(conn, more, rows, more=1) == number
        told = await records.tell(
            conn, records.find(["owner"], "limiter_members.until_micros > :n"), rows, n=number - 1
        )
    assert told == [f"owner {number - 1}"]
