"""Continues a bulk job whose budget was reached."""

from __future__ import annotations

from contextlib import suppress

from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner
from leadgen.domain.errors import NotPossible, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job


class ContinueJob:
    """Opens the incomplete leads of a job again, for which there is more money now."""

    def __init__(self, *, jobs: IJobRepository, runner: IJobRunner, ids: IIdSource) -> None:
        self._jobs = jobs
        self._runner = runner
        self._ids = ids

    async def run(self, account: str, job_id: str, *, budget_micros: int | None) -> Job:
        """The running job, which Upkeep starts should it not be started here.

        Raises UnknownId, NotPossible for a job in another state, and ServiceUnavailable before anything is
        changed when the runner does not answer.
        """
        job = await self._jobs.get(job_id)
        if job is None or job.account != account:
            raise UnknownId("job", job_id)
        await self._runner.check()
        carrier = f"find-phones-{job_id}-{self._ids.new()}"
        if not await self._jobs.reopen(job_id, carrier=carrier, budget_micros=budget_micros):
            raise NotPossible(
                f"job {job_id} is {job.status}: only one that is budget_reached can be continued"
            )
        continued = await self._jobs.get(job_id) or job
        with suppress(ServiceUnavailable):
            await self._runner.start(continued)
        return continued
