"""The search for a single lead, for somebody who waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.application.find_phone import Finding
from leadgen.domain.errors import NotConfigured, UnknownId
from leadgen.domain.lead import EndState
from leadgen.domain.provider import Fault, Rejected, Unknown
from leadgen.domain.search_options import SearchOptions
from tests import builders
from tests.builders import ACCOUNT
from tests.unit.application.world import CONFIGS, World, a_hit


async def find(world: World, lead_id: str = "lead-1") -> Finding:
    """A search that is ordered now."""
    return await world.run(world.here.find_phone.run(ACCOUNT, lead_id, since=world.clock.now()))


async def test_number_that_is_found_is_told_and_recorded(world: World) -> None:
    """The finding tells who had the number and what the lead cost; the lead has it."""
    await world.add_lead()
    world.astra.will_answer(a_hit(3))

    assert await find(world) == Finding(
        EndState.FOUND, "astra", CONFIGS["orion"].price_micros + CONFIGS["astra"].price_micros
    )
    lead = await world.lead()
    assert (lead.phone, lead.phone_provider, lead.phone_status) == (
        builders.us_phone(3),
        "astra",
        EndState.FOUND,
    )


async def test_lead_that_is_changed_while_it_is_asked_about(world: World) -> None:
    """What is told and recorded is what comes of the question that the lead has at the end."""
    lead = await world.add_lead()
    moved = replace(lead.profile, email="ada@elsewhere.example")
    world.orion.will_answer(a_hit(1), about=lead.profile.email)
    world.astra.will_answer(a_hit(2), about=moved.email)
    world.change_while_asked(lead, moved)
    finding = await find(world)

    assert (finding.status, finding.provider) == (EndState.FOUND, "astra")
    assert (await world.lead()).phone == builders.us_phone(2)
    assert world.orion.emails == [lead.profile.email, moved.email]


async def test_nobody_more_is_asked_about_who_the_lead_was(world: World) -> None:
    """Once it is changed in the middle of a search, all that follows is about whom it is by then."""
    lead = await world.add_lead()
    moved = replace(lead.profile, email="ada@elsewhere.example")
    world.change_while_asked(lead, moved)

    assert (await find(world)).status is EndState.NOT_FOUND

    assert world.orion.emails == [lead.profile.email, moved.email]
    assert world.astra.emails == world.nimbus.emails == [moved.email]


async def test_search_without_a_number_is_recorded(world: World) -> None:
    """The lead says that all have answered and none had a number."""
    await world.add_lead()

    finding = await find(world)

    assert (finding.status, finding.provider) == (EndState.NOT_FOUND, None)
    assert (await world.lead()).phone_status is EndState.NOT_FOUND


async def test_second_search_costs_nothing(world: World) -> None:
    """What was answered is not asked again, found or not."""
    await world.add_leads(2)
    world.orion.will_answer(a_hit())
    first = [await find(world, "lead-1"), await find(world, "lead-2")]

    again = [await find(world, "lead-1"), await find(world, "lead-2")]

    assert again == first
    assert [len(provider.asked) for provider in world.providers.values()] == [2, 1, 1]


async def test_lead_with_a_number_keeps_it(world: World) -> None:
    """A lead that came with a number is found at no cost."""
    await world.add_lead(phone=builders.us_phone(8))

    assert await find(world) == Finding(EndState.FOUND, "import", 0)
    assert (await world.lead()).phone_provider == "import"


async def test_doubt_is_estimated_in_the_cost(world: World) -> None:
    """A call that may have been charged counts in what the lead cost."""
    await world.add_lead()
    for provider in world.providers.values():
        provider.will_answer(Unknown("timed out"))

    finding = await find(world)

    assert finding.status is EndState.INCOMPLETE
    assert finding.cost_micros == sum(config.price_micros for config in CONFIGS.values())
    assert {refusal.prevents for refusal in await world.leads.unasked(ACCOUNT, "lead-1")} == {True}


async def test_parked_search_says_when_it_goes_on(world: World) -> None:
    """A search that has to wait for long has no status yet, and the lead none either."""
    await world.add_lead()
    world.orion.will_answer(Rejected(Fault.BUSY, "HTTP 429", 300.0))

    finding = await find(world)

    assert (finding.status, finding.cost_micros) == (None, 0)
    assert finding.resume_at is not None
    assert 290.0 < (finding.resume_at - world.clock.now()).total_seconds() <= 300.0
    assert (await world.lead()).phone_status is None


async def test_search_without_any_provider_is_refused(world: World) -> None:
    """Where no provider has a key, nothing is recorded: that is no "not found"."""
    await world.add_lead()
    world.providers.clear()

    with pytest.raises(NotConfigured):
        await find(world)

    assert (await world.lead()).phone_status is None


async def test_fresh_search_that_goes_on_pays_once(world: World) -> None:
    """Also where Temporal's clock, by which it was ordered, is ahead of the one by which it asks."""
    await world.add_lead()
    await find(world)
    await world.clock.advance(2.0)
    since = world.clock.now() + timedelta(seconds=0.5)
    search = world.here.find_phone

    for _ in range(2):
        await world.run(search.run(ACCOUNT, "lead-1", since=since, options=SearchOptions(fresh=True)))

    assert [len(provider.asked) for provider in world.providers.values()] == [2, 2, 2]


async def test_unknown_lead_is_refused(world: World) -> None:
    """A lead of no account is an error."""
    with pytest.raises(UnknownId):
        await find(world, "nobody")


async def test_lead_of_another_account_is_unknown(world: World) -> None:
    """Accounts never see each other's leads."""
    await world.add_lead()
    await world.add_account("other")

    with pytest.raises(UnknownId):
        await world.run(world.here.find_phone.run("other", "lead-1", since=world.clock.now()))
