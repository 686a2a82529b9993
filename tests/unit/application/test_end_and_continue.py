"""The end of a job, once all that it has asked is booked, and its going on with more money."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.application.continue_job import ContinueJob
from leadgen.application.end_job import EndJob
from leadgen.application.ports.job_runner import RunState
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.application.wishes import Wishes
from leadgen.domain.budget import Span
from leadgen.domain.errors import NotPossible, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, JobReport, JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.lookup import LookupState
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT
from tests.fakes.id_source import CountingIdSource
from tests.fakes.job_runner import RecordingJobRunner
from tests.unit.application.world import CONFIGS, World

PRICE = CONFIGS["orion"].price_micros
NO_MONEY = Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB)


@pytest.fixture
def runner() -> RecordingJobRunner:
    """A runner that starts nothing."""
    return RecordingJobRunner()


@pytest.fixture
def resume(world: World, runner: RecordingJobRunner) -> ContinueJob:
    """Continuing over that runner."""
    wishes = Wishes(jobs=world.jobs, runner=runner)
    return ContinueJob(jobs=world.jobs, runner=runner, ids=CountingIdSource(), wishes=wishes)


def end(world: World) -> EndJob:
    """Ending over the ledger of this process."""
    return EndJob(jobs=world.jobs, ledger=world.here.ledger, clock=world.clock)


async def report_of(world: World, job_id: str = "job-1") -> JobReport:
    """What came of a job so far."""
    report = await world.jobs.report(job_id)
    assert report is not None
    return report


async def run_out_of_money(world: World) -> Job:
    """A job of three leads that has ended with two whom its budget did not cover."""
    await world.add_leads(3)
    running = await world.add_job(budget_micros=PRICE)
    broke = Verdict(EndState.INCOMPLETE, unasked=(NO_MONEY,))
    ends = {"lead-1": Verdict(EndState.NOT_FOUND), "lead-2": broke, "lead-3": broke}
    await world.jobs.conclude(running, [Conclusion(lead_id, verdict) for lead_id, verdict in ends.items()])
    return (await end(world).run("job-1", carrier="carrier")).job


# ---------------------------------------------------------------- the end


async def test_end_waits_for_calls_under_way(world: World) -> None:
    """A call that nobody waits for any more belongs to the job: its money is in the report."""
    lead = await world.add_lead()
    await world.add_job()
    world.orion.hold()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead, job_id="job-1")))
    await world.clock.advance(0.2)
    asking.cancel()
    ending = await world.start(end(world).run("job-1", carrier="carrier"))
    await world.clock.advance(3.0)
    assert not ending.done()
    assert (await report_of(world)).job.status is JobStatus.RUNNING

    world.orion.release()
    report = await world.wait_for(ending)

    assert (report.job.status, report.cost_micros) == (JobStatus.DONE, PRICE)
    assert await world.here.ledger.intended("job-1") == []


async def test_end_closes_what_dead_workers_left(world: World) -> None:
    """It waits for their leases, and for owners about to book; it counts what they may have asked."""
    first, second = await world.add_leads(2)
    await world.add_job()
    await world.leave_intent(first, lease=timedelta(seconds=-5), job_id="job-1")
    await world.leave_intent(second, lease=timedelta(seconds=7), job_id="job-1")
    world.estimated_elsewhere_micros = 2 * PRICE
    begun = world.clock.now()

    report = await world.run(end(world).run("job-1", carrier="carrier"))

    assert timedelta(seconds=10) <= world.clock.now() - begun < timedelta(seconds=12)
    assert report.cost_micros == 2 * PRICE
    assert {each.state for each in await world.lookups()} == {LookupState.UNKNOWN}


async def test_end_does_not_wait_for_other_jobs(world: World) -> None:
    """What is under way elsewhere is no matter of this job."""
    lead = await world.add_lead()
    for job_id in ("job-1", "job-2"):
        await world.add_job(job_id)
    await world.leave_intent(lead, lease=timedelta(seconds=60), job_id="job-2")
    await world.leave_intent(lead, "astra", lease=timedelta(seconds=60))
    world.books_are_exact = False  # they stay open
    begun = world.clock.now()

    await world.run(end(world).run("job-1", carrier="carrier"))

    assert world.clock.now() == begun
    assert [each.state for each in await world.lookups()] == [LookupState.INTENDED] * 2


async def test_end_says_that_money_ran_out(world: World) -> None:
    """A job that its budget did not carry to its end has not simply ended."""
    ended = await run_out_of_money(world)

    assert ended.status is JobStatus.BUDGET_REACHED
    report = await world.run(end(world).run("job-1", carrier="carrier"))
    assert (report.job, report.incomplete, report.failed) == (ended, 2, 0)
    assert report.budget is not None
    assert report.budget.cap_micros == PRICE


# ---------------------------------------------------------------- and how it goes on


async def test_continued_job_opens_its_incomplete_leads(
    world: World, resume: ContinueJob, runner: RecordingJobRunner
) -> None:
    """It runs again, under a new carrier and its new budget, for those alone that are incomplete."""
    ended = await run_out_of_money(world)

    continued = (await resume.run(ACCOUNT, "job-1", budget_micros=5 * PRICE)).job

    assert continued.carrier not in {"", ended.carrier}
    running = replace(ended, status=JobStatus.RUNNING, ended_at=None, carrier=continued.carrier)
    assert continued == running == (await report_of(world)).job
    assert await world.jobs.open_leads("job-1", start=0, size=9) == ["lead-2", "lead-3"]
    assert runner.started == ["job-1"]
    budget = (await report_of(world)).budget
    assert budget is not None
    assert budget.cap_micros == 5 * PRICE


async def test_lead_that_was_removed_stays_as_it_ended(world: World, resume: ContinueJob) -> None:
    """Nobody would search it, and at the end it would have failed."""
    await run_out_of_money(world)
    line = await world.leads.get(ACCOUNT, "lead-2")
    assert line is not None
    assert await world.leads.remove(ACCOUNT, line)
    await resume.run(ACCOUNT, "job-1", budget_micros=5 * PRICE)
    assert await world.jobs.open_leads("job-1", start=0, size=9) == ["lead-3"]


async def test_each_continuation_has_a_carrier_of_its_own(world: World, resume: ContinueJob) -> None:
    """What carried it before has ended, and cannot be started again under that name."""
    ended = await run_out_of_money(world)
    first = (await resume.run(ACCOUNT, "job-1", budget_micros=None)).job
    verdict = Verdict(EndState.INCOMPLETE, unasked=(NO_MONEY,))
    await world.jobs.conclude(first, [Conclusion("lead-2", verdict)])
    await world.run(end(world).run("job-1", carrier=first.carrier))

    second = (await resume.run(ACCOUNT, "job-1", budget_micros=None)).job

    assert len({ended.carrier, first.carrier, second.carrier}) == 3


async def test_end_that_is_repeated_after_the_job_was_continued(world: World, resume: ContinueJob) -> None:
    """Whose answer was lost ends nothing more: the job has another carrier, and leads that are open."""
    await run_out_of_money(world)
    running = (await resume.run(ACCOUNT, "job-1", budget_micros=5 * PRICE)).job

    report = await world.run(end(world).run("job-1", carrier="carrier"))

    assert (report.job, report.failed) == (running, 0)
    assert await world.jobs.open_leads("job-1", start=0, size=9) == ["lead-2", "lead-3"]


async def test_continued_by_two_at_once(
    world: World, resume: ContinueJob, runner: RecordingJobRunner
) -> None:
    """One of them opens it again, and both find it running."""
    await run_out_of_money(world)

    one, other = await asyncio.gather(*(resume.run(ACCOUNT, "job-1", budget_micros=None) for _ in range(2)))

    assert one.job == other.job == (await report_of(world)).job
    assert one.job.status is JobStatus.RUNNING
    assert runner.started == ["job-1"]


async def test_continued_job_finishes_with_enough_money(world: World, resume: ContinueJob) -> None:
    """Its leads are searched to their ends, and it is done."""
    await world.add_leads(3)
    await world.add_job(budget_micros=sum(config.price_micros for config in CONFIGS.values()))
    await world.run(world.here.run_chunk.run("job-1", start=0, size=9, progress=lambda _: None))
    assert (
        await world.run(end(world).run("job-1", carrier="carrier"))
    ).job.status is JobStatus.BUDGET_REACHED

    again = (await resume.run(ACCOUNT, "job-1", budget_micros=10 * PRICE)).job
    await world.run(world.here.run_chunk.run("job-1", start=0, size=9, progress=lambda _: None))

    report = await world.run(end(world).run("job-1", carrier=again.carrier))
    assert (report.job.status, report.not_found) == (JobStatus.DONE, 3)
    assert [len(provider.asked) for provider in world.providers.values()] == [3, 3, 3]


async def test_a_job_without_money_does_not_queue(world: World) -> None:
    """One lead finds out at a provider that the budget is used up, and nobody else waits there to be told."""
    for name in ("astra", "nimbus"):
        await world.configure(name, enabled=False)
    await world.configure("orion", limits=Limits((Rule(1, 20_000_000),), concurrency=1))
    await world.add_leads(40)
    await world.add_job(budget_micros=PRICE)
    began = world.clock.monotonic()
    await world.run(world.here.run_chunk.run("job-1", start=0, size=40, progress=lambda _: None))
    assert world.clock.monotonic() - began < 3 * 20.0
    report = await world.run(end(world).run("job-1", carrier="carrier"))
    assert (report.job.status, report.incomplete) == (JobStatus.BUDGET_REACHED, 39)


@pytest.mark.parametrize("status", [None, JobStatus.DONE, JobStatus.STOPPED])
async def test_job_in_another_state_cannot_be_continued(
    world: World, resume: ContinueJob, runner: RecordingJobRunner, status: JobStatus | None
) -> None:
    """The error says which state it is in; nothing is changed."""
    await world.add_leads(1)
    await world.add_job(budget_micros=1)
    if status is not None:
        await world.jobs.end("job-1", status)
    before = await report_of(world)

    with pytest.raises(NotPossible, match=str(status or JobStatus.RUNNING)):
        await resume.run(ACCOUNT, "job-1", budget_micros=5)

    assert await report_of(world) == before
    assert runner.started == []


async def test_job_of_another_account_cannot_be_continued(
    world: World, resume: ContinueJob, runner: RecordingJobRunner
) -> None:
    """It does not even exist there."""
    await run_out_of_money(world)
    await world.add_account("other")

    for account, job_id in (("other", "job-1"), (ACCOUNT, "nothing")):
        with pytest.raises(UnknownId):
            await resume.run(account, job_id, budget_micros=5)

    assert (await report_of(world)).job.status is JobStatus.BUDGET_REACHED
    assert runner.started == []


async def test_job_is_not_continued_while_the_runner_is_down(
    world: World, resume: ContinueJob, runner: RecordingJobRunner
) -> None:
    """Nothing is changed that would then hang."""
    await run_out_of_money(world)
    before = await report_of(world)
    runner.down = True

    with pytest.raises(ServiceUnavailable):
        await resume.run(ACCOUNT, "job-1", budget_micros=5)

    assert await report_of(world) == before


async def test_continued_job_whose_start_failed_is_left_to_upkeep(
    world: World, resume: ContinueJob, runner: RecordingJobRunner
) -> None:
    """A runner that is lost between check and start leaves a running job, which mending starts."""
    await run_out_of_money(world)
    runner.start_fails = True

    wish = await resume.run(ACCOUNT, "job-1", budget_micros=5)

    continued = wish.job
    assert (continued.status, wish.is_told) == (JobStatus.RUNNING, False)
    assert await runner.state(continued) is RunState.MISSING
    assert [each.id for each in await world.jobs.unended()] == ["job-1"]
