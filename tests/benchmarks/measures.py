"""The three measurements, the same for every contender."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from tests.benchmarks.contender import WINDOW_MICROS, Admit, Contender, Send
from tests.benchmarks.windows import worst_window

ROUND_SECONDS = 0.4
STEADY_PER_SECOND = 1_000
STEADY_SECONDS = 2.5
STEADY_REACHED = 0.95
"""Less than this part of the schedule within its time counts as not reached."""

DRAIN_SECONDS_MAX = 0.5
"""Whoever is not admitted by then is not counted."""
DEMAND_SECONDS = 5.0
CYCLE_SECONDS = 2.5
BURST_SECONDS = (0.95, 2.05)
"""In each cycle: from just before a window that began with the cycle ends to just after the next one does."""

DEMAND_TASKS = 16
ASK_AGAIN_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one admission took, from the moment it was due; ``per_second`` is what was reached."""

    p50_ms: float
    p99_ms: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What came of a greedy demand: calls in all, and in the worst window."""

    sent: int
    worst: int


async def throughput(admit: Admit, callers: int, wanted: int) -> float:
    """Admissions per second of callers that ask again as soon as they are answered."""
    begun = time.monotonic()

    async def caller() -> int:
        admitted = 0
        while time.monotonic() - begun < ROUND_SECONDS:
            admitted += await admit(wanted)
        return admitted

    admitted = sum(await asyncio.gather(*(caller() for _ in range(callers))))
    return admitted / (time.monotonic() - begun)


async def warm_up(admit: Admit, callers: int) -> None:
    """Opens as many connections as there will be callers."""
    for _ in range(5):
        await asyncio.gather(*(admit(1) for _ in range(callers)))


async def latency(contender: Contender) -> Latency:
    """Latency at a steady 1,000 a second: each call is due at its moment, whatever became of the others.

    Asked as a process asks that uses it: leadgen has one question under way, for all calls that are due by
    then; of a peer each call asks for itself, up to 16 at once. Who waits for a turn to ask is waiting, too.
    """
    admit = await contender.wide()
    await warm_up(admit, contender.callers)
    waiting, took, come = deque[float](), list[float](), asyncio.Event()

    async def desk() -> None:
        while time.monotonic() < until:
            await come.wait()
            batch = [waiting.popleft() for _ in range(min(len(waiting), contender.batch_max))]
            if not waiting:
                come.clear()
            given = await admit(len(batch)) if batch else 0
            took.extend(time.monotonic() - due for due in batch[:given])
            if given < len(batch):
                waiting.extendleft(reversed(batch[given:]))
                come.set()

    begun = time.monotonic()
    until = begun + STEADY_SECONDS + DRAIN_SECONDS_MAX
    calls = round(STEADY_SECONDS * STEADY_PER_SECOND)
    async with asyncio.TaskGroup() as group:
        for _ in range(contender.desks):
            group.create_task(desk())
        for number in range(calls):
            due = begun + number / STEADY_PER_SECOND
            while time.monotonic() < due:  # noqa: ASYNC110 - timers wait for whole milliseconds
                await asyncio.sleep(0)
            waiting.append(due)
            come.set()
        while len(took) < calls and time.monotonic() < until:  # noqa: ASYNC110 - or until there is no more time
            await asyncio.sleep(0.001)
        seconds = time.monotonic() - begun
        until = begun
        come.set()
    return Latency(_quantile(took, 0.5), _quantile(took, 0.99), len(took) / seconds)


async def demand(contender: Contender) -> Demand:
    """The worst window when one call begins a window, and a burst lies across the boundaries after it."""
    send = await contender.strict()
    begun = time.monotonic()
    openers = asyncio.create_task(_opens(send, begun))
    sent = await asyncio.gather(openers, *(_greedy(send, begun) for _ in range(DEMAND_TASKS)))
    moments = [moment for part in sent for moment in part]
    return Demand(len(moments), worst_window(moments, WINDOW_MICROS * 1_000))


async def _opens(send: Send, begun: float) -> list[int]:
    """One call at the beginning of each cycle."""
    moments = list[int]()
    for cycle in range(round(DEMAND_SECONDS / CYCLE_SECONDS)):
        await asyncio.sleep(begun + cycle * CYCLE_SECONDS - time.monotonic())
        if moment := await send():
            moments.append(moment)
    return moments


async def _greedy(send: Send, begun: float) -> list[int]:
    """During the bursts: asks again at once after a success, and shortly after a refusal."""
    moments = list[int]()
    first, last = BURST_SECONDS
    while (passed := time.monotonic() - begun) < DEMAND_SECONDS:
        if not first <= passed % CYCLE_SECONDS < last:
            await asyncio.sleep((first - passed) % CYCLE_SECONDS)
        elif moment := await send():
            moments.append(moment)
        else:
            await asyncio.sleep(ASK_AGAIN_SECONDS)
    return moments


def _quantile(seconds: list[float], part: float) -> float:
    """Milliseconds; NaN of nothing."""
    ordered = sorted(seconds)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] * 1_000 if ordered else float("nan")
