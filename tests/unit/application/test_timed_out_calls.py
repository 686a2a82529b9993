"""A call that timed out: over for leadgen, perhaps not for its provider."""

from __future__ import annotations

from leadgen.application.ticket_desk import PLACE_MARGIN_SECONDS
from leadgen.domain.limits import Limits
from leadgen.domain.provider import Miss, Unknown
from leadgen.domain.waterfall import Answered
from tests.unit.application.world import AMPLE, CONFIGS, World

ONE_AT_A_TIME = Limits(AMPLE.rules, concurrency=1)


async def test_place_of_a_call_that_timed_out_is_free_when_its_lease_ends(world: World) -> None:
    """The provider may still be at work on what nobody waits for: nothing is sent before that is over."""
    await world.configure("orion", limits=ONE_AT_A_TIME)
    first, second = await world.add_leads(2)
    world.orion.will_answer(Unknown("timed out after 10 s", is_timeout=True))
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    following = await world.start(world.here.paid_calls.ask(world.purchase(second)))

    assert await world.wait_for(following) == Answered("orion", 0, Miss())

    assert await asking == Answered("orion", 0, Unknown("timed out after 10 s"))
    lease_seconds = CONFIGS["orion"].timeout_seconds + PLACE_MARGIN_SECONDS
    assert lease_seconds <= world.orion.asked[1].at - world.orion.asked[0].at < lease_seconds + 1.0
