"""A stretch of a job that is paused, cancelled or ended while it runs: no more is asked, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.application.run_chunk import ChunkReport, RunChunk
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.job import Job, JobStatus, Wanted
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.lookup import LookupState
from tests.unit.application.world import Process, World, a_hit

TWO_AT_ONCE = Limits((Rule(1_000, 1_000_000),), concurrency=2)


async def run(world: World, process: Process | None = None) -> ChunkReport:
    """What comes of the whole job as one chunk."""
    process = process or world.here
    return await world.run(process.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))


async def under_way(world: World, leads: int = 6) -> asyncio.Task[ChunkReport]:
    """A chunk that has asked Orion about two leads, who does not answer, and waits with the others."""
    await world.add_leads(leads)
    await world.add_job()
    await world.configure("orion", limits=TWO_AT_ONCE)
    world.orion.hold()
    running = await world.start(world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))
    await world.clock.advance(0.5)
    assert len(world.orion.asked) == 2
    return running


async def pass_time(world: World, running: Sequence[asyncio.Task[ChunkReport]], seconds: float) -> None:
    """Gives chunks so much time of the loop, by which they look up, and none of the world's."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until and not all(each.done() for each in running):
        await asyncio.wait(running, timeout=0.05, return_when=asyncio.ALL_COMPLETED)
        await world.settle()


async def end_of(world: World, running: asyncio.Task[ChunkReport]) -> ChunkReport:
    """What comes of a chunk that ends before time passes in the world."""
    await pass_time(world, [running], 10.0)
    assert running.done()
    return running.result()


async def settled(world: World) -> int:
    """How many leads of the job have ended."""
    report = await world.jobs.report("job-1")
    assert report is not None
    return report.settled


@pytest.mark.parametrize("wanted", [Wanted.PAUSE, Wanted.CANCEL])
async def test_chunk_that_is_not_to_run(world: World, wanted: Wanted) -> None:
    """Asks nobody, and comes back at once with all its leads open."""
    await world.add_leads(3)
    await world.add_job()
    await world.jobs.want("job-1", wanted)

    assert await run(world) == ChunkReport(0, 3, world.clock.now(), wanted)

    assert await world.lookups() == []


async def test_chunk_without_open_leads_is_not_resumed(world: World) -> None:
    """Where nothing is left to do there is nothing to come back for."""
    await world.add_leads(2)
    await world.add_job()
    await run(world)
    await world.jobs.want("job-1", Wanted.PAUSE)

    assert await run(world) == ChunkReport(0, 0, None, Wanted.PAUSE)


@pytest.mark.parametrize("wanted", [Wanted.PAUSE, Wanted.CANCEL])
async def test_chunk_is_broken_off(world: World, wanted: Wanted) -> None:
    """Who waits is not asked about; the chunk does not wait for what was sent, which books itself."""
    running = await under_way(world)
    wanted_at = world.clock.now()
    await world.jobs.want("job-1", wanted)
    await world.clock.advance(0.25)

    report = await end_of(world, running)

    assert report == ChunkReport(0, 6, report.resume_at, wanted)
    # The next beat came before time passed, or after.
    assert report.resume_at in (wanted_at, world.clock.now())
    assert {each.state for each in await world.lookups()} == {LookupState.INTENDED}
    world.orion.release()
    await world.run(world.here.paid_calls.drain())
    await world.clock.advance(5.0)
    assert len(world.orion.asked) == 2
    assert {each.state for each in await world.lookups()} == {LookupState.SETTLED}
    assert (world.here.places_taken(), await settled(world)) == (0, 0)


