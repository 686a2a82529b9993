"""The life of a job around its chunks: ordered, planned, ended, mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leadgen.application.end_job import EndJob
from leadgen.application.mend_jobs import Mended, MendJobs
from leadgen.application.order_job import OrderJob
from leadgen.application.plan_job import JobPlan, PlanJob
from leadgen.application.ports.job_runner import RunState
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.budget import Span
from leadgen.domain.errors import ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.job_order import JobOrder
from leadgen.domain.lead import EndState
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict
from tests import builders
from tests.builders import ACCOUNT
from tests.fakes.id_source import CountingIdSource
from tests.fakes.job_runner import RecordingJobRunner
from tests.unit.application.world import World


@pytest.fixture
def runner() -> RecordingJobRunner:
    """A runner that starts nothing."""
    return RecordingJobRunner()


@pytest.fixture
def order(world: World, runner: RecordingJobRunner) -> OrderJob:
    """Ordering over that runner."""
    return OrderJob(
        jobs=world.jobs, leads=world.leads, runner=runner, ids=CountingIdSource(), clock=world.clock
    )


@pytest.fixture
def mend(world: World, runner: RecordingJobRunner) -> MendJobs:
    """Mending over that runner."""
    return MendJobs(jobs=world.jobs, runner=runner, clock=world.clock)


async def job(world: World, job_id: str) -> Job:
    """A job as it is recorded."""
    found = await world.jobs.get(job_id)
    assert found is not None
    return found


def end(world: World) -> EndJob:
    """Ending over the ledger of this process."""
    return EndJob(jobs=world.jobs, ledger=world.here.ledger, clock=world.clock)


def planned(leads: int, *, is_urgent: bool = False) -> JobPlan:
    """The plan of a job of the account, which is a free one."""
    return JobPlan(leads, ACCOUNT, weight=1, is_urgent=is_urgent)


async def conclude(world: World, lead_id: str, state: EndState) -> None:
    """Records how a search ended that a test does not care for."""
    await world.leads.conclude(ACCOUNT, Conclusion(lead_id, Verdict(state)))


# ---------------------------------------------------------------- ordering


async def test_ordered_job_is_recorded_and_started(
    world: World, order: OrderJob, runner: RecordingJobRunner
) -> None:
    """The job waits for its workflow, which has been started."""
    ordered = await order.run(ACCOUNT, JobOrder(JobScope(again=True)))

    assert ordered == Job("id-000001", ACCOUNT, JobScope(again=True), JobStatus.WAITING, world.clock.now())
    assert await job(world, ordered.id) == ordered
    assert runner.started == [ordered.id]


@pytest.mark.parametrize("micros", [None, 0, 50_000])
async def test_job_is_ordered_with_its_budget(world: World, order: OrderJob, micros: int | None) -> None:
    """The budget is there with the job, before anything can be spent; without one there is none."""
    ordered = await order.run(ACCOUNT, JobOrder(budget_micros=micros))

    budgets = await world.budgets.all_of(ACCOUNT, ordered.id)
    assert [(each.span, each.cap_micros) for each in budgets] == (
        [] if micros is None else [(Span.JOB, micros)]
    )


async def test_job_over_one_lead_is_ordered(world: World, order: OrderJob) -> None:
    """A job may cover one lead."""
    await world.add_lead()

    ordered = await order.run(ACCOUNT, JobOrder(JobScope("lead-1")))

    assert (await job(world, ordered.id)).scope == JobScope("lead-1")


async def test_job_over_an_unknown_lead_is_not_recorded(
    world: World, order: OrderJob, runner: RecordingJobRunner
) -> None:
    """A lead that is not there is refused before anything happens."""
    with pytest.raises(UnknownId):
        await order.run(ACCOUNT, JobOrder(JobScope("nobody")))

    assert await world.jobs.unended() == []
    assert runner.started == []


async def test_job_is_not_recorded_while_the_runner_is_down(
    world: World, order: OrderJob, runner: RecordingJobRunner
) -> None:
    """Nobody finds a job later that was refused now."""
    runner.down = True

    with pytest.raises(ServiceUnavailable):
        await order.run(ACCOUNT, JobOrder())

    assert await world.jobs.unended() == []


async def test_job_whose_start_failed_is_started_later(
    world: World, order: OrderJob, mend: MendJobs, runner: RecordingJobRunner
) -> None:
    """A runner that is lost between check and start leaves a job that mending starts."""
    runner.start_fails = True
    await order.run(ACCOUNT, JobOrder())
    runner.start_fails = False

    await world.clock.advance(60.0)

    assert await mend.run() == Mended(started=1, closed=0)
    assert runner.started == ["id-000001"]


async def test_order_over_the_leads_of_another_job(world: World, order: OrderJob) -> None:
    """Of a job of the account; one that is not there, or somebody else's, is an unknown id."""
    await world.add_leads(1)
    await world.add_job("job-1")
    await world.add_account("other")
    scope = JobScope(only=EndState.INCOMPLETE, of_job="job-1")

    assert (await job(world, (await order.run(ACCOUNT, JobOrder(scope))).id)).scope == scope
    with pytest.raises(UnknownId, match="job-1"):
        await order.run("other", JobOrder(scope))
    with pytest.raises(UnknownId, match="nothing"):
        await order.run(ACCOUNT, JobOrder(replace(scope, of_job="nothing")))


