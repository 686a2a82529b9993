"""Jobs and their leads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.job import Asked, Job, JobEvent, JobReport, JobStatus, Wanted


class IJobRepository(ABC):
    """Bulk jobs and the leads they cover, which are numbered 0, 1, 2 ... within the job.

    Raises ServiceUnavailable when the database does not answer.
    """

    @abstractmethod
    async def add(self, job: Job, *, budget_micros: int | None = None) -> Job:
        """Records a job and its budget together; the one that stands there where its id is known."""

    @abstractmethod
    async def plan(self, job: Job, carrier: str) -> int:
        """Fixes which leads a waiting job covers and sets it running under ``carrier``; how many they are.

        A job that is planned already keeps its leads and its carrier.
        """

    @abstractmethod
    async def get(self, job_id: str) -> Job | None:
        """One job."""

    @abstractmethod
    async def open_leads(self, job_id: str, *, start: int, size: int) -> Sequence[str]:
        """The ids of the leads numbered from ``start`` on, ``size`` of them, that are not settled yet."""

    @abstractmethod
    async def suspect(self, job_id: str, lead_id: str) -> int:
        """Notes that this lead alone is being searched; how often that was noted, and never cleared, before.

        Each time its worker died over it, or lost its database.
        """

    @abstractmethod
    async def clear(self, job_id: str, lead_id: str) -> None:
        """Takes all such notes back: the search has come to an orderly stop."""

    @abstractmethod
    async def conclude(self, job: Job, conclusions: Sequence[Conclusion]) -> frozenset[str]:
        """Records how searches ended, in the job and in the leads, in one commit.

        A lead that is settled in the job stays as it is there. A job remembers that money ran out.

        The ids of leads whose question has become another one meanwhile: of those nothing is recorded.
        """

    @abstractmethod
    async def end(self, job_id: str, status: JobStatus, *, carrier: str | None = None) -> bool:
        """Ends a job, and whether it did; done without enough money is ``budget_reached``.

        One that has ended stays as it is, as does one that has got another carrier than ``carrier`` meanwhile
        (None: whichever). One that was to be cancelled is ``cancelled``, however it ends. Leads still open in
        it end there as failed when it is done, and as incomplete when it was cancelled or stopped. Who has
        failed there has failed, but for leads that have a number, or of whom nobody has one.
        """

    @abstractmethod
    async def want(self, job_id: str, wanted: Wanted, *, budget_micros: int | None = None) -> Job | None:
        """Records what is wanted of a job from now on, and its budget with it (None leaves that as it is).

        The job as it stands then, None where there is none. What was wanted already is no change. One that
        has ended, or is to be cancelled, stays as it is.
        """

    @abstractmethod
    async def reopen(self, job_id: str, *, carrier: str, budget_micros: int | None) -> bool:
        """Sets a job running again whose budget was reached: its incomplete leads are open once more.

        ``budget_micros`` is its budget from now on, None leaves that as it is. False, and nothing is changed,
        for a job in another state.
        """

    @abstractmethod
    async def report(self, job_id: str) -> JobReport | None:
        """What came of a job so far."""

    @abstractmethod
    async def asked(self, job_id: str) -> Asked:
        """About how many leads a job has asked whom: questions that left, or may have."""

    @abstractmethod
    async def latest(self, account: str, limit: int) -> Sequence[JobReport]:
        """The newest jobs of an account, newest first."""

    @abstractmethod
    async def page(
        self, account: str, *, after: str, limit: int, status: JobStatus | None = None
    ) -> Sequence[JobReport]:
        """Up to ``limit`` jobs of an account, newest first, from behind the job ``after`` on (empty: the
        first), of one status or of all.
        """

    @abstractmethod
    async def events(self, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
        """Up to ``limit`` events of a job whose number follows ``after``, in order.

        Each is recorded in the commit that makes it true, and none appears before one that is shown.
        """

    @abstractmethod
    async def unended(self) -> Sequence[Job]:
        """All jobs of all accounts that have not ended."""
