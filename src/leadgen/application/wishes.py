"""What is wanted of a job: recorded where it counts, then told to whoever carries the job out."""

from __future__ import annotations

from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner
from leadgen.domain.errors import NotPossible, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, JobStatus, Wanted
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Wish:
    """A job of which something is wanted; ``is_told``: its runner knows, else Upkeep tells it later."""

    job: Job
    is_told: bool


class Wishes:
    """Records a wish, which holds from then on, and wakes the job; the same wish again changes nothing."""

    def __init__(self, *, jobs: IJobRepository, runner: IJobRunner) -> None:
        self._jobs = jobs
        self._runner = runner

    async def record(
        self, account: str, job_id: str, wanted: Wanted, *, budget_micros: int | None = None
    ) -> Wish:
        """Raises UnknownId, NotPossible, and ServiceUnavailable only when the database does not answer."""
        job = await self._jobs.get(job_id)
        if job is None or job.account != account:
            raise UnknownId("job", job_id)
        job = await self._jobs.want(job_id, wanted, budget_micros=budget_micros) or job
        if job.status is JobStatus.CANCELLED and wanted is Wanted.CANCEL:
            return Wish(job, is_told=True)
        if job.status.is_end or job.wanted is not wanted:
            raise NotPossible(_refusal(job, wanted))
        try:
            await self._runner.wake(job)
        except ServiceUnavailable:
            return Wish(job, is_told=False)
        return Wish(job, is_told=True)


def _refusal(job: Job, wanted: Wanted) -> str:
    state = f"job {job.id} is {job.status if job.status.is_end else 'being cancelled'}"
    match wanted:
        case Wanted.RUN:
            return (
                f"{state}: only one that is paused or budget_reached can be continued,"
                " `leadgen phones find` starts another"
            )
        case Wanted.PAUSE:
            return f"{state}: only one that has not ended can be paused, `leadgen jobs list` shows which"
        case Wanted.CANCEL:
            return f"{state}: only one that has not ended can be cancelled, `leadgen jobs list` shows which"
