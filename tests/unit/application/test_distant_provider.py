"""A provider whose connection takes longer than a ticket lasts: tickets for it open later."""

from __future__ import annotations

import pytest

from leadgen.domain.lead import Lead, Question
from leadgen.domain.provider import MaySend, NotSent, Outcome
from leadgen.domain.waterfall import Answered
from tests.fakes.phone_provider import ScriptedProvider
from tests.unit.application.world import NEEDS, World


class DistantProvider(ScriptedProvider):
    """Its connection takes ``connect_seconds``; only then it asks whether it may send."""

    connect_seconds = 0.3

    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        await self._clock.sleep(self.connect_seconds)
        return await super().ask(
            question, reference=reference, timeout_seconds=timeout_seconds, may_send=may_send
        )


@pytest.fixture
def distant(world: World) -> DistantProvider:
    """Orion, far away."""
    provider = DistantProvider(world.clock, *NEEDS["orion"])
    world.providers["orion"] = provider
    return provider


async def tries(world: World, lead: Lead) -> int:
    """How often a question has to be asked until it is sent."""
    for number in range(1, 10):
        answer = await world.run(world.here.paid_calls.ask(world.purchase(lead)))
        assert isinstance(answer, Answered)
        if not isinstance(answer.outcome, NotSent):
            return number
        assert answer.outcome.late
    raise AssertionError("it is never sent")


async def test_it_is_served_after_a_few_tries(world: World, distant: DistantProvider) -> None:
    """Each ticket that came too early lets the next one open later, until there is time to connect."""
    assert 1 < await tries(world, await world.add_lead()) <= 8
    assert len(distant.asked) == 1


async def test_it_stays_served(world: World, distant: DistantProvider) -> None:
    """Once there is time to connect, each question is asked once, but now and then one comes late."""
    needed = [await tries(world, lead) for lead in await world.add_leads(20)]
    assert sum(needed[1:]) <= len(needed[1:]) + 1
