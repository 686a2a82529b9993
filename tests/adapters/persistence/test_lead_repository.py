from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

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
