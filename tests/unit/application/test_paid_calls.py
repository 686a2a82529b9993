"""A paid call: ticket, committed intent, call, and one commit of all that came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from leadgen.adapters.persistence.tables import lookups
from leadgen.application.paid_calls import GIVE_UP_SECONDS
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.lead import EndState, Question
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import (
    Charges,
    Fault,
    Hit,
    Miss,
    NotSent,
    Outcome,
    Rejected,
    Unknown,
)
from leadgen.domain.waterfall import Answered, Held
from tests import builders
from tests.unit.application.world import AMPLE, CONFIGS, World, a_hit

PRICE = CONFIGS["orion"].price_micros
ONE_AT_A_TIME = Limits(AMPLE.rules, concurrency=1)
DOWN = ServiceUnavailable("the database", "nowhere", "start it")
BUSY = Rejected(Fault.BUSY, "HTTP 429")


# ---------------------------------------------------------------- intent, call, commit


async def test_intent_is_committed_before_the_question_leaves(world: World) -> None:
    """While the provider is being asked, the ledger has the intent, whose price is held."""
    lead = await world.add_lead()
    seen: list[Lookup | None] = []

    async def look(_question: Question) -> None:
        seen.append(await world.here.ledger.get(world.key(lead)))

    world.orion.while_asked = look
    await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    (intent,) = seen
    assert intent is not None
    assert (intent.state, intent.lead_id) == (LookupState.INTENDED, lead.id)
    assert intent.owner.startswith("worker-1")
    assert (intent.held_micros, intent.cost_micros) == (PRICE, 0)
    assert intent.lease_until >= world.clock.now() + timedelta(seconds=CONFIGS["orion"].timeout_seconds)


async def test_outcome_charge_and_number_are_booked_together(world: World) -> None:
    """A hit settles the lookup at its price and gives the lead its number and its provider."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(7))

    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, a_hit(7))
    booked = await world.the_lookup()
    assert (booked.state, booked.outcome) == (LookupState.SETTLED, a_hit(7))
    assert (booked.held_micros, booked.posted_micros, booked.estimated_micros) == (0, PRICE, 0)
    assert booked.settled_at is not None
    found = await world.lead()
    assert (found.phone, found.phone_provider) == (builders.us_phone(7), "orion")
    assert found.phone_status is EndState.FOUND


@pytest.mark.parametrize(
    ("charges", "outcome", "state", "posted", "estimated"),
    [
        (Charges.REQUEST, Miss(), LookupState.SETTLED, PRICE, 0),
        (Charges.HIT, Miss(), LookupState.SETTLED, 0, 0),
        (Charges.HIT, a_hit(), LookupState.SETTLED, PRICE, 0),
        (Charges.REQUEST, Hit(None, "12"), LookupState.SETTLED, PRICE, 0),
        (Charges.REQUEST, Rejected(Fault.BROKEN, "HTTP 500"), LookupState.SETTLED, 0, 0),
        (Charges.REQUEST, Rejected(Fault.QUESTION, "HTTP 404"), LookupState.SETTLED, 0, 0),
        (Charges.REQUEST, NotSent("connection refused"), LookupState.NOT_SENT, 0, 0),
        (Charges.REQUEST, Unknown("timed out"), LookupState.UNKNOWN, 0, PRICE),
        (Charges.HIT, Unknown("timed out"), LookupState.UNKNOWN, 0, PRICE),
    ],
)
async def test_each_outcome_is_booked_at_what_it_costs(  # noqa: PLR0917 - a table
    world: World, charges: Charges, outcome: Outcome, state: LookupState, posted: int, estimated: int
) -> None:
    """Misses are paid where requests are charged, doubts count as estimated, refusals are free."""
    await world.configure("orion", charges=charges)
    lead = await world.add_lead()
    world.orion.will_answer(outcome)

    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, outcome)
    booked = await world.the_lookup()
    assert (booked.state, booked.posted_micros, booked.estimated_micros) == (state, posted, estimated)
    assert await world.cost() == posted + estimated
    found = isinstance(outcome, Hit) and outcome.phone is not None
    assert ((await world.lead()).phone is not None) is found


async def test_number_of_the_lead_is_never_replaced(world: World) -> None:
    """A lead that got a number meanwhile keeps it; the answer is paid all the same."""
    lead = await world.add_lead(phone=builders.us_phone(1))
    world.orion.will_answer(a_hit(2))

    await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert (await world.lead()).phone == builders.us_phone(1)
    assert await world.cost() == PRICE


async def test_question_and_deadline_reach_the_provider(world: World) -> None:
    """The provider gets the lead's question, and the deadline that is configured."""
    await world.configure("orion", timeout_seconds=3.0)
    lead = await world.add_lead()

    await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    (asked,) = world.orion.asked
    assert (asked.question, asked.timeout_seconds) == (lead.profile.question, 3.0)


