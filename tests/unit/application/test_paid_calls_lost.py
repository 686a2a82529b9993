"""Paid calls whose answer, or whose place in the ledger, is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgen.application.paid_calls import BOOK_SECONDS
from leadgen.domain.budget import Span
from leadgen.domain.errors import ServiceUnavailable, StaleTicket
from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Charges, Fault, Miss, NotSent, OnUnknown, Outcome, Rejected, Unknown
from leadgen.domain.waterfall import Answered, Held
from tests import builders
from tests.unit.application.world import CONFIGS, World, a_hit

PRICE = CONFIGS["orion"].price_micros
DOWN = ServiceUnavailable("the database", "nowhere", "start it")
LOST = Unknown("timed out")


# ---------------------------------------------------------------- repeats under one key


async def test_the_key_of_the_lookup_goes_with_the_question(world: World) -> None:
    """The provider gets it as the reference, the same in whatever process asks."""
    lead = await world.add_lead()

    await world.ask(lead)

    (asked,) = world.orion.asked
    assert asked.reference == world.key(lead) == (await world.the_lookup()).key


async def test_repeat_is_sent_under_the_same_key_and_paid_once(world: World) -> None:
    """Where the provider keeps keys a lost answer is asked for again, and found."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST, a_hit(3))

    first, second = await world.ask(lead), await world.ask(lead)

    assert (first, second) == (Answered("orion", 0, LOST), Answered("orion", 0, a_hit(3)))
    assert [asked.reference for asked in world.orion.asked] == [world.key(lead)] * 2
    booked = await world.the_lookup()
    assert (booked.state, booked.repeats) == (LookupState.SETTLED, 1)
    assert (booked.posted_micros, booked.estimated_micros, booked.held_micros) == (PRICE, 0, 0)
    assert (await world.lead()).phone == builders.us_phone(3)


@pytest.mark.parametrize("policy", [each for each in OnUnknown if each is not OnUnknown.REPEAT])
async def test_without_keys_nothing_is_repeated(world: World, policy: OnUnknown) -> None:
    """The doubt is given back to whoever asks again."""
    await world.configure("orion", on_unknown=policy, charges=Charges.HIT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)

    answers = [await world.ask(lead) for _ in range(2)]

    assert answers == [Answered("orion", 0, LOST)] * 2
    assert len(world.orion.asked) == 1


@pytest.mark.parametrize(("hours", "calls"), [(23.9, 2), (24.1, 1)])
async def test_key_is_forgotten_after_a_day(world: World, hours: float, calls: int) -> None:
    """A repeat after that would be paid again, and is not sent."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    await world.ask(lead)

    await world.clock.advance(hours * 3_600)
    answer = await world.ask(lead)

    assert len(world.orion.asked) == calls
    assert isinstance(answer, Answered)
    assert isinstance(answer.outcome, Miss if calls == 2 else Unknown)


@pytest.mark.parametrize("fault", Fault)
async def test_repeat_that_is_turned_down_leaves_the_doubt(world: World, fault: Fault) -> None:
    """That the provider is busy now says nothing of the question that was lost before."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST, Rejected(fault, "HTTP 4xx"))
    await world.ask(lead)

    answer = await world.ask(lead)

    assert answer == Answered("orion", 0, Unknown("repeated: HTTP 4xx"))
    booked = await world.the_lookup()
    assert (booked.state, booked.estimated_micros) == (LookupState.UNKNOWN, PRICE)


async def test_repeat_whose_ticket_ran_out_leaves_the_doubt(world: World) -> None:
    """It was not sent, but the first one was."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    await world.ask(lead)

    world.here.ledger.before_intend = lambda: world.clock.sleep(1.0)
    answer = await world.ask(lead)

    assert isinstance(answer, Answered)
    assert isinstance(answer.outcome, Unknown)
    assert len(world.orion.asked) == 1
    assert (await world.the_lookup()).estimated_micros == PRICE


async def test_question_of_a_dead_worker_is_repeated(world: World) -> None:
    """Whether it was sent or not, its key is charged once."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    await world.leave_intent(lead, lease=timedelta(seconds=-1))
    world.orion.will_answer(a_hit(4))

    first, second = await world.ask(lead), await world.ask(lead)

    assert isinstance(first, Answered)
    assert isinstance(first.outcome, Unknown)
    assert second == Answered("orion", 0, a_hit(4))
    assert (await world.lead()).phone == builders.us_phone(4)


