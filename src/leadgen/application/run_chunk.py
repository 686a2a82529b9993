"""Runs a stretch of a job: loads its leads together, and searches a window of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from leadgen.application.background import heard
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Conclusion, ILeadRepository
from leadgen.application.race import Parked
from leadgen.application.round import OpenRound, Round
from leadgen.application.search_lead import SearchLead
from leadgen.application.ticket_desk import TicketDesk
from leadgen.domain.errors import ChangedMeanwhile, LeadgenError, ServiceUnavailable, UnknownId
from leadgen.domain.job import Job, Wanted
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.selection import OURSELVES, Refusal
from leadgen.domain.value import value
from leadgen.domain.waterfall import Verdict

_RECORD_SECONDS = 0.5
"""How often the ends of searches are recorded, and so how fresh a progress bar is.

All chunks do it at one beat, so that one commit serves all of a job.
"""

_BEGUN_AT_ONCE = 8
"""So many searches begin in one turn of the event loop; calls whose time has come leave between the turns."""

_WINDOW_MIN = 32
"""So many leads of a chunk are searched at once at first, and more as long as nobody queues for a ticket."""

DEATHS_MAX = 5
"""A lead over which a worker died so often, while it searched nobody else for the job, is set aside.

Workers die of other things, too: at two, 200 random kills in four minutes set aside five of 3,000 leads."""

_WISH_SECONDS = 0.25
"""How old what is known of a wish may be: with the above, a job is paused within a second."""

_VIEW_SECONDS = 1.0
"""How old what is known of breakers, providers and budgets may be where a lead's search begins."""


@value(frozen=True, slots=True)
class ChunkReport:
    """How many leads of the chunk have ended, how many are open, and when to come back for those.

    ``wanted``: what is wanted of the job, where the chunk was broken off for that.
    """

    settled: int
    open: int
    resume_at: datetime | None
    wanted: Wanted = Wanted.RUN


@dataclass(slots=True)
class _View:
    """The round as the next leads of a chunk see it, and when it was looked at."""

    around: Round
    at: float


class _Window:
    """Searches leads, ``width`` at once: a search that has begun takes far more memory than its lead."""

    def __init__(
        self, leads: Sequence[Lead], search: Callable[[Lead], Awaitable[Conclusion | Parked]]
    ) -> None:
        self.leads = len(leads)
        self._ahead = iter(leads)
        self._search = search
        self._results: list[Conclusion | Parked] = []
        self._searchers = set[asyncio.Task[None]]()

    @property
    def width(self) -> int:
        """How many leads are searched at once."""
        return len(self._searchers)

    async def widen(self, more: int) -> None:
        """Searches so many more at once, as far as there are leads ahead."""
        for number, lead in enumerate(islice(self._ahead, more), 1):
            searcher = asyncio.create_task(self._search_on(lead))
            searcher.add_done_callback(heard)  # where all of them fail, the first one's error is told
            self._searchers.add(searcher)
            if number % _BEGUN_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def results(self) -> Sequence[Conclusion | Parked]:
        """What has come in a while, sooner when all has; raises what a search has raised."""
        to_beat = _RECORD_SECONDS - asyncio.get_running_loop().time() % _RECORD_SECONDS
        ended, self._searchers = await asyncio.wait(self._searchers, timeout=to_beat)
        for searcher in ended:
            if not searcher.cancelled():
                searcher.result()
        results, self._results = self._results, []
        return results

    def close(self) -> None:
        """Breaks all searches off."""
        for searcher in self._searchers:
            searcher.cancel()

    async def _search_on(self, lead: Lead | None) -> None:
        while lead is not None:
            result = await self._search(lead)
            self._results.append(result)
            lead = next(self._ahead, None)


