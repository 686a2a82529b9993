"""What is wanted of a job: it pauses, goes on or ends, whoever answers at that moment or does not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from leadgen.application.cancel_job import CancelJob
from leadgen.application.continue_job import ContinueJob
from leadgen.application.look_at_job import LookAtJob
from leadgen.application.mend_jobs import Mended, MendJobs
from leadgen.application.pause_job import PauseJob
from leadgen.application.ports.job_runner import RunState
from leadgen.application.wishes import Wishes
from leadgen.domain.errors import NotPossible, UnknownId
from leadgen.domain.job import Job, JobStatus, Wanted
from tests.builders import ACCOUNT
from tests.fakes.id_source import CountingIdSource
from tests.fakes.job_runner import RecordingJobRunner
from tests.unit.application.world import World


@dataclass
class Commands:
    """What whoever ordered a job can do with it, over a runner that remembers."""

    world: World
    runner: RecordingJobRunner
    pause: PauseJob
    cancel: CancelJob
    resume: ContinueJob
    mend: MendJobs

    async def run(self, command: str) -> Job:
        """The job after one of the commands."""
        match command:
            case "pause":
                return (await self.pause.run(ACCOUNT, "job-1")).job
            case "cancel":
                return (await self.cancel.run(ACCOUNT, "job-1")).job
            case _:
                return (await self.resume.run(ACCOUNT, "job-1", budget_micros=None)).job

    async def job(self) -> Job:
        """The job as it is recorded."""
        job = await self.world.jobs.get("job-1")
        assert job is not None
        return job


@pytest.fixture
async def commands(world: World) -> Commands:
    """Commands over a running job with one lead."""
    await world.add_lead()
    await world.add_job()
    runner = RecordingJobRunner()
    runner.states["job-1"] = RunState.RUNNING
    wishes = Wishes(jobs=world.jobs, runner=runner)
    return Commands(
        world,
        runner,
        PauseJob(wishes=wishes),
        CancelJob(wishes=wishes),
        ContinueJob(jobs=world.jobs, runner=runner, ids=CountingIdSource(), wishes=wishes),
        MendJobs(jobs=world.jobs, runner=runner, clock=world.clock),
    )


# ---------------------------------------------------------------- wishes


async def test_pause_and_resume(commands: Commands) -> None:
    """The job is paused, and runs again; each time whoever carries it is woken."""
    running = await commands.job()

    paused = await commands.pause.run(ACCOUNT, "job-1")
    assert (paused.job.status, paused.is_told) == (JobStatus.PAUSED, True)
    resumed = await commands.resume.run(ACCOUNT, "job-1", budget_micros=None)

    assert (resumed.job.status, resumed.is_told) == (JobStatus.RUNNING, True)
    assert await commands.job() == resumed.job
    assert resumed.job.carrier == running.carrier
    assert (commands.runner.woken, commands.runner.started) == (["job-1"] * 2, [])


async def test_cancel(commands: Commands) -> None:
    """The job is still to end what is under way; then it is cancelled, and stays so when told again."""
    cancelling = await commands.cancel.run(ACCOUNT, "job-1")
    assert (cancelling.job.status, cancelling.job.wanted) == (JobStatus.RUNNING, Wanted.CANCEL)
    await commands.world.jobs.end("job-1", JobStatus.DONE)
    ended = await commands.job()

    again = await commands.cancel.run(ACCOUNT, "job-1")

    assert (again.job, again.is_told, ended.status) == (ended, True, JobStatus.CANCELLED)
    assert commands.runner.woken == ["job-1"]


@pytest.mark.parametrize("command", ["pause", "cancel", "resume"])
async def test_same_command_twice(commands: Commands, command: str) -> None:
    """Changes nothing the second time."""
    first = await commands.run(command)
    await commands.world.clock.advance(60.0)

    assert await commands.run(command) == first == await commands.job()


async def test_paused_job_is_resumed_with_a_budget(commands: Commands) -> None:
    """What it may cost from now on comes with its going on."""
    await commands.pause.run(ACCOUNT, "job-1")

    await commands.resume.run(ACCOUNT, "job-1", budget_micros=70_000)

    report = await commands.world.jobs.report("job-1")
    assert report is not None
    assert report.budget is not None
    assert report.budget.cap_micros == 70_000


async def test_budget_of_a_running_job_is_not_changed(commands: Commands) -> None:
    """The error says how it can be."""
    with pytest.raises(NotPossible, match="job-1 is running: pause it"):
        await commands.resume.run(ACCOUNT, "job-1", budget_micros=70_000)

    assert await commands.world.budgets.all_of(ACCOUNT, "job-1") == []


@pytest.mark.parametrize(
    ("status", "commands_refused"),
    [
        (JobStatus.DONE, {"pause", "cancel", "resume"}),
        (JobStatus.STOPPED, {"pause", "cancel", "resume"}),
        (JobStatus.CANCELLED, {"pause", "resume"}),
    ],
)
async def test_ended_job(commands: Commands, status: JobStatus, commands_refused: set[str]) -> None:
    """The error says where the job stands and what can be done instead; nothing is changed, nobody woken."""
    if status is JobStatus.CANCELLED:
        await commands.world.jobs.want("job-1", Wanted.CANCEL)
    await commands.world.jobs.end("job-1", status)
    before = await commands.job()

    for command in commands_refused:
        with pytest.raises(NotPossible, match=f"job job-1 is {status}: .*`leadgen "):
            await commands.run(command)

    assert await commands.job() == before
    assert commands.runner.woken == []


async def test_cancelling_is_for_good(commands: Commands) -> None:
    """A job that is about to end neither pauses nor goes on."""
    await commands.cancel.run(ACCOUNT, "job-1")

    with pytest.raises(NotPossible, match="being cancelled"):
        await commands.pause.run(ACCOUNT, "job-1")
    for micros in (None, 5):
        with pytest.raises(NotPossible, match="being cancelled"):
            await commands.resume.run(ACCOUNT, "job-1", budget_micros=micros)

    assert (await commands.job()).wanted is Wanted.CANCEL


async def test_job_of_another_account(commands: Commands) -> None:
    """It does not even exist there."""
    await commands.world.add_account("other")

    for account, job_id in (("other", "job-1"), (ACCOUNT, "nothing")):
        for command in (commands.pause, commands.cancel):
            with pytest.raises(UnknownId):
                await command.run(account, job_id)
        with pytest.raises(UnknownId):
            await commands.resume.run(account, job_id, budget_micros=None)

    assert (await commands.job()).status is JobStatus.RUNNING


async def test_look_at_a_job(commands: Commands) -> None:
    """Whoever carries a job learns what is wanted now, and to do nothing more for one that has ended."""
    look = LookAtJob(jobs=commands.world.jobs)
    assert await look.run("job-1") is Wanted.RUN
    await commands.pause.run(ACCOUNT, "job-1")
    assert await look.run("job-1") is Wanted.PAUSE
    await commands.world.jobs.end("job-1", JobStatus.STOPPED)
    assert await look.run("job-1") is Wanted.CANCEL
    with pytest.raises(UnknownId):
        await look.run("nothing")


# ---------------------------------------------------------------- while the runner does not answer


async def test_wish_without_the_runner(commands: Commands) -> None:
    """It holds all the same; that nobody was told is told."""
    commands.runner.down = True

    paused = await commands.pause.run(ACCOUNT, "job-1")
    assert (paused.job.status, paused.is_told) == (JobStatus.PAUSED, False)
    resumed = await commands.resume.run(ACCOUNT, "job-1", budget_micros=None)
    assert (resumed.job.status, resumed.is_told) == (JobStatus.RUNNING, False)
    cancelling = await commands.cancel.run(ACCOUNT, "job-1")

    assert (cancelling.job.wanted, cancelling.is_told) == (Wanted.CANCEL, False)
    assert await commands.job() == cancelling.job


async def test_upkeep_tells_what_nobody_was_told(commands: Commands) -> None:
    """For ten minutes after a wish, which is how often a paused job looks by itself."""
    await commands.world.clock.advance(3_600.0)
    assert await commands.mend.run() == Mended(0, 0, 0)
    commands.runner.down = True
    await commands.cancel.run(ACCOUNT, "job-1")
    commands.runner.down = False

    await commands.world.clock.advance(500.0)
    assert await commands.mend.run() == Mended(0, 0, woken=1)
    await commands.world.clock.advance(101.0)
    assert await commands.mend.run() == Mended(0, 0, 0)

    assert commands.runner.woken == ["job-1"]


async def test_upkeep_closes_a_cancelled_job(commands: Commands) -> None:
    """One whose workflow was ended meanwhile is cancelled too, as was wanted."""
    await commands.cancel.run(ACCOUNT, "job-1")
    commands.runner.states["job-1"] = RunState.ENDED
    await commands.world.clock.advance(60.0)

    assert await commands.mend.run() == Mended(started=0, closed=1)

    assert (await commands.job()).status is JobStatus.CANCELLED
