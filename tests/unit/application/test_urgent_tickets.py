"""Somebody who waits for the answer, beside jobs that are bound by the limits; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.application.permit import Permit
from leadgen.application.ticket_desk import TicketDesk
from leadgen.domain.fair_queue import Claimant
from leadgen.domain.limits import (
    BULK_FORESIGHT_MICROS,
    MICROS_PER_SECOND,
    TIMING,
    Limits,
    Timing,
    parse_rules,
)
from tests import builders
from tests.fake_clock import FakeClock
from tests.fakes.provider_catalog import InMemoryProviderCatalog
from tests.fakes.rate_limiter import WarmCarrier

BULK = Claimant("bulk")
URGENT = Claimant("somebody", is_urgent=True)
CALL_SECONDS = 0.05
NOTICE_SECONDS = (Timing().lead + BULK_FORESIGHT_MICROS) / MICROS_PER_SECOND
"""So long before it may start bulk has taken a call."""


class Crowd:
    """Processes that share a limiter, each with a desk and 50 who ask over and over, for nobody."""

    def __init__(self, rate: str, processes: int = 1) -> None:
        self.clock = FakeClock()
        catalog = InMemoryProviderCatalog(
            builders.config("orion", limits=Limits(parse_rules(rate, "rate"), concurrency=20))
        )
        limiter = WarmCarrier(InMemoryRateLimiter(self.clock, TIMING), self.clock)
        self.desks = [
            TicketDesk(limiter=limiter, catalog=catalog, clock=self.clock) for _ in range(processes)
        ]
        self.starts: list[float] = []

    async def call(self, desk: TicketDesk, claimant: Claimant) -> float:
        """How long it took until the call started."""
        asked_at = self.clock.monotonic()
        permit = await desk.take("orion", claimant=claimant)
        assert isinstance(permit, Permit)
        desk.note_ready(permit)
        await self.clock.sleep(permit.ticket.opens_at - self.clock.monotonic())
        self.starts.append(permit.ticket.opens_at)
        await self.clock.sleep(CALL_SECONDS)
        await desk.give_back(permit)
        return permit.ticket.opens_at - asked_at

    async def urgent(self, count: int, pause_seconds: float) -> list[float]:
        """How long each of these waited, one after the other, in the first process."""
        waits = []
        for _ in range(count):
            await self.clock.sleep(pause_seconds)
            waits.append(await self.call(self.desks[0], URGENT))
        return waits

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Bulk asks all the while, and has done so for some windows."""
        tasks = [asyncio.create_task(self._ask(desk)) for desk in self.desks for _ in range(50)]
        await self.clock.advance(3.0)
        self.starts.clear()
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _ask(self, desk: TicketDesk) -> None:
        while True:
            await self.call(desk, BULK)


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize(("rate", "pace_seconds"), [("10/1s", 0.102), ("15/1s", 0.068), ("100/1s", 0.0102)])
async def test_urgent_waits_for_a_few_calls_and_no_window(
    rate: str, pace_seconds: float, processes: int
) -> None:
    """However many wait for nobody, and in whichever process, somebody starts among the next calls."""
    crowd = Crowd(rate, processes)
    async with crowd.at_work():
        waits = await crowd.clock.run(crowd.urgent(12, 0.137))

    assert max(waits) <= NOTICE_SECONDS + 3 * pace_seconds


@pytest.mark.parametrize(
    ("rate", "pace_seconds"), [("10/1s", 0.102), ("100/1s", 0.0102), ("50/1s,80/2s", 0.02525)]
)
async def test_spreading_costs_no_calls(rate: str, pace_seconds: float) -> None:
    """All that the rules allow is used, with somebody urgent among them."""
    crowd = Crowd(rate)
    async with crowd.at_work():
        await crowd.clock.run(crowd.urgent(16, 0.3))

    seconds = max(crowd.starts) - min(crowd.starts)
    assert (len(crowd.starts) - 1) / seconds >= 0.99 / pace_seconds


async def test_bulk_leaves_no_part_of_a_window_empty() -> None:
    """Its calls lie apart as the rule allows on average, and not at the beginning of each window."""
    crowd = Crowd("10/1s")
    async with crowd.at_work():
        await crowd.clock.advance(3.0)

    starts = sorted(crowd.starts)
    assert max(later - earlier for earlier, later in pairwise(starts)) <= 0.2  # twice its pace at most


async def test_urgent_burst_is_not_spread() -> None:
    """Those who come together to an idle provider start at once, as far as the limit goes."""
    crowd = Crowd("10/1s")

    async def together() -> list[float]:
        return await asyncio.gather(*(crowd.call(crowd.desks[0], URGENT) for _ in range(5)))

    assert max(await crowd.clock.run(together())) <= 0.1
