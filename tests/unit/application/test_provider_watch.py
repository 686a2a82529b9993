"""The watch over providers: what calls say gathers, opens breakers for everybody, and lets few try again."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping

import pytest

from leadgen.adapters.persistence.board import SqlProviderBoard
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tallies import SqlTallyBook
from leadgen.application.provider_watch import ProviderWatch
from leadgen.application.race import Parked
from leadgen.domain.breaker import BreakerState, Cause
from leadgen.domain.experience import Cell
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.ordering import Order
from leadgen.domain.provider import Fault, Miss, Rejected, Unknown
from leadgen.domain.search_options import SearchOptions, Strategy
from leadgen.domain.segment import segment_of
from leadgen.domain.waterfall import Answered, Held, Verdict, WhenHeld
from tests.builders import ACCOUNT, profile
from tests.unit.application.world import AMPLE, Process, World, a_hit

QUESTION = profile().question
BROKEN = Rejected(Fault.BROKEN, "HTTP 503")


async def open_breaker(world: World) -> None:
    """Twenty failures of orion, and the time it takes to write them down."""
    for _ in range(20):
        world.here.watch.note(QUESTION, "orion", (), BROKEN)
    await world.clock.advance(0.5)
    await world.settle()


async def state_for(process: Process) -> BreakerState:
    """How orion's breaker stands for this process."""
    return (await process.watch.breakers())["orion"].state


async def test_a_search_passes_over_a_barred_provider(world: World) -> None:
    """Who could be asked at another time leaves the lead incomplete, never not found."""
    await open_breaker(world)
    result = await world.search(await world.add_lead(), when_held=WhenHeld.SKIP)
    assert isinstance(result, Verdict)
    assert result.state is EndState.INCOMPLETE
    (refusal,) = result.unasked
    assert refusal.prevents
    assert refusal.reason.startswith("breaker open: 20 of the last 20 calls failed, the last one: HTTP 503")
    assert world.orion.asked == []


async def test_a_lead_waits_out_a_short_outage(world: World) -> None:
    """The others are asked at once; without a number the lead comes back when the provider is tried again."""
    await open_breaker(world)
    lead = await world.add_lead()
    parked = await world.search(lead)
    breaker = (await world.here.watch.breakers())["orion"]
    assert breaker.until is not None
    assert parked == Parked(breaker.until)
    assert [len(world.providers[name].asked) for name in ("orion", "astra", "nimbus")] == [0, 1, 1]
    world.orion.will_answer(a_hit())
    await world.clock.advance(Cause.FAILURES.cool_down(1).total_seconds())
    found = await world.search(lead)
    assert isinstance(found, Verdict)
    assert (found.state, found.provider, len(world.astra.asked)) == (EndState.FOUND, "orion", 1)


async def test_a_lead_with_a_number_waits_for_nobody(world: World) -> None:
    """A number of another provider ends the search while the first one is left alone."""
    await open_breaker(world)
    world.astra.will_answer(a_hit())
    found = await world.search(await world.add_lead())
    assert isinstance(found, Verdict)
    assert found.provider == "astra"


async def test_an_outage_in_the_middle_of_a_search_is_waited_out(world: World) -> None:
    """Also where the breaker opens after the search has begun, and the question waits in its queue."""
    first, second = await world.add_leads(2)
    await world.configure("orion", limits=dataclasses.replace(AMPLE, concurrency=1))
    await world.clock.advance(2.0)
    world.orion.hold()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    await world.clock.advance(2.0)
    searching = await world.start(world.search(second))
    await open_breaker(world)
    world.orion.release()
    await world.wait_for(asking)
    assert isinstance(await world.wait_for(searching), Parked)


async def test_who_waits_for_a_lead_is_not_kept(world: World) -> None:
    """A search that somebody waits for ends at once, with what the others know."""
    await open_breaker(world)
    lead = await world.add_lead()
    finding = await world.run(world.here.find_phone.run(ACCOUNT, lead.id, since=world.clock.now()))
    assert finding.status is EndState.INCOMPLETE


async def test_all_processes_see_it_within_a_second(world: World) -> None:
    """What one process has noted bars the provider for every other one."""
    other = world.process("worker-2")
    await other.watch.breakers()
    before = world.clock.monotonic()
    await open_breaker(world)
    await world.clock.advance(0.5)
    assert await state_for(other) is BreakerState.OPEN
    assert world.clock.monotonic() - before <= 1.0


