"""The search for one lead: its waterfall over paid calls, from whatever the ledger has already."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgen.application.race import Parked
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.lookup import LookupState
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.tier import Tier
from leadgen.domain.waterfall import TRIES, Verdict
from tests import builders
from tests.unit.application.world import CONFIGS, World, a_hit

BROKEN = Rejected(Fault.BROKEN, "HTTP 500")
ALL = ("orion", "astra", "nimbus")


async def verdict(world: World, lead: Lead) -> Verdict:
    """How a search ended that is not parked."""
    result = await world.search(lead)
    assert isinstance(result, Verdict)
    return result


def calls(world: World) -> list[int]:
    """How often each provider was asked."""
    return [len(world.providers[name].asked) for name in ALL]


def reasons(result: Verdict) -> dict[str, str]:
    """Who was not asked, and why."""
    return {refusal.provider: refusal.reason for refusal in result.unasked}


# ---------------------------------------------------------------- the waterfall


async def test_lead_with_a_number_is_never_asked_about(world: World) -> None:
    """Whoever gave the number, nobody is paid for another one."""
    lead = await world.add_lead(phone=builders.us_phone(4))

    assert await verdict(world, lead) == Verdict(EndState.FOUND, builders.us_phone(4), "import")
    assert calls(world) == [0, 0, 0]


async def test_first_hit_stops(world: World) -> None:
    """After a number nobody else is asked, and the trace says why."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(1))

    result = await verdict(world, lead)

    assert (result.state, result.phone, result.provider) == (
        EndState.FOUND,
        builders.us_phone(1),
        "orion",
    )
    assert calls(world) == [1, 0, 0]
    assert reasons(result) == dict.fromkeys(("astra", "nimbus"), "not needed: orion had found a number")


@pytest.mark.parametrize(
    "no_answer",
    [Miss(), Hit(None, "5550100"), Rejected(Fault.QUESTION, "HTTP 404")],
    ids=lambda o: type(o).__name__,
)
async def test_search_goes_on_where_there_is_no_number(world: World, no_answer: Outcome) -> None:
    """A miss, a number that cannot be placed, and a refusal of the question all lead to the next provider."""
    lead = await world.add_lead()
    world.orion.will_answer(no_answer)
    world.astra.will_answer(a_hit(2))

    result = await verdict(world, lead)

    assert (result.state, result.provider) == (EndState.FOUND, "astra")
    assert calls(world) == [1, 1, 0]


async def test_not_found_means_that_all_have_answered(world: World) -> None:
    """Only when every provider has answered is there no number; all of them are paid."""
    lead = await world.add_lead()

    result = await verdict(world, lead)

    assert result == Verdict(EndState.NOT_FOUND)
    assert calls(world) == [1, 1, 1]
    assert await world.cost() == sum(config.price_micros for config in CONFIGS.values())


async def test_providers_are_asked_one_after_the_other_by_priority(world: World) -> None:
    """Priority 1 goes first; equal ones go by name."""
    await world.configure("nimbus", priority=1)
    await world.configure("astra", priority=1)
    await world.configure("orion", priority=2)
    for provider in world.providers.values():
        provider.seconds = 1.0
    lead = await world.add_lead()

    await verdict(world, lead)

    at = {name: world.providers[name].asked[0].at for name in ALL}
    assert at["astra"] + 1.0 <= at["nimbus"]
    assert at["nimbus"] + 1.0 <= at["orion"]


# ---------------------------------------------------------------- who is not asked, and why


async def test_missing_inputs_are_named(world: World) -> None:
    """A provider that needs what the lead has not is not asked, which does not prevent an answer."""
    about = builders.profile(email="ada@gmail.com", job_title="", company_website="")
    lead = await world.add_lead(about=about)

    result = await verdict(world, lead)

    assert result.state is EndState.NOT_FOUND
    assert reasons(result) == {"orion": "the lead has no website", "nimbus": "the lead has no job_title"}
    assert calls(world) == [0, 1, 0]


