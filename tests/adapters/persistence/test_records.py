"""Many rows in one statement: each is looked up by its key, whatever the size of the table."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger_commit import _IS_OPEN
from leadgen.adapters.persistence.records import Records, sized
from leadgen.adapters.persistence.tables import job_items, leads, limiter_members, lookups

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
KEYS = {"leads": ["id"], "job_items": ["job_id", "lead_id"], "lookups": ["key"]}
NUMBERS = [3, 8, 9, 600]


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