async def test_a_call_that_queued_meanwhile_is_not_made(world: World) -> None:
    """The breaker is looked at before the queue and again before the question leaves."""
    first, second = await world.add_leads(2)
    await world.configure("orion", limits=dataclasses.replace(AMPLE, concurrency=1))
    await world.clock.advance(2.0)
    world.orion.hold()
    asking = await world.start(world.here.paid_calls.ask(world.purchase(first)))
    await world.clock.advance(2.0)
    waiting = await world.start(world.here.paid_calls.ask(world.purchase(second)))
    await open_breaker(world)
    world.orion.release()
    assert isinstance(await world.wait_for(asking), Answered)
    held = await world.wait_for(waiting)
    assert isinstance(held, Held)
    assert (held.until, "breaker open" in held.why) == (None, True)
    assert len(world.orion.asked) == 1


async def test_few_calls_try_it_again(world: World) -> None:
    """After a while three calls go through, in one process alone; when they go well, it is closed."""
    other = world.process("worker-2")
    await open_breaker(world)
    await world.clock.advance(Cause.FAILURES.cool_down(1).total_seconds())
    verdicts = await asyncio.gather(*(each.watch.admit("orion") for each in [world.here, other] * 10))
    assert verdicts.count(None) == Cause.FAILURES.probes
    assert await state_for(other) is BreakerState.HALF_OPEN
    assert "half open" in str(await other.watch.refusal("orion"))
    for _ in range(Cause.FAILURES.probes):
        world.here.watch.note(QUESTION, "orion", (), Miss())
    await world.clock.advance(1.0)
    assert await state_for(other) is BreakerState.CLOSED
    assert await other.watch.admit("orion") is None


async def test_two_processes_note_at_once(world: World) -> None:
    """Failures of both count in one breaker: whoever is later goes on from what the other has written."""
    other = world.process("worker-2")
    for process in (world.here, other):
        for _ in range(10):
            process.watch.note(QUESTION, "orion", (), BROKEN)
    await world.clock.advance(0.5)
    await world.settle()
    await asyncio.gather(world.here.watch.drain(), other.watch.drain())
    await world.clock.advance(1.0)
    assert await state_for(world.here) is BreakerState.OPEN


async def test_closed_by_hand(world: World) -> None:
    """Whoever resets it may be asked again at once."""
    await open_breaker(world)
    assert (await world.here.watch.reset("orion")).state is BreakerState.CLOSED
    assert await world.here.watch.admit("orion") is None


async def test_a_refused_wallet_bars_everybody(world: World) -> None:
    """One empty wallet is enough, and the reason says what it is."""
    world.orion.will_answer(Rejected(Fault.ACCOUNT, "HTTP 402, the wallet is empty"))
    await world.search(await world.add_lead())
    await world.clock.advance(1.0)
    assert "the wallet is empty" in str(await world.here.watch.refusal("orion"))


async def test_searches_are_remembered(world: World) -> None:
    """Each call counts once, in the cell of its segment and of those who had missed before."""
    world.astra.will_answer(a_hit())
    lead = await world.add_lead()
    await world.search(lead)
    await world.here.watch.drain()
    await world.clock.advance(10.0)
    known, segment = await world.here.watch.experience(), segment_of(lead.profile.question)
    assert known.calls("orion", segment) == known.calls("astra", segment) == 1
    assert known.calls("nimbus") == 0
    assert known.chance(Cell(segment, "astra", ("orion",))).strength == pytest.approx(21, abs=0.01)


@pytest.mark.parametrize(("order", "first"), [(Order.PRIORITY, "orion"), (Order.COST, "nimbus")])
async def test_a_job_asks_in_its_order(world: World, order: Order, first: str) -> None:
    """Who has most numbers for a dollar is asked first where the job says so."""
    for name, outcome in (("orion", Miss()), ("astra", Miss()), ("nimbus", a_hit())):
        for _ in range(40):
            world.here.watch.note(QUESTION, name, (), outcome)
    await world.here.watch.drain()
    lead = await world.add_lead()
    around = await world.here.open_round.run(
        ACCOUNT, [lead], job_id=None, since=world.clock.now(), order=order
    )
    for provider in world.providers.values():
        provider.will_answer(a_hit())
    result = await world.run(world.here.search.run(lead, around))
    assert isinstance(result, Verdict)
    assert result.provider == first


async def test_the_panel_asks_everybody(world: World) -> None:
    """Of a lead of the panel all are asked; the number of the first one stands, all are booked."""
    for last, provider in enumerate(world.providers.values()):
        provider.will_answer(a_hit(last))
    lead = await world.add_lead()
    job = await world.add_job()
    around = await world.here.open_round.run(
        ACCOUNT, [lead], job_id=job.id, since=world.clock.now(), panel=1.0
    )
    result = await world.run(world.here.search.run(lead, around))
    assert isinstance(result, Verdict)
    assert result.provider == "orion"
    assert {each.provider for each in await world.lookups()} == {"orion", "astra", "nimbus"}
    assert (await world.lead()).phone == result.phone
    await world.here.watch.drain()
    await world.clock.advance(10.0)
    assert (await world.here.watch.experience()).calls("astra") == 0


