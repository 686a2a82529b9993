"""Ends a bulk job that has run to its end."""

from __future__ import annotations

from leadgen.application.ports.job_repository import IJobRepository
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobReport, JobStatus


class EndJob:
    """Records that a job is done; a second time, or after it was stopped, changes nothing."""

    def __init__(self, *, jobs: IJobRepository) -> None:
        self._jobs = jobs

    async def run(self, job_id: str) -> JobReport:
        """What came of the job. Raises UnknownId, ServiceUnavailable."""
        await self._jobs.end(job_id, JobStatus.DONE)
        report = await self._jobs.report(job_id)
        if report is None:
            raise UnknownId("job", job_id)
        return report