async def test_several_missing_inputs_are_all_named(world: World) -> None:
    """The reason names everything that would be needed."""
    about = builders.profile(email="a@gmail.com", first_name="", last_name="", company_website="")
    lead = await world.add_lead(about=about)

    assert reasons(await verdict(world, lead))["orion"] == "the lead has no full_name and no website"


async def test_disabled_keyless_and_higher_tiers_are_named(world: World) -> None:
    """What is switched off, has no key, or is not booked is not asked; the search ends all the same."""
    await world.configure("orion", enabled=False)
    await world.configure("astra", tier=Tier.PRO)
    del world.providers["nimbus"]
    lead = await world.add_lead()

    result = await verdict(world, lead)

    assert result.state is EndState.NOT_FOUND
    assert reasons(result) == {
        "orion": "disabled",
        "astra": "the account is free, this needs pro",
        "nimbus": "no key: set LEADGEN_NIMBUS_URL and LEADGEN_NIMBUS_API_KEY",
    }
    assert await world.lookups() == []


# ---------------------------------------------------------------- repeats


async def test_failures_of_a_provider_are_repeated_under_new_numbers(world: World) -> None:
    """A free failure is followed by a pause, a new intent under n + 1, and a new ticket."""
    lead = await world.add_lead()
    world.orion.will_answer(BROKEN, BROKEN, a_hit())

    result = await verdict(world, lead)

    assert result.provider == "orion"
    assert [each.n for each in await world.lookups("orion")] == [0, 1, 2]
    first, second, third = (asked.at for asked in world.orion.asked)
    assert second - first >= 0.5
    assert third - second >= 1.0


async def test_exhausted_repeats_leave_the_lead_incomplete(world: World) -> None:
    """A provider that fails every time prevents an answer; the others are asked once."""
    lead = await world.add_lead()
    world.orion.will_answer(*[BROKEN] * TRIES)

    result = await verdict(world, lead)

    assert result.state is EndState.INCOMPLETE
    assert result.unasked == (Refusal("orion", "gave up after repeats: HTTP 500", prevents=True),)
    assert calls(world) == [TRIES, 1, 1]


async def test_next_run_asks_only_what_was_prevented(world: World) -> None:
    """Misses are not paid twice: the run after an outage asks the provider that was out, as often as any."""
    lead = await world.add_lead()
    world.orion.will_answer(*[BROKEN] * TRIES)
    await verdict(world, lead)
    await world.clock.advance(60.0)
    world.orion.will_answer(*[BROKEN] * (TRIES - 1), a_hit())

    result = await verdict(world, lead)

    assert (result.state, result.provider) == (EndState.FOUND, "orion")
    assert calls(world) == [2 * TRIES, 1, 1]
    assert [each.n for each in await world.lookups("orion")] == list(range(2 * TRIES))


async def test_run_that_is_resumed_does_not_get_all_its_tries_again(world: World) -> None:
    """Tries belong to the search that was ordered, not to the process that carries it out."""
    lead = await world.add_lead()
    since = world.clock.now()
    world.orion.will_answer(*[BROKEN] * 2 * TRIES)
    await world.search(lead, since=since)

    await world.search(lead, since=since)

    assert calls(world) == [TRIES, 1, 1]


async def test_questions_that_never_leave_are_repeated_under_the_same_number(world: World) -> None:
    """Where no connection is made, the same lookup is opened again, and costs nothing."""
    lead = await world.add_lead()
    world.orion.will_answer(*[NotSent("connection refused")] * TRIES)

    result = await verdict(world, lead)

    assert result.state is EndState.INCOMPLETE
    assert reasons(result) == {"orion": "gave up after repeats: connection refused"}
    (orion,) = await world.lookups("orion")
    assert (orion.n, orion.state, orion.cost_micros) == (0, LookupState.NOT_SENT, 0)


