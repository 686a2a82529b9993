"""A stretch of a job: its leads searched together, recorded as they end, gone on with after a crash."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.application.run_chunk import ChunkReport
from leadgen.domain.errors import ServiceUnavailable, UnknownId
from leadgen.domain.job import JobReport, JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.provider import Fault, Rejected, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict
from tests import builders
from tests.builders import ACCOUNT
from tests.unit.application.world import CONFIGS, World, a_hit

DOWN = ServiceUnavailable("the database", "nowhere", "start it")


def ignore(_settled: int) -> None:
    """Progress that nobody looks at."""


async def report_of(world: World, job_id: str = "job-1") -> JobReport:
    """What came of the job so far."""
    report = await world.jobs.report(job_id)
    assert report is not None
    return report


async def test_chunk_settles_all_its_leads(world: World) -> None:
    """Every lead ends, with its number where there is one, and the job counts them."""
    leads = await world.add_leads(5)
    await world.add_job()
    world.orion.will_answer(a_hit(1), about=leads[0].profile.email)
    world.astra.will_answer(a_hit(2), about=leads[1].profile.email)
    world.nimbus.will_answer(Unknown("timed out"), about=leads[2].profile.email)

    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert chunk == ChunkReport(settled=5, open=0, resume_at=None)
    report = await report_of(world)
    assert (report.found, report.not_found, report.incomplete, report.failed) == (2, 2, 1, 0)
    assert (await world.lead("lead-1")).phone == builders.us_phone(1)
    assert (await world.lead("lead-2")).phone_provider == "astra"
    assert (await world.lead("lead-3")).phone_status is EndState.INCOMPLETE
    assert (await world.lead("lead-4")).phone_status is EndState.NOT_FOUND


async def test_cost_of_a_job_is_the_price_of_every_call(world: World) -> None:
    """The job's money is that of all its calls, by provider."""
    leads = await world.add_leads(4)
    await world.add_job()
    world.orion.will_answer(Rejected(Fault.BROKEN, "HTTP 500"), a_hit(), about=leads[0].profile.email)
    world.astra.will_answer(Unknown("timed out"), about=leads[1].profile.email)

    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    report = await report_of(world)
    paid = {name: each.charged(CONFIGS[name].charges) for name, each in world.providers.items()}
    assert {name: spend.cost_micros for name, spend in report.providers.items()} == {
        name: CONFIGS[name].price_micros * count for name, count in paid.items()
    }
    assert report.providers["orion"].calls == len(world.orion.asked) == 5
    assert report.providers["orion"].hits == 1


async def test_chunk_takes_its_stretch_and_no_more(world: World) -> None:
    """``start`` and ``size`` say which leads of the job."""
    leads = await world.add_leads(5)
    await world.add_job()

    chunk = await world.run(world.here.run_chunk.run("job-1", start=1, size=3, progress=ignore))

    assert chunk.settled == 3
    assert sorted(str(email) for email in world.astra.emails) == [lead.profile.email for lead in leads[1:4]]


async def test_ends_are_recorded_while_others_are_open(world: World) -> None:
    """A slow lead does not keep the ends of the others out of the job, nor its progress still."""
    leads = await world.add_leads(3)
    await world.add_job()
    slow = leads[0].profile.email
    told: list[int] = []
    seen, goes_on = asyncio.Event(), asyncio.Event()

    def progress(settled: int) -> None:
        told.append(settled)
        if settled == 2:
            seen.set()

    async def wait(question: Any) -> None:
        if question.email == slow:
            await goes_on.wait()

    world.orion.while_asked = wait
    running = await world.start(world.here.run_chunk.run("job-1", start=0, size=10, progress=progress))
    await world.clock.advance(2.0)
    while not (seen.is_set() or running.done()):
        await asyncio.wait([running], timeout=0.1)
    early = await report_of(world)
    goes_on.set()
    await world.wait_for(running)

    assert (early.settled, early.job.status) == (2, JobStatus.RUNNING)
    assert told[-1] == 3
    assert told == sorted(told)


