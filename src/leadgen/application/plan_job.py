"""Plans a bulk job: fixes which leads it covers."""

from __future__ import annotations

from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.value import value

_CHUNKS_WANTED = 32
_CHUNK_LEADS_MIN = 10
_CHUNK_LEADS_MAX = 250


@value(frozen=True, slots=True)
class JobPlan:
    """A planned job, how many leads it covers, and how many go into a chunk.

    Small jobs have small chunks, so that several workers share them; in large ones a chunk costs the more
    the smaller it is.
    """

    leads: int
    account: str
    weight: int
    """How many turns its account gets for one of a free one."""
    is_urgent: bool
    """Whether somebody waits for it: it covers a single lead."""

    @property
    def chunk_leads(self) -> int:
        """The leads of a chunk."""
        return min(max(self.leads // _CHUNKS_WANTED, _CHUNK_LEADS_MIN), _CHUNK_LEADS_MAX)


class PlanJob:
    """Records a job where there is none of its id yet, and fixes its leads once."""

    def __init__(self, *, jobs: IJobRepository, accounts: IAccountRepository, clock: IClock) -> None:
        self._jobs = jobs
        self._accounts = accounts
        self._clock = clock

    async def run(self, account: str, job_id: str, *, carrier: str) -> JobPlan:
        """The plan of a recorded job, or of a new one over all leads that have no number.

        ``carrier``: under which name the job is carried out. Raises UnknownId for an account that there is
        not, and ServiceUnavailable.
        """
        await self._accounts.tier(account)  # an account that there is not plans nothing
        new = Job(job_id, account, JobScope(), JobStatus.WAITING, self._clock.now())
        job = await self._jobs.add(new)
        return JobPlan(
            await self._jobs.plan(job, carrier),
            account=job.account,
            weight=(await self._accounts.tier(job.account)).weight,
            is_urgent=job.scope.lead_id is not None,
        )
