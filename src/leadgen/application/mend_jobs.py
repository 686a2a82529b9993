"""Mends what crashes and terminations left: jobs that nothing carries any more."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner, RunState
from leadgen.domain.job import Job, JobStatus
from leadgen.domain.value import value

_GRACE = timedelta(seconds=10)
"""A job this young may be on its way to being started."""

_AT_ONCE = 16
"""So many jobs are looked at at once: thousands that are paused must not keep the rest of upkeep waiting."""

_WISH = timedelta(minutes=10)
"""For so long a job is woken to heed a wish; a paused one looks by itself as often."""


@value(frozen=True, slots=True)
class Mended:
    """How many jobs were started, how many closed, and how many woken to heed what is wanted of them."""

    started: int = 0
    closed: int = 0
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
        grown = self._clock.now() - _GRACE
        places = asyncio.Semaphore(_AT_ONCE)

        async def mend(job: Job) -> Mended:
            async with places:
                return await self._mend(job)

        mending = [mend(job) for job in await self._jobs.unended() if job.created_at <= grown]
        mended = await asyncio.gather(*mending, return_exceptions=True)
        for error in mended:
            if isinstance(error, BaseException):
                raise error
        done = [each for each in mended if isinstance(each, Mended)]
        return Mended(
            sum(each.started for each in done),
            sum(each.closed for each in done),
            sum(each.woken for each in done),
        )

    async def _mend(self, job: Job) -> Mended:
        match await self._runner.state(job):
            case RunState.MISSING:
                await self._runner.start(job)
                return Mended(started=1)
            case RunState.ENDED:
                return Mended(
                    closed=int(await self._jobs.end(job.id, JobStatus.STOPPED, carrier=job.carrier))
                )
            case RunState.RUNNING if job.wanted_at and job.wanted_at > self._clock.now() - _WISH:
                await self._runner.wake(job)
                return Mended(woken=1)
            case RunState.RUNNING:
                return Mended()