async def test_answer_that_is_booked_after_it_was_given_up(world: World) -> None:
    """It ends the search as it would have in time: nobody else is asked after a good number."""
    await world.add_leads(1)
    await world.add_job()
    world.orion.will_answer(a_hit(6))
    chunk = await world.start(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    world.here.ledger.trouble["close"] = DOWN
    await world.clock.advance(60.0)
    assert (await world.run(world.process("worker-2").settle_unknown.run())).abandoned == 1

    world.here.ledger.recover()
    await world.wait_for(chunk)

    assert [len(provider.asked) for provider in world.providers.values()] == [1, 0, 0]
    report = await report_of(world)
    assert (report.found, report.cost_micros) == (1, CONFIGS["orion"].price_micros)
    assert (await world.lead()).phone == builders.us_phone(6)


async def test_nobody_more_is_asked_about_who_a_lead_was(world: World) -> None:
    """The chunk comes back for it at once, and the others go on."""
    lead, _ = await world.add_leads(2)
    await world.add_job()
    world.change_while_asked(lead, replace(lead.profile, email="ada@elsewhere.example"))

    first = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert (first.settled, first.open) == (1, 1)
    assert lead.profile.email not in world.astra.emails
    assert (await report_of(world)).not_found == 2


async def test_lead_that_was_removed_while_its_job_was_planned(world: World) -> None:
    """It has not failed: nobody was to be asked about it."""
    await world.add_leads(2)
    await world.add_job()
    async with world.database.write() as conn:
        await conn.exec_driver_sql("UPDATE leads SET deleted_at = created_at WHERE id = 'lead-1'")

    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert chunk == ChunkReport(settled=2, open=0, resume_at=None)
    report = await report_of(world)
    assert (report.not_found, report.incomplete, report.failed) == (1, 1, 0)


async def test_lead_that_is_changed_while_it_is_asked_about(world: World) -> None:
    """The number was another question's: the chunk comes back for the lead, and asks about it as it is."""
    lead, other = await world.add_leads(2)
    await world.add_job()
    moved = replace(lead.profile, email="ada@elsewhere.example")
    world.orion.will_answer(a_hit(1), about=lead.profile.email)
    world.astra.will_answer(a_hit(2), about=moved.email)
    world.change_while_asked(lead, moved)
    first = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert (first.settled, first.open) == (1, 1)
    assert first.resume_at is not None
    assert first.resume_at <= world.clock.now()
    assert (await world.lead(lead.id)).phone is None
    assert await world.run(
        world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore)
    ) == ChunkReport(settled=1, open=0, resume_at=None)
    assert (await world.lead(lead.id)).phone == builders.us_phone(2)
    assert (await world.lead(other.id)).phone_status is EndState.NOT_FOUND


async def test_bug_about_one_lead_fails_that_lead_alone(world: World) -> None:
    """The others go on, and the failed one says what happened without naming anybody."""
    await world.add_leads(3)
    await world.add_job()
    for lead_id in ("lead-1", "lead-3"):
        known = Verdict(EndState.FOUND, builders.us_phone(), "astra")
        await world.leads.conclude(ACCOUNT, Conclusion(lead_id, known))
    world.here.ledger.trouble["intend"] = RuntimeError("Ada King")
    world.books_are_exact = False

    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert (chunk.settled, chunk.open) == (3, 0)
    report = await report_of(world)
    assert (report.found, report.failed) == (2, 1)
    assert (await world.lead("lead-2")).phone_status is EndState.FAILED
    assert await world.leads.unasked(ACCOUNT, "lead-2") == [Refusal("leadgen", "failed: RuntimeError")]


async def test_failed_lead_is_not_asked_again_while_it_may_have_been_charged(world: World) -> None:
    """A later job takes the lead up, and treats the question that broke off as a doubt."""
    leads = await world.add_leads(1)
    await world.add_job()
    world.orion.will_answer(RuntimeError("a bug"), about=leads[0].profile.email)
    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    world.estimated_elsewhere_micros = CONFIGS["orion"].price_micros

    await world.add_job("job-2")
    await world.run(world.here.run_chunk.run("job-2", start=0, size=10, progress=ignore))

    assert (await report_of(world, "job-2")).incomplete == 1
    assert len(world.orion.asked) == 1


async def test_trouble_with_the_infrastructure_ends_the_chunk(world: World) -> None:
    """A database that does not answer is nobody's end state: the chunk fails and is run again."""
    await world.add_leads(3)
    await world.add_job()
    world.here.ledger.trouble["intend"] = DOWN

    with pytest.raises(ServiceUnavailable):
        await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert (await report_of(world)).settled == 0
    world.here.ledger.trouble.clear()
    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    assert chunk.settled == 3


