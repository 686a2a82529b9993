"""Many rows in one statement: each is looked up by its key, whatever the size of the table."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from leadgen.adapters.persistence.ledger_commit import _IS_OPEN
from leadgen.adapters.persistence.records import Records
from leadgen.adapters.persistence.tables import job_items, leads, lookups

STATEMENTS = {
    "leads": Records(leads, ("id", "phone"), is_sqlite=True).update(
        ["id"], {"phone": "given.phone"}, "leads.account_id = :account"
    ),
    "job_items": Records(job_items, ("job_id", "lead_id", "state"), is_sqlite=True).update(
        ["job_id", "lead_id"], {"state": "given.state"}, "job_items.state IS NULL"
    ),
    "lookups": Records(lookups, ("key", "owner", "state"), is_sqlite=True).update(
        ["key"], {"state": "given.state"}, _IS_OPEN
    ),
}


@pytest.mark.parametrize("table", STATEMENTS)
def test_rows_are_looked_up(migrated_file: Path, table: str) -> None:
    """SQLite goes through the given rows, and finds each in the table by all of its key."""
    with closing(sqlite3.connect(f"file:{migrated_file}?mode=ro", uri=True)) as connection:
        values = {"rows": "[]", "account": "acme"}
        plan = connection.execute(f"EXPLAIN QUERY PLAN {STATEMENTS[table]}", values).fetchall()
    steps = [step for *_, step in plan]
    (search,) = [step for step in steps if step.startswith(f"SEARCH {table} ")]
    assert steps.index("SCAN given") < steps.index(search)
    own = {"leads": "(id=?)", "job_items": "(job_id=? AND lead_id=?)", "lookups": "(key=?)"}
    assert search.endswith(own[table])