class RunChunk:
    """Searches the open leads of one stretch of a job; run again, it goes on where it was."""

    def __init__(
        self,
        *,
        jobs: IJobRepository,
        leads: ILeadRepository,
        open_round: OpenRound,
        search: SearchLead,
        desk: TicketDesk,
        clock: IClock,
    ) -> None:
        self._jobs = jobs
        self._leads = leads
        self._open_round = open_round
        self._search = search
        self._desk = desk
        self._clock = clock
        self._looks: dict[str, tuple[float, asyncio.Task[Wanted]]] = {}

    async def run(
        self,
        job_id: str,
        *,
        start: int,
        size: int,
        progress: Callable[[int], None],
        is_careful: bool = False,
    ) -> ChunkReport:
        """Ends when all leads have ended or wait for later, or within a second when the job is not to run.

        ``is_careful``: one lead after the other, so that it shows which of them fails the whole stretch, or
        ends the process; that one is set aside as failed. Raises UnknownId, and ServiceUnavailable when
        something that is needed does not answer.
        """
        job = await self._jobs.get(job_id)
        if job is None:
            raise UnknownId("job", job_id)
        if job.status.is_end:
            return ChunkReport(0, 0, None)
        lead_ids = await self._jobs.open_leads(job_id, start=start, size=size)
        if job.wanted is not Wanted.RUN:
            return ChunkReport(0, len(lead_ids), self._clock.now() if lead_ids else None, job.wanted)
        if is_careful:
            return await self._run_one_by_one(job, lead_ids, progress)
        return await self._run_together(job, lead_ids, progress)

    async def _run_one_by_one(
        self, job: Job, lead_ids: Sequence[str], progress: Callable[[int], None]
    ) -> ChunkReport:
        settled, resume, wanted = 0, list[datetime](), Wanted.RUN
        for lead_id in lead_ids:
            report = await self._run_alone(job, lead_id)
            settled += report.settled
            resume += [report.resume_at] if report.resume_at else []
            progress(settled)
            wanted = report.wanted
            if wanted is Wanted.RUN:
                wanted = await self._wanted_of(job.id)
            if wanted is not Wanted.RUN:
                break
        still_open = len(lead_ids) - settled
        if wanted is not Wanted.RUN and still_open:
            resume.append(self._clock.now())
        return ChunkReport(settled, still_open, min(resume, default=None), wanted)

    async def _run_alone(self, job: Job, lead_id: str) -> ChunkReport:
        if await self._jobs.suspect(job.id, lead_id) >= DEATHS_MAX:
            return await self._set_aside(job, lead_id, "its search ended the worker, again and again")
        try:
            return await self._run_together(job, [lead_id], lambda _: None)
        except LeadgenError:
            raise
        except Exception as error:  # noqa: BLE001 - a lead that cannot be loaded, or its end not be recorded
            return await self._set_aside(job, lead_id, f"failed: {type(error).__name__}")
        finally:
            with suppress(ServiceUnavailable):
                await self._jobs.clear(job.id, lead_id)

    async def _set_aside(self, job: Job, lead_id: str, reason: str) -> ChunkReport:
        await self._jobs.conclude(job, [Conclusion(lead_id, _failed(reason))])
        return ChunkReport(1, 0, None)

    async def _run_together(
        self, job: Job, lead_ids: Sequence[str], progress: Callable[[int], None]
    ) -> ChunkReport:
        leads = await self._leads.many(job.account, lead_ids)
        around = await self._open_round.run(
            job.account,
            leads,
            job_id=job.id,
            since=job.created_at,
            when_held=job.when_held,
            is_urgent=job.scope.lead_id is not None,
            options=job.options,
            order=job.order,
            panel=job.panel,
        )
        removed = frozenset(lead_ids) - {lead.id for lead in leads}
        await self._jobs.conclude(job, [Conclusion(each, _REMOVED) for each in removed])
        view = _View(around, self._clock.monotonic())
        window = _Window(leads, lambda lead: self._search_safely(lead, view))
        try:
            await window.widen(_WINDOW_MIN)
            return await self._gather(job, window, len(removed), progress)
        finally:
            window.close()

    async def _gather(
        self, job: Job, window: _Window, removed: int, progress: Callable[[int], None]
    ) -> ChunkReport:
        settled, parked, wanted = removed, list[datetime](), Wanted.RUN
        while window.width:
            results = await window.results()
            concluded = [result for result in results if isinstance(result, Conclusion)]
            parked += [result.until for result in results if isinstance(result, Parked)]
            changed = await self._jobs.conclude(job, concluded)
            if changed:  # who is asked about otherwise by now is searched as they are
                parked.append(self._clock.now())
            settled += len(concluded) - len(changed)
            progress(settled)
            if window.width and wanted is Wanted.RUN:
                wanted = await self._wanted_of(job.id)
                if wanted is not Wanted.RUN:
                    window.close()  # what was sent books itself
                elif not self._desk.has_queue:
                    await window.widen(window.width)
        still_open = window.leads + removed - settled
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

    async def _seen_now(self, view: _View) -> Round:
        """The round of a chunk that began minutes ago, perhaps, with what has changed since."""
        now = self._clock.monotonic()
        if now - view.at >= _VIEW_SECONDS:
            view.at = now  # whoever else begins now sees what was there before
            with suppress(ServiceUnavailable):  # who has no answer goes on
                view.around = await self._open_round.renew(view.around)
        return view.around

    async def _search_safely(self, lead: Lead, view: _View) -> Conclusion | Parked:
        try:
            result = await self._search.run(lead, await self._seen_now(view))
        except ServiceUnavailable:
            raise
        except ChangedMeanwhile:  # searched as they are by now, or removed
            return Parked(self._clock.now())
        except Exception as error:  # noqa: BLE001 - one lead's trouble must not end the others
            result = _failed(f"failed: {type(error).__name__}")
        return result if isinstance(result, Parked) else Conclusion(lead.id, result, lead.question_version)


_REMOVED = Verdict(EndState.INCOMPLETE, unasked=(Refusal(OURSELVES, "the lead was removed"),))
"""The end in a job of a lead that was removed in the moment in which the job was planned."""


def _failed(reason: str) -> Verdict:
    return Verdict(EndState.FAILED, unasked=(Refusal(OURSELVES, reason),))
