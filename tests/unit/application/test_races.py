"""Several providers at once: who wins, who is let go, and that every loser that was sent is booked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from leadgen.application.end_job import EndJob
from leadgen.application.purchase import Entry, Purchase
from leadgen.application.race import Parked
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Fault, Miss, Rejected
from leadgen.domain.search_options import SearchOptions, Strategy
from leadgen.domain.waterfall import Answered, Ask, Verdict, WhenHeld
from tests import builders
from tests.builders import ACCOUNT
from tests.unit.application.world import CONFIGS, World, a_hit

PARALLEL = SearchOptions(Strategy.PARALLEL)
HEDGED = SearchOptions(Strategy.HEDGED, hedge_after_seconds=0.5)
ALL = ("orion", "astra", "nimbus")
GET_READY = 0.05
"""How far ahead tickets open."""
PRICES = {name: CONFIGS[name].price_micros for name in ALL}


async def raced(world: World, options: SearchOptions = PARALLEL, *, job_id: str | None = None) -> Verdict:
    """How a race for the lead ended."""
    result = await world.search(await world.lead(), options=options, job_id=job_id)
    assert isinstance(result, Verdict)
    return result


def calls(world: World) -> list[int]:
    """How often each provider was asked."""
    return [len(world.providers[name].asked) for name in ALL]


async def test_parallel_asks_all_and_pays_all(world: World) -> None:
    """The first number ends the search; what the losers cost is booked, and none of them is asked twice."""
    await world.add_lead()
    world.astra.will_answer(a_hit(2))
    world.orion.seconds, world.astra.seconds, world.nimbus.seconds = 3.0, 0.1, 2.0

    result = await raced(world)

    assert (result.state, result.provider) == (EndState.FOUND, "astra")
    assert calls(world) == [1, 1, 1]
    assert {refusal.provider for refusal in result.unasked} == {"orion", "nimbus"}
    await world.run(world.here.paid_calls.drain())
    assert await world.cost() == sum(PRICES.values())
    assert {lookup.state for lookup in await world.lookups()} == {LookupState.SETTLED}


async def test_job_ends_after_its_losers(world: World) -> None:
    """A job's receipt has every call: it waits for those that nobody else waits for."""
    await world.add_lead()
    job = await world.add_job(options=PARALLEL)
    world.astra.will_answer(a_hit(2))
    world.orion.seconds, world.astra.seconds, world.nimbus.seconds = 3.0, 0.1, 2.0
    await world.run(world.here.run_chunk.run(job.id, start=0, size=10, progress=lambda _: None))
    before = await world.jobs.report(job.id)
    assert before is not None
    assert before.cost_micros == PRICES["astra"]

    end = EndJob(jobs=world.jobs, ledger=world.here.ledger, clock=world.clock)
    report = await world.run(end.run(job.id, carrier=job.carrier))

    assert (report.found, report.cost_micros) == (1, sum(PRICES.values()))
    assert (await world.lead()).phone_provider == "astra"


async def test_better_ranked_number_within_the_grace_is_the_lead_s(world: World) -> None:
    """The lead gets the number that the race hands out, though another one was booked before it."""
    await world.add_lead()
    await world.add_job(options=PARALLEL)
    world.astra.will_answer(a_hit(2))
    world.orion.will_answer(a_hit(1))
    world.astra.seconds, world.orion.seconds, world.nimbus.seconds = 0.1, 0.3, 5.0

    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))

    lead = await world.lead()
    assert (lead.phone, lead.phone_provider) == (builders.us_phone(1), "orion")


async def test_number_after_the_grace_is_booked_and_not_used(world: World) -> None:
    """Who answers too late is paid all the same, and changes nothing of the lead."""
    await world.add_lead()
    await world.add_job(options=PARALLEL)
    world.astra.will_answer(a_hit(2))
    world.orion.will_answer(a_hit(1))
    world.astra.seconds, world.orion.seconds = 0.1, 0.9

    await world.run(world.here.run_chunk.run("job-1", start=0, size=10, progress=lambda _: None))
    await world.run(world.here.paid_calls.drain())

    assert (await world.lead()).phone_provider == "astra"
    assert await world.cost() == sum(PRICES.values())


