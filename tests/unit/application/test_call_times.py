"""How long a call took: from the moment of its first byte to its outcome."""

from __future__ import annotations

import pytest

from leadgen.domain.provider import Fault, Miss, NotSent, OnUnknown, Outcome, Rejected, Unknown
from tests.unit.application.world import World, a_hit


@pytest.mark.parametrize(
    "outcome", [a_hit(), Miss(), Rejected(Fault.BROKEN, "HTTP 500"), Unknown("timed out")], ids=str
)
async def test_time_of_a_call_is_booked_with_its_outcome(world: World, outcome: Outcome) -> None:
    """Whatever came; the wait for the ticket is no part of it."""
    lead = await world.add_lead()
    world.orion.seconds = 4.2
    world.orion.will_answer(outcome)

    await world.ask(lead)

    assert (await world.the_lookup()).took_seconds == 4.2


async def test_adapter_that_failed_has_taken_its_time(world: World) -> None:
    """The provider may have worked on the question for as long."""
    lead = await world.add_lead()
    world.orion.seconds = 0.5
    world.orion.will_answer(RuntimeError("a bug"))
    world.estimated_elsewhere_micros = 20_000

    await world.ask(lead)

    assert (await world.the_lookup()).took_seconds == 0.5


async def test_call_that_was_not_sent_took_no_time(world: World) -> None:
    """A ticket that ran out says nothing about the provider."""
    lead = await world.add_lead()
    world.here.ledger.before_intend = lambda: world.clock.sleep(1.0)

    await world.ask(lead)

    booked = await world.the_lookup()
    assert isinstance(booked.outcome, NotSent)
    assert booked.took_seconds is None


async def test_time_to_look_a_lost_answer_up_is_not_the_call_s(world: World) -> None:
    """The provider's place was taken until the answer was lost, and no longer."""
    await world.configure("orion", on_unknown=OnUnknown.RECALL)
    lead = await world.add_lead()
    world.orion.seconds = 2.0
    world.orion.will_answer(Unknown("cut off"))
    world.orion.will_recall(None, a_hit())

    await world.ask(lead)

    booked = await world.the_lookup()
    assert (booked.outcome, booked.took_seconds) == (a_hit(), 2.0)
