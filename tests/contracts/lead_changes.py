"""What every `ILeadRepository` must do with a single lead: find, change and forget it.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from dataclasses import replace

import pytest

from leadgen.application.ports.lead_repository import LeadFilter, LeadLine
from leadgen.domain.errors import NotPossible
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lead import FROM_FILE, EndState
from leadgen.domain.provider import Charges, Hit
from tests.builders import ACCOUNT, NOW, us_phone
from tests.contracts.lookup_ledger import HIT, LATER, about, value
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads, ended, found, person


async def line_of(stores: Stores, lead_id: str = "lead-000") -> LeadLine:
    """This lead, which must be there."""
    line = await stores.leads.get(ACCOUNT, lead_id)
    assert line is not None
    return line


class LeadChangesContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 4)
        return stores

    # find and filter

    async def test_find(self, stores: Stores) -> None:
        """A person is found by what makes two rows one, in the own account."""
        same = replace(person(2), first_name="Somebody", email="PERSON2@lovelace.example")
        assert await stores.leads.find(ACCOUNT, same) == await line_of(stores, "lead-002")
        assert await stores.leads.find(OTHER_ACCOUNT, same) is None
        assert await stores.leads.find(ACCOUNT, person(9)) is None

    async def test_filter(self, stores: Stores) -> None:
        """Pages show the leads of some end states, the new ones, or that of an e-mail address."""
        await stores.leads.conclude(ACCOUNT, found("lead-001", us_phone(1)))
        await stores.leads.conclude(ACCOUNT, ended("lead-002", EndState.NOT_FOUND))
        for statuses, email, numbers in (
            ({EndState.FOUND}, None, [1]),
            ({EndState.NOT_FOUND, EndState.FOUND}, None, [1, 2]),
            ({None}, None, [0, 3]),
            ({None, EndState.FOUND}, None, [0, 1, 3]),
            (set(), "person3@lovelace.example", [3]),
            ({EndState.FOUND}, "person3@lovelace.example", []),
            (set(), None, [0, 1, 2, 3]),
        ):
            only = LeadFilter(frozenset(statuses), email)
            page = await stores.leads.page(ACCOUNT, after="", limit=10, only=only)
            assert [line.lead.id for line in page] == [f"lead-{number:03}" for number in numbers]

    # replace

    async def test_replace(self, stores: Stores) -> None:
        """The lead has the new profile, and is still the same lead."""
        before, other = await line_of(stores), replace(person(0), job_title="CTO", extra={"a": "b"})
        assert await stores.leads.replace(ACCOUNT, before, other, None)
        after = await line_of(stores)
        assert (after.lead.id, after.lead.profile) == ("lead-000", other)
        assert after.version != before.version

    async def test_replace_what_has_changed(self, stores: Stores) -> None:
        """Who has seen another state of the lead, or another account's, changes nothing."""
        before = await line_of(stores)
        await stores.leads.conclude(ACCOUNT, ended("lead-000", EndState.NOT_FOUND))
        standing = await line_of(stores)
        assert not await stores.leads.replace(ACCOUNT, before, person(7), None)
        assert not await stores.leads.replace(OTHER_ACCOUNT, standing, person(7), None)
        assert await line_of(stores) == standing

    async def test_replace_at_once(self, open_stores: OpenStores) -> None:
        """Of several who have seen the same state one changes it."""
        first, second = open_stores(), open_stores()
        await add_leads(first, 1)
        before = await line_of(first)
        changes = [replace(person(0), job_title=f"CTO {n}") for n in range(6)]
        done = await asyncio.gather(
            *(each.leads.replace(ACCOUNT, before, change, None)
              for each, change in zip([first, second] * 3, changes, strict=True))
        )  # fmt: skip
        assert sorted(done) == [False] * 5 + [True]
        assert (await line_of(first)).lead.profile == changes[done.index(True)]

    async def test_replace_by_somebody_who_is_there(self, stores: Stores) -> None:
        """No lead becomes another one."""
        before = await line_of(stores)
        with pytest.raises(NotPossible):
            await stores.leads.replace(ACCOUNT, before, person(1), None)
        assert await line_of(stores) == before

    async def test_another_question(self, stores: Stores) -> None:
        """Somebody whose question has become another one counts as not searched; otherwise the end stays."""
        await stores.leads.conclude(ACCOUNT, ended("lead-000", EndState.NOT_FOUND))
        renamed = replace(person(0), linkedin_url="linkedin.example/ada")
        assert await stores.leads.replace(ACCOUNT, await line_of(stores), renamed, None)
        assert (await line_of(stores)).lead.phone_status is EndState.NOT_FOUND
        moved = replace(renamed, company_website="elsewhere.example")
        assert await stores.leads.replace(ACCOUNT, await line_of(stores), moved, None)
        assert (await line_of(stores)).lead.phone_status is None

    async def test_a_number_that_comes_with_it(self, stores: Stores) -> None:
        """Is taken where there is none; one that is there stays."""
        for number in (us_phone(1), us_phone(2)):
            assert await stores.leads.replace(ACCOUNT, await line_of(stores), person(0), number)
        lead = (await line_of(stores)).lead
        assert (lead.phone, lead.phone_provider, lead.phone_status) == (
            us_phone(1),
            FROM_FILE,
            EndState.FOUND,
        )

    # remove

    async def test_remove(self, stores: Stores) -> None:
        """The person is gone from everywhere, and may come again as a new lead."""
        assert await stores.leads.remove(ACCOUNT, await line_of(stores))
        assert await stores.leads.get(ACCOUNT, "lead-000") is None
        assert await stores.leads.many(ACCOUNT, ["lead-000"]) == []
        assert await stores.leads.find(ACCOUNT, person(0)) is None
        assert [line.lead.id for line in await stores.leads.page(ACCOUNT, after="", limit=9)] == [
            "lead-001", "lead-002", "lead-003",
        ]  # fmt: skip
        job = await stores.jobs.add(Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW))
        assert await stores.jobs.plan(job, "carrier") == 3

    async def test_remove_what_has_changed(self, stores: Stores) -> None:
        """Who has seen another state of the lead, or another account's, removes nothing."""
        before = await line_of(stores)
        await stores.leads.conclude(ACCOUNT, ended("lead-000", EndState.NOT_FOUND))
        assert not await stores.leads.remove(ACCOUNT, before)
        assert not await stores.leads.remove(OTHER_ACCOUNT, await line_of(stores))
        assert await stores.leads.get(ACCOUNT, "lead-000") is not None

    async def test_money_stays(self, stores: Stores) -> None:
        """What was paid for the lead stays in the ledger, the number that was found does not."""
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.close(intent.closed(HIT, Charges.REQUEST, LATER), value(intent))
        assert await stores.leads.remove(ACCOUNT, await line_of(stores))
        (left,) = await stores.ledger.of_lead(ACCOUNT, "lead-000")
        assert (left.posted_micros, left.outcome) == (20_000, Hit(None, ""))

    async def test_not_while_it_is_searched(self, stores: Stores) -> None:
        """A lead that is open in a job, or asked about, is not removed before that has ended."""
        job = await stores.jobs.add(Job("job-1", ACCOUNT, JobScope("lead-000"), JobStatus.WAITING, NOW))
        await stores.jobs.plan(job, "carrier")
        await stores.ledger.intend(about(1))
        for lead_id in ("lead-000", "lead-001"):
            with pytest.raises(NotPossible, match="searched"):
                await stores.leads.remove(ACCOUNT, await line_of(stores, lead_id))
        await stores.jobs.end("job-1", JobStatus.STOPPED)
        assert await stores.leads.remove(ACCOUNT, await line_of(stores))

    async def test_nothing_is_found_for_it_any_more(self, stores: Stores) -> None:
        """A search that was slower than the removal gives the lead no number, and no state."""
        assert await stores.leads.remove(ACCOUNT, await line_of(stores))
        await stores.leads.conclude(ACCOUNT, found("lead-000", us_phone(3)))
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(intent.closed(HIT, Charges.REQUEST, LATER), value(intent))
        assert await stores.leads.get(ACCOUNT, "lead-000") is None
        assert await stores.leads.page(ACCOUNT, after="", limit=1) == [await line_of(stores, "lead-001")]