async def test_tickets_that_run_out_cost_no_try(world: World) -> None:
    """A slow database of ours is not held against the provider."""
    lead = await world.add_lead()
    slow = iter([1.0] * (TRIES + 2))
    world.here.ledger.before_intend = lambda: world.clock.sleep(next(slow, 0.0))
    world.orion.will_answer(a_hit())

    result = await verdict(world, lead)

    assert result.state is EndState.FOUND
    assert calls(world) == [1, 0, 0]
    assert [each.n for each in await world.lookups()] == [0]


# ---------------------------------------------------------------- doubts


async def test_doubt_goes_on_and_leaves_the_lead_incomplete(world: World) -> None:
    """A call without an answer may have been charged: the next provider is asked, the lead stays open."""
    lead = await world.add_lead()
    world.orion.will_answer(Unknown("timed out"))

    result = await verdict(world, lead)

    assert result.state is EndState.INCOMPLETE
    assert reasons(result) == {"orion": "unknown: timed out"}
    assert calls(world) == [1, 1, 1]


async def test_doubt_is_not_paid_again(world: World) -> None:
    """Run again, the lead is still incomplete, and nobody has been asked."""
    lead = await world.add_lead()
    world.orion.will_answer(Unknown("timed out"))
    await verdict(world, lead)
    cost = await world.cost()

    result = await verdict(world, lead)

    assert result.state is EndState.INCOMPLETE
    assert calls(world) == [1, 1, 1]
    assert await world.cost() == cost == sum(config.price_micros for config in CONFIGS.values())


async def test_intent_of_a_dead_worker_is_a_doubt(world: World) -> None:
    """A search that finds a dead worker's intent does not repeat it, and asks the others."""
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=-1))
    world.estimated_elsewhere_micros = CONFIGS["orion"].price_micros

    result = await verdict(world, lead)

    assert result.state is EndState.INCOMPLETE
    assert calls(world) == [0, 1, 1]


async def test_parked_provider_prevents_and_the_others_are_asked(world: World) -> None:
    """A wrong key is our trouble, not the lead's: it stays incomplete."""
    lead, other = await world.add_leads(2)
    world.orion.will_answer(Rejected(Fault.ACCOUNT, "HTTP 401"))

    results = [await verdict(world, lead), await verdict(world, other)]

    assert [result.state for result in results] == [EndState.INCOMPLETE] * 2
    assert [reasons(result) for result in results] == [{"orion": "parked: HTTP 401"}] * 2
    assert calls(world) == [1, 2, 2]


# ---------------------------------------------------------------- what was answered before


async def test_second_search_is_answered_from_the_ledger(world: World) -> None:
    """That there is no number is good for a week, and not paid again until then."""
    lead = await world.add_lead()
    await verdict(world, lead)
    await world.clock.advance(7 * 86_400 - 60)

    assert await verdict(world, lead) == Verdict(EndState.NOT_FOUND)
    assert calls(world) == [1, 1, 1]


async def test_number_in_the_ledger_is_the_lead_s(world: World) -> None:
    """A number that was paid for, and did not reach the lead, is found without asking."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(5))
    await verdict(world, lead)

    result = await verdict(world, lead)  # as it was before it had its number

    assert (result.state, result.phone, result.provider) == (EndState.FOUND, builders.us_phone(5), "orion")
    assert calls(world) == [1, 0, 0]


async def test_expired_answers_are_asked_anew(world: World) -> None:
    """After thirty days the same question is asked and paid again, under the next number."""
    lead = await world.add_lead()
    await verdict(world, lead)
    await world.clock.advance(31 * 86_400)

    result = await verdict(world, lead)

    assert result.state is EndState.NOT_FOUND
    assert calls(world) == [2, 2, 2]
    assert sorted((each.provider, each.n) for each in await world.lookups()) == [
        (name, n) for name in sorted(ALL) for n in (0, 1)
    ]


async def test_expired_number_is_asked_anew(world: World) -> None:
    """A number that is older than thirty days is no answer any more to a lead that has none."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(5), a_hit(6))
    await verdict(world, lead)
    await world.clock.advance(31 * 86_400)

    result = await verdict(world, lead)  # as it was before it had its number

    assert result.phone == builders.us_phone(6)
    assert calls(world) == [2, 0, 0]


