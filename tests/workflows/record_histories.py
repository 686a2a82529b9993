"""Records the histories that the replay test plays: ``python -m tests.workflows.record_histories``.

Run by hand after a change: give what it does now a new name. What is recorded already stays as it is, since
workflows that began so may be under way wherever leadgen runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from leadgen.domain.job import Wanted
from leadgen.workflows.find_phone.payloads import SearchReport
from leadgen.workflows.find_phones.workflow import WINDOW_CHUNKS
from leadgen.workflows.options import interactive_queue
from leadgen.workflows.registry import WORKFLOWS
from tests.servers.temporal import temporal_dev_server
from tests.workflows.fakes import (
    CHUNK_LEADS,
    HOUR,
    FakeDeliveries,
    FakeJob,
    FakeSearch,
    FakeUpkeep,
    LateJob,
    events,
    gone_for_good,
    until,
)

HISTORIES = Path(__file__).parent / "histories"
_QUEUE = "leadgen"
_SOON = timedelta(seconds=2)
_FOUND = SearchReport("found", "astra", "0.030000")
_Handle = WorkflowHandle[Any, Any]
_JOB = {"job_id": "0190f3a0-0000-7000-8000-000000000001", "account": "default"}
_HOOK = {"endpoint_id": "0190f3a0-0000-7000-8000-000000000003"}
_LEAD = {"lead_id": "0190f3a0-0000-7000-8000-000000000002"}


@dataclass(frozen=True)
class _Recording:
    """A history: of which workflow, over which activities, and what somebody does meanwhile."""

    name: str
    kind: str
    arguments: Sequence[Any]
    activities: Sequence[Callable[..., Any]]
    steer: Callable[[_Handle], Awaitable[None]] | None = None


async def main() -> None:
    """Carries out one workflow after the other on a server of its own, over fake activities."""
    missing = [each for each in (*_left_alone(), *_steered()) if not _file(each.name).exists()]
    HISTORIES.mkdir(exist_ok=True)
    async with temporal_dev_server() as server:
        address = server.client.service_client.config.target_host
        client = await Client.connect(address, identity="recorder")
        for recording in missing:
            await _record(client, recording)


def _left_alone() -> Sequence[_Recording]:
    """Workflows that run as they run."""
    window = (WINDOW_CHUNKS + 3) * CHUNK_LEADS
    parked = FakeJob(leads=window, parks={0: [_SOON, _SOON], 300: [_SOON / 2]})
    failed = FakeJob(leads=3 * CHUNK_LEADS, breaks={100: [gone_for_good()]})
    upkeep, deliveries = FakeUpkeep(), FakeDeliveries([_SOON, timedelta(), None])
    return (
        _Recording("find-phone", "FindPhone", [_LEAD], [FakeSearch([_FOUND]).search_lead]),
        _Recording("find-phone-parked", "FindPhone", [_LEAD], [FakeSearch([_SOON, _FOUND]).search_lead]),
        _Recording("find-phones", "FindPhones", [{}], FakeJob(leads=CHUNK_LEADS + 1).activities),
        _Recording("find-phones-nobody", "FindPhones", [_JOB], FakeJob(leads=0).activities),
        _Recording("find-phones-parked", "FindPhones", [_JOB], parked.activities),
        _Recording("find-phones-failed-chunk", "FindPhones", [_JOB], failed.activities),
        _Recording("find-phones-settling", "FindPhones", [_JOB], FakeJob(leads=CHUNK_LEADS + 1).activities),
        _Recording("upkeep", "Upkeep", [], [upkeep.mend_jobs]),
        _Recording("upkeep-settling", "Upkeep", [], upkeep.activities),
        _Recording("upkeep-delivering", "Upkeep", [], upkeep.activities),
        _Recording("upkeep-pruning", "Upkeep", [], upkeep.activities),
        _Recording("deliver-webhooks", "DeliverWebhooks", [_HOOK], deliveries.activities),
    )


def _steered() -> Sequence[_Recording]:
    """Jobs that somebody pauses, resumes or cancels; the deaf one let the signal pass, as all once did."""
    window = (WINDOW_CHUNKS + 3) * CHUNK_LEADS
    steered = (
        ("find-phones-deaf", FakeJob(leads=CHUNK_LEADS, parks={0: [2 * _SOON, _SOON]}), _wake_parked),
        ("find-phones-paused", FakeJob(leads=window, held=range(window)), _pause_and_resume),
        ("find-phones-resumed", LateJob(leads=window, held=range(window)), _pause_and_resume),
        ("find-phones-cancelled", FakeJob(leads=window, held=range(window)), _cancel),
        ("find-phones-cancelled-parked", FakeJob(leads=CHUNK_LEADS, parks={0: [HOUR]}), _cancel_parked),
    )
    return [
        _Recording(name, "FindPhones", [_JOB], job.activities, partial(steer, job))
        for name, job, steer in steered
    ]


async def _pause_and_resume(job: FakeJob, handle: _Handle) -> None:
    await until(lambda: job.in_flight == WINDOW_CHUNKS)
    job.wanted = Wanted.PAUSE
    await handle.signal("wake")
    await until(lambda: len(job.looks) == 1)
    job.wanted = Wanted.RUN
    job.release.set()
    await handle.signal("wake")


async def _cancel(job: FakeJob, handle: _Handle) -> None:
    await until(lambda: job.in_flight == WINDOW_CHUNKS)
    job.wanted = Wanted.CANCEL
    await handle.signal("wake")


async def _wake_parked(_job: FakeJob, handle: _Handle) -> None:
    while not await events(handle, EventType.EVENT_TYPE_TIMER_STARTED):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    await handle.signal("wake")


async def _cancel_parked(job: FakeJob, handle: _Handle) -> None:
    await until(lambda: job.starts == [0] and not job.in_flight)
    job.wanted = Wanted.CANCEL
    await _wake_parked(job, handle)


async def _record(client: Client, recording: _Recording) -> None:
    name = recording.name
    async with (
        Worker(client, task_queue=_QUEUE, workflows=WORKFLOWS, activities=recording.activities),
        Worker(client, task_queue=interactive_queue(_QUEUE), activities=recording.activities),
    ):
        handle = await client.start_workflow(
            recording.kind, args=recording.arguments, id=name, task_queue=_QUEUE
        )
        if recording.steer is not None:
            await recording.steer(handle)
        await handle.result()
    history = _without_traces((await handle.fetch_history()).to_json_dict())
    text = json.dumps(history, indent=1, sort_keys=True, ensure_ascii=False)
    _file(name).write_text(text + "\n", encoding="utf-8")


def _file(name: str) -> Path:
    return HISTORIES / f"{name}.json"


def _without_traces(value: Any) -> Any:
    """The same without stack traces, which name the folders of the machine."""
    if isinstance(value, dict):
        return {key: _without_traces(inner) for key, inner in value.items() if key != "stackTrace"}
    return [_without_traces(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    asyncio.run(main())