async def test_without_a_panel_nobody_is_asked_in_vain(world: World) -> None:
    """A search ends with the first number."""
    world.orion.will_answer(a_hit())
    await world.search(await world.add_lead())
    assert world.astra.asked == []


async def test_a_lost_answer_counts_as_a_failure(world: World) -> None:
    """A provider that takes questions and answers none is left alone, too."""
    for _ in range(20):
        world.here.watch.note(QUESTION, "orion", None, Unknown("no answer"))
    await world.here.watch.drain()
    assert await state_for(world.here) is BreakerState.OPEN
    assert await world.ask(await world.add_lead(), "astra") == Answered("astra", 0, Miss())


async def test_races_are_remembered(world: World) -> None:
    """A question of a race counts in the cell of those that had missed when it was asked."""
    world.orion.seconds, world.astra.seconds = 0.1, 2.0
    world.nimbus.will_answer(a_hit())
    lead = await world.add_lead()
    await world.search(lead, options=SearchOptions(Strategy.HEDGED, hedge_after_seconds=0.5))
    await world.run(world.here.paid_calls.drain())
    await world.here.watch.drain()
    await world.clock.advance(10.0)
    known, segment = await world.here.watch.experience(), segment_of(lead.profile.question)
    assert {name: known.calls(name, segment) for name in world.providers} == dict.fromkeys(world.providers, 1)
    for name in ("astra", "nimbus"):  # nimbus while astra was still out
        assert known.chance(Cell(segment, name, ("orion",))).strength == pytest.approx(21, abs=0.01)


async def test_the_panel_leaves_the_winner_of_a_race(world: World) -> None:
    """Those that a hedged search did not need are asked about a lead of the panel; its number stays."""
    for last, provider in enumerate(world.providers.values()):
        provider.will_answer(a_hit(last))
    lead = await world.add_lead()
    job = await world.add_job()
    hedged = SearchOptions(Strategy.HEDGED, hedge_after_seconds=5.0)
    around = await world.here.open_round.run(
        ACCOUNT, [lead], job_id=job.id, since=world.clock.now(), panel=1.0, options=hedged
    )
    result = await world.run(world.here.search.run(lead, around))
    assert isinstance(result, Verdict)
    assert result.provider == "orion"
    assert {each.provider for each in await world.lookups()} == {"orion", "astra", "nimbus"}
    assert (await world.lead()).phone is None, "a race's number is the lead's with its verdict"


async def test_the_chance_of_an_ordering_stops_calls(world: World) -> None:
    """Whom the tallies expect to have nothing is not worth its price, though no track record says so."""
    for _ in range(200):
        world.here.watch.note(QUESTION, "orion", (), Miss())
    await world.here.watch.drain()
    world.astra.will_answer(a_hit())
    result = await world.search(await world.add_lead(), options=SearchOptions(max_price_micros=100_000))
    assert isinstance(result, Verdict)
    assert (result.provider, world.orion.asked) == ("astra", [])


async def test_leads_ahead_heed_what_has_changed(world: World) -> None:
    """A provider that is well again is asked about those leads of a chunk whose search begins after that."""
    await open_breaker(world)
    await world.configure("astra", limits=Limits((Rule(100, 1_000_000),), concurrency=4))
    world.astra.seconds = 1.0
    await world.add_leads(40)
    await world.add_job()
    running = await world.start(
        world.here.run_chunk.run("job-1", start=0, size=40, progress=lambda _settled: None)
    )
    await world.clock.advance(0.5)
    await world.here.watch.reset("orion")
    await world.clock.advance(30.0)
    report = await running
    assert len(world.orion.asked) == report.settled > 4


class _SlowBook(SqlTallyBook):
    """Says that it has written when ``may_say`` is set."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.may_say = asyncio.Event()

    async def add(self, seen: Mapping[Cell, tuple[int, int]]) -> None:
        await super().add(seen)
        await self.may_say.wait()


async def test_a_drain_waits_for_what_is_being_written(world: World) -> None:
    """What is on its way to the database when a process ends is there once, not a second time."""
    book = _SlowBook(world.database)
    watch = ProviderWatch(board=SqlProviderBoard(world.database), tallies=book, clock=world.clock)
    watch.note(QUESTION, "orion", (), Miss())
    await world.clock.advance(0.5)
    await world.settle()
    draining = await world.start(watch.drain())
    book.may_say.set()
    await world.wait_for(draining)
    (tally,) = (await book.tallies()).values()
    assert tally.calls == 1.0