async def test_two_processes_repeat_once(world: World) -> None:
    """One sends it again, the other waits for that one's answer."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    await world.ask(lead)
    world.orion.hold()
    here = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    there = await world.start(world.process("worker-2").paid_calls.ask(world.purchase(lead)))
    await world.clock.advance(2.0)

    world.orion.release()

    assert await world.wait_for(here) == await world.wait_for(there) == Answered("orion", 0, Miss())
    assert len(world.orion.asked) == 2


@pytest.mark.parametrize("was_lost", [False, True])
async def test_ticket_of_limits_that_changed_hands_is_not_used(world: World, *, was_lost: bool) -> None:
    """Nothing is sent, no try is lost, and what was in doubt before stays so."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    if was_lost:
        world.orion.will_answer(LOST)
        await world.ask(lead)
    before = await world.lookups()
    world.here.ledger.trouble["intend"] = StaleTicket("orion")

    answer = await world.ask(lead)

    assert answer == Answered("orion", 0, NotSent("the limits changed hands", late=True))
    assert await world.lookups() == before
    world.here.ledger.recover()
    assert await world.ask(lead) == Answered("orion", 0, Miss())


# ---------------------------------------------------------------- answers that are looked up


@pytest.mark.parametrize(
    ("recalled", "state", "posted"),
    [
        (a_hit(5), LookupState.SETTLED, PRICE),
        (Miss(), LookupState.SETTLED, PRICE),
        (Rejected(Fault.BROKEN, "HTTP 500"), LookupState.SETTLED, 0),
    ],
)
async def test_lost_answer_is_looked_up(
    world: World, recalled: Outcome, state: LookupState, posted: int
) -> None:
    """A provider that tells what came of a call is asked for it at once, by our reference, for nothing."""
    world.books_are_exact = False  # the script does not know what the provider has charged for
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    world.orion.will_recall(recalled)

    answer = await world.ask(lead)

    assert answer == Answered("orion", 0, recalled)
    assert world.orion.recalled == [world.key(lead)]
    assert len(world.orion.asked) == 1
    booked = await world.the_lookup()
    assert (booked.state, booked.posted_micros, booked.estimated_micros) == (state, posted, 0)
    assert ((await world.lead()).phone is not None) == (recalled == a_hit(5))


async def test_answer_that_is_not_there_yet_is_looked_up_again(world: World) -> None:
    """Once more a little later, and all of it before the lookup can be given up by others."""
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    world.orion.will_recall(None, Miss())
    begun = world.clock.now()

    assert await world.ask(lead) == Answered("orion", 0, Miss())
    assert world.orion.recalled == [world.key(lead)] * 2
    booked = await world.the_lookup()
    assert booked.settled_at is not None
    assert timedelta(seconds=1) < booked.settled_at - begun < timedelta(seconds=5)


@pytest.mark.parametrize("reply", [None, RuntimeError("a bug")])
async def test_answer_that_cannot_be_looked_up_stays_lost(world: World, reply: Exception | None) -> None:
    """A provider that does not tell, or an adapter with a bug, leaves the doubt, booked as charged."""
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    world.orion.will_recall(reply, reply)

    assert await world.ask(lead) == Answered("orion", 0, LOST)
    assert len(world.orion.recalled) == 2
    assert (await world.the_lookup()).estimated_micros == PRICE


async def test_call_that_was_not_received_yet_stays_in_doubt(world: World) -> None:
    """It may still be on its way: only after its lease can the provider say that it never came."""
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    world.orion.will_recall(*[NotSent("the provider never received it")] * 2)

    assert await world.ask(lead) == Answered("orion", 0, LOST)
    booked = await world.the_lookup()
    assert (booked.state, booked.estimated_micros) == (LookupState.UNKNOWN, PRICE)


async def test_answer_of_a_broken_adapter_is_looked_up(world: World) -> None:
    """Whatever went wrong on our side, the provider knows what came of it."""
    world.books_are_exact = False
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.will_answer(RuntimeError("a bug"))
    world.orion.will_recall(Miss())

    assert await world.ask(lead) == Answered("orion", 0, Miss())


