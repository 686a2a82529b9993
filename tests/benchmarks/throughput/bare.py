"""The bare loop: leadgen's HTTP client, the same questions in the same order, 100 at once, nothing recorded.

``python -m tests.benchmarks.throughput.bare WORLD PEOPLE WIDE`` prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import uvloop

from leadgen.adapters.providers.http import new_client
from tests.benchmarks.throughput.people import Person, read_people
from tests.benchmarks.throughput.questions import Question, ask, questions
from tests.benchmarks.throughput.usage import own_peak_mb


class Loop:
    """One run over all people."""

    def __init__(self, client: httpx2.AsyncClient, asked: list[Question], people: list[Person]) -> None:
        self.calls = 0
        self.found = 0
        self.seconds_each = [0.0] * len(people)
        """How long the search for each of them took."""
        self._client = client
        self._asked = asked
        self._people = people

    async def run(self, wide: int) -> None:
        """Searches all of them, so many at once."""
        numbers = iter(range(len(self._people)))
        async with asyncio.TaskGroup() as group:
            for _ in range(wide):
                group.create_task(self._work(numbers))

    async def _work(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            begun = time.perf_counter()
            if await self._is_found(self._people[number]):
                self.found += 1
            self.seconds_each[number] = time.perf_counter() - begun

    async def _is_found(self, person: Person) -> bool:
        for question in self._asked:
            if body := question.body(person):
                self.calls += 1
                if await ask(self._client, question, body):
                    return True
        return False


async def _main(world: str, file: str, wide: str) -> None:
    people = list(read_people(Path(file)))
    async with new_client() as client:
        loop = Loop(client, questions(world), people)
        begun, used = time.perf_counter(), time.process_time()
        await loop.run(int(wide))
        seconds, used = time.perf_counter() - begun, time.process_time() - used
    told = {
        "leads": len(people),
        "calls": loop.calls,
        "found": loop.found,
        "seconds": seconds,
        "cpu_seconds": used,
        "memory_mb": own_peak_mb(),
        "seconds_each": loop.seconds_each if int(wide) == 1 else [],
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