# ---------------------------------------------------------------- those who stop waiting


async def test_who_stops_before_the_ticket_sends_nothing(world: World) -> None:
    """A cancelled waiter in the queue leaves no intent, and takes nobody's turn."""
    await world.configure("orion", limits=ONE_AT_A_TIME)
    first, second, third = await world.add_leads(3)
    world.orion.hold()
    ahead = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    await world.clock.advance(0.2)
    quitter = await world.start(world.here.paid_calls.ask(world.purchase(second)))
    behind = await world.start(world.here.paid_calls.ask(world.purchase(third)))

    quitter.cancel()
    world.orion.release()
    await world.wait_for(ahead)
    await world.wait_for(behind)

    assert quitter.cancelled()
    assert world.orion.emails == [first.profile.email, third.profile.email]
    assert {each.lead_id for each in await world.lookups()} == {first.id, third.id}


async def test_who_stops_after_sending_leaves_it_to_settle_itself(world: World) -> None:
    """A call under way is booked though nobody waits for it any more; draining waits for that."""
    lead = await world.add_lead()
    world.orion.hold()
    world.orion.will_answer(a_hit())
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    await world.clock.advance(0.2)
    assert len(world.orion.asked) == 1

    asking.cancel()
    draining = await world.start(world.here.paid_calls.drain())
    await world.clock.advance(1.0)
    assert asking.cancelled()
    assert not draining.done()
    world.orion.release()
    await world.wait_for(draining)

    assert (await world.the_lookup()).state is LookupState.SETTLED
    assert (await world.lead()).phone == builders.us_phone()


async def test_who_stops_between_intent_and_sending_still_pays_and_gets_the_answer(world: World) -> None:
    """From the intent on nothing is taken back: the question goes out when its ticket opens."""
    lead = await world.add_lead()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    assert (await world.the_lookup()).state is LookupState.INTENDED

    asking.cancel()
    await world.run(world.here.paid_calls.drain())

    assert len(world.orion.asked) == 1
    assert (await world.the_lookup()).state is LookupState.SETTLED


async def test_draining_with_nothing_under_way_ends_at_once(world: World) -> None:
    """Nobody waits for nothing."""
    draining = await world.start(world.here.paid_calls.drain())
    assert draining.done()


# ---------------------------------------------------------------- what stands in the ledger


async def test_settled_lookup_is_reused(world: World) -> None:
    """The same question under the same number is answered from the ledger, in any process."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(3))

    answers = [
        await world.run(process.paid_calls.ask(world.purchase(lead)))
        for process in (world.here, world.here, world.process("worker-2"))
    ]

    assert answers == [Answered("orion", 0, a_hit(3))] * 3
    assert len(world.orion.asked) == 1
    assert await world.cost() == PRICE


async def test_lookup_in_flight_elsewhere_is_awaited(world: World) -> None:
    """Two processes with one question ask it once, and both get the answer."""
    lead = await world.add_lead()
    world.orion.hold()
    here = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    there = await world.start(world.process("worker-2").paid_calls.ask(world.purchase(lead)))
    await world.clock.advance(2.0)
    assert not here.done()
    assert not there.done()

    world.orion.release()

    assert await world.wait_for(here) == await world.wait_for(there) == Answered("orion", 0, Miss())
    assert len(world.orion.asked) == 1
    assert (await world.the_lookup()).owner.startswith("worker-1")


async def test_same_question_twice_in_one_instant_is_asked_once(world: World) -> None:
    """Two who ask the same in one process, at one reading of the clock, are still two: one waits."""
    lead = await world.add_lead()
    first = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    second = await world.start(world.here.paid_calls.ask(world.purchase(lead)))

    assert await world.wait_for(first) == await world.wait_for(second) == Answered("orion", 0, Miss())
    assert len(world.orion.asked) == 1


async def test_lookup_of_a_dead_owner_becomes_unknown(world: World) -> None:
    """What a dead worker may have sent counts as charged, and is not sent again."""
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=-1))
    world.estimated_elsewhere_micros = PRICE

    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert isinstance(answer, Answered)
    assert isinstance(answer.outcome, Unknown)
    assert world.orion.asked == []
    booked = await world.the_lookup()
    assert (booked.state, booked.posted_micros, booked.estimated_micros) == (LookupState.UNKNOWN, 0, PRICE)


async def test_owner_keeps_its_lookup_until_the_lease_ends(world: World) -> None:
    """A lookup is given up when its owner has not booked it for a while after its lease, and no earlier."""
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=5))
    world.estimated_elsewhere_micros = PRICE
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))

    await world.clock.advance(7.5)
    assert not asking.done()
    await world.clock.advance(1.0)

    assert asking.done()
    assert (await world.the_lookup()).state is LookupState.UNKNOWN
    assert world.orion.asked == []


async def test_who_asks_anew_is_waited_for(world: World) -> None:
    """Who waited for a dead owner's lookup gives up nobody who has sent the question again meanwhile."""
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=-1))
    world.estimated_elsewhere_micros = PRICE
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    await world.clock.advance(GIVE_UP_SECONDS - 0.5)
    async with world.database.write() as conn:
        await conn.execute(update(lookups).values(lease_until=world.clock.now() + timedelta(seconds=20)))

    await world.clock.advance(20.0 + GIVE_UP_SECONDS - 0.5)
    assert not asking.done()
    await world.clock.advance(1.0)
    assert asking.done()
    assert (await world.the_lookup()).state is LookupState.UNKNOWN


