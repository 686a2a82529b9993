"""Leads that fail a whole stretch, or end its worker: one after the other, and those are set aside."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from leadgen.adapters.persistence.tables import leads
from leadgen.application.run_chunk import DEATHS_MAX, ChunkReport
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.job import Wanted
from leadgen.domain.lead import EndState
from tests.builders import ACCOUNT
from tests.unit.application.world import World, a_hit


async def run(world: World, *, is_careful: bool = True) -> ChunkReport:
    """What comes of the whole job as one chunk."""
    chunk = world.here.run_chunk
    return await world.run(
        chunk.run("job-1", start=0, size=10, progress=lambda _: None, is_careful=is_careful)
    )


async def poison(world: World, lead_id: str = "lead-2") -> None:
    """Leaves a row that nobody can read."""
    async with world.database.write() as conn:
        await conn.execute(update(leads).where(leads.c.id == lead_id).values(phone_status="no such state"))


async def why(world: World, lead_id: str) -> list[str]:
    """What stands with a lead about who was not asked."""
    return [refusal.reason for refusal in await world.leads.unasked(ACCOUNT, lead_id)]


async def states(world: World) -> tuple[int, int, int]:
    """How many leads of the job were found, failed, and are open."""
    report = await world.jobs.report("job-1")
    assert report is not None
    return report.found, report.failed, report.leads - report.settled


async def test_row_that_cannot_be_read(world: World) -> None:
    """Fails the stretch; lead by lead all others are searched, and that one ends failed, with a reason."""
    for lead in await world.add_leads(4):
        world.orion.will_answer(a_hit(), about=lead.profile.email)
    await world.add_job()
    await poison(world)

    with pytest.raises(ValueError, match="no such state"):
        await run(world, is_careful=False)
    assert await states(world) == (0, 0, 4)
    assert await run(world) == ChunkReport(4, 0, None)

    assert await states(world) == (3, 1, 0)
    assert await why(world, "lead-2") == ["failed: ValueError"]
    assert len(world.orion.asked) == 3


async def test_provider_that_raises_about_one_lead(world: World) -> None:
    """Costs that lead its answer, which may have been paid for, and no other: no care is needed."""
    first, second, _ = await world.add_leads(3)
    world.orion.will_answer(a_hit(), about=first.profile.email)
    for provider in (world.orion, world.astra, world.nimbus):
        provider.will_answer(ValueError("a bug"), about=second.profile.email)
    world.books_are_exact = False
    await world.add_job()

    assert await run(world, is_careful=False) == ChunkReport(3, 0, None)

    assert (await world.lead("lead-2")).phone_status is EndState.INCOMPLETE  # each may have been charged
    assert (await world.lead("lead-1")).phone_status is EndState.FOUND
    assert (await world.lead("lead-3")).phone_status is EndState.NOT_FOUND


async def test_lead_that_ends_its_worker(world: World) -> None:
    """The lead that was searched alone each time the worker died is set aside, and nobody is asked."""
    await world.add_leads(3)
    await world.add_job()
    for _ in range(DEATHS_MAX):
        await world.jobs.suspect("job-1", "lead-2")

    assert await run(world) == ChunkReport(3, 0, None)

    assert (await world.lead("lead-2")).phone_status is EndState.FAILED
    assert await why(world, "lead-2") == ["its search ended the worker, again and again"]
    assert len(world.orion.asked) == 2


async def test_died_less_often(world: World) -> None:
    """A few times are no proof: who was there when somebody killed the worker is innocent, and searched."""
    await world.add_leads(1)
    await world.add_job()
    for _ in range(DEATHS_MAX - 1):
        await world.jobs.suspect("job-1", "lead-1")

    assert await run(world) == ChunkReport(1, 0, None)
    assert (await world.lead()).phone_status is EndState.NOT_FOUND


async def test_no_suspicion_stays(world: World) -> None:
    """A search that stops in order, for an outage too, leaves no note behind."""
    await world.add_leads(1)
    await world.add_job()
    world.here.ledger.fail(ServiceUnavailable("the database", "nowhere", "start it"))
    with pytest.raises(ServiceUnavailable):
        await run(world)
    world.here.ledger.recover()

    assert await world.jobs.suspect("job-1", "lead-1") == 0


@pytest.mark.parametrize("wanted", [Wanted.PAUSE, Wanted.CANCEL])
async def test_wishes_are_heeded(world: World, wanted: Wanted) -> None:
    """A careful stretch too stops for a wish: what is left is open, and nobody is asked about it."""
    await world.add_leads(3)
    await world.add_job()
    world.orion.hold()
    chunk = world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None, is_careful=True)
    running = await world.start(chunk)
    await world.clock.advance(0.5)
    await world.jobs.want("job-1", wanted)
    report = await world.wait_for(running)

    assert (report.settled, report.open, report.wanted) == (0, 3, wanted)
    assert len(world.orion.asked) == 1
