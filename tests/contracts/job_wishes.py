"""What every `IJobRepository` must keep of wishes: a job runs, pauses and ends as it was told last.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.budget import Span
from leadgen.domain.job import Job, JobReport, JobScope, JobStatus, Wanted
from leadgen.domain.lead import EndState
from leadgen.domain.selection import OURSELVES, Refusal
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT, NOW, us_phone
from tests.contracts.stores import OpenStores, Stores, add_leads, ended, found

ALL = 10_000
WAITING = Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW)
OVER_BUDGET = Verdict(
    EndState.INCOMPLETE,
    unasked=(Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB),),
)


class JobWishesContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    async def test_pause_and_run(self, stores: Stores) -> None:
        """A paused job says so, and since when; told to run, it is as it was, and knows since when."""
        running, ids = await _running(stores)
        await stores.clock.advance(60)
        paused_at = stores.clock.now()
        paused = await stores.jobs.want(running.id, Wanted.PAUSE)
        assert paused == replace(running, status=JobStatus.PAUSED, wanted=Wanted.PAUSE, wanted_at=paused_at)
        assert paused == await stores.jobs.get(running.id) == (await _report(stores)).job
        await stores.clock.advance(60)
        resumed = await stores.jobs.want(running.id, Wanted.RUN)
        assert resumed == replace(running, wanted_at=stores.clock.now(), idle_seconds=60.0)
        assert await stores.jobs.open_leads(running.id, start=0, size=ALL) == ids

    async def test_same_wish_again(self, stores: Stores) -> None:
        """Changes nothing, also not since when it holds."""
        running, _ = await _running(stores)
        assert await stores.jobs.want(running.id, Wanted.RUN) == running
        for wanted in (Wanted.PAUSE, Wanted.RUN, Wanted.CANCEL):
            first = await stores.jobs.want(running.id, wanted)
            await stores.clock.advance(60)
            assert await stores.jobs.want(running.id, wanted) == first

    async def test_cancel_is_for_good(self, stores: Stores) -> None:
        """A job that is to be cancelled neither pauses nor runs, and its budget stays."""
        running, _ = await _running(stores)
        await stores.jobs.want(running.id, Wanted.PAUSE)
        cancelling = await stores.jobs.want(running.id, Wanted.CANCEL)
        assert cancelling is not None
        assert (cancelling.status, cancelling.wanted) == (JobStatus.RUNNING, Wanted.CANCEL)
        for wanted in (Wanted.PAUSE, Wanted.RUN):
            assert await stores.jobs.want(running.id, wanted, budget_micros=5) == cancelling
        assert await stores.budgets.all_of(ACCOUNT, running.id) == []

    @pytest.mark.parametrize("wanted", Wanted)
    @pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.STOPPED])
    async def test_wish_after_the_end(self, stores: Stores, status: JobStatus, wanted: Wanted) -> None:
        """A job that has ended stays as it is, its budget too."""
        running, _ = await _running(stores)
        await stores.jobs.end(running.id, status)
        before = await _report(stores)
        assert await stores.jobs.want(running.id, wanted, budget_micros=5) == before.job
        assert await _report(stores) == before

    async def test_unknown_job(self, stores: Stores) -> None:
        """There is nothing to want of it."""
        assert await stores.jobs.want("nothing", Wanted.PAUSE, budget_micros=5) is None
        assert await stores.budgets.all_of(ACCOUNT, "nothing") == []

    async def test_run_with_a_budget(self, stores: Stores) -> None:
        """The budget comes with the wish; a wish without one leaves it as it is."""
        running, _ = await _running(stores)
        for wanted, given, cap in (
            (Wanted.PAUSE, None, None),
            (Wanted.RUN, 50_000, 50_000),
            (Wanted.PAUSE, None, 50_000),
            (Wanted.RUN, None, 50_000),
        ):
            await stores.jobs.want(running.id, wanted, budget_micros=given)
            budget = (await _report(stores)).budget
            assert (budget.cap_micros if budget else None) == cap

    async def test_paused_before_it_is_planned(self, stores: Stores) -> None:
        """Is planned all the same, and stays paused; it is one of those that have not ended."""
        ids = await add_leads(stores, 3)
        await stores.jobs.add(WAITING)
        await stores.jobs.want(WAITING.id, Wanted.PAUSE)
        assert await stores.jobs.plan(WAITING, "carrier") == 3
        (paused,) = await stores.jobs.unended()
        assert (paused.status, paused.carrier) == (JobStatus.PAUSED, "carrier")
        resumed = await stores.jobs.want(WAITING.id, Wanted.RUN)
        assert resumed is not None
        assert resumed.status is JobStatus.RUNNING
        assert sorted(await stores.jobs.open_leads(WAITING.id, start=0, size=ALL)) == ids

    @pytest.mark.parametrize("end", [JobStatus.DONE, JobStatus.STOPPED])
    async def test_end_of_a_cancelled_job(self, stores: Stores, end: JobStatus) -> None:
        """It is cancelled, however it ends, and stays so; leads still open in it are incomplete there."""
        running, ids = await _running(stores)
        over = [Conclusion(ids[0], OVER_BUDGET), ended(ids[1], EndState.NOT_FOUND)]
        await stores.jobs.conclude(running, over)
        await stores.jobs.want(running.id, Wanted.CANCEL)
        await stores.clock.advance(60)
        await stores.jobs.end(running.id, end)
        report = await _report(stores)
        assert (report.job.status, report.job.ended_at) == (JobStatus.CANCELLED, stores.clock.now())
        assert (report.not_found, report.incomplete, report.failed) == (1, 2, 0)
        assert await stores.jobs.unended() == []
        assert not await stores.jobs.reopen(running.id, carrier="second", budget_micros=None)
        for wanted in Wanted:
            assert await stores.jobs.want(running.id, wanted) == report.job

    async def test_end_of_a_paused_job(self, stores: Stores) -> None:
        """A job that was paused when nothing was left to do ends like any other."""
        running, ids = await _running(stores)
        await stores.jobs.conclude(running, [ended(each, EndState.NOT_FOUND) for each in ids])
        await stores.jobs.want(running.id, Wanted.PAUSE)
        await stores.jobs.end(running.id, JobStatus.DONE)
        assert (await _report(stores)).job.status is JobStatus.DONE

    async def test_reopen_what_was_paused(self, stores: Stores) -> None:
        """A job that ran out of money while it was to pause runs when it is opened again, and was idle."""
        running, ids = await _running(stores)
        await stores.clock.advance(60)
        await stores.jobs.conclude(running, [Conclusion(each, OVER_BUDGET) for each in ids])
        await stores.jobs.want(running.id, Wanted.PAUSE)
        await stores.jobs.end(running.id, JobStatus.DONE)
        assert (await _report(stores)).job.status is JobStatus.BUDGET_REACHED
        await stores.clock.advance(3_600)
        assert await stores.jobs.reopen(running.id, carrier="second", budget_micros=None)
        reopened = (await _report(stores)).job
        assert (reopened.status, reopened.wanted) == (JobStatus.RUNNING, Wanted.RUN)
        assert (reopened.idle_seconds, reopened.seconds(stores.clock.now())) == (3_600.0, 60.0)

    async def test_end_with_leads_that_could_not_be_searched(self, stores: Stores) -> None:
        """They have failed, and say so; what is known of them otherwise stays."""
        running, ids = await _running(stores)
        await stores.leads.conclude(ACCOUNT, ended(ids[1], EndState.NOT_FOUND))
        await stores.leads.conclude(ACCOUNT, found(ids[2], us_phone(2)))
        await stores.jobs.end(running.id, JobStatus.DONE)
        states = [lead.phone_status for lead in await stores.leads.many(ACCOUNT, ids)]
        assert states == [EndState.FAILED, EndState.NOT_FOUND, EndState.FOUND]
        (reason,) = await stores.leads.unasked(ACCOUNT, ids[0])
        assert (reason.provider, "log" in reason.reason) == (OURSELVES, True)

    async def test_end_of_what_another_carries(self, stores: Stores) -> None:
        """Who ends a job by what was seen of its carrier leaves it alone when another one carries it."""
        running, ids = await _running(stores)
        await stores.jobs.conclude(running, [Conclusion(each, OVER_BUDGET) for each in ids])
        assert await stores.jobs.end(running.id, JobStatus.DONE, carrier=running.carrier)
        assert not await stores.jobs.end(running.id, JobStatus.STOPPED, carrier=running.carrier)
        assert await stores.jobs.reopen(running.id, carrier="second", budget_micros=None)
        before = await _report(stores)
        for carrier in (running.carrier, ""):
            assert not await stores.jobs.end(running.id, JobStatus.STOPPED, carrier=carrier)
        assert await _report(stores) == before
        assert await stores.jobs.end(running.id, JobStatus.STOPPED, carrier=before.job.carrier)
        assert (await _report(stores)).job.status is JobStatus.STOPPED

    async def test_wishes_at_once(self, open_stores: OpenStores) -> None:
        """Of contradicting wishes from two processes one stands, and one to cancel always does."""
        processes = [open_stores(), open_stores()]
        running, _ = await _running(processes[0])
        wishes = [Wanted.PAUSE, Wanted.RUN, Wanted.CANCEL, Wanted.RUN, Wanted.PAUSE, Wanted.CANCEL]
        await asyncio.gather(
            *(processes[n % 2].jobs.want(running.id, wanted) for n, wanted in enumerate(wishes))
        )
        assert (await _report(processes[0])).job.wanted is Wanted.CANCEL

    async def test_cancel_and_end_at_once(self, open_stores: OpenStores) -> None:
        """Either the wish came first and the job is cancelled, or it came too late and the job is done."""
        processes = [open_stores(), open_stores()]
        running, _ = await _running(processes[0])
        told, _ = await asyncio.gather(
            processes[0].jobs.want(running.id, Wanted.CANCEL),
            processes[1].jobs.end(running.id, JobStatus.DONE),
        )
        assert told is not None
        report = await _report(processes[0])
        came_first = told.wanted is Wanted.CANCEL
        assert report.job.status is (JobStatus.CANCELLED if came_first else JobStatus.DONE)
        assert (report.incomplete, report.failed) == ((3, 0) if came_first else (0, 3))


async def _running(stores: Stores) -> tuple[Job, Sequence[str]]:
    """A planned job over three leads."""
    await add_leads(stores, 3)
    await stores.jobs.plan(await stores.jobs.add(WAITING), "carrier")
    running = await stores.jobs.get(WAITING.id)
    assert running is not None
    return running, await stores.jobs.open_leads(running.id, start=0, size=ALL)


async def _report(stores: Stores) -> JobReport:
    report = await stores.jobs.report(WAITING.id)
    assert report is not None
    return report
