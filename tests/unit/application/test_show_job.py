"""The story of a job: what came of it, how long it took, and how long it takes at least."""

from __future__ import annotations

import dataclasses

import pytest

from leadgen.application.show_job import JobStory, ShowJob
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobStatus
from leadgen.domain.limits import Limits, Rule
from tests.builders import ACCOUNT
from tests.unit.application.world import AMPLE, World

LEADS = 6


async def story(world: World, account: str = ACCOUNT) -> JobStory:
    """That of the only job."""
    return await ShowJob(jobs=world.jobs, catalog=world.catalog, clock=world.clock).run(account, "job-1")


async def work(world: World) -> None:
    """Asks orion about all leads of the job, one after the other."""
    world.orion.seconds = 2.0
    leads = await world.add_leads(LEADS)
    await world.add_job()
    for lead in leads:
        await world.ask(lead, job_id="job-1")


async def test_bound_beside_the_real_time(world: World) -> None:
    """Six calls of two seconds through two places need six seconds; one after the other took twelve."""
    await world.configure("orion", limits=dataclasses.replace(AMPLE, concurrency=2))
    await work(world)
    await world.jobs.end("job-1", JobStatus.DONE)
    ended = await story(world)
    await world.clock.advance(3_600)

    assert await story(world) == ended
    assert ended.report == await world.jobs.report("job-1")
    assert ended.bound_seconds == pytest.approx(6.0)
    assert ended.seconds == pytest.approx(12.0, abs=0.5)


async def test_bound_follows_the_limits_that_are_configured(world: World) -> None:
    """Of four calls a minute the first four leave at once, and the other two a minute later."""
    await work(world)
    await world.configure("orion", limits=Limits((Rule(4, 60_000_000),), concurrency=50))

    assert (await story(world)).bound_seconds == pytest.approx(60.0)


async def test_time_goes_on_while_a_job_runs(world: World) -> None:
    """Before its first call there is no bound; its time counts from its order."""
    await world.add_leads(1)
    await world.add_job()
    await world.clock.advance(30)

    running = await story(world)

    assert (running.seconds, running.bound_seconds) == (30.0, None)


async def test_story_of_no_job_is_refused(world: World) -> None:
    """An id that is not there, or is another account's, is an error."""
    with pytest.raises(UnknownId):
        await story(world)
    await world.add_account("other")
    await world.add_job()
    with pytest.raises(UnknownId):
        await story(world, "other")
