"""Ends a bulk job that has run to its end."""

from __future__ import annotations

from datetime import datetime, timedelta

from leadgen.application.paid_calls import GIVE_UP_SECONDS
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobReport, JobStatus

_AWAIT_SECONDS = 1.0
_GIVE_UP = timedelta(seconds=GIVE_UP_SECONDS)


class EndJob:
    """Records that a job is done, once all that it has asked is booked; a second time changes nothing."""

    def __init__(self, *, jobs: IJobRepository, ledger: ILookupLedger, clock: IClock) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._clock = clock

    async def run(self, job_id: str, *, carrier: str) -> JobReport:
        """What came of the job, which ``carrier`` has carried. Raises UnknownId, ServiceUnavailable.

        Calls that nobody waits for any more are awaited; those of dead workers until they are given up.
        Repeated after the job was resumed, which is then another carrier's, it ends nothing.
        """
        overdue: dict[str, datetime] = {}
        while intended := await self._ledger.intended(job_id):
            now = self._clock.now()
            overdue = {each.key: overdue.get(each.key, now) for each in intended if each.is_abandoned(now)}
            given_up = [each for each in intended if overdue.get(each.key, now) + _GIVE_UP <= now]
            for lookup in given_up:
                await self._ledger.close(lookup.abandoned(now), None)
            if not given_up:
                await self._clock.sleep(_AWAIT_SECONDS)
        await self._jobs.end(job_id, JobStatus.DONE, carrier=carrier)
        report = await self._jobs.report(job_id)
        if report is None:
            raise UnknownId("job", job_id)
        return report
