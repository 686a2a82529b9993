"""A paid call whose ticket ran out before it could leave."""

from __future__ import annotations

from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Miss, NotSent
from leadgen.domain.waterfall import Answered
from tests.unit.application.world import CONFIGS, World

PRICE = CONFIGS["orion"].price_micros


async def test_ticket_that_ran_out_is_not_sent_and_free(world: World) -> None:
    """Where the intent's commit took too long, nothing is sent, and nothing is owed."""
    lead = await world.add_lead()

    world.here.ledger.before_intend = lambda: world.clock.sleep(1.0)
    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, NotSent("its ticket ran out", late=True))
    assert world.orion.asked == []
    booked = await world.the_lookup()
    assert (booked.state, booked.cost_micros, booked.held_micros) == (LookupState.NOT_SENT, 0, 0)


async def test_same_question_is_sent_after_its_ticket_ran_out(world: World) -> None:
    """The lookup that never left is opened again under its old number."""
    lead = await world.add_lead()

    world.here.ledger.before_intend = lambda: world.clock.sleep(1.0)
    await world.run(world.here.paid_calls.ask(world.purchase(lead)))
    world.here.ledger.before_intend = None
    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, Miss())
    booked = await world.the_lookup()
    assert (booked.n, booked.state, booked.posted_micros) == (0, LookupState.SETTLED, PRICE)


async def test_intent_whose_ticket_ran_out_takes_another_one(world: World) -> None:
    """Where the commit took a little too long, the same intent leaves under the next ticket."""
    lead = await world.add_lead()

    world.here.ledger.before_intend = lambda: world.clock.sleep(0.1)
    begun = world.clock.monotonic()
    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, Miss())
    (asked,) = world.orion.asked
    assert asked.at - begun <= 0.5
    booked = await world.the_lookup()
    assert (booked.n, booked.state, booked.posted_micros) == (0, LookupState.SETTLED, PRICE)


async def test_intent_takes_no_ticket_that_is_too_late(world: World) -> None:
    """A ticket whose window ends later than limits that begin anew would reckon with is not used."""
    lead = await world.add_lead()

    world.here.ledger.before_intend = lambda: world.clock.sleep(0.49)
    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, NotSent("its ticket ran out", late=True))
    assert world.orion.asked == []


async def test_intent_takes_no_ticket_of_another_epoch(world: World) -> None:
    """Where the limits changed hands in the meantime, nothing is sent for an intent of before."""
    lead = await world.add_lead()

    async def take_long() -> None:
        world.here.limiter.epoch = 1
        await world.clock.sleep(0.1)

    world.here.ledger.before_intend = take_long
    answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))

    assert answer == Answered("orion", 0, NotSent("its ticket ran out", late=True))
    assert world.orion.asked == []
    assert (await world.the_lookup()).held_micros == 0