# ---------------------------------------------------------------- planning


async def test_plan_covers_all_leads_without_a_number(world: World) -> None:
    """New, incomplete and failed leads are covered; found and not found ones are not."""
    await world.add_leads(5)
    await world.add_lead(6, phone=builders.us_phone())
    states = [EndState.INCOMPLETE, EndState.FAILED, EndState.NOT_FOUND, EndState.NOT_FOUND]
    for number, state in enumerate(states, 1):
        await conclude(world, f"lead-{number}", state)

    plan = await PlanJob(jobs=world.jobs, accounts=world.accounts, clock=world.clock).run(
        ACCOUNT, "job-1", carrier="carrier-1"
    )

    assert plan == planned(3)
    assert await world.jobs.open_leads("job-1", start=0, size=10) == ["lead-1", "lead-2", "lead-5"]
    recorded = await job(world, "job-1")
    assert (recorded.status, recorded.carrier) == (JobStatus.RUNNING, "carrier-1")


async def test_plan_follows_the_scope_of_a_recorded_job(world: World, order: OrderJob) -> None:
    """``again`` adds those for which nothing was found; one lead is one lead."""
    await world.add_leads(3)
    await conclude(world, "lead-2", EndState.NOT_FOUND)
    plan = PlanJob(jobs=world.jobs, accounts=world.accounts, clock=world.clock)
    again = await order.run(ACCOUNT, JobOrder(JobScope(again=True)))
    single = await order.run(ACCOUNT, JobOrder(JobScope("lead-2")))

    assert await plan.run(ACCOUNT, again.id, carrier="c") == planned(3)
    assert await plan.run(ACCOUNT, single.id, carrier="c") == planned(1, is_urgent=True)


async def test_leads_of_a_job_are_fixed_once(world: World) -> None:
    """Planned again, the job has the leads and the carrier that it had."""
    await world.add_leads(2)
    plan = PlanJob(jobs=world.jobs, accounts=world.accounts, clock=world.clock)
    await plan.run(ACCOUNT, "job-1", carrier="carrier-1")
    await world.add_lead(3)

    assert await plan.run(ACCOUNT, "job-1", carrier="carrier-2") == planned(2)
    assert (await job(world, "job-1")).carrier == "carrier-1"


async def test_job_without_leads_is_planned(world: World) -> None:
    """Nothing to do is no error."""
    plan = await PlanJob(jobs=world.jobs, accounts=world.accounts, clock=world.clock).run(
        ACCOUNT, "job-1", carrier="c"
    )

    assert plan == planned(0)


# ---------------------------------------------------------------- ending


async def test_ended_job_reports_what_came_of_it(world: World) -> None:
    """Done means that nothing is open: what no chunk has settled counts as failed."""
    await world.add_leads(3)
    running = await world.add_job()
    await world.jobs.conclude(running, [Conclusion("lead-1", Verdict(EndState.NOT_FOUND))])

    report = await end(world).run("job-1", carrier="carrier")

    assert report.job == replace(running, status=JobStatus.DONE, ended_at=world.clock.now())
    assert (report.leads, report.not_found, report.failed) == (3, 1, 2)
    assert report.settled == report.leads


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.STOPPED])
async def test_job_ends_once(world: World, status: JobStatus) -> None:
    """A job that has ended stays as it is, whoever ends it again."""
    await world.add_leads(1)
    await world.add_job()
    await world.jobs.end("job-1", status)
    first = await world.jobs.report("job-1")
    await world.clock.advance(60.0)

    assert await end(world).run("job-1", carrier="carrier") == first