async def test_late_answer_is_booked_and_its_number_given_to_the_lead(world: World) -> None:
    """Once a lookup was given up, its owner's answer settles it, with evidence: what was paid for is used."""
    lead = await world.add_lead()
    world.orion.hold()
    world.orion.will_answer(a_hit())
    late = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    await world.clock.advance(0.2)
    await world.clock.advance(60.0)

    await world.run(world.process("worker-2").paid_calls.ask(world.purchase(lead)))
    given_up = await world.the_lookup()
    world.orion.release()
    answer = await world.wait_for(late)

    assert answer == Answered("orion", 0, a_hit())
    assert (given_up.state, given_up.estimated_micros) == (LookupState.UNKNOWN, PRICE)
    booked = await world.the_lookup()
    assert (booked.state, booked.outcome) == (LookupState.SETTLED, a_hit())
    assert (booked.posted_micros, booked.estimated_micros) == (PRICE, 0)
    (evidence,) = await world.here.books.evidence(booked.key)
    assert (evidence.state_before, evidence.state_after) == ("unknown", "settled")
    assert (await world.lead()).phone == a_hit().phone


async def test_settled_lookup_without_an_outcome_is_a_doubt(world: World) -> None:
    """A row that does not say what came of it is never read as "no number"."""
    lead = await world.add_lead()
    await world.here.ledger.intend(builders.lookup(about=lead.profile.question, held_micros=0))
    async with world.database.write() as conn:
        await conn.execute(update(lookups).values(state=LookupState.SETTLED.value))

    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))
    assert answer == Answered("orion", 0, Unknown("no outcome is on record"))
    assert world.orion.asked == []


# ---------------------------------------------------------------- what one answer means for all


async def test_refused_key_parks_the_provider_for_everybody(world: World) -> None:
    """After a 401 nobody calls for a minute: those who wait and those who come are turned away."""
    await world.configure("orion", limits=ONE_AT_A_TIME)
    first, second, third = await world.add_leads(3)
    world.orion.will_answer(Rejected(Fault.ACCOUNT, "HTTP 401"))
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    waiting = await world.start(world.here.paid_calls.ask(world.purchase(second)))

    assert await world.wait_for(asking) == Answered("orion", 0, Rejected(Fault.ACCOUNT, "HTTP 401"))
    assert await world.wait_for(waiting) == Held("orion", "parked: HTTP 401", None)
    come_later = await world.run(world.here.paid_calls.ask(world.purchase(third)))

    assert come_later == Held("orion", "parked: HTTP 401", None)
    assert world.orion.emails == [first.profile.email]
    assert len(await world.lookups()) == 1


async def test_parked_provider_is_asked_again_after_a_minute(world: World) -> None:
    """Whoever mends the key need not restart anything."""
    first, second = await world.add_leads(2)
    world.orion.will_answer(Rejected(Fault.ACCOUNT, "HTTP 402"))
    await world.run(world.here.paid_calls.ask(world.purchase(first)))

    await world.clock.advance(61.0)

    assert await world.run(world.here.paid_calls.ask(world.purchase(second))) == Answered("orion", 0, Miss())


@pytest.mark.parametrize(("retry_after", "pause"), [(5.0, 5.0), (None, 1.0)])
async def test_busy_provider_is_left_alone_by_everybody(
    world: World, retry_after: float | None, pause: float
) -> None:
    """After a 429 nobody calls until the pause is over: the one asked for, else a second."""
    first, second = await world.add_leads(2)
    world.orion.will_answer(Rejected(Fault.BUSY, "HTTP 429", retry_after))
    await world.run(world.here.paid_calls.ask(world.purchase(first)))
    turned_down_at = world.orion.asked[0].at

    await world.run(world.here.paid_calls.ask(world.purchase(second)))

    assert pause <= world.orion.asked[1].at - turned_down_at < pause + 0.5


