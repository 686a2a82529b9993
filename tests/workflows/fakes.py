"""Fake activities under the names of the real ones, and what tests ask of a workflow's history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from leadgen.domain.job import Wanted
from leadgen.workflows.deliver_webhooks.payloads import SendInput, SendReport
from leadgen.workflows.find_phone.payloads import SearchInput, SearchReport
from leadgen.workflows.find_phones.payloads import (
    ChunkInput,
    ChunkProgress,
    EndInput,
    FindPhonesResult,
    LookInput,
    LookReport,
    PlanInput,
    PlanReport,
)
from leadgen.workflows.options import interactive_queue
from leadgen.workflows.registry import WORKFLOWS
from leadgen.workflows.upkeep.payloads import PruneResult, SettleResult, StartResult, UpkeepResult

CHUNK_LEADS = 100
HOUR = timedelta(hours=1)


def gone_for_good() -> ApplicationError:
    """A failure that no other attempt mends."""
    return ApplicationError("no lead has this id", type="UnknownId", non_retryable=True)


def not_there_now() -> ApplicationError:
    """A failure that may be over at the next attempt."""
    return ApplicationError("the database does not answer", type="ServiceUnavailable")


@dataclass
class FakeSearch:
    """``search_lead``: does one step of the script a call, the last one for ever.

    A report is answered, an error raised; a time parks the lead for so long from the server's now.
    """

    script: Sequence[SearchReport | timedelta | ApplicationError]
    orders: list[SearchInput] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)

    @activity.defn(name="search_lead")
    async def search_lead(self, order: SearchInput) -> SearchReport:
        """The next step."""
        step = self.script[min(len(self.orders), len(self.script) - 1)]
        self.orders.append(order)
        self.moments.append(server_now())
        match step:
            case SearchReport():
                return step
            case timedelta():
                return SearchReport(None, None, "0.020000", resume_at=server_now() + step)
            case _:
                raise step


@dataclass
class FakeJob:
    """``plan_job``, ``run_chunk``, ``look_at_job`` and ``end_job`` of a job over ``leads`` leads.

    A chunk is named by its start. ``parks``: for how long it parks, one time a run. ``breaks``: what it
    raises, one error a run. ``held``: chunks that wait until ``release`` is set. ``together``: no chunk ends
    before so many are in flight at once. ``wanted``: what is wanted of the job, which chunks heed also while
    they are held.
    """

    leads: int
    parks: Mapping[int, Sequence[timedelta]] = field(default_factory=dict)
    breaks: Mapping[int, Sequence[ApplicationError]] = field(default_factory=dict)
    held: Collection[int] = ()
    together: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    plans: list[PlanInput] = field(default_factory=list)
    chunks: list[ChunkInput] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    ends: list[EndInput] = field(default_factory=list)
    wanted: Wanted = Wanted.RUN
    looks: list[Wanted] = field(default_factory=list)
    in_flight: int = 0

    @property
    def starts(self) -> list[int]:
        """The starts of all chunks that were run, in this order."""
        return [chunk.start for chunk in self.chunks]

    @activity.defn(name="plan_job")
    async def plan_job(self, order: PlanInput) -> PlanReport:
        """As many leads as the job has."""
        self.plans.append(order)
        return PlanReport(self.leads)

    @activity.defn(name="run_chunk")
    async def run_chunk(self, chunk: ChunkInput) -> ChunkProgress:
        """Ends, parks or raises."""
        run = self.starts.count(chunk.start)
        self.chunks.append(chunk)
        self.moments.append(server_now())
        self.in_flight += 1
        try:
            while chunk.start in self.held and not self.release.is_set() and self.wanted is Wanted.RUN:
                activity.heartbeat()
                await asyncio.sleep(0.02)
            await until(lambda: self.in_flight >= self.together)
            self.together = 0
        finally:
            self.in_flight -= 1
        if self.wanted is not Wanted.RUN:
            return ChunkProgress(0, chunk.size, server_now(), self.wanted)
        if run < len(self.breaks.get(chunk.start, ())):
            raise self.breaks[chunk.start][run]
        if run < len(self.parks.get(chunk.start, ())):
            return ChunkProgress(chunk.size - 1, 1, server_now() + self.parks[chunk.start][run])
        return ChunkProgress(chunk.size, 0)

    @activity.defn(name="look_at_job")
    async def look_at_job(self, order: LookInput) -> LookReport:
        """What is wanted."""
        self.looks.append(self.wanted)
        return LookReport(self.wanted)

    @activity.defn(name="end_job")
    async def end_job(self, order: EndInput) -> FindPhonesResult:
        """All found."""
        self.ends.append(order)
        return FindPhonesResult(order.job_id, "done", self.leads, self.leads, 0, 0, 0, "0.000000")

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker serves."""
        return (self.plan_job, self.run_chunk, self.look_at_job, self.end_job)


