"""Runs a stretch of a job: loads its leads together, searches all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Conclusion, ILeadRepository
from leadgen.application.round import OpenRound, Round
from leadgen.application.search_lead import Parked, SearchLead
from leadgen.domain.errors import LeadgenError, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, Wanted
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict

_RECORD_SECONDS = 0.5
"""How often the ends of searches are recorded, and so how fresh a progress bar is."""

_WISH_SECONDS = 0.25
"""How old what is known of a wish may be: with the above, a job is paused within a second."""


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """How many leads of the chunk have ended, how many are open, and when to come back for those.

    ``wanted``: what is wanted of the job, where the chunk was broken off for that.
    """

    settled: int
    open: int
    resume_at: datetime | None
    wanted: Wanted = Wanted.RUN


class RunChunk:
    """Searches the open leads of one stretch of a job; run again, it goes on where it was."""

    def __init__(
        self,
        *,
        jobs: IJobRepository,
        leads: ILeadRepository,
        open_round: OpenRound,
        search: SearchLead,
        clock: IClock,
    ) -> None:
        self._jobs = jobs
        self._leads = leads
        self._open_round = open_round
        self._search = search
        self._clock = clock
        self._looks: dict[str, tuple[float, asyncio.Task[Wanted]]] = {}

    async def run(
        self, job_id: str, *, start: int, size: int, progress: Callable[[int], None]
    ) -> ChunkReport:
        """Ends when all leads have ended or wait for later, or within a second when the job is not to run.

        Raises UnknownId, and ServiceUnavailable when something that is needed does not answer.
        """
        job = await self._jobs.get(job_id)
        if job is None:
            raise UnknownId("job", job_id)
        if job.status.is_end:
            return ChunkReport(0, 0, None)
        lead_ids = await self._jobs.open_leads(job_id, start=start, size=size)
        if job.wanted is not Wanted.RUN:
            return ChunkReport(0, len(lead_ids), self._clock.now() if lead_ids else None, job.wanted)
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
        self, job: Job, searches: set[asyncio.Task[Conclusion | Parked]], progress: Callable[[int], None]
    ) -> ChunkReport:
        settled, parked, wanted, pending = 0, list[datetime](), Wanted.RUN, searches
        while pending:
            done, pending = await asyncio.wait(pending, timeout=_RECORD_SECONDS)
            results = [search.result() for search in done if not search.cancelled()]
            concluded = [result for result in results if isinstance(result, Conclusion)]
            parked += [result.until for result in results if isinstance(result, Parked)]
            await self._record(job, concluded)
            settled += len(concluded)
            progress(settled)
            if pending and wanted is Wanted.RUN:
                wanted = await self._wanted_of(job.id)
                if wanted is not Wanted.RUN:
                    for search in pending:  # what was sent books itself
                        search.cancel()
        still_open = len(searches) - settled
        if wanted is not Wanted.RUN and still_open:
            parked.append(self._clock.now())
        return ChunkReport(settled, still_open, min(parked, default=None), wanted)

    async def _wanted_of(self, job_id: str) -> Wanted:
        """What was wanted a moment ago: one query, however many chunks of the job run here."""
        now = self._clock.monotonic()
        self._looks = {job: look for job, look in self._looks.items() if now - look[0] < _WISH_SECONDS}
        if job_id not in self._looks:
            self._looks[job_id] = (now, asyncio.create_task(self._look(job_id)))
        return await asyncio.shield(self._looks[job_id][1])

    async def _look(self, job_id: str) -> Wanted:
        try:
            job = await self._jobs.get(job_id)
        except ServiceUnavailable:  # who has no answer goes on: the wish is heeded when there is one
            return Wanted.RUN
        return job.course if job else Wanted.CANCEL

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
