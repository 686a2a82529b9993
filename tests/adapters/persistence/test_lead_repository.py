import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from leadgen.adapters.persistence.lead_merge import same_people
from leadgen.domain.lead import Profile
from tests.builders import ACCOUNT
from tests.contracts.lead_repository import LeadRepositoryContract
from tests.contracts.stores import OpenStores, arrival, person


class TestSqlLeadRepository(LeadRepositoryContract):
    """On SQLite and on PostgreSQL."""


async def test_a_batch_is_recorded_wholly_or_not_at_all(open_stores: OpenStores) -> None:
    """Where one of a batch cannot be recorded, nobody is, and the next batch finds a clean table."""
    stores = open_stores()
    nobody = Profile(job_title="of whom nothing else is known")
    with pytest.raises(IntegrityError):
        await stores.leads.merge(ACCOUNT, [arrival(1), arrival(2, about=nobody), arrival(3)])
    assert await stores.leads.page(ACCOUNT, after="", limit=10) == []
    assert await stores.leads.merge(ACCOUNT, [arrival(1)]) == 1


async def test_an_identity_of_any_length(open_stores: OpenStores) -> None:
    """A name as long as a cell may be identifies a person like any other, though no index takes so much."""
    stores = open_stores()
    name = "".join(chr(0x4E00 + 7 * place % 20_000) for place in range(9_000))
    about = replace(person(1), email="", last_name=name)
    assert await stores.leads.merge(ACCOUNT, [arrival(1, about=about)]) == 1
    assert await stores.leads.merge(ACCOUNT, [arrival(2, about=about)]) == 0


def test_who_is_there_is_looked_up(migrated_file: Path) -> None:
    """SQLite finds each person of a batch by account and identity, however many an account has."""
    statement = same_people(is_sqlite=True).compile(dialect=sqlite.dialect(paramstyle="named"))
    with closing(sqlite3.connect(f"file:{migrated_file}?mode=ro", uri=True)) as connection:
        values = {"identities": "[]", "account": "acme"}
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    (search,) = [step for *_, step in plan if step.startswith("SEARCH leads ")]
    assert search.endswith("(account_id=? AND identity=?)")
