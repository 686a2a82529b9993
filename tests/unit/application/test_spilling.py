"""Spilling: whoever is free first is asked, and nobody who can be asked is left idle."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace

from leadgen.application.race import Parked
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.search_options import AS_USUAL
from leadgen.domain.waterfall import Verdict, WhenHeld
from tests.builders import ACCOUNT
from tests.unit.application.world import World, a_hit

ONE_AT_A_TIME = Limits((Rule(1_000, 1_000_000),), concurrency=1)


async def slow(world: World, **seconds: float) -> None:
    """Providers that take so long for an answer, one question at a time."""
    for name, each in seconds.items():
        await world.configure(name, limits=ONE_AT_A_TIME)
        world.providers[name].seconds = each


async def spill(world: World, count: int) -> tuple[list[Verdict | Parked], float]:
    """What came of so many leads at once, and how many seconds all of them took."""
    began, leads = world.clock.monotonic(), await world.add_leads(count)
    around = await world.here.open_round.run(
        ACCOUNT, leads, job_id=None, since=world.clock.now(), when_held=WhenHeld.SPILL, options=AS_USUAL
    )
    ends = await world.run(_all(world.here.search.run(lead, around) for lead in leads))
    return ends, world.clock.monotonic() - began


async def _all(searches: Iterable[Coroutine[None, None, Verdict | Parked]]) -> list[Verdict | Parked]:
    return await asyncio.gather(*searches)


async def test_nobody_who_can_be_asked_is_idle(world: World) -> None:
    """All leads need all three answers: they are there once the slowest provider can have given its own."""
    await slow(world, orion=4.0, astra=1.0, nimbus=2.0)
    ends, seconds = await spill(world, 6)
    assert {end.state for end in ends if isinstance(end, Verdict)} == {EndState.NOT_FOUND}
    assert [len(each.asked) for each in world.providers.values()] == [6, 6, 6]
    assert 6 * 4.0 <= seconds < 6 * 4.0 + 1.0 + 2.0 + 1.0


async def test_a_number_ends_it(world: World) -> None:
    """Whoever answers first with a number spares the others."""
    await slow(world, orion=4.0, astra=1.0)
    world.astra.otherwise = a_hit()
    ends, seconds = await spill(world, 4)
    assert {end.provider for end in ends if isinstance(end, Verdict)} <= {"orion", "astra", "nimbus"}
    assert all(isinstance(end, Verdict) and end.state is EndState.FOUND for end in ends)
    assert seconds < 8.0


async def test_a_question_that_another_asks(world: World) -> None:
    """Two leads with the same question pay for it once at each provider."""
    await slow(world, orion=4.0, astra=1.0, nimbus=2.0)
    first = await world.add_lead(1)
    twin = replace(first, id="twin")
    around = await world.here.open_round.run(
        ACCOUNT,
        [first, twin],
        job_id=None,
        since=world.clock.now(),
        when_held=WhenHeld.SPILL,
        options=AS_USUAL,
    )
    ends = await world.run(_all(world.here.search.run(lead, around) for lead in (first, twin)))
    assert {end.state for end in ends if isinstance(end, Verdict)} == {EndState.NOT_FOUND}
    assert [len(each.asked) for each in world.providers.values()] == [1, 1, 1]


async def test_who_is_furthest_goes_first(world: World) -> None:
    """Whom nobody else can answer any more does not wait behind who may yet be answered elsewhere.

    When Orion is free again, after 4.5 s, the fourth lead has waited for it for 2.5 s and has missed Astra.
    The third has missed both others, half a second ago.
    """
    await slow(world, orion=4.5, astra=1.0, nimbus=3.0)
    await spill(world, 4)
    orion, astra, nimbus = (provider.emails for provider in world.providers.values())
    assert (orion[0], nimbus[0]) == (astra[3], astra[2])
    assert orion[1] == nimbus[0]
