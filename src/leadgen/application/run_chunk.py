"""Runs a stretch of a job: loads its leads together, searches all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Conclusion, ILeadRepository
from leadgen.application.round import OpenRound, Round
from leadgen.application.search_lead import Parked, SearchLead
from leadgen.domain.errors import LeadgenError, UnknownId
from leadgen.domain.job import Job
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict

_RECORD_SECONDS = 0.5
"""How often the ends of searches are recorded, and so how fresh a progress bar is."""


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """How many leads of the chunk have ended, how many are open, and when to come back for those."""

    settled: int
    open: int
    resume_at: datetime | None


class RunChunk:
    """Searches the open leads of one stretch of a job; run again, it goes on where it was."""

    def __init__(
        self, *, jobs: IJobRepository, leads: ILeadRepository, open_round: OpenRound, search: SearchLead
    ) -> None:
        self._jobs = jobs
        self._leads = leads
        self._open_round = open_round
        self._search = search

    async def run(
        self, job_id: str, *, start: int, size: int, progress: Callable[[int], None]
    ) -> ChunkReport:
        """Raises UnknownId, and ServiceUnavailable when something that is needed does not answer."""
        job = await self._jobs.get(job_id)
        if job is None:
            raise UnknownId("job", job_id)
        if job.status.is_end:
            return ChunkReport(0, 0, None)
        lead_ids = await self._jobs.open_leads(job_id, start=start, size=size)
        leads = await self._leads.many(job.account, lead_ids)
        around = await self._open_round.run(
            job.account, leads, job_id=job_id, since=job.created_at, when_held=job.when_held
        )
        searches = {asyncio.create_task(self._search_safely(lead, around)) for lead in leads}
        try:
            return await self._gather(job, searches, progress)
        finally:
            for search in searches:
                search.cancel()

    async def _gather(
        self, job: Job, pending: set[asyncio.Task[Conclusion | Parked]], progress: Callable[[int], None]
    ) -> ChunkReport:
        settled, parked = 0, list[datetime]()
        while pending:
            done, pending = await asyncio.wait(pending, timeout=_RECORD_SECONDS)
            results = [search.result() for search in done]
            concluded = [result for result in results if isinstance(result, Conclusion)]
            parked += [result.until for result in results if isinstance(result, Parked)]
            await self._record(job, concluded)
            settled += len(concluded)
            progress(settled)
        return ChunkReport(settled, len(parked), min(parked, default=None))

    async def _record(self, job: Job, concluded: Sequence[Conclusion]) -> None:
        if concluded:
            await self._jobs.conclude(job, concluded)

    async def _search_safely(self, lead: Lead, around: Round) -> Conclusion | Parked:
        try:
            result = await self._search.run(lead, around)
        except LeadgenError:
            raise
        except Exception as error:  # noqa: BLE001 - one lead's trouble must not end the others
            result = Verdict(
                EndState.FAILED, unasked=(Refusal("leadgen", f"failed: {type(error).__name__}"),)
            )
        return result if isinstance(result, Parked) else Conclusion(lead.id, result)
