"""The ledger as cache: what was answered, or is being answered, is not paid for again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leadgen.adapters.persistence.track_records import SqlTrackRecords
from leadgen.application.purchase import Purchase
from leadgen.application.round import OpenRound
from leadgen.domain.experience import CALLS_MIN
from leadgen.domain.fair_queue import Claimant
from leadgen.domain.job import JobReport, JobScope
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.phone import LineType, WantedLine
from leadgen.domain.provider import Hit, Miss, Unknown
from leadgen.domain.search_options import SearchOptions, Strategy
from leadgen.domain.waterfall import Answered, Ask, Reused, Verdict
from tests import builders
from tests.builders import ACCOUNT
from tests.unit.application.world import CONFIGS, World, a_hit

ALL = ("orion", "astra", "nimbus")
AGAIN = JobScope(again=True)
USUAL = SearchOptions()
PRICES = {name: CONFIGS[name].price_micros for name in ALL}
LANDLINE = Hit(builders.us_phone(7, line=LineType.LANDLINE), "7")


def calls(world: World) -> list[int]:
    """How often each provider was asked."""
    return [len(world.providers[name].asked) for name in ALL]


async def run_job(world: World, job_id: str, options: SearchOptions = USUAL) -> JobReport:
    """A job over all leads that have no number, to its end."""
    await world.add_job(job_id, options=options)
    await world.run(world.here.run_chunk.run(job_id, start=0, size=100, progress=lambda _: None))
    report = await world.jobs.report(job_id)
    assert report is not None
    return report


# ---------------------------------------------------------------- two jobs at once


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_two_jobs_at_once_pay_once(world: World, strategy: Strategy) -> None:
    """Whatever both ask is asked once; each counts what the other paid for, and both find the same."""
    leads = await world.add_leads(8)
    for number, lead in enumerate(leads[:4]):
        world.providers[ALL[number % 3]].will_answer(a_hit(number), about=lead.profile.email)
    for provider in world.providers.values():
        provider.seconds = 0.4
    options = SearchOptions(strategy)
    await world.add_job("job-1", options=options)
    await world.add_job("job-2", options=options)
    other = world.process("worker-2")

    chunks = [
        await world.start(process.run_chunk.run(job_id, start=0, size=100, progress=lambda _: None))
        for process, job_id in ((world.here, "job-1"), (other, "job-2"))
    ]
    for chunk in chunks:
        await world.wait_for(chunk)

    reports = [await world.jobs.report(job_id) for job_id in ("job-1", "job-2")]
    assert [(each.found, each.not_found) for each in reports if each] == [(4, 4)] * 2
    references = [asked.reference for name in ALL for asked in world.providers[name].asked]
    assert len(references) == len(set(references))
    if strategy is Strategy.SEQUENTIAL:
        costs = [await world.cost(lead.id) for lead in leads]
        paid = sum(each.cost_micros for each in reports if each)
        saved = sum(each.reused.saved_micros for each in reports if each)
        assert (paid, saved) == (sum(costs), paid)


async def test_same_question_in_one_process_takes_one_ticket(world: World) -> None:
    """Who finds the question under way already waits for its answer, and takes no place under the limits."""
    lead = await world.add_lead()
    asking = [await world.start(world.here.paid_calls.ask(world.purchase(lead))) for _ in range(3)]

    answers = [await world.wait_for(each) for each in asking]

    assert answers == [Answered("orion", 0, Miss())] * 3
    assert world.here.limiter.granted == 1


async def test_who_waits_for_an_answer_asks_when_its_owner_is_turned_away(world: World) -> None:
    """The place of somebody who gives up goes to the next who wants the same."""
    await world.configure("orion", limits=Limits((Rule(1, 10_000_000),), concurrency=1))
    first, second = await world.add_leads(2)
    await world.ask(first)
    queueing = await world.start(world.here.paid_calls.ask(world.purchase(second)))
    behind = await world.start(world.here.paid_calls.ask(world.purchase(second)))

    queueing.cancel()
    answer = await world.wait_for(behind)

    assert answer == Answered("orion", 0, Miss())
    assert len(world.orion.asked) == 2


async def test_somebody_who_waits_is_not_kept_back_by_a_job(world: World) -> None:
    """An urgent question takes its own turn, before the bulk of others that queue with the same one."""
    await world.configure("orion", limits=Limits((Rule(1, 5_000_000),), concurrency=1))
    leads = await world.add_leads(4)
    await world.ask(leads[0])
    bulk = [
        await world.start(world.here.paid_calls.ask(world.purchase(lead, job_id=None))) for lead in leads[1:]
    ]
    question = leads[3].profile.question
    urgent = Purchase(leads[3], question, None, Ask("orion", 0), claimant=Claimant(ACCOUNT, is_urgent=True))
    await world.wait_for(await world.start(world.here.paid_calls.ask(urgent)))

    assert world.orion.emails == [leads[0].profile.email, leads[3].profile.email]
    await asyncio.gather(*[world.wait_for(each) for each in bulk])
    assert len(world.orion.asked) == 4


# ---------------------------------------------------------------- one job after the other


async def test_answers_of_another_job_are_counted_as_saved(world: World) -> None:
    """The receipt of a later job says how many answers were there already, and what they would have cost."""
    await world.add_lead()
    first = await run_job(world, "job-1")
    assert (first.cost_micros, first.reused) == (sum(PRICES.values()), Reused())
    await world.add_job("job-2", AGAIN)
    await world.run(world.here.run_chunk.run("job-2", start=0, size=10, progress=lambda _: None))

    again = await world.jobs.report("job-2")

    assert again is not None
    assert (again.cost_micros, again.reused) == (0, Reused(3, sum(PRICES.values())))
    assert calls(world) == [1, 1, 1]


async def test_own_answers_of_before_a_crash_are_nothing_saved(world: World) -> None:
    """A job that goes on where it was counts what it has paid for as paid."""
    lead = await world.add_lead()
    await world.add_job()
    await world.ask(lead, job_id="job-1")

    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))

    report = await world.jobs.report("job-1")
    assert report is not None
    assert (report.cost_micros, report.reused) == (sum(PRICES.values()), Reused())


@pytest.mark.parametrize(("days", "asked"), [(1, 1), (3, 2)])
async def test_misses_last_as_long_as_is_set(world: World, days: int, asked: int) -> None:
    """How long "no number" is good for can be set; a number is good for longer."""
    lead = await world.add_lead()
    world.astra.will_answer(LANDLINE)
    mobile = SearchOptions(line=WantedLine.MOBILE)
    open_round = OpenRound(
        watch=world.here.watch,
        ledger=world.here.ledger,
        catalog=world.catalog,
        accounts=world.accounts,
        budgets=world.budgets,
        providers=world.providers,
        records=SqlTrackRecords(world.database, world.clock),
        clock=world.clock,
        reuse_misses=timedelta(days=2),
    )
    for _ in range(2):
        around = await open_round.run(ACCOUNT, [lead], job_id=None, since=world.clock.now(), options=mobile)
        await world.run(world.here.search.run(lead, around))
        await world.clock.advance(days * 86_400)

    assert calls(world) == [asked, 1, asked]


# ---------------------------------------------------------------- fresh


async def test_fresh_asks_anew_under_the_next_number(world: World) -> None:
    """Every provider is asked and paid once more; a second run of the same search pays for nothing."""
    lead = await world.add_lead()
    await world.search(lead)
    since = world.clock.now() + timedelta(seconds=1)
    await world.clock.advance(2.0)
    fresh = SearchOptions(fresh=True)

    for _ in range(2):
        await world.search(lead, since=since, options=fresh)

    assert calls(world) == [2, 2, 2]
    assert sorted({lookup.n for lookup in await world.lookups()}) == [0, 1]
    assert await world.cost() == 2 * sum(PRICES.values())


async def test_fresh_asks_even_whose_answer_was_lost(world: World) -> None:
    """A doubt of before is not repeated under its key: it is another question."""
    lead = await world.add_lead()
    world.orion.will_answer(Unknown("timed out"), a_hit(3))
    await world.search(lead)
    await world.clock.advance(2.0)

    result = await world.search(lead, options=SearchOptions(fresh=True))

    assert isinstance(result, Verdict)
    assert (result.state, result.provider) == (EndState.FOUND, "orion")
    assert [lookup.n for lookup in await world.lookups("orion")] == [0, 1]


# ---------------------------------------------------------------- the wanted line


async def test_landline_is_kept_as_second_best(world: World) -> None:
    """A search for a mobile goes on after it; the lead shows it as what it is, and has no number."""
    await world.add_lead()
    world.orion.will_answer(LANDLINE)

    report = await run_job(world, "job-1", SearchOptions(line=WantedLine.MOBILE))

    lead = await world.lead()
    assert (report.not_found, calls(world)) == (1, [1, 1, 1])
    assert (lead.phone, lead.phone_status) == (None, EndState.NOT_FOUND)
    assert (lead.second_phone, lead.second_phone_provider) == (LANDLINE.phone, "orion")


async def test_second_best_becomes_the_number_for_nothing(world: World) -> None:
    """Whoever takes any line later gets it from the ledger."""
    await test_landline_is_kept_as_second_best(world)
    await world.add_job("job-2", AGAIN)

    await world.run(world.here.run_chunk.run("job-2", start=0, size=10, progress=lambda _: None))

    lead = await world.lead()
    assert (lead.phone, lead.phone_provider, lead.second_phone) == (LANDLINE.phone, "orion", None)
    assert calls(world) == [1, 1, 1]


# ---------------------------------------------------------------- the stop rule, and why


async def test_dear_provider_is_skipped_once_its_hit_rate_is_known(world: World) -> None:
    """It is named as not worth its price; without enough answers on record everybody is asked."""
    leads = await world.add_leads(CALLS_MIN + 2)
    worth = SearchOptions(max_price_micros=50_000)
    for lead in leads[: CALLS_MIN + 1]:
        world.astra.will_answer(a_hit())
        await world.search(lead, options=worth)
    await world.here.watch.drain()
    await world.clock.advance(10.0)

    result = await world.search(leads[-1], options=worth)

    assert isinstance(result, Verdict)
    assert result.state is EndState.NOT_FOUND
    assert {each.provider: each.reason for each in result.unasked} == {
        "orion": "price: $0.02 is more than 0.00 x $0.05"
    }
    assert calls(world) == [CALLS_MIN + 1, CALLS_MIN + 2, 1]


async def test_every_lookup_says_why(world: World) -> None:
    """Which choice its provider was, and the reason, in the order of the search."""
    await world.add_lead()
    report = await run_job(world, "job-1")

    told = {each.provider: (each.position, each.reason) for each in await world.lookups()}
    assert told == {
        "orion": (1, "priority 1"),
        "astra": (2, "priority 2"),
        "nimbus": (3, "priority 3"),
    }
    spend = report.providers["orion"]
    assert (spend.first_choices, spend.reason, spend.has_one_reason) == (1, "priority 1", True)