async def test_crash_after_a_number_of_a_race_loses_nothing(world: World) -> None:
    """The number is in the ledger: whoever goes on with the search finds it there, the best-ranked first."""
    lead = await world.add_lead()
    world.astra.will_answer(a_hit(2))
    world.orion.will_answer(a_hit(1))
    for provider in world.providers.values():
        provider.seconds = 0.3
    await raced(world)  # its verdict is recorded nowhere
    await world.run(world.here.paid_calls.drain())
    assert (await world.lead()).phone is None

    result = await world.search(lead)

    assert isinstance(result, Verdict)
    assert (result.provider, calls(world)) == ("orion", [1, 1, 1])


# ---------------------------------------------------------------- who is let go


async def test_queueing_loser_leaves_its_queue(world: World) -> None:
    """A question that has no ticket yet is let go without a trace in the ledger, and costs nothing."""
    await world.configure("nimbus", limits=Limits((Rule(1, 10_000_000),), concurrency=1))
    first, second = await world.add_leads(2)
    await world.ask(first, "nimbus")
    world.orion.will_answer(a_hit(1))
    world.orion.seconds = 0.3

    result = await world.search(second, options=PARALLEL)

    assert isinstance(result, Verdict)
    assert result.provider == "orion"
    assert calls(world) == [1, 1, 1]
    assert [each.lead_id for each in await world.lookups("nimbus")] == [first.id]


async def test_intent_that_is_let_go_is_closed_as_not_sent(world: World) -> None:
    """Between its commit and its first byte a question can be let go: nothing leaves, nothing is owed."""
    lead = await world.add_lead()
    entry = Entry()
    purchase = Purchase(lead, lead.profile.question, None, Ask("orion", 0), entry=entry)
    asking = await world.start(world.here.paid_calls.ask(purchase))
    assert (await world.the_lookup()).state is LookupState.INTENDED

    entry.is_let_go = True
    asking.cancel()
    await world.run(world.here.paid_calls.drain())

    booked = await world.the_lookup()
    assert (booked.state, booked.cost_micros, booked.held_micros) == (LookupState.NOT_SENT, 0, 0)
    assert world.orion.asked == []
    assert world.here.places_taken() == 0


async def test_what_was_let_go_can_be_asked_later(world: World) -> None:
    """A question that never left keeps its number."""
    await test_intent_that_is_let_go_is_closed_as_not_sent(world)
    result = await raced(world, SearchOptions())
    assert result.state is EndState.NOT_FOUND
    assert [lookup.n for lookup in await world.lookups("orion")] == [0]


async def test_cancelled_race_books_what_it_sent(world: World) -> None:
    """A job that is paused in the middle of a race leaves no call out of the books."""
    lead = await world.add_lead()
    for provider in world.providers.values():
        provider.hold()
    around = await world.here.open_round.run(
        ACCOUNT, [lead], job_id=None, since=world.clock.now(), options=PARALLEL
    )
    race = await world.start(world.here.search.run(lead, around))
    await world.clock.advance(1.0)
    assert calls(world) == [1, 1, 1]

    race.cancel()
    for provider in world.providers.values():
        provider.release()
    await asyncio.wait({race})
    await world.run(world.here.paid_calls.drain())

    assert await world.cost() == sum(PRICES.values())


# ---------------------------------------------------------------- hedges


async def test_hedge_is_not_bought_for_who_answers_in_time(world: World) -> None:
    """A provider that answers before it is late costs what it costs alone."""
    await world.add_lead()
    world.orion.will_answer(a_hit(1))
    world.orion.seconds = 0.3

    await raced(world, HEDGED)

    assert calls(world) == [1, 0, 0]


async def test_hedge_is_bought_when_one_is_late(world: World) -> None:
    """After the delay, counted from the first byte, the next is asked too, and its number counts."""
    await world.add_lead()
    world.astra.will_answer(a_hit(2))
    world.orion.seconds, world.astra.seconds = 4.0, 0.1

    result = await raced(world, HEDGED)

    assert (result.provider, calls(world)) == ("astra", [1, 1, 0])
    assert world.astra.asked[0].at - world.orion.asked[0].at == pytest.approx(0.5 + GET_READY, abs=0.02)


