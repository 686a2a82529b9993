"""What every `ILeadRepository` must do with a single lead: find, change and forget it, also while searched.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from dataclasses import replace

import pytest

from leadgen.application.ports.lead_repository import Conclusion, LeadFilter, LeadLine
from leadgen.domain.errors import ChangedMeanwhile, NotPossible
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lead import FROM_FILE, EndState
from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Charges, Hit
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT, NOW, us_phone
from tests.contracts.lookup_ledger import HIT, LATER, about, value
from tests.contracts.stores import (
    OTHER_ACCOUNT,
    OpenStores,
    Stores,
    add_leads,
    arrival,
    ended,
    found,
    person,
)


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
        assert not await stores.leads.conclude(ACCOUNT, found("lead-000", us_phone(3)))
        assert await stores.leads.get(ACCOUNT, "lead-000") is None
        assert await stores.leads.page(ACCOUNT, after="", limit=1) == [await line_of(stores, "lead-001")]

    async def test_what_another_lead_was_asked_about_the_person(self, stores: Stores) -> None:
        """The number that was found under a lead which is somebody else by now is forgotten as well."""
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.close(intent.closed(HIT, Charges.REQUEST, LATER), None)
        assert await stores.leads.replace(ACCOUNT, await line_of(stores), person(8), None)
        await stores.leads.merge(ACCOUNT, [arrival(9, about=person(0))])
        assert await stores.leads.remove(ACCOUNT, await line_of(stores, "lead-009"))
        (left,) = await stores.ledger.history(ACCOUNT, [intent.question])
        assert (left.posted_micros, left.outcome) == (20_000, Hit(None, ""))

    async def test_nobody_is_asked_about_it_any_more(self, stores: Stores) -> None:
        """A search that waited for its turn when the lead was removed gets no intent."""
        assert await stores.leads.remove(ACCOUNT, await line_of(stores))
        others = [about(number) for number in (1, 2)]
        *stand, refused = await asyncio.gather(
            *(stores.ledger.intend(each) for each in [*others, about(0)]), return_exceptions=True
        )
        assert stand == others
        assert isinstance(refused, ChangedMeanwhile)
        assert await stores.ledger.get(about(0).key) is None

    async def test_an_answer_that_comes_after_it(self, stores: Stores) -> None:
        """The answer of somebody who had been given up is charged, and its number is nowhere."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(intent.abandoned(LATER), None)
        assert await stores.leads.remove(ACCOUNT, await line_of(stores))
        assert not await stores.ledger.close(intent.closed(HIT, Charges.REQUEST, LATER), value(intent))
        (left,) = await stores.ledger.of_lead(ACCOUNT, "lead-000")
        assert (left.state, left.posted_micros, left.outcome) == (LookupState.SETTLED, 20_000, Hit(None, ""))

    async def test_removed_while_it_is_about_to_be_asked_about(self, open_stores: OpenStores) -> None:
        """Of a removal and an intent at once one is refused, in two processes too."""
        ours, theirs = open_stores(), open_stores()
        for number, lead_id in enumerate(await add_leads(ours, 100)):
            line = await line_of(ours, lead_id)
            removed, intended = await asyncio.gather(
                ours.leads.remove(ACCOUNT, line), theirs.ledger.intend(about(number)), return_exceptions=True
            )
            assert isinstance(removed, NotPossible) != isinstance(intended, ChangedMeanwhile)

    async def test_nobody_is_asked_about_who_it_was(self, stores: Stores) -> None:
        """Once a lead is somebody else, no question about the former one is begun; another lead's is."""
        moved = replace(person(0), email="ada@elsewhere.example")
        assert await stores.leads.replace(ACCOUNT, await line_of(stores), moved, None)
        refused, begun = await asyncio.gather(
            *(stores.ledger.intend(about(number), question_version=0) for number in (0, 1)),
            return_exceptions=True,
        )
        assert isinstance(refused, ChangedMeanwhile)
        assert begun == about(1)
        assert await stores.ledger.intend(about(0), question_version=1) == about(0)

    # while it is searched

    async def test_number_of_another_question(self, stores: Stores) -> None:
        """Is paid for, but not the lead's: whoever it is now has not been asked about."""
        intent, moved = about(0), replace(person(0), email="ada@elsewhere.example")
        await stores.ledger.intend(intent)
        assert await stores.leads.replace(ACCOUNT, await line_of(stores), moved, None)
        assert await stores.ledger.close(intent.closed(HIT, Charges.REQUEST, LATER), value(intent))
        lead = (await line_of(stores)).lead
        assert (lead.phone, lead.phone_status, lead.question_version) == (None, None, 1)

    async def test_end_of_the_search_for_another_question(self, stores: Stores) -> None:
        """Is none of the lead's; that for the question which it has is."""
        moved = replace(person(0), first_name="Augusta")
        await stores.leads.merge(ACCOUNT, [arrival(0, about=moved)])
        before = await line_of(stores)
        for state, phone in ((EndState.NOT_FOUND, None), (EndState.FOUND, us_phone(1))):
            conclusion = Conclusion("lead-000", Verdict(state, phone, "orion"), 0)
            assert not await stores.leads.conclude(ACCOUNT, conclusion)
            assert await line_of(stores) == before
        assert await stores.leads.conclude(
            ACCOUNT, Conclusion("lead-000", Verdict(EndState.NOT_FOUND), before.lead.question_version)
        )
        assert (await line_of(stores)).lead.phone_status is EndState.NOT_FOUND

    async def test_end_in_a_job_of_the_search_for_another_question(self, stores: Stores) -> None:
        """The lead is still open in its job, which nobody is told of; the others have ended."""
        job = await stores.jobs.add(Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW))
        await stores.jobs.plan(job, "carrier")
        moved = replace(person(1), company_website="elsewhere.example")
        assert await stores.leads.replace(ACCOUNT, await line_of(stores, "lead-001"), moved, None)
        before = await line_of(stores, "lead-001")
        ends = [Conclusion(f"lead-00{number}", Verdict(EndState.NOT_FOUND), 0) for number in range(3)]
        assert await stores.jobs.conclude(job, ends) == {"lead-001"}
        assert await stores.jobs.open_leads("job-1", start=0, size=9) == ["lead-001", "lead-003"]
        assert await line_of(stores, "lead-001") == before
        told = await stores.jobs.events("job-1", after=0, limit=9)
        assert [event.lead_id for event in told if event.lead_id] == ["lead-000", "lead-002"]
        assert not await stores.jobs.conclude(job, [Conclusion("lead-001", Verdict(EndState.FAILED))])