async def test_trouble_leaves_no_unheard_errors_behind(world: World) -> None:
    """When all searches fail for one reason, it is told once, not once more for each lead in the log."""
    await world.add_leads(5)
    await world.add_job()
    world.here.ledger.trouble["intend"] = DOWN
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))

    async def fail() -> None:
        with pytest.raises(ServiceUnavailable):
            await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    await fail()
    gc.collect()

    assert unheard == []


async def test_cancelled_chunk_goes_on_and_nobody_is_asked_twice(world: World) -> None:
    """What was under way settles itself, what waited was never sent, and the next run does the rest."""
    leads = await world.add_leads(6)
    await world.add_job()
    await world.configure("orion", limits=Limits((Rule(1_000, 1_000_000),), concurrency=2))
    world.orion.hold()
    world.orion.will_answer(a_hit(9), about=leads[0].profile.email)
    running = await world.start(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    await world.clock.advance(0.5)
    assert len(world.orion.asked) == 2

    running.cancel()
    await asyncio.wait([running])
    world.orion.release()
    await world.run(world.here.paid_calls.drain())
    await world.clock.advance(5.0)
    assert len(world.orion.asked) == 2
    other = world.process("worker-2")
    chunk = await world.run(other.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert chunk.settled == 6
    assert sorted(str(email) for email in world.orion.emails) == [lead.profile.email for lead in leads]
    assert (await report_of(world)).found == 1
    assert (await world.lead("lead-1")).phone == builders.us_phone(9)


@pytest.mark.parametrize("is_same_process", [True, False])
async def test_two_runs_of_one_chunk_at_once_ask_nobody_twice(world: World, *, is_same_process: bool) -> None:
    """An activity that was taken for dead and runs on, here or elsewhere, costs nothing more."""
    leads = await world.add_leads(4)
    await world.add_job()
    for provider in world.providers.values():
        provider.seconds = 1.0
    other = world.here if is_same_process else world.process("worker-2")

    first = await world.start(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    second = await world.start(other.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    await world.wait_for(first)
    await world.wait_for(second)

    assert [len(provider.asked) for provider in world.providers.values()] == [len(leads)] * 3
    assert (await report_of(world)).not_found == 4


async def test_settled_leads_are_not_searched_again(world: World) -> None:
    """A chunk that is run again after its end has nothing to do."""
    await world.add_leads(2)
    await world.add_job()
    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    told: list[int] = []

    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=told.append))

    assert chunk == ChunkReport(0, 0, None)
    assert told == []


async def test_parked_leads_stay_open_until_the_first_can_go_on(world: World) -> None:
    """The chunk tells how many are open and when to come back for the first of them."""
    leads = await world.add_leads(3)
    await world.add_job()
    world.orion.will_answer(a_hit(), about=leads[0].profile.email)
    world.astra.will_answer(Rejected(Fault.BROKEN, "HTTP 503", 900.0), about=leads[1].profile.email)
    world.astra.will_answer(Rejected(Fault.BROKEN, "HTTP 503", 600.0), about=leads[2].profile.email)

    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert (chunk.settled, chunk.open) == (1, 2)
    assert chunk.resume_at is not None
    pause = chunk.resume_at - world.clock.now()
    assert timedelta(seconds=590) < pause <= timedelta(seconds=600)
    await world.clock.advance(901.0)
    rest = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))
    assert rest == ChunkReport(2, 0, None)
    assert len(world.orion.asked) == 3


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.STOPPED])
async def test_ended_job_does_nothing(world: World, status: JobStatus) -> None:
    """A job that was stopped asks nobody any more."""
    await world.add_leads(2)
    await world.add_job()
    await world.jobs.end("job-1", status)

    chunk = await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=ignore))

    assert chunk == ChunkReport(0, 0, None)
    assert await world.lookups() == []


async def test_unknown_job_is_refused(world: World) -> None:
    """A chunk of no job is an error."""
    with pytest.raises(UnknownId):
        await world.run(world.here.run_chunk.run("nobody", start=0, size=10, progress=ignore))