async def test_what_has_ended_is_recorded(world: World) -> None:
    """A chunk that is broken off has the ends of the searches that came to one."""
    leads = await world.add_leads(4)
    await world.add_job()
    slow = leads[0].profile.email
    begun = asyncio.Event()

    async def wait(question: object) -> None:
        if getattr(question, "email", None) == slow:
            begun.set()
            await world.clock.sleep(3_600.0)

    world.orion.while_asked = wait
    world.orion.will_answer(a_hit(2), about=leads[1].profile.email)
    running = await world.start(world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))
    await world.clock.advance(2.0)
    await begun.wait()
    await world.jobs.want("job-1", Wanted.PAUSE)
    await world.clock.advance(0.25)

    report = await end_of(world, running)

    assert (report.settled, report.open, report.wanted) == (3, 1, Wanted.PAUSE)
    assert await settled(world) == 3


async def test_paused_and_resumed_chunk_asks_nobody_twice(world: World) -> None:
    """What was under way when it was paused is found answered, also by another process."""
    running = await under_way(world)
    await world.jobs.want("job-1", Wanted.PAUSE)
    await world.clock.advance(0.25)
    await end_of(world, running)
    world.orion.release()
    await world.run(world.here.paid_calls.drain())
    await world.jobs.want("job-1", Wanted.RUN)

    report = await run(world, world.process("worker-2"))

    assert report == ChunkReport(6, 0, None)
    assert [len(provider.asked) for provider in world.providers.values()] == [6, 6, 6]


async def test_chunk_of_a_job_that_was_ended(world: World) -> None:
    """A job that was closed while a chunk of it ran asks nobody any more either."""
    running = await under_way(world)
    await world.jobs.end("job-1", JobStatus.STOPPED)
    await world.clock.advance(0.25)

    report = await end_of(world, running)

    assert (report.settled, report.wanted) == (0, Wanted.CANCEL)
    world.orion.release()
    await world.run(world.here.paid_calls.drain())
    assert len(world.orion.asked) == 2


class WatchedJobs(SqlJobRepository):
    """Counts how often a job is looked at, and does not answer when told so."""

    looks = 0
    is_down = False

    async def get(self, job_id: str) -> Job | None:
        """See IJobRepository."""
        self.looks += 1
        if self.is_down:
            raise ServiceUnavailable("the database", "nowhere", "start it")
        return await super().get(job_id)


def watched(world: World) -> tuple[WatchedJobs, RunChunk]:
    """Running chunks over jobs that are watched."""
    jobs = WatchedJobs(world.database, world.clock)
    here = world.here
    return jobs, RunChunk(
        jobs=jobs,
        leads=world.leads,
        open_round=here.open_round,
        search=here.search,
        desk=here.desk,
        clock=world.clock,
    )


async def begin(world: World, run_chunk: RunChunk, *, chunks: int) -> list[asyncio.Task[ChunkReport]]:
    """Chunks of one lead each, all of whom Orion keeps waiting."""
    await world.add_leads(chunks)
    await world.add_job()
    world.orion.hold()
    work = (run_chunk.run("job-1", start=n, size=1, progress=lambda _: None) for n in range(chunks))
    return [await world.start(each) for each in work]


async def test_one_look_for_all_chunks(world: World) -> None:
    """However many chunks of a job run in a process, it is asked for once in a quarter of a second."""
    jobs, run_chunk = watched(world)
    running = await begin(world, run_chunk, chunks=5)
    assert jobs.looks in {5, 6}  # each at its start; the next beat may have come
    await pass_time(world, running, 1.2)
    assert jobs.looks == 6  # the clock of the world stands
    await world.clock.advance(0.25)
    await pass_time(world, running, 0.6)
    assert jobs.looks == 7
    world.orion.release()
    for each in running:
        await world.wait_for(each)


async def test_database_that_does_not_tell(world: World) -> None:
    """Is no wish: the chunk goes on, and heeds the wish as soon as it is told."""
    jobs, run_chunk = watched(world)
    running = await begin(world, run_chunk, chunks=1)
    jobs.is_down = True
    await world.jobs.want("job-1", Wanted.PAUSE)
    await pass_time(world, running, 0.7)
    assert not running[0].done()
    jobs.is_down = False
    await world.clock.advance(0.25)

    assert (await end_of(world, running[0])).wanted is Wanted.PAUSE