async def test_long_pause_holds_everybody_until_it_is_over(world: World) -> None:
    """Nobody queues for a pause of an hour: the question is held until then."""
    first, second = await world.add_leads(2)
    world.orion.will_answer(Rejected(Fault.BUSY, "HTTP 429", 3_600.0))
    await world.run(world.here.paid_calls.ask(world.purchase(first)))

    held = await world.run(world.here.paid_calls.ask(world.purchase(second)))

    assert isinstance(held, Held)
    assert held.until is not None
    assert timedelta(seconds=3_598) < held.until - world.clock.now() <= timedelta(seconds=3_600)
    assert len(world.orion.asked) == 1


async def test_answer_is_booked_though_the_limiter_is_lost(world: World) -> None:
    """A pause that cannot be told to the limiter does not keep an answer out of the ledger."""
    lead = await world.add_lead()
    world.here.limiter.trouble["penalise"] = ServiceUnavailable("the limiter", "nowhere", "start it")
    world.orion.will_answer(BUSY)

    with pytest.raises(ServiceUnavailable):
        await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    booked = await world.the_lookup()
    assert (booked.state, booked.cost_micros) == (LookupState.SETTLED, 0)


async def test_provider_switched_off_meanwhile_is_not_asked(world: World) -> None:
    """A setting reaches even those who wait for a ticket."""
    await world.configure("orion", limits=ONE_AT_A_TIME)
    first, second = await world.add_leads(2)
    world.orion.hold()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    await world.clock.advance(0.2)
    waiting = await world.start(world.here.paid_calls.ask(world.purchase(second)))

    await world.configure("orion", enabled=False)
    world.orion.release()

    assert await world.wait_for(asking) == Answered("orion", 0, Miss())
    assert await world.wait_for(waiting) == Held("orion", "disabled meanwhile", None)
    assert len(await world.lookups()) == 1


# ---------------------------------------------------------------- places in the concurrency cap


@pytest.mark.parametrize(
    "answer",
    [
        a_hit(),
        Miss(),
        Rejected(Fault.BROKEN, "HTTP 500"),
        NotSent("connection refused"),
        Unknown("sent, but the connection was cut"),
        RuntimeError("a bug"),
    ],
)
async def test_place_is_given_back_whatever_comes(world: World, answer: Outcome | Exception) -> None:
    """With one place in all, the next question is sent as soon as this one is over."""
    await world.configure("orion", limits=ONE_AT_A_TIME)
    first, second = await world.add_leads(2)
    broken = isinstance(answer, RuntimeError)
    world.orion.will_answer(answer)
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    following = await world.start(world.here.paid_calls.ask(world.purchase(second)))

    assert await world.wait_for(following) == Answered("orion", 0, Miss())

    answered = await asking
    assert isinstance(answered, Answered)
    assert answered.outcome == (Unknown("its adapter failed (RuntimeError)") if broken else answer)
    world.estimated_elsewhere_micros = broken * CONFIGS["orion"].price_micros
    assert world.orion.asked[1].at - world.orion.asked[0].at < 1.0


@pytest.mark.parametrize("method", ["intend", "close"])
async def test_place_is_given_back_when_the_ledger_fails(world: World, method: str) -> None:
    """An error of the database reaches whoever asks, and takes no place with it."""
    world.books_are_exact = False
    lead = await world.add_lead()
    world.here.ledger.trouble[method] = DOWN

    with pytest.raises(ServiceUnavailable):
        await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert world.here.places_taken() == 0
    assert len(world.orion.asked) == (1 if method == "close" else 0)


async def test_answer_that_could_not_be_booked_counts_as_charged(world: World) -> None:
    """When the database was away at the end of a call, the lookup is a doubt, and not paid again."""
    world.estimated_elsewhere_micros = 0
    lead = await world.add_lead()
    world.here.ledger.trouble["close"] = DOWN
    with pytest.raises(ServiceUnavailable):
        await world.run(world.here.paid_calls.ask(world.purchase(lead)))
    world.here.ledger.trouble.clear()

    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert isinstance(answer, Answered)
    assert isinstance(answer.outcome, Unknown)
    assert len(world.orion.asked) == 1
    assert (await world.the_lookup()).estimated_micros == PRICE


async def test_cap_and_rate_hold_for_many_at_once(world: World) -> None:
    """However many ask at once, the cap bounds those in flight, the rate those of any second."""
    await world.configure("orion", limits=Limits((Rule(5, 1_000_000),), concurrency=3))
    world.orion.seconds = 0.7
    leads = await world.add_leads(12)

    asking = [await world.start(world.here.paid_calls.ask(world.purchase(lead))) for lead in leads]
    for each in asking:
        await world.wait_for(each)

    at = [asked.at for asked in world.orion.asked]
    assert world.orion.in_flight_max == 3
    assert all(later - earlier > 1.0 for earlier, later in zip(at, at[5:], strict=False))
    assert world.orion.emails == [lead.profile.email for lead in leads]