async def test_unknown_job_cannot_be_ended(world: World) -> None:
    """Ending no job is an error."""
    with pytest.raises(UnknownId):
        await end(world).run("nobody", carrier="carrier")


# ---------------------------------------------------------------- mending


async def test_young_job_is_left_alone(
    world: World, order: OrderJob, mend: MendJobs, runner: RecordingJobRunner
) -> None:
    """A job of this moment may be on its way to being started."""
    ordered = await order.run(ACCOUNT, JobOrder())
    runner.states[ordered.id] = RunState.MISSING

    await world.clock.advance(9.0)
    assert await mend.run() == Mended(0, 0)
    await world.clock.advance(2.0)
    assert await mend.run() == Mended(1, 0)


async def test_job_that_was_never_started_is_started(
    world: World, mend: MendJobs, runner: RecordingJobRunner
) -> None:
    """What a crash left between recording and starting is started, once."""
    await world.add_job()
    await world.clock.advance(60.0)

    assert await mend.run() == Mended(started=1, closed=0)
    assert await mend.run() == Mended(0, 0)
    assert runner.started == ["job-1"]


async def test_job_whose_workflow_has_ended_is_closed(
    world: World, mend: MendJobs, runner: RecordingJobRunner
) -> None:
    """A terminated workflow leaves a job that is stopped, whose open leads are incomplete."""
    await world.add_leads(2)
    await world.add_job()
    runner.states["job-1"] = RunState.ENDED
    await world.clock.advance(60.0)

    assert await mend.run() == Mended(started=0, closed=1)

    report = await world.jobs.report("job-1")
    assert report is not None
    assert (report.job.status, report.incomplete) == (JobStatus.STOPPED, 2)
    assert await mend.run() == Mended(0, 0)


class Resuming(RecordingJobRunner):
    """A runner whose workflow ends for want of money, and whose job is resumed, while its state is told."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def state(self, job: Job) -> RunState:
        await self._world.jobs.end(job.id, JobStatus.DONE)
        assert await self._world.jobs.reopen(job.id, carrier="second", budget_micros=None)
        return RunState.ENDED


async def test_job_that_is_resumed_meanwhile_is_left_alone(world: World) -> None:
    """The end of a workflow is no end of the job when another one carries it by then."""
    await world.add_leads(1)
    running = await world.add_job()
    refusal = Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB)
    verdict = Verdict(EndState.INCOMPLETE, unasked=(refusal,))
    await world.jobs.conclude(running, [Conclusion("lead-1", verdict)])
    await world.clock.advance(60.0)

    mend = MendJobs(jobs=world.jobs, runner=Resuming(world), clock=world.clock)
    assert await mend.run() == Mended(0, 0)

    standing = await job(world, "job-1")
    assert (standing.status, standing.carrier) == (JobStatus.RUNNING, "second")


async def test_running_job_is_left_alone(world: World, mend: MendJobs, runner: RecordingJobRunner) -> None:
    """What is carried needs no mending, however old it is."""
    await world.add_job()
    runner.states["job-1"] = RunState.RUNNING
    await world.clock.advance(86_400.0)

    assert await mend.run() == Mended(0, 0)
    assert (await job(world, "job-1")).status is JobStatus.RUNNING


async def test_jobs_are_mended_each_as_it_needs(
    world: World, mend: MendJobs, runner: RecordingJobRunner
) -> None:
    """One pass starts what is missing and closes what has ended."""
    for number, state in enumerate((RunState.MISSING, RunState.ENDED, RunState.RUNNING, RunState.MISSING)):
        await world.add_job(f"job-{number}")
        runner.states[f"job-{number}"] = state
    await world.clock.advance(60.0)

    assert await mend.run() == Mended(started=2, closed=1)
    assert runner.started == ["job-0", "job-3"]


async def test_mending_waits_for_the_runner(world: World, mend: MendJobs, runner: RecordingJobRunner) -> None:
    """A runner that does not answer is no proof that a job has ended."""
    await world.add_job()
    await world.clock.advance(60.0)
    runner.down = True

    with pytest.raises(ServiceUnavailable):
        await mend.run()

    assert (await job(world, "job-1")).status is JobStatus.RUNNING
