"""Orders a bulk job: records it, then hands it to what carries it out."""

from __future__ import annotations

from contextlib import suppress

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner
from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.domain.errors import ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, JobStatus
from leadgen.domain.job_order import JobOrder


class OrderJob:
    """Starts the search for one lead's number, or for those of all leads that have none."""

    def __init__(
        self,
        *,
        jobs: IJobRepository,
        leads: ILeadRepository,
        runner: IJobRunner,
        ids: IIdSource,
        clock: IClock,
    ) -> None:
        self._jobs = jobs
        self._leads = leads
        self._runner = runner
        self._ids = ids
        self._clock = clock

    async def run(self, account: str, wanted: JobOrder, *, job_id: str | None = None) -> Job:
        """The recorded job, which Upkeep starts should it not be started here.

        Ordered again under its ``job_id`` it is the same job.

        Raises UnknownId, and ServiceUnavailable before anything is recorded when the runner does not answer.
        """
        scope = wanted.scope
        if scope.of_job is not None:
            earlier = await self._jobs.get(scope.of_job)
            if earlier is None or earlier.account != account:
                raise UnknownId("job", scope.of_job)
        if scope.lead_id is not None and await self._leads.get(account, scope.lead_id) is None:
            raise UnknownId("lead", scope.lead_id)
        new = Job(
            job_id or self._ids.new(),
            account,
            scope,
            JobStatus.WAITING,
            self._clock.now(),
            when_held=wanted.when_held,
            order=wanted.order,
            panel=wanted.panel,
            options=wanted.options,
        )
        await self._runner.check()
        job = await self._jobs.add(new, budget_micros=wanted.budget_micros)
        with suppress(ServiceUnavailable):
            await self._runner.start(job)
        return job