async def test_who_queues_for_a_ticket_is_not_late(world: World) -> None:
    """A hedge is for a slow provider: while our own limits hold the first question back, none is bought."""
    await world.configure("orion", limits=Limits((Rule(1, 10_000_000),), concurrency=1))
    first, second = await world.add_leads(2)
    world.orion.will_answer(a_hit(1), a_hit(2))
    await world.search(first, options=HEDGED)

    result = await world.search(second, options=HEDGED)

    assert isinstance(result, Verdict)
    assert (result.provider, calls(world)) == ("orion", [2, 0, 0])
    assert world.orion.asked[1].at - world.orion.asked[0].at > 9.0


async def test_hedge_after_the_provider_s_own_p95(world: World) -> None:
    """Once 50 answers are on record a provider is late when it takes longer than 19 of 20 of them did."""
    leads = await world.add_leads(51)
    world.orion.seconds = 1.2
    for lead in leads[:50]:
        await world.ask(lead)
    world.orion.seconds = 4.0

    result = await world.search(leads[50], options=SearchOptions(Strategy.HEDGED))

    assert isinstance(result, Verdict)
    assert world.astra.asked[0].at - world.orion.asked[-1].at == pytest.approx(1.2 + GET_READY, abs=0.02)


async def test_hedge_before_anything_is_known_of_the_pace(world: World) -> None:
    """With fewer answers on record it is half a second."""
    await world.add_lead()
    world.orion.seconds = 4.0

    await raced(world, SearchOptions(Strategy.HEDGED))

    assert world.astra.asked[0].at - world.orion.asked[0].at == pytest.approx(0.5 + GET_READY, abs=0.02)


# ---------------------------------------------------------------- limits and failures


async def test_race_parks_when_nobody_is_free(world: World) -> None:
    """With every limit used up for long the search comes back later, and holds nothing meanwhile."""
    for name in ALL:
        await world.configure(name, limits=Limits((Rule(1, 3_600_000_000),), concurrency=1))
    first, second = await world.add_leads(2)
    await world.search(first)

    result = await world.search(second, options=PARALLEL)

    assert isinstance(result, Parked)
    assert result.until - world.clock.now() > timedelta(minutes=30)


async def test_race_repeats_what_failed_for_nothing(world: World) -> None:
    """An error that cost nothing is tried again while the others are under way."""
    await world.add_lead()
    world.orion.will_answer(Rejected(Fault.BROKEN, "HTTP 500"), a_hit(1))
    world.astra.seconds = world.nimbus.seconds = 5.0

    result = await raced(world)

    assert (result.provider, calls(world)) == ("orion", [2, 1, 1])


async def test_race_skips_who_is_held(world: World) -> None:
    """With `skip` a provider without a free place is passed over, and named."""
    await world.configure("orion", limits=Limits((Rule(1, 3_600_000_000),), concurrency=1))
    first, second = await world.add_leads(2)
    await world.ask(first)

    result = await world.search(second, options=PARALLEL, when_held=WhenHeld.SKIP)

    assert isinstance(result, Verdict)
    assert result.state is EndState.INCOMPLETE
    assert [each.provider for each in result.unasked if each.prevents] == ["orion"]
    assert isinstance(world.astra.otherwise, Miss)


async def test_a_follower_is_not_late_while_its_leader_queues(world: World) -> None:
    """Who awaits the answer to another one's question hears that it left when it does, not before."""
    await world.configure("orion", limits=Limits((Rule(1, 10_000_000),), concurrency=1))
    first, second = await world.add_leads(2)
    await world.ask(first, "orion")
    heard = []

    def purchase(name: str) -> Purchase:
        entry = Entry(on_sent=lambda: heard.append(name))
        return Purchase(second, second.profile.question, None, Ask("orion", 0), entry=entry)

    asking = [await world.start(world.here.paid_calls.ask(purchase(name))) for name in ("leader", "follower")]
    await world.clock.advance(5.0)
    assert heard == []
    await world.clock.advance(6.0)
    assert set(heard) == {"leader", "follower"}
    assert {type(answered) for answered in await asyncio.gather(*asking)} == {Answered}
    assert len(world.orion.asked) == 2