@dataclass
class LateJob(FakeJob):
    """A job whose first chunk notices a pause as all others do, and tells of it when one has begun anew."""

    @activity.defn(name="run_chunk")
    async def run_chunk(self, chunk: ChunkInput) -> ChunkProgress:
        """Ends as all others do, but for the first run of the first chunk."""
        is_late = chunk.start == 0 and 0 not in self.starts
        progress = await super().run_chunk(chunk)
        begun = len(self.chunks)
        while is_late and progress.wanted is Wanted.PAUSE and len(self.chunks) == begun:
            activity.heartbeat()
            await asyncio.sleep(0.02)
        return progress


@dataclass
class FakeUpkeep:
    """Every activity of upkeep: each raises what it is given, one error a call, then mends."""

    errors: list[ApplicationError] = field(default_factory=list)
    settle_errors: list[ApplicationError] = field(default_factory=list)
    start_errors: list[ApplicationError] = field(default_factory=list)
    prune_errors: list[ApplicationError] = field(default_factory=list)

    @activity.defn(name="mend_jobs")
    async def mend_jobs(self) -> UpkeepResult:
        """One started, two closed."""
        if self.errors:
            raise self.errors.pop(0)
        return UpkeepResult(jobs_started=1, jobs_closed=2)

    @activity.defn(name="settle_unknown")
    async def settle_unknown(self) -> SettleResult:
        """Three closed, four found."""
        if self.settle_errors:
            raise self.settle_errors.pop(0)
        return SettleResult(abandoned=3, found=4)

    @activity.defn(name="start_deliveries")
    async def start_deliveries(self) -> StartResult:
        """Five endpoints woken."""
        if self.start_errors:
            raise self.start_errors.pop(0)
        return StartResult(endpoints=5)

    @activity.defn(name="prune_deliveries")
    async def prune_deliveries(self) -> PruneResult:
        """Six removed."""
        if self.prune_errors:
            raise self.prune_errors.pop(0)
        return PruneResult(deliveries=6)

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker serves."""
        return (self.mend_jobs, self.settle_unknown, self.start_deliveries, self.prune_deliveries)


@dataclass
class FakeDeliveries:
    """``send_webhooks``: one report a call, the last one for ever; a time is from the server's now."""

    script: Sequence[timedelta | None]
    orders: list[SendInput] = field(default_factory=list)

    @activity.defn(name="send_webhooks")
    async def send_webhooks(self, order: SendInput) -> SendReport:
        """One delivered."""
        pause = self.script[min(len(self.orders), len(self.script) - 1)]
        self.orders.append(order)
        return SendReport(delivered=1, resume_at=None if pause is None else order.now + pause)

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker serves."""
        return (self.send_webhooks,)


def server_now() -> datetime:
    """The time of the server when this attempt began: a time-skipping server is ahead of the clock."""
    return activity.info().started_time


@asynccontextmanager
async def working(client: Client, *activities: Callable[..., Any]) -> AsyncIterator[str]:
    """A worker that serves all workflows and these activities; yields its own task queue."""
    queue = f"queue-{uuid4()}"
    async with (
        Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=activities),
        Worker(client, task_queue=interactive_queue(queue), activities=activities),
    ):
        yield queue


async def failure_of(client: Client, kind: str, given: object, queue: str) -> ApplicationError:
    """What a workflow fails with, started by its name from plain JSON; it must not take its time."""
    with pytest.raises(WorkflowFailureError) as failed:
        await client.execute_workflow(
            kind, given, id=str(uuid4()), task_queue=queue, execution_timeout=timedelta(seconds=9)
        )
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


async def events(handle: WorkflowHandle[Any, Any], *kinds: EventType.ValueType) -> list[HistoryEvent]:
    """The events of these kinds in the history of a run."""
    return [event async for event in handle.fetch_history_events() if event.event_type in kinds]


async def in_flight_max(handle: WorkflowHandle[Any, Any], activity_type: str) -> int:
    """How many activities of a type stood in the history as scheduled and not ended at the same time."""
    flying: set[int] = set()
    most = 0
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            if event.activity_task_scheduled_event_attributes.activity_type.name == activity_type:
                flying.add(event.event_id)
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            flying.discard(event.activity_task_completed_event_attributes.scheduled_event_id)
        most = max(most, len(flying))
    return most


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns when the condition is true; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not true within {seconds:g} s"
        await asyncio.sleep(0.02)
