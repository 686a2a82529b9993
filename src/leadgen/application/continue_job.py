"""Continues a bulk job that was paused, or whose budget was reached."""

from __future__ import annotations

from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner
from leadgen.application.wishes import Wish, Wishes
from leadgen.domain.errors import NotPossible, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, JobStatus, Wanted


class ContinueJob:
    """Has a paused job go on, or opens the incomplete leads again for which there is more money now."""

    def __init__(self, *, jobs: IJobRepository, runner: IJobRunner, ids: IIdSource, wishes: Wishes) -> None:
        self._jobs = jobs
        self._runner = runner
        self._ids = ids
        self._wishes = wishes

    async def run(self, account: str, job_id: str, *, budget_micros: int | None) -> Wish:
        """The job, which runs or is about to; one that runs already is left as it is.

        Raises UnknownId, NotPossible for one that has ended otherwise, and ServiceUnavailable: for one whose
        budget was reached before anything is changed when the runner does not answer.
        """
        job = await self._jobs.get(job_id)
        if job is None or job.account != account:
            raise UnknownId("job", job_id)
        if job.status is JobStatus.BUDGET_REACHED:
            return await self._reopen(job, budget_micros)
        if job.course is Wanted.RUN and budget_micros is not None:
            raise NotPossible(f"job {job_id} is {job.status}: pause it to change its budget")
        return await self._wishes.record(account, job_id, Wanted.RUN, budget_micros=budget_micros)

    async def _reopen(self, job: Job, budget_micros: int | None) -> Wish:
        await self._runner.check()
        carrier = f"find-phones-{job.id}-{self._ids.new()}"
        if not await self._jobs.reopen(job.id, carrier=carrier, budget_micros=budget_micros):
            return await self._wishes.record(job.account, job.id, Wanted.RUN)  # somebody else was faster
        continued = await self._jobs.get(job.id) or job
        try:
            await self._runner.start(continued)
        except ServiceUnavailable:
            return Wish(continued, is_told=False)
        return Wish(continued, is_told=True)
