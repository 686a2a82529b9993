"""Runs the workflow per lead: worker and client in one process, tuned as far as it helped.

``python -m tests.benchmarks.throughput.peer TEMPORAL WORLD PEOPLE`` says ``ready``, waits for a line on
stdin, and prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from leadgen.adapters.providers.http import new_client
from tests.benchmarks.throughput.peer_workflow import Asking, FindOnePhone
from tests.benchmarks.throughput.people import Person, read_people
from tests.benchmarks.throughput.questions import questions
from tests.benchmarks.throughput.usage import own_peak_mb

AT_ONCE = 50
_QUEUE = "peer"


async def _main(address: str, world: str, file: str) -> None:
    people = list(read_people(Path(file)))
    client = await Client.connect(address)
    async with new_client() as http:
        asking = Asking(http, {question.provider: question for question in questions(world)})
        worker = Worker(
            client,
            task_queue=_QUEUE,
            workflows=[FindOnePhone],
            activities=[asking.ask_orion, asking.ask_astra, asking.ask_nimbus],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_cached_workflows=5_000,
            max_concurrent_workflow_tasks=200,
            max_concurrent_activities=500,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        )
        async with worker:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.readline)
            used = time.process_time()
            found = await _search(client, people)
            told = {
                "found": found,
                "ended": time.monotonic(),
                "cpu_seconds": time.process_time() - used,
                "memory_mb": own_peak_mb(),
            }
    sys.stdout.write(json.dumps(told) + "\n")


async def _search(client: Client, people: list[Person]) -> int:
    """How many numbers were found."""
    numbers = iter(range(len(people)))
    found = await asyncio.gather(*(_start(client, people, numbers) for _ in range(AT_ONCE)))
    return sum(found)


async def _start(client: Client, people: list[Person], numbers: Iterator[int]) -> int:
    found = 0
    for number in numbers:
        found += await client.execute_workflow(
            FindOnePhone.run, people[number], id=f"lead-{number}", task_queue=_QUEUE
        )
    return found


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
