"""What every `IJobRepository` must keep of how a job searches, and of what it reused.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from dataclasses import replace

import pytest

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.phone import LineType, PhoneNumber, WantedLine
from leadgen.domain.provider import Charges, Miss
from leadgen.domain.search_options import SearchOptions, Strategy
from leadgen.domain.waterfall import Find, Reused, Verdict
from tests.builders import ACCOUNT, NOW, lookup, us_phone
from tests.contracts.stores import OpenStores, Stores, add_leads, arrival, found, person

WAITING = Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW)
CHOSEN = SearchOptions(Strategy.HEDGED, 0.3, 0.1, WantedLine.MOBILE, 50_000, fresh=True)
UNWRITABLE = PhoneNumber("\ud800", "US", LineType.MOBILE)
LANDLINE = us_phone(5, line=LineType.LANDLINE)


class JobSearchesContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    @pytest.mark.parametrize("options", [SearchOptions(), CHOSEN], ids=["as usual", "chosen"])
    async def test_options(self, stores: Stores, options: SearchOptions) -> None:
        """Come back as they were chosen."""
        added = await stores.jobs.add(replace(WAITING, options=options))
        assert added.options == options
        assert await stores.jobs.get("job-1") == added

    async def test_reused(self, stores: Stores) -> None:
        """Sums up over all leads, and counts each once however often its end is recorded."""
        job, ids = await _running(stores, 3)
        ends = [
            Conclusion(ids[0], Verdict(EndState.NOT_FOUND, reused=Reused(3, 45_000))),
            Conclusion(ids[1], Verdict(EndState.FOUND, us_phone(1), "orion", reused=Reused(1, 20_000))),
        ]
        await stores.jobs.conclude(job, ends)
        await stores.jobs.conclude(job, ends[:1])
        report = await stores.jobs.report(job.id)
        assert report is not None
        assert report.reused == Reused(4, 65_000)

    async def test_ends_that_come_together(self, stores: Stores) -> None:
        """Each is recorded, though one among them cannot be, which its sender alone is told."""
        job, ids = await _running(stores, 3)
        good = [Conclusion(each, Verdict(EndState.NOT_FOUND)) for each in ids]
        bad = Conclusion("nobody", Verdict(EndState.FOUND, UNWRITABLE, "orion"))
        ends = (good[:1], [bad], good[1:2], good[2:])
        told = await asyncio.gather(
            *(stores.jobs.conclude(job, each) for each in ends), return_exceptions=True
        )
        assert [isinstance(each, Exception) for each in told] == [False, True, False, False]
        report = await stores.jobs.report(job.id)
        assert report is not None
        assert report.not_found == 3

    async def test_second_best(self, stores: Stores) -> None:
        """Stands with its lead, which has no number, until there is one."""
        job, ids = await _running(stores, 1)
        verdict = Verdict(EndState.NOT_FOUND, second_best=Find(LANDLINE, "astra"))
        await stores.jobs.conclude(job, [Conclusion(ids[0], verdict)])
        (lead,) = await stores.leads.many(ACCOUNT, ids)
        assert (lead.phone, lead.phone_status) == (None, EndState.NOT_FOUND)
        assert (lead.second_phone, lead.second_phone_provider) == (LANDLINE, "astra")
        await stores.leads.conclude(ACCOUNT, found(ids[0], us_phone(1)))
        (lead,) = await stores.leads.many(ACCOUNT, ids)
        assert (lead.phone, lead.second_phone, lead.second_phone_provider) == (us_phone(1), None, None)

    async def test_second_best_of_a_person_who_changes(self, stores: Stores) -> None:
        """Stays while the question does; somebody else's number is nobody's second best."""
        job, ids = await _running(stores, 1)
        verdict = Verdict(EndState.NOT_FOUND, second_best=Find(LANDLINE, "astra"))
        await stores.jobs.conclude(job, [Conclusion(ids[0], verdict)])
        await stores.leads.merge(ACCOUNT, [arrival(0, about=replace(person(0), company_name="Babbage & Co"))])
        (lead,) = await stores.leads.many(ACCOUNT, ids)
        assert lead.second_phone == LANDLINE
        await stores.leads.merge(ACCOUNT, [arrival(0, about=replace(person(0), last_name="Byron"))])
        (lead,) = await stores.leads.many(ACCOUNT, ids)
        assert (lead.second_phone, lead.phone_status) == (None, None)

    @pytest.mark.parametrize("phone", [None, us_phone(1)])
    async def test_second_best_of_a_person_who_is_replaced(
        self, stores: Stores, phone: PhoneNumber | None
    ) -> None:
        """Another question, or a number that comes with it, leaves nothing of the former one's."""
        job, ids = await _running(stores, 1)
        verdict = Verdict(EndState.NOT_FOUND, second_best=Find(LANDLINE, "astra"))
        await stores.jobs.conclude(job, [Conclusion(ids[0], verdict)])
        before = await stores.leads.get(ACCOUNT, ids[0])
        assert before is not None
        about = person(0) if phone else replace(person(0), company_website="elsewhere.example")
        assert await stores.leads.replace(ACCOUNT, before, about, phone)
        (lead,) = await stores.leads.many(ACCOUNT, ids)
        assert (lead.phone, lead.second_phone) == (phone, None)

    async def test_why_providers_had_their_place(self, stores: Stores) -> None:
        """A lookup keeps position and reason; the job tells how often, and whether one held for all."""
        job, ids = await _running(stores, 3)
        for number, (position, reason) in enumerate(((1, "priority 1"), (2, "35 hits per $"), (None, ""))):
            intent = lookup(
                about=person(number).question, lead_id=ids[number], job_id=job.id, provider="orion"
            )
            intent = replace(intent, position=position, reason=reason)
            assert await stores.ledger.intend(intent) == intent
            assert await stores.ledger.close(intent.closed(Miss(), Charges.REQUEST, NOW), None)
            standing = await stores.ledger.get(intent.key)
            assert standing is not None
            assert (standing.position, standing.reason) == (position, reason)
        report = await stores.jobs.report(job.id)
        assert report is not None
        spend = report.providers["orion"]
        assert (spend.calls, spend.first_choices, spend.has_one_reason) == (3, 1, False)
        assert spend.reason in {"priority 1", "35 hits per $"}


async def _running(stores: Stores, count: int) -> tuple[Job, list[str]]:
    await add_leads(stores, count)
    await stores.jobs.plan(await stores.jobs.add(WAITING), "carrier")
    job = await stores.jobs.get("job-1")
    assert job is not None
    return job, list(await stores.jobs.open_leads(job.id, start=0, size=100))
