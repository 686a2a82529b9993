"""Tells the whole story of a job."""

from __future__ import annotations

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import NOBODY_ASKED, JobReport
from leadgen.domain.progress import STILL, Progress, progress_of
from leadgen.domain.value import value
from leadgen.domain.waterfall import WhenHeld


@value(frozen=True, slots=True)
class JobStory:
    """What came of a job, how long it has taken and stood still, and how long it takes at least."""

    report: JobReport
    seconds: float
    bound_seconds: float | None
    """What the limits, as they are configured now, need for the calls on record; None without a call."""
    idle_seconds: float = 0.0
    progress: Progress = STILL


class ShowJob:
    """Gathers a job's story."""

    def __init__(self, *, jobs: IJobRepository, catalog: IProviderCatalog, clock: IClock) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._clock = clock

    async def run(self, account: str, job_id: str) -> JobStory:
        """Raises UnknownId, ServiceUnavailable."""
        report = await self._jobs.report(job_id)
        if report is None or report.job.account != account:
            raise UnknownId("job", job_id)
        limits = {name: config.limits for name, config in (await self._catalog.configs()).items()}
        spills = report.job.when_held is WhenHeld.SPILL
        asked = await self._jobs.asked(job_id) if spills else NOBODY_ASKED  # no other bound depends on it
        now = self._clock.now()
        return JobStory(
            report=report,
            seconds=report.job.seconds(now),
            idle_seconds=report.job.idle(report.job.ended_at or now),
            bound_seconds=report.bound_seconds(limits, asked),
            progress=progress_of(report, now, limits, asked),
        )
