"""A clock that stands still until a test moves it."""

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from leadgen.application.ports.clock import IClock

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MONOTONIC_START_SECONDS = 1_000.0
SETTLE_TURNS = 100
_MICROS = 1_000_000

Result = TypeVar("Result")


class FakeClock(IClock):
    """Time that passes only on demand, in whole microseconds; wall clock and monotonic clock go together.

    Drive it from the test, beside the tasks that it keeps waiting:

    - ``await clock.advance(2.5)`` lets 2.5 seconds pass. Sleepers wake in the order of their moments (equal
      ones in the order in which they went to sleep), each at exactly its own; what they do then, another
      sleep included, happens before the next one wakes.
    - ``await clock.run(job())`` lets time jump from sleeper to sleeper until the job is done, and returns its
      result; the test fails where the job waits for something other than time.
    - ``clock.sleepers`` tells how many are asleep.

    The loop is taken as settled after ``SETTLE_TURNS`` turns: enough for tasks that wait for each other, not
    for files or sockets. A job that waits for those is awaited as usual.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._micros = 0
        self._asleep: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> datetime:
        """See IClock."""
        return self._start + timedelta(microseconds=self._micros)

    def monotonic(self) -> float:
        """See IClock."""
        return MONOTONIC_START_SECONDS + self._micros / _MICROS

    async def sleep(self, seconds: float) -> None:
        """See IClock."""
        if seconds <= 0:
            return
        alarm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wakes_at = self._micros + max(1, round(seconds * _MICROS))
        heapq.heappush(self._asleep, (wakes_at, next(self._numbers), alarm))
        await alarm

    @property
    def sleepers(self) -> int:
        """How many are asleep; who was cancelled is not."""
        return sum(not alarm.done() for _, _, alarm in self._asleep)

    async def advance(self, seconds: float) -> None:
        """Lets time pass, and everybody act whose moment comes."""
        end = self._micros + round(seconds * _MICROS)
        await self._settle()
        while self._asleep and self._asleep[0][0] <= end:
            await self._wake_next()
        self._micros = end
        await self._settle()

    async def run(self, job: Coroutine[Any, Any, Result]) -> Result:
        """The result of the job, which waits for time alone; as much passes as it needs."""
        task = asyncio.create_task(job)
        await self._settle()
        while not task.done():
            if not self.sleepers:
                task.cancel()
                await asyncio.wait([task])
                raise AssertionError("the job waits for something other than time")
            await self._wake_next()
        return task.result()

    async def _wake_next(self) -> None:
        wakes_at, _, alarm = heapq.heappop(self._asleep)
        if alarm.done():
            return
        self._micros = wakes_at
        alarm.set_result(None)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(SETTLE_TURNS):
            await asyncio.sleep(0)
