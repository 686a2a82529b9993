"""What people look at: the story of a lead, and the health of the providers."""

from __future__ import annotations

import pytest

from leadgen.application.check_providers import CheckProviders, ProviderHealth
from leadgen.application.show_lead import ShowLead
from leadgen.domain.errors import UnknownId
from leadgen.domain.lead import EndState
from leadgen.domain.provider import Fault, Miss, Rejected
from leadgen.domain.selection import Refusal
from tests.builders import ACCOUNT
from tests.unit.application.world import CONFIGS, World, a_hit


async def test_story_tells_who_was_asked_and_who_was_not(world: World) -> None:
    """Every lookup in its order with what it cost, and the reason of every silence."""
    await world.add_lead()
    world.orion.will_answer(Rejected(Fault.BROKEN, "HTTP 500"), Miss())
    world.astra.will_answer(a_hit())
    await world.run(world.here.find_phone.run(ACCOUNT, "lead-1", since=world.clock.now()))

    story = await ShowLead(leads=world.leads, ledger=world.here.ledger).run(ACCOUNT, "lead-1")

    assert story.line.lead.phone_status is EndState.FOUND
    assert [(each.provider, each.n) for each in story.asked] == [("orion", 0), ("orion", 1), ("astra", 0)]
    assert story.line.cost_micros == sum(each.cost_micros for each in story.asked)
    assert story.unasked == [Refusal("nimbus", "not needed: astra had found a number")]


async def test_story_of_a_new_lead_is_empty(world: World) -> None:
    """Nobody was asked about a lead that has just come."""
    lead = await world.add_lead()

    story = await ShowLead(leads=world.leads, ledger=world.here.ledger).run(ACCOUNT, "lead-1")

    assert (story.line.lead, story.line.cost_micros) == (lead, 0)
    assert (list(story.asked), list(story.unasked)) == ([], [])


async def test_story_of_nobody_is_refused(world: World) -> None:
    """An id that is not there, or is another account's, is an error."""
    await world.add_lead()
    await world.add_account("other")
    show = ShowLead(leads=world.leads, ledger=world.here.ledger)

    for account, lead_id in ((ACCOUNT, "nobody"), ("other", "lead-1")):
        with pytest.raises(UnknownId):
            await show.run(account, lead_id)


async def test_health_tells_key_and_reach_in_the_order_of_asking(world: World) -> None:
    """Each provider with its configuration; who has no key cannot be reached."""
    await world.configure("nimbus", priority=0)
    del world.providers["astra"]
    world.orion.reachable = False

    health = await CheckProviders(catalog=world.catalog, providers=world.providers).run(reach=True)

    configs = await world.catalog.configs()
    assert health == [
        ProviderHealth(configs["nimbus"], has_key=True, is_reachable=True),
        ProviderHealth(CONFIGS["orion"], has_key=True, is_reachable=False),
        ProviderHealth(CONFIGS["astra"], has_key=False, is_reachable=False),
    ]


async def test_health_without_reach_connects_to_nobody(world: World) -> None:
    """A mere look at the configuration stays on this machine, and asks nothing that costs."""
    health = await CheckProviders(catalog=world.catalog, providers=world.providers).run(reach=False)

    assert [each.has_key for each in health] == [True] * 3
    assert not any(each.is_reachable for each in health)
    assert [provider.looked_at for provider in world.providers.values()] == [0, 0, 0]
    assert [provider.asked for provider in world.providers.values()] == [[], [], []]
