"""Looks at what is wanted of a bulk job."""

from __future__ import annotations

from leadgen.application.ports.job_repository import IJobRepository
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import Wanted


class LookAtJob:
    """Tells whoever carries a job out whether to go on."""

    def __init__(self, *, jobs: IJobRepository) -> None:
        self._jobs = jobs

    async def run(self, job_id: str) -> Wanted:
        """What is wanted of it at this moment. Raises UnknownId, ServiceUnavailable."""
        job = await self._jobs.get(job_id)
        if job is None:
            raise UnknownId("job", job_id)
        return job.course
