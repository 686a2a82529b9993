"""Records the histories that the replay test plays: ``python -m tests.workflows.record_histories``.

Run by hand after a change: give what it does now a new name. What is recorded already stays as it is, since
workflows that began so may be under way wherever leadgen runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from leadgen.workflows.find_phone.payloads import SearchReport
from leadgen.workflows.find_phones.workflow import WINDOW_CHUNKS
from leadgen.workflows.registry import WORKFLOWS
from tests.servers.temporal import temporal_dev_server
from tests.workflows.fakes import CHUNK_LEADS, FakeJob, FakeSearch, FakeUpkeep, gone_for_good

HISTORIES = Path(__file__).parent / "histories"
_QUEUE = "leadgen"
_SOON = timedelta(seconds=2)
_FOUND = SearchReport("found", "astra", "0.030000")
_JOB = {"job_id": "0190f3a0-0000-7000-8000-000000000001", "account": "default"}
_LEAD = {"lead_id": "0190f3a0-0000-7000-8000-000000000002"}


async def main() -> None:
    """Carries out one workflow after the other on a server of its own, over fake activities."""
    window = (WINDOW_CHUNKS + 3) * CHUNK_LEADS
    upkeep = FakeUpkeep()
    recordings: Sequence[tuple[str, str, Sequence[Any], Sequence[Callable[..., Any]]]] = (
        ("find-phone", "FindPhone", [_LEAD], [FakeSearch([_FOUND]).search_lead]),
        ("find-phone-parked", "FindPhone", [_LEAD], [FakeSearch([_SOON, _FOUND]).search_lead]),
        ("find-phones", "FindPhones", [{}], FakeJob(leads=CHUNK_LEADS + 1).activities),
        ("find-phones-nobody", "FindPhones", [_JOB], FakeJob(leads=0).activities),
        (
            "find-phones-parked",
            "FindPhones",
            [_JOB],
            FakeJob(leads=window, parks={0: [_SOON, _SOON], 300: [_SOON / 2]}).activities,
        ),
        (
            "find-phones-failed-chunk",
            "FindPhones",
            [_JOB],
            FakeJob(leads=3 * CHUNK_LEADS, breaks={100: [gone_for_good()]}).activities,
        ),
        ("find-phones-settling", "FindPhones", [_JOB], FakeJob(leads=CHUNK_LEADS + 1).activities),
        ("upkeep", "Upkeep", [], [upkeep.mend_jobs]),
        ("upkeep-settling", "Upkeep", [], upkeep.activities),
    )
    missing = [each for each in recordings if not _file(each[0]).exists()]
    HISTORIES.mkdir(exist_ok=True)
    async with temporal_dev_server() as server:
        address = server.client.service_client.config.target_host
        client = await Client.connect(address, identity="recorder")
        for name, kind, arguments, activities in missing:
            await _record(client, name, kind, arguments, activities)


async def _record(
    client: Client, name: str, kind: str, arguments: Sequence[Any], activities: Sequence[Callable[..., Any]]
) -> None:
    async with Worker(client, task_queue=_QUEUE, workflows=WORKFLOWS, activities=activities):
        handle = await client.start_workflow(kind, args=arguments, id=name, task_queue=_QUEUE)
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