async def test_number_of_a_disabled_provider_is_used_until_it_expires(world: World) -> None:
    """What was paid for is used though its provider is off now, for thirty days and no longer."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(5))
    await verdict(world, lead)
    await world.configure("orion", enabled=False)

    fresh = await verdict(world, lead)
    await world.clock.advance(31 * 86_400)
    stale = await verdict(world, lead)

    assert (fresh.state, fresh.phone) == (EndState.FOUND, builders.us_phone(5))
    assert (stale.state, stale.phone) == (EndState.NOT_FOUND, None)
    assert calls(world) == [1, 1, 1]


async def test_expired_doubts_are_asked_anew(world: World) -> None:
    """Thirty days after a doubt its provider may be asked again."""
    lead = await world.add_lead()
    world.orion.will_answer(Unknown("timed out"), a_hit())
    await verdict(world, lead)
    await world.clock.advance(31 * 86_400)

    result = await verdict(world, lead)

    assert (result.state, result.provider) == (EndState.FOUND, "orion")


# ---------------------------------------------------------------- waiting


async def test_long_wait_parks_the_search(world: World) -> None:
    """Nobody sits through a pause of ten minutes: the search says when to go on, and then does."""
    lead = await world.add_lead()
    world.orion.will_answer(Rejected(Fault.BUSY, "HTTP 429", 600.0), a_hit())

    parked = await world.search(lead)

    assert isinstance(parked, Parked)
    seconds = (parked.until - world.clock.now()).total_seconds()
    assert 599.0 < seconds <= 600.0
    await world.clock.advance(seconds)
    result = await verdict(world, lead)
    assert (result.state, result.provider) == (EndState.FOUND, "orion")
    assert calls(world) == [2, 0, 0]


async def test_provider_that_is_free_for_nobody_parks_the_search(world: World) -> None:
    """Where the desk turns away for long, the search is parked until the provider is free."""
    lead, other = await world.add_leads(2)
    world.orion.will_answer(Rejected(Fault.BUSY, "HTTP 429", 600.0))
    await world.search(lead)

    parked = await world.search(other)

    assert isinstance(parked, Parked)
    assert 590.0 < (parked.until - world.clock.now()).total_seconds() <= 600.0
    assert calls(world) == [1, 0, 0]


async def test_short_wait_is_waited_for(world: World) -> None:
    """A pause within patience delays the search and does not park it."""
    lead = await world.add_lead()
    world.orion.will_answer(Rejected(Fault.BUSY, "HTTP 429", 20.0), a_hit())
    started = world.clock.monotonic()

    result = await verdict(world, lead)

    assert result.state is EndState.FOUND
    assert 20.0 <= world.clock.monotonic() - started < 22.0


# ---------------------------------------------------------------- everything together


@pytest.mark.parametrize("broken", range(3))
@pytest.mark.parametrize("winner", ["orion", "astra", "nimbus", None])
async def test_cost_of_a_lead_is_the_price_of_every_call(
    world: World, broken: int, winner: str | None
) -> None:
    """Failed and useless calls count as those of the winner do."""
    lead = await world.add_lead()
    world.orion.will_answer(*[BROKEN] * broken)
    if winner:
        world.providers[winner].will_answer(a_hit())

    await verdict(world, lead)

    assert await world.cost() == sum(
        CONFIGS[name].price_micros * world.providers[name].charged(CONFIGS[name].charges) for name in ALL
    )
    phone: PhoneNumber | None = (await world.lead()).phone
    assert (phone is None) is (winner is None)
