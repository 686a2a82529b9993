"""Mends what crashes and terminations left: jobs that nothing carries any more."""

from __future__ import annotations

from datetime import timedelta

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner, RunState
from leadgen.domain.job import JobStatus
from leadgen.domain.value import value

_GRACE = timedelta(seconds=10)
"""A job this young may be on its way to being started."""

_WISH = timedelta(minutes=10)
"""For so long a job is woken to heed a wish; a paused one looks by itself as often."""


@value(frozen=True, slots=True)
class Mended:
    """How many jobs were started, how many closed, and how many woken to heed what is wanted of them."""

    started: int
    closed: int
    woken: int = 0


class MendJobs:
    """Starts jobs that were recorded and never started, closes jobs whose workflow has ended without them,
    and tells the others what is wanted of them since a short while.
    """

    def __init__(self, *, jobs: IJobRepository, runner: IJobRunner, clock: IClock) -> None:
        self._jobs = jobs
        self._runner = runner
        self._clock = clock

    async def run(self) -> Mended:
        """What was mended. Raises ServiceUnavailable."""
        started = closed = woken = 0
        for job in await self._jobs.unended():
            if job.created_at > self._clock.now() - _GRACE:
                continue
            match await self._runner.state(job):
                case RunState.MISSING:
                    await self._runner.start(job)
                    started += 1
                case RunState.ENDED:
                    await self._jobs.end(job.id, JobStatus.STOPPED)
                    closed += 1
                case RunState.RUNNING if job.wanted_at and job.wanted_at > self._clock.now() - _WISH:
                    await self._runner.wake(job)
                    woken += 1
                case RunState.RUNNING:
                    pass
        return Mended(started, closed, woken)
