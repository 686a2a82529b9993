"""How many leads of a stretch are searched at once: more only while nobody waits for a ticket."""

from __future__ import annotations

import asyncio

import pytest

from leadgen.application.paid_calls import PaidCalls
from leadgen.application.permit import Permit
from leadgen.application.round import Round
from leadgen.application.run_chunk import RunChunk
from leadgen.application.search_lead import SearchLead
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.selection import SelectionPipeline
from leadgen.domain.waterfall import Verdict
from tests.unit.application.world import World

LEADS = 100
AT_FIRST = 32


class HeldSearch(SearchLead):
    """Searches that take until they are let go."""

    def __init__(self, paid_calls: PaidCalls, world: World) -> None:
        super().__init__(paid_calls=paid_calls, pipeline=SelectionPipeline([]), clock=world.clock)
        self.may_end = asyncio.Semaphore(0)
        self.begun = 0
        self.ended = 0

    async def run(self, lead: Lead, around: Round) -> Verdict:
        """See SearchLead."""
        del lead, around
        self.begun += 1
        await self.may_end.acquire()
        self.ended += 1
        return Verdict(EndState.NOT_FOUND)


class Stretch:
    """A stretch of a hundred leads that is run, and how often it has told of its progress."""

    def __init__(self, world: World) -> None:
        here = world.here
        self.search = HeldSearch(here.paid_calls, world)
        self.run_chunk = RunChunk(
            jobs=world.jobs,
            leads=world.leads,
            open_round=here.open_round,
            search=self.search,
            desk=here.desk,
            clock=world.clock,
        )
        self.told = asyncio.Semaphore(0)

    async def run(self) -> int:
        """How many leads have ended."""
        return (
            await self.run_chunk.run("job-1", start=0, size=LEADS, progress=lambda _: self.told.release())
        ).settled

    async def turns(self, count: int) -> None:
        """Until it has looked about so often."""
        for _ in range(count):
            await asyncio.wait_for(self.told.acquire(), 10)


@pytest.fixture
async def stretch(world: World) -> Stretch:
    """One that has not begun."""
    await world.add_leads(LEADS)
    await world.add_job()
    return Stretch(world)


async def test_window_stays_where_others_wait(world: World, stretch: Stretch) -> None:
    """Further leads could only join the queue; each that ends makes room for one."""
    one_call = Limits((Rule(1_000, 1_000_000),), concurrency=1)
    await world.configure("orion", limits=one_call)
    permit = await world.here.desk.take("orion")
    assert isinstance(permit, Permit)
    waiting = await world.start(world.here.desk.take("orion"))
    running = asyncio.create_task(stretch.run())

    await stretch.turns(3)
    assert stretch.search.begun == AT_FIRST
    for _ in range(5):
        stretch.search.may_end.release()
    await stretch.turns(2)
    assert (stretch.search.begun, stretch.search.ended) == (AT_FIRST + 5, 5)

    for _ in range(LEADS):
        stretch.search.may_end.release()
    assert await asyncio.wait_for(running, 10) == LEADS
    waiting.cancel()
    await world.here.desk.give_back(permit)


async def test_window_widens_while_nobody_waits(stretch: Stretch) -> None:
    """Slow providers with wide limits get as many questions as they take."""
    running = asyncio.create_task(stretch.run())
    begun = []
    for _ in range(4):
        await stretch.turns(1)
        begun.append(stretch.search.begun)
    assert begun[0] == AT_FIRST
    assert begun[-1] == LEADS

    for _ in range(LEADS):
        stretch.search.may_end.release()
    assert await asyncio.wait_for(running, 10) == LEADS
