"""What every `IJobRepository` must do: a job covers the leads it was planned for, and each comes to an end.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.budget import Span
from leadgen.domain.job import NOBODY_ASKED, Asked, Job, JobReport, JobScope, JobStatus, ProviderSpend
from leadgen.domain.lead import EndState
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT, NOW, lookup, us_phone
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads, arrival, ended, found, person

ALL = 10_000


def job(
    number: int = 1,
    *,
    account: str = ACCOUNT,
    scope: JobScope | None = None,
    created_at: datetime = NOW,
) -> Job:
    """The waiting job with this number, for all leads that have no number."""
    return Job(f"job-{number}", account, scope or JobScope(), JobStatus.WAITING, created_at)


class JobRepositoryContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    # add and get

    @pytest.mark.parametrize("again", [False, True])
    async def test_add(self, stores: Stores, *, again: bool) -> None:
        """The job stands there as it was given."""
        await add_leads(stores, 1)
        for number, lead_id in enumerate((None, "lead-000")):
            given = job(number, scope=JobScope(lead_id, again))
            assert await stores.jobs.add(given) == given
            assert await stores.jobs.get(given.id) == given

    async def test_add_twice(self, stores: Stores) -> None:
        """Of a known id the job that stands is given back, and nothing is changed."""
        first = job()
        await stores.jobs.add(first)
        assert await stores.jobs.add(replace(first, scope=JobScope(again=True))) == first
        await stores.jobs.plan(first, "carrier")
        assert (await stores.jobs.add(first)).status is JobStatus.RUNNING

    async def test_get_an_unknown_job(self, stores: Stores) -> None:
        """There is no such job, no report of it, and no lead open in it."""
        assert await stores.jobs.get("nothing") is None
        assert await stores.jobs.report("nothing") is None
        assert await stores.jobs.open_leads("nothing", start=0, size=ALL) == []

    # plan

    async def test_plan(self, stores: Stores) -> None:
        """Sets the job running under its carrier and numbers its leads from 0 without a gap."""
        ids = await add_leads(stores, 25)
        planned = await _added(stores, job())
        assert await stores.jobs.plan(planned, "workflow-7") == 25
        standing = await stores.jobs.get(planned.id)
        assert standing == replace(planned, status=JobStatus.RUNNING, carrier="workflow-7")
        numbered = [await stores.jobs.open_leads(planned.id, start=number, size=1) for number in range(25)]
        assert sorted(lead_id for (lead_id,) in numbered) == ids
        assert await stores.jobs.open_leads(planned.id, start=25, size=ALL) == []

    async def test_plan_twice(self, stores: Stores) -> None:
        """A planned job keeps its leads and its carrier, whatever has come since."""
        await add_leads(stores, 3)
        planned = await _added(stores, job())
        await stores.jobs.plan(planned, "first")
        await stores.leads.merge(ACCOUNT, [arrival(77)])
        assert await stores.jobs.plan(planned, "second") == 3
        standing = await stores.jobs.get(planned.id)
        assert standing is not None
        assert standing.carrier == "first"
        assert len(await stores.jobs.open_leads(planned.id, start=0, size=ALL)) == 3

    async def test_plan_at_once(self, open_stores: OpenStores) -> None:
        """Several processes that plan one job agree on its leads, and one of them carries it."""
        processes = [open_stores(), open_stores()]
        await add_leads(processes[0], 30)
        planned = await _added(processes[0], job())
        counts = await asyncio.gather(
            *(processes[n % 2].jobs.plan(planned, f"carrier-{n}") for n in range(8))
        )
        assert counts == [30] * 8
        open_leads = await processes[0].jobs.open_leads(planned.id, start=0, size=ALL)
        assert len(set(open_leads)) == 30

    async def test_plan_after_the_end(self, stores: Stores) -> None:
        """A job that ended before it was planned covers nobody and stays ended."""
        await add_leads(stores, 3)
        stopped = await _added(stores, job())
        await stores.jobs.end(stopped.id, JobStatus.STOPPED)
        assert await stores.jobs.plan(stopped, "late") == 0
        standing = await stores.jobs.get(stopped.id)
        assert standing is not None
        assert (standing.status, standing.carrier) == (JobStatus.STOPPED, "")

    @pytest.mark.parametrize(
        ("scope", "covered"),
        [
            (JobScope(), [0, 2, 3]),
            (JobScope(again=True), [0, 1, 2, 3]),
            (JobScope("lead-001"), [1]),
            (JobScope("lead-000", again=True), [0]),
        ],
        ids=str,
    )
    async def test_scope(self, stores: Stores, scope: JobScope, covered: Sequence[int]) -> None:
        """All means new, incomplete and failed leads without a number; those not found only again; or one."""
        ids = await add_leads(stores, 5)
        await add_leads(stores, 2, account=OTHER_ACCOUNT)
        await stores.leads.merge(ACCOUNT, [arrival(9, phone=us_phone(9))])
        for number, state in ((1, EndState.NOT_FOUND), (2, EndState.INCOMPLETE), (3, EndState.FAILED)):
            await stores.leads.conclude(ACCOUNT, ended(ids[number], state))
        await stores.leads.conclude(ACCOUNT, found(ids[4], us_phone(4)))
        planned = await _added(stores, job(scope=scope))
        assert await stores.jobs.plan(planned, "carrier") == len(covered)
        assert sorted(await stores.jobs.open_leads(planned.id, start=0, size=ALL)) == [
            ids[number] for number in covered
        ]

    async def test_scope_of_another_account(self, stores: Stores) -> None:
        """A job for one lead does not reach into another account."""
        theirs = (await add_leads(stores, 1, account=OTHER_ACCOUNT))[0]
        planned = await _added(stores, job(scope=JobScope(theirs)))
        assert await stores.jobs.plan(planned, "carrier") == 0

    # open leads and conclusions

    async def test_open_leads(self, stores: Stores) -> None:
        """Are those of the stretch asked for, in order, less those that are settled."""
        planned, ids = await self._running(stores, 10)
        await stores.jobs.conclude(planned, [ended(ids[4], EndState.FAILED), found(ids[6], us_phone(6))])
        assert await stores.jobs.open_leads(planned.id, start=3, size=4) == [ids[3], ids[5]]
        assert await stores.jobs.open_leads(planned.id, start=8, size=4) == ids[8:]
        assert await stores.jobs.open_leads(planned.id, start=0, size=0) == []

    async def test_conclude(self, stores: Stores) -> None:
        """Settles the leads in the job, and records end state, number and refusals in the leads."""
        planned, ids = await self._running(stores, 3)
        refusals = (Refusal("orion", "quota used up", prevents=True),)
        incomplete = Conclusion(ids[1], Verdict(EndState.INCOMPLETE, unasked=refusals))
        await stores.jobs.conclude(planned, [found(ids[0], us_phone(1), "astra"), incomplete])
        leads = {lead.id: lead for lead in await stores.leads.many(ACCOUNT, ids)}
        assert (leads[ids[0]].phone, leads[ids[0]].phone_provider) == (us_phone(1), "astra")
        assert [leads[each].phone_status for each in ids] == [EndState.FOUND, EndState.INCOMPLETE, None]
        assert tuple(await stores.leads.unasked(ACCOUNT, ids[1])) == refusals
        assert await stores.jobs.open_leads(planned.id, start=0, size=ALL) == [ids[2]]

    async def test_conclude_twice(self, stores: Stores) -> None:
        """A conclusion that is recorded again counts once."""
        planned, ids = await self._running(stores, 2)
        for _ in range(2):
            await stores.jobs.conclude(planned, [found(ids[0], us_phone(1))])
        report = await self._report(stores, planned)
        assert (report.found, report.settled) == (1, 1)

    async def test_conclude_nothing(self, stores: Stores) -> None:
        """No conclusions are no error."""
        planned, ids = await self._running(stores, 2)
        await stores.jobs.conclude(planned, [])
        assert await stores.jobs.open_leads(planned.id, start=0, size=ALL) == ids

    async def test_conclude_keeps_a_number(self, stores: Stores) -> None:
        """A lead whose number was recorded by somebody else keeps it."""
        planned, ids = await self._running(stores, 1)
        await stores.leads.conclude(ACCOUNT, found(ids[0], us_phone(1)))
        await stores.jobs.conclude(planned, [ended(ids[0], EndState.NOT_FOUND)])
        (lead,) = await stores.leads.many(ACCOUNT, ids)
        assert (lead.phone, lead.phone_status) == (us_phone(1), EndState.FOUND)

    async def test_conclude_at_once(self, open_stores: OpenStores) -> None:
        """Chunks of a job that are concluded by two processes, in any order, all arrive."""
        processes = [open_stores(), open_stores()]
        planned, ids = await self._running(processes[0], 60)
        chunks = [list(reversed(ids[start : start + 20])) for start in range(0, 60, 10)]
        await asyncio.gather(
            *(
                processes[n % 2].jobs.conclude(planned, [ended(each, EndState.NOT_FOUND) for each in chunk])
                for n, chunk in enumerate(chunks)
            )
        )
        assert (await self._report(processes[0], planned)).not_found == 60

    # end

    @pytest.mark.parametrize(
        ("status", "left"),
        [(JobStatus.DONE, EndState.FAILED), (JobStatus.STOPPED, EndState.INCOMPLETE)],
    )
    async def test_end(self, stores: Stores, status: JobStatus, left: EndState) -> None:
        """Leads still open in a job that is done have failed there, in a stopped one they are incomplete."""
        planned, ids = await self._running(stores, 4)
        await stores.jobs.conclude(planned, [found(ids[0], us_phone(1)), ended(ids[1], EndState.NOT_FOUND)])
        await stores.clock.advance(60)
        await stores.jobs.end(planned.id, status)
        report = await self._report(stores, planned)
        assert (report.job.status, report.job.ended_at) == (status, stores.clock.now())
        assert (report.found, report.not_found, report.settled) == (1, 1, 4)
        assert getattr(report, left) == 2
        assert await stores.jobs.open_leads(planned.id, start=0, size=ALL) == []
        others = await stores.leads.many(ACCOUNT, ids[2:])
        assert {lead.phone_status for lead in others} == {left if left is EndState.FAILED else None}

    @pytest.mark.parametrize("second", [JobStatus.DONE, JobStatus.STOPPED])
    async def test_end_twice(self, stores: Stores, second: JobStatus) -> None:
        """A job that has ended stays as it is."""
        planned, _ = await self._running(stores, 2)
        await stores.jobs.end(planned.id, JobStatus.STOPPED)
        before = await self._report(stores, planned)
        await stores.clock.advance(60)
        await stores.jobs.end(planned.id, second)
        assert await self._report(stores, planned) == before

    async def test_end_of_another_job(self, stores: Stores) -> None:
        """The end of one job is not that of another with the same leads; an unknown one ends nothing."""
        one, ids = await self._running(stores, 2)
        other = await _added(stores, job(2))
        await stores.jobs.plan(other, "carrier")
        await stores.jobs.end(one.id, JobStatus.DONE)
        await stores.jobs.end("nothing", JobStatus.DONE)
        assert sorted(await stores.jobs.open_leads(other.id, start=0, size=ALL)) == ids

    # budgets

    async def test_add_with_a_budget(self, stores: Stores) -> None:
        """Job and budget are there together; without one there is none."""
        await stores.jobs.add(job(1), budget_micros=50_000)
        await stores.jobs.add(job(2))
        (budget,) = await stores.budgets.all_of(ACCOUNT, "job-1")
        assert (budget.span, budget.owner, budget.cap_micros) == (Span.JOB, "job-1", 50_000)
        assert await stores.budgets.all_of(ACCOUNT, "job-2") == []
        assert (await self._report(stores, job(1))).budget == budget
        assert (await self._report(stores, job(2))).budget is None

    async def test_add_twice_with_a_budget(self, stores: Stores) -> None:
        """A job that is there keeps its budget, or its having none."""
        await stores.jobs.add(job(1), budget_micros=50_000)
        await stores.jobs.add(job(1), budget_micros=1)
        await stores.jobs.add(job(1))
        await stores.jobs.add(job(2))
        await stores.jobs.add(job(2), budget_micros=1)
        (budget,) = await stores.budgets.all_of(ACCOUNT, "job-1")
        assert budget.cap_micros == 50_000
        assert await stores.budgets.all_of(ACCOUNT, "job-2") == []

    async def test_report_of_a_budget(self, stores: Stores) -> None:
        """Says what is used and held of it."""
        planned, _ = await self._running(stores, 2)
        await stores.budgets.cap(Span.JOB, planned.id, 100_000)
        await self._buy(stores, replace(_intent(0, "orion"), job_id=planned.id), Miss())
        await self._buy(stores, replace(_intent(1, "orion"), job_id=planned.id), None)
        budget = (await self._report(stores, planned)).budget
        assert budget is not None
        assert (budget.used_micros, budget.held_micros, budget.left_micros) == (20_000, 20_000, 60_000)

    async def test_end_of_a_job_that_ran_out_of_money(self, stores: Stores) -> None:
        """One conclusion for want of money is enough, however the others ended."""
        planned, ids = await self._running(stores, 3)
        await stores.jobs.conclude(planned, [found(ids[0], us_phone(1)), over_budget(ids[1])])
        await stores.jobs.conclude(planned, [ended(ids[2], EndState.NOT_FOUND)])
        await stores.jobs.end(planned.id, JobStatus.DONE)
        report = await self._report(stores, planned)
        assert report.job.status is JobStatus.BUDGET_REACHED
        assert (report.found, report.not_found, report.incomplete, report.failed) == (1, 1, 1, 0)
        (refusal,) = await stores.leads.unasked(ACCOUNT, ids[1])
        assert refusal == Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB)

    async def test_stop_of_a_job_that_ran_out_of_money(self, stores: Stores) -> None:
        """Whoever stops it has stopped it."""
        planned, ids = await self._running(stores, 1)
        await stores.jobs.conclude(planned, [over_budget(ids[0])])
        await stores.jobs.end(planned.id, JobStatus.STOPPED)
        assert (await self._report(stores, planned)).job.status is JobStatus.STOPPED

    async def test_a_number_that_was_found_without_all_is_no_want_of_money(self, stores: Stores) -> None:
        """A lead that was found needs no more money, whoever could not be asked."""
        planned, ids = await self._running(stores, 1)
        refusal = Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB)
        verdict = Verdict(EndState.FOUND, us_phone(1), "astra", (refusal,))
        await stores.jobs.conclude(planned, [Conclusion(ids[0], verdict)])
        await stores.jobs.end(planned.id, JobStatus.DONE)
        assert (await self._report(stores, planned)).job.status is JobStatus.DONE

    async def test_reopen(self, stores: Stores) -> None:
        """The job runs again under another carrier, its incomplete leads are open, and its cap is raised."""
        planned, ids = await self._running(stores, 4)
        await stores.budgets.cap(Span.JOB, planned.id, 20_000)
        await stores.jobs.conclude(
            planned,
            [over_budget(ids[0]), found(ids[1], us_phone(1)), ended(ids[2], EndState.NOT_FOUND)],
        )
        await stores.jobs.end(planned.id, JobStatus.DONE)
        assert await stores.jobs.reopen(planned.id, carrier="second", budget_micros=90_000)
        report = await self._report(stores, planned)
        assert report.job == replace(planned, status=JobStatus.RUNNING, carrier="second")
        assert await stores.jobs.open_leads(planned.id, start=0, size=ALL) == [ids[0]]
        assert (report.found, report.not_found, report.incomplete, report.failed) == (1, 1, 0, 1)
        assert report.budget is not None
        assert report.budget.cap_micros == 90_000
        assert [each.id for each in await stores.jobs.unended()] == [planned.id]

    @pytest.mark.parametrize("more", [None, 40_000])
    async def test_end_after_reopening(self, stores: Stores, more: int | None) -> None:
        """What ran out before is forgotten: done is done, unless money runs out again."""
        planned, ids = await self._running(stores, 2)
        await stores.budgets.cap(Span.JOB, planned.id, 20_000)
        await stores.jobs.conclude(planned, [over_budget(each) for each in ids])
        await stores.jobs.end(planned.id, JobStatus.DONE)
        assert await stores.jobs.reopen(planned.id, carrier="second", budget_micros=more)
        (budget,) = await stores.budgets.all_of(ACCOUNT, planned.id)
        assert budget.cap_micros == (more or 20_000)
        last = over_budget(ids[1]) if more is None else found(ids[1], us_phone(2))
        await stores.jobs.conclude(planned, [found(ids[0], us_phone(1)), last])
        await stores.jobs.end(planned.id, JobStatus.DONE)
        status = JobStatus.BUDGET_REACHED if more is None else JobStatus.DONE
        assert (await self._report(stores, planned)).job.status is status

    @pytest.mark.parametrize("status", [None, JobStatus.DONE, JobStatus.STOPPED])
    async def test_reopen_another_state(self, stores: Stores, status: JobStatus | None) -> None:
        """A job that runs, is done or was stopped stays as it is, its budget too."""
        planned, _ = await self._running(stores, 2)
        if status is not None:
            await stores.jobs.end(planned.id, status)
        before = await self._report(stores, planned)
        assert not await stores.jobs.reopen(planned.id, carrier="second", budget_micros=1)
        assert await self._report(stores, planned) == before
        assert not await stores.jobs.reopen("nothing", carrier="second", budget_micros=1)
        assert await stores.budgets.all_of(ACCOUNT, "nothing") == []

    async def test_reopen_at_once(self, open_stores: OpenStores) -> None:
        """Of several who continue one job one does, and its carrier and budget stand."""
        processes = [open_stores(), open_stores()]
        planned, ids = await self._running(processes[0], 2)
        await processes[0].jobs.conclude(planned, [over_budget(ids[0]), over_budget(ids[1])])
        await processes[0].jobs.end(planned.id, JobStatus.DONE)
        opened = await asyncio.gather(
            *(
                processes[n % 2].jobs.reopen(planned.id, carrier=f"carrier-{n}", budget_micros=1_000 + n)
                for n in range(8)
            )
        )
        assert opened.count(True) == 1
        report = await self._report(processes[0], planned)
        assert report.budget is not None
        assert report.job.carrier == f"carrier-{opened.index(True)}"
        assert report.budget.cap_micros == 1_000 + opened.index(True)

    # reports

    async def test_report_of_a_new_job(self, stores: Stores) -> None:
        """A job that is not planned covers nobody yet."""
        new = await _added(stores, job())
        assert await stores.jobs.report(new.id) == JobReport(new, 0, 0, 0, 0, 0)

    async def test_report_counts(self, stores: Stores) -> None:
        """Each end state is counted, and the rest is open."""
        planned, ids = await self._running(stores, 11)
        ends = [(0, EndState.NOT_FOUND), *[(n, EndState.INCOMPLETE) for n in (1, 2)]]
        ends += [(n, EndState.FAILED) for n in (3, 4, 5)]
        conclusions = [ended(ids[number], state) for number, state in ends]
        conclusions += [found(ids[number], us_phone(number)) for number in (6, 7, 8, 9)]
        await stores.jobs.conclude(planned, conclusions)
        report = await self._report(stores, planned)
        assert (report.not_found, report.incomplete, report.failed, report.found) == (1, 2, 3, 4)
        assert (report.leads, report.settled) == (11, 10)

    async def test_report_of_money(self, stores: Stores) -> None:
        """Per provider: what was sent, how many numbers came, and what was posted and estimated."""
        planned, _ = await self._running(stores, 4)
        ends: Sequence[tuple[int, str, Outcome | None]] = [
            (0, "orion", Hit(us_phone(1), "1")),
            (1, "orion", Hit(None, "no number at all")),
            (2, "orion", Unknown("timed out")),
            (3, "orion", NotSent("no route")),
            (0, "astra", Miss()),
            (1, "astra", Rejected(Fault.BROKEN, "500")),
            (2, "astra", None),
        ]
        for second, (number, provider, outcome) in enumerate(ends):
            intent = _intent(number, provider, created_at=NOW + timedelta(seconds=second))
            await self._buy(stores, replace(intent, job_id=planned.id), outcome)
        await self._buy(stores, _intent(3, "astra"), Miss())
        report = await self._report(stores, planned)
        assert report.providers == {
            "orion": ProviderSpend(3, 1, 60_000),
            "astra": ProviderSpend(2, 0, 20_000),
        }
        assert report.cost_micros == 80_000

    async def test_report_of_times(self, stores: Stores) -> None:
        """Per provider: how long a call took on average, of those of which it is on record."""
        planned, _ = await self._running(stores, 4)
        calls: Sequence[tuple[int, str, Outcome, float | None]] = [
            (0, "orion", Miss(), 4.0),
            (1, "orion", Unknown("timed out"), 10.5),
            (2, "orion", Miss(), None),
            (3, "orion", NotSent("no route"), None),
            (0, "astra", Miss(), None),
        ]
        for number, provider, outcome, took in calls:
            intent = replace(_intent(number, provider), job_id=planned.id)
            await self._buy(stores, intent, outcome, took_seconds=took)
        await self._buy(stores, _intent(3, "astra"), Miss(), took_seconds=99.0)
        providers = (await self._report(stores, planned)).providers
        assert {name: each.took_seconds for name, each in providers.items()} == {"orion": 7.25, "astra": None}

    async def test_asked(self, stores: Stores) -> None:
        """Leads of whom a question of this job left, or may have, each counted once."""
        planned, _ = await self._running(stores, 6)
        calls: Sequence[tuple[int, str, Outcome | None]] = [
            (0, "orion", Miss()),
            (0, "astra", Miss()),
            (1, "orion", Unknown("timed out")),
            (2, "orion", Rejected(Fault.BROKEN, "500")),
            (2, "orion", Miss()),
            (3, "orion", NotSent("no route")),
            (4, "orion", None),
        ]
        for n, (number, provider, outcome) in enumerate(calls):
            await self._buy(
                stores, replace(_intent(number, provider), n=n, key=f"key-{n}", job_id=planned.id), outcome
            )
        await self._buy(stores, _intent(5, "orion"), Miss())
        assert await stores.jobs.asked(planned.id) == Asked(3, {"orion": 3, "astra": 1})
        assert await stores.jobs.asked("nothing") == NOBODY_ASKED

    async def test_latest(self, stores: Stores) -> None:
        """The newest jobs come first, no more than asked for, and none of another account."""
        for number, minutes in ((1, 5), (2, 1), (3, 9), (4, 7)):
            await stores.jobs.add(job(number, created_at=NOW + timedelta(minutes=minutes)))
        await stores.jobs.add(job(5, account=OTHER_ACCOUNT))
        latest = await stores.jobs.latest(ACCOUNT, 3)
        assert [report.job.id for report in latest] == ["job-3", "job-4", "job-1"]
        assert latest[0] == await stores.jobs.report("job-3")
        assert [report.job.id for report in await stores.jobs.latest(OTHER_ACCOUNT, 3)] == ["job-5"]

    async def test_unended(self, stores: Stores) -> None:
        """Waiting and running jobs of all accounts, and none that has ended."""
        jobs = [await _added(stores, job(number)) for number in range(4)]
        jobs.append(await _added(stores, job(4, account=OTHER_ACCOUNT)))
        await stores.jobs.plan(jobs[1], "carrier")
        await stores.jobs.end(jobs[2].id, JobStatus.DONE)
        await stores.jobs.end(jobs[3].id, JobStatus.STOPPED)
        assert sorted(each.id for each in await stores.jobs.unended()) == ["job-0", "job-1", "job-4"]

    async def _running(self, stores: Stores, count: int) -> tuple[Job, Sequence[str]]:
        """A planned job and the ids of its leads in the order of their numbers."""
        await add_leads(stores, count)
        planned = await _added(stores, job())
        await stores.jobs.plan(planned, "carrier")
        return planned, await stores.jobs.open_leads(planned.id, start=0, size=ALL)

    async def _report(self, stores: Stores, of: Job) -> JobReport:
        report = await stores.jobs.report(of.id)
        assert report is not None
        return report

    async def _buy(
        self, stores: Stores, intent: Lookup, outcome: Outcome | None, *, took_seconds: float | None = None
    ) -> None:
        assert await stores.ledger.intend(intent) == intent
        if outcome:
            end = intent.closed(outcome, Charges.REQUEST, NOW, took_seconds=took_seconds)
            assert await stores.ledger.close(end, None)


def _intent(number: int, provider: str, *, created_at: datetime = NOW) -> Lookup:
    """A question about this person, asked outside of any job."""
    question = person(number).question
    return lookup(about=question, lead_id=f"lead-{number:03}", provider=provider, created_at=created_at)


def over_budget(lead_id: str) -> Conclusion:
    """The search for a lead ended for want of money."""
    refusal = Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB)
    return Conclusion(lead_id, Verdict(EndState.INCOMPLETE, unasked=(refusal,)))


async def _added(stores: Stores, new: Job) -> Job:
    return await stores.jobs.add(new)
