"""The workflow of a bulk job: a sliding window of chunk activities, and a heap of those that wait."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from leadgen.domain.job import Wanted
    from leadgen.workflows import options
    from leadgen.workflows.failures import fitting
    from leadgen.workflows.find_phones.activities import FindPhonesActivities
    from leadgen.workflows.find_phones.payloads import (
        ChunkInput,
        ChunkProgress,
        EndInput,
        FindPhonesInput,
        FindPhonesResult,
        LookInput,
        ParkedChunk,
        PlanInput,
    )

WINDOW_CHUNKS = 8
CHUNKS_PER_RUN = 250
"""After so many chunks the workflow goes on in a new run, whose history is empty."""

LOOK_EVERY = timedelta(minutes=10)
"""How long a paused job waits for being woken: a signal that is lost costs no more than that."""


@workflow.defn(name="FindPhones")
class FindPhonesWorkflow:
    """Finds the numbers of many leads."""

    @workflow.init
    def __init__(self, request: FindPhonesInput | Any = None, *others: Any) -> None:
        try:
            request = fitting(FindPhonesInput, request, *others)
        except ApplicationError:  # which ``run`` raises again: Temporal cannot cleanly fail here
            request = FindPhonesInput()
        self._job_id = request.job_id or str(workflow.uuid4())
        self._account = request.account
        self._leads = request.leads
        self._chunk_leads = request.chunk_leads
        self._weight = request.weight
        self._is_urgent = request.is_urgent
        self._next_start = request.next_start
        self._parked = [ParkedChunk(_in_utc(each.resume_at), each.start) for each in request.parked]
        heapq.heapify(self._parked)
        self._running: list[asyncio.Task[None]] = []
        self._started = 0
        self._wanted = Wanted.RUN
        self._is_woken = False
        self._looks = 0

    @workflow.signal
    def wake(self) -> None:
        """Something else is wanted of the job; the database knows what.

        A worker of before this signal was heeded may have let it pass: replayed, that must stay so.
        """
        self._is_woken = workflow.patched("wake")

    @workflow.run
    async def run(self, request: FindPhonesInput | Any = None, *others: Any) -> FindPhonesResult:
        """What came of the job; the numbers stand in the database."""
        fitting(FindPhonesInput, request, *others)
        leads = self._leads if self._leads is not None else await self._plan()
        while self._running or (self._wanted is not Wanted.CANCEL and self._has_more(leads)):
            self._start_chunks(leads)
            await self._wait(leads)
        return await workflow.execute_activity_method(
            FindPhonesActivities.end_job,
            EndInput(self._job_id),
            start_to_close_timeout=options.SETTLE_TIMEOUT,
            heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
            retry_policy=options.UNTIL_IT_ANSWERS,
            priority=self._urgent,
            task_queue=self._queue,
        )

    @property
    def _urgent(self) -> Priority:
        return options.interactive(self._account, self._weight)

    @property
    def _queue(self) -> str:
        """Where short activities do not stand behind chunks, of which each may take minutes."""
        return options.interactive_queue(workflow.info().task_queue)

    async def _plan(self) -> int:
        plan = await workflow.execute_activity_method(
            FindPhonesActivities.plan_job,
            PlanInput(self._job_id, self._account),
            start_to_close_timeout=options.PLAN_TIMEOUT,
            retry_policy=options.UNTIL_IT_ANSWERS,
            priority=self._urgent,
            task_queue=self._queue,
        )
        self._chunk_leads = plan.chunk_leads
        self._account = plan.account or self._account
        self._weight, self._is_urgent = plan.weight, plan.is_urgent
        return plan.leads

    def _has_more(self, leads: int) -> bool:
        return self._next_start < leads or bool(self._parked)

    def _start_chunks(self, leads: int) -> None:
        while self._may_start():
            if self._parked and self._parked[0].resume_at <= workflow.now():
                start = heapq.heappop(self._parked).start
            elif self._next_start < leads:
                start, self._next_start = self._next_start, self._next_start + self._chunk_leads
            else:
                return
            self._started += 1
            self._running.append(asyncio.create_task(self._run_chunk(start)))

    async def _wait(self, leads: int) -> None:
        """Until a chunk ends, a parked one may go on, or something else is wanted; starts the next run when
        this one is used up.
        """
        if self._running:
            await self._wait_for_chunks()
        elif self._is_woken:
            await self._look()
        elif self._is_run_used_up():
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(
                FindPhonesInput(
                    self._job_id,
                    self._account,
                    leads,
                    self._next_start,
                    self._parked,
                    self._chunk_leads,
                    self._weight,
                    self._is_urgent,
                )
            )
        elif self._wanted is Wanted.PAUSE:
            await self._sleep(LOOK_EVERY.total_seconds())
            await self._look()
        elif seconds := self._seconds_to_next():
            await self._sleep(seconds)

    async def _wait_for_chunks(self) -> None:
        """Until one ends or a parked one may go on; a paused job that is resumed meanwhile knows it then."""
        if self._wanted is Wanted.PAUSE:
            await workflow.wait_condition(
                lambda: self._is_woken or any(chunk.done() for chunk in self._running)
            )
            if self._is_woken and workflow.patched("look-beside-chunks"):
                await self._look()
                return
        done, self._running = await workflow.wait(
            self._running, timeout=self._seconds_to_next(), return_when=asyncio.FIRST_COMPLETED
        )
        for chunk in done:
            chunk.result()

    def _seconds_to_next(self) -> float | None:
        """How long until a parked chunk may go on; None when none may."""
        if not self._parked or not self._may_start():
            return None
        return max((self._parked[0].resume_at - workflow.now()).total_seconds(), 0)

    async def _sleep(self, seconds: float) -> None:
        """Until the time is over, or somebody wakes it."""
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._is_woken, timeout=seconds)

    async def _look(self) -> None:
        self._is_woken = False  # before it looks: who wakes it meanwhile may want something else again
        self._looks += 1
        report = await workflow.execute_activity_method(
            FindPhonesActivities.look_at_job,
            LookInput(self._job_id),
            start_to_close_timeout=options.QUERY_TIMEOUT,
            retry_policy=options.UNTIL_IT_ANSWERS,
            priority=self._urgent,
            task_queue=self._queue,
        )
        self._wanted = report.wanted

    async def _run_chunk(self, start: int) -> None:
        looks = self._looks
        try:
            report: ChunkProgress = await workflow.execute_activity_method(
                FindPhonesActivities.run_chunk,
                ChunkInput(self._job_id, start, self._chunk_leads),
                start_to_close_timeout=options.SEARCH_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                retry_policy=options.UNTIL_IT_ANSWERS,
                priority=self._urgent if self._is_urgent else options.bulk(self._account, self._weight),
                task_queue=self._queue if self._is_urgent else None,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("a chunk failed", extra={"start": start, "fault": str(error.cause)[:200]})
            return
        if report.resume_at is not None:
            heapq.heappush(self._parked, ParkedChunk(report.resume_at, start))
        if report.wanted is not Wanted.RUN and self._wanted is not Wanted.CANCEL:
            self._heed(report.wanted, looks)

    def _heed(self, wanted: Wanted, looks: int) -> None:
        """Does what a chunk has found to be wanted, which began after so many looks.

        Where a later look has found that the job is to run, the chunk may tell of a pause of before: nobody
        would wake the workflow for that again, so it looks once more.
        """
        may_be_over = wanted is Wanted.PAUSE and self._wanted is Wanted.RUN and self._looks > looks
        if may_be_over and workflow.patched("look-after-late-chunks"):
            self._is_woken = True
        self._wanted = wanted

    def _may_start(self) -> bool:
        is_free = len(self._running) < WINDOW_CHUNKS and not self._is_run_used_up()
        return is_free and self._wanted is Wanted.RUN

    def _is_run_used_up(self) -> bool:
        return self._started >= CHUNKS_PER_RUN or workflow.info().is_continue_as_new_suggested()


def _in_utc(at: datetime) -> datetime:
    """The moment; one that somebody wrote without a zone is meant in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
