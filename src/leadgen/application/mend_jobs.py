"""Mends what crashes and terminations left: jobs that nothing carries any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner, RunState
from leadgen.domain.job import JobStatus

_GRACE = timedelta(seconds=10)
"""A job this young may be on its way to being started."""


@dataclass(frozen=True, slots=True)
class Mended:
    """How many jobs were started, and how many closed."""

    started: int
    closed: int


class MendJobs:
    """Starts jobs that were recorded and never started, closes jobs whose workflow has ended without them."""

    def __init__(self, *, jobs: IJobRepository, runner: IJobRunner, clock: IClock) -> None:
        self._jobs = jobs
        self._runner = runner
        self._clock = clock

    async def run(self) -> Mended:
        """What was mended. Raises ServiceUnavailable."""
        started = closed = 0
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
                case RunState.RUNNING:
                    pass
        return Mended(started, closed)