@pytest.mark.parametrize("policy", [each for each in OnUnknown if each is not OnUnknown.RECALL])
async def test_nothing_is_looked_up_elsewhere(world: World, policy: OnUnknown) -> None:
    """Only where the provider is configured to tell; and an answer that came needs no second look."""
    await world.configure("orion", on_unknown=policy, charges=Charges.HIT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    await world.ask(lead)

    await world.configure("astra", on_unknown=OnUnknown.RECALL)
    await world.ask(lead, "astra")

    assert world.orion.recalled == world.astra.recalled == []


# ---------------------------------------------------------------- a database that is away


async def test_intent_whose_reply_was_lost_is_taken_back(world: World) -> None:
    """Nobody knows whether it is on record: nothing is sent, and what is there is closed as not sent."""
    await world.jobs_with_budget(100_000)
    lead = await world.add_lead()
    world.here.ledger.lost["intend"] = DOWN

    with pytest.raises(ServiceUnavailable):
        await world.ask(lead, job_id="job-1")

    assert world.orion.asked == []
    booked = await world.the_lookup()
    assert (booked.state, booked.held_micros, booked.cost_micros) == (LookupState.NOT_SENT, 0, 0)
    (budget,) = await world.budgets.all_of(lead.account, "job-1")
    assert (budget.held_micros, budget.used_micros) == (0, 0)
    world.here.ledger.recover()
    assert await world.ask(lead) == Answered("orion", 0, Miss())


async def test_intent_is_taken_back_when_the_database_is_back(world: World) -> None:
    """However long that takes within its lease."""
    lead = await world.add_lead()
    world.here.ledger.lost["intend"] = DOWN
    world.here.ledger.trouble |= {"get": DOWN, "close": DOWN}
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    await world.clock.advance(8.0)
    assert (await world.the_lookup()).state is LookupState.INTENDED
    assert not asking.done()

    world.here.ledger.recover()

    with pytest.raises(ServiceUnavailable):
        await world.wait_for(asking)
    assert (await world.the_lookup()).state is LookupState.NOT_SENT
    assert world.orion.asked == []


async def test_intent_is_left_to_others_when_the_database_stays_away(world: World) -> None:
    """Past its lease anybody may close it, who cannot know that it was not sent; nobody waits for that."""
    lead = await world.add_lead()
    world.here.ledger.lost["intend"] = DOWN
    world.here.ledger.trouble["get"] = DOWN
    begun = world.clock.now()

    with pytest.raises(ServiceUnavailable):
        await world.ask(lead)

    standing = await world.the_lookup()
    assert standing.state is LookupState.INTENDED
    assert timedelta(0) <= world.clock.now() - standing.lease_until < timedelta(seconds=3)
    assert world.clock.now() - begun < timedelta(seconds=30)
    assert world.orion.asked == []
    world.books_are_exact = False  # the money is held until somebody closes it


async def test_intent_that_was_never_recorded_needs_no_taking_back(world: World) -> None:
    """Where the database took nothing, nothing is there, and the next who asks begins anew."""
    lead = await world.add_lead()
    world.here.ledger.trouble["intend"] = DOWN

    with pytest.raises(ServiceUnavailable):
        await world.ask(lead)

    assert await world.lookups() == []
    assert "close" not in world.here.ledger.calls


async def test_question_of_another_is_not_taken_back(world: World) -> None:
    """Who fails to intend what another has under way leaves that one's alone."""
    lead = await world.add_lead()
    theirs = await world.leave_intent(lead, lease=timedelta(seconds=60))
    world.here.ledger.trouble["intend"] = DOWN

    with pytest.raises(ServiceUnavailable):
        await world.ask(lead)

    assert await world.the_lookup() == theirs
    world.books_are_exact = False  # it is still open


async def test_repeat_whose_reply_was_lost_leaves_the_doubt(world: World) -> None:
    """The repeat was not sent, but the first question was: it stays estimated, and can be repeated."""
    await world.configure("orion", on_unknown=OnUnknown.REPEAT)
    lead = await world.add_lead()
    world.orion.will_answer(LOST)
    await world.ask(lead)
    world.here.ledger.lost["intend"] = DOWN

    with pytest.raises(ServiceUnavailable):
        await world.ask(lead)

    booked = await world.the_lookup()
    assert (booked.state, booked.estimated_micros, booked.repeats) == (LookupState.UNKNOWN, PRICE, 1)
    world.here.ledger.recover()
    assert await world.ask(lead) == Answered("orion", 0, Miss())
    assert (await world.the_lookup()).posted_micros == PRICE


async def test_answer_is_kept_for_a_database_that_is_away(world: World) -> None:
    """What was paid for is booked as soon as the database is back, and not asked again meanwhile."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(6))
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    world.here.ledger.fail(DOWN)
    await world.clock.advance(BOOK_SECONDS - 10)
    assert not asking.done()

    world.here.ledger.recover()

    assert await world.wait_for(asking) == Answered("orion", 0, a_hit(6))
    assert (await world.lead()).phone == builders.us_phone(6)
    assert len(world.orion.asked) == 1
    assert (await world.the_lookup()).posted_micros == PRICE


async def test_answer_whose_booking_s_reply_was_lost_is_booked_once(world: World) -> None:
    """The same close is repeated until its reply comes."""
    await world.jobs_with_budget(100_000)
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(6))
    world.here.ledger.lost["close"] = DOWN
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead, job_id="job-1")))
    await world.clock.advance(5.0)

    world.here.ledger.recover()

    assert await world.wait_for(asking) == Answered("orion", 0, a_hit(6))
    assert world.here.ledger.calls.count("close") > 1
    (budget,) = await world.budgets.all_of(lead.account, "job-1")
    assert (budget.held_micros, budget.used_micros) == (0, PRICE)


async def test_answer_that_comes_back_after_it_was_given_up(world: World) -> None:
    """Another process has the database first and gives it up: the answer is booked all the same."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(6))
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    world.here.ledger.fail(DOWN)
    await world.clock.advance(60.0)
    there = await world.run(world.process("worker-2").paid_calls.ask(world.purchase(lead)))

    world.here.ledger.recover()
    here = await world.wait_for(asking)

    assert isinstance(there, Answered)
    assert isinstance(there.outcome, Unknown)
    assert here == Answered("orion", 0, a_hit(6))
    assert (await world.the_lookup()).outcome == a_hit(6)
    assert (await world.lead()).phone == a_hit(6).phone


async def test_database_that_comes_back_after_the_lease(world: World) -> None:
    """Whoever finds the lookup overdue leaves its owner, who is alive, the time to book what it paid for."""
    lead = await world.add_lead()
    world.orion.will_answer(a_hit(6))
    asking = await world.start(world.here.paid_calls.ask(world.purchase(lead)))
    world.here.ledger.fail(DOWN)
    await world.clock.advance(60.0)
    there = await world.start(world.process("worker-2").paid_calls.ask(world.purchase(lead)))
    world.here.ledger.recover()

    assert await world.wait_for(asking) == Answered("orion", 0, a_hit(6))
    assert await world.wait_for(there) == Answered("orion", 0, a_hit(6))


# ---------------------------------------------------------------- budgets


async def test_question_over_budget_is_not_sent(world: World) -> None:
    """It is held back for good: nothing on record, no call, and its place is free again."""
    await world.jobs_with_budget(PRICE - 1)
    lead = await world.add_lead()

    held = await world.ask(lead, job_id="job-1")

    assert held == Held("orion", "budget: the job's is used up", None, Span.JOB)
    assert world.orion.asked == []
    assert await world.lookups() == []
    assert world.here.places_taken() == 0
    assert await world.ask(lead) == Answered("orion", 0, Miss()), "outside of the job there is money"


async def test_question_waits_for_money_that_is_held(world: World) -> None:
    """It may come back: whoever asks is told when to try again."""
    await world.jobs_with_budget(2 * PRICE - 1)
    first, second = await world.add_leads(2)
    world.orion.hold()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first, job_id="job-1")))
    await world.clock.advance(0.2)

    held = await world.ask(second, job_id="job-1")

    assert isinstance(held, Held)
    assert held.over is Span.JOB
    assert held.until is not None
    assert timedelta(0) < held.until - world.clock.now() <= timedelta(seconds=1)
    await world.clock.advance(0.2)
    assert await world.ask(second, job_id="job-1") == held, "no ticket is taken to hear it again so soon"
    world.orion.will_answer(Rejected(Fault.BROKEN, "HTTP 500"))
    world.orion.release()
    await world.wait_for(asking)
    await world.clock.advance(1.0)
    assert await world.ask(second, job_id="job-1") == Answered("orion", 0, Miss())


async def test_provider_without_a_key_on_this_worker_is_not_asked(world: World) -> None:
    """Where only others have its key nothing is intended here."""
    lead = await world.add_lead()
    del world.providers["orion"]

    assert await world.ask(lead) == Held("orion", "no key on this worker", None)
    assert await world.lookups() == []
    assert world.here.places_taken() == 0
