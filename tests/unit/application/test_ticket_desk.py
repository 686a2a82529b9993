"""The ticket desk: first come, first served per provider."""

from __future__ import annotations

import asyncio
import random

import pytest

from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.application.permit import LEAD_SECONDS_MAX, Permit
from leadgen.application.ticket_desk import (
    PLACE_MARGIN_SECONDS,
    RETURN_SECONDS,
    TicketDesk,
    Unavailable,
)
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.fair_queue import ANYBODY, Claimant
from leadgen.domain.limits import TIMING, Limits, Rule
from tests import builders
from tests.fake_clock import FakeClock
from tests.fakes.provider_catalog import InMemoryProviderCatalog
from tests.fakes.rate_limiter import TroubledRateLimiter, WarmCarrier

SECOND = 1_000_000
ONE_AT_A_TIME = Limits((Rule(1_000, SECOND),), concurrency=1)
AMPLE = Limits((Rule(1_000, SECOND),), concurrency=50)
TWO_PER_MINUTE = Limits((Rule(2, 60 * SECOND),), concurrency=10)
DOWN = ServiceUnavailable("the limiter", "nowhere", "start it")

Place = asyncio.Task[Permit | Unavailable]


class Counter:
    """A desk for ``orion`` alone; ``queue`` lets people stand in line."""

    def __init__(self, limits: Limits) -> None:
        self.clock = FakeClock()
        self.config = builders.config("orion", limits=limits)
        self.catalog = InMemoryProviderCatalog(self.config, builders.config("astra"))
        self.limiter = TroubledRateLimiter(WarmCarrier(InMemoryRateLimiter(self.clock, TIMING), self.clock))
        self.desk = TicketDesk(limiter=self.limiter, catalog=self.catalog, clock=self.clock)

    async def queue(self, count: int, provider: str = "orion") -> list[Place]:
        """That many people who want a ticket, as far as they get without time."""
        places = [asyncio.create_task(self.desk.take(provider)) for _ in range(count)]
        await self.clock.advance(0)
        return places

    async def give_back(self, place: Place) -> None:
        """Gives back the ticket that somebody got."""
        permit = place.result()
        assert isinstance(permit, Permit)
        await self.desk.give_back(permit)
        await self.clock.advance(0)

    async def calls(self, *connect_seconds: float) -> list[bool]:
        """Which of these calls, one after the other, were late; each connects before it may be sent."""
        late = []
        for seconds in connect_seconds:
            permit = await self.desk.take("orion")
            assert isinstance(permit, Permit)
            await self.clock.sleep(seconds)
            self.desk.note_ready(permit)
            await self.clock.sleep(permit.ticket.opens_at - self.clock.monotonic())
            late.append(self.clock.monotonic() > permit.ticket.closes_at)
            await self.desk.give_back(permit)
        return late

    async def lead_seconds(self) -> float:
        """How far ahead the next ticket opens."""
        (place,) = await self.queue(1)
        permit = place.result()
        assert isinstance(permit, Permit)
        await self.desk.give_back(permit)
        return permit.ticket.opens_at - self.clock.monotonic()


def served(places: list[Place]) -> list[bool]:
    """Who has got an answer."""
    return [place.done() for place in places]


async def test_tickets_go_out_in_the_order_of_the_queue() -> None:
    """First come, first served: with one place in all, each in turn."""
    counter = Counter(ONE_AT_A_TIME)
    places = await counter.queue(3)

    for turn in range(3):
        assert served(places) == [place <= turn for place in range(3)]
        await counter.give_back(places[turn])

    opens = [permit.ticket.opens_at for place in places if isinstance(permit := place.result(), Permit)]
    assert opens == sorted(opens)


async def test_newcomers_do_not_overtake() -> None:
    """Who comes while others wait stands behind them, though a place is given back at that moment."""
    counter = Counter(ONE_AT_A_TIME)
    first, second = await counter.queue(2)
    (late,) = await counter.queue(1)

    await counter.give_back(first)

    assert second.done()
    assert not late.done()
    late.cancel()


async def test_providers_have_queues_of_their_own() -> None:
    """A queue in front of one provider holds up nobody at another."""
    counter = Counter(ONE_AT_A_TIME)
    places = await counter.queue(2)
    (other,) = await counter.queue(1, "astra")

    assert served(places) == [True, False]
    assert other.done()
    places[1].cancel()


async def test_tickets_are_taken_in_batches() -> None:
    """All who wait are served by one question to the limiter."""
    counter = Counter(AMPLE)

    places = await counter.queue(20)

    assert all(served(places))
    assert sum(counter.limiter.wanted) == 20
    assert len(counter.limiter.wanted) <= 2


async def test_place_is_leased_for_longer_than_the_call() -> None:
    """A place of somebody who never gives it back is free again once the longest call is over."""
    counter = Counter(ONE_AT_A_TIME)
    places = await counter.queue(2)

    await counter.clock.advance(counter.config.timeout_seconds + PLACE_MARGIN_SECONDS)
    assert served(places) == [True, False]
    await counter.clock.advance(0.1)

    assert served(places) == [True, True]


async def test_waiters_are_served_when_the_window_opens() -> None:
    """Where a rule allows no more for now, the queue waits for it, and no longer."""
    counter = Counter(Limits((Rule(2, 20 * SECOND),), concurrency=10))
    places = await counter.queue(3)
    assert served(places) == [True, True, False]

    await counter.clock.advance(19.0)
    assert served(places) == [True, True, False]
    await counter.clock.advance(2.0)

    assert served(places) == [True, True, True]


async def test_who_left_the_queue_is_skipped() -> None:
    """A cancelled waiter gets no ticket and costs none."""
    counter = Counter(ONE_AT_A_TIME)
    first, second, third = await counter.queue(3)

    second.cancel()
    await counter.clock.advance(0)
    await counter.give_back(first)

    assert second.cancelled()
    assert isinstance(third.result(), Permit)
    assert counter.limiter.granted == 2


async def test_queue_that_all_have_left_takes_no_tickets() -> None:
    """A cancelled job of many leads does not use up the limits with tickets for nobody."""
    counter = Counter(ONE_AT_A_TIME)
    first, *others = await counter.queue(5)
    for other in others:
        other.cancel()
    await counter.clock.advance(0)

    await counter.give_back(first)
    await counter.clock.advance(60.0)

    assert counter.limiter.granted == 1
    (newcomer,) = await counter.queue(1)
    assert isinstance(newcomer.result(), Permit)


async def test_tickets_are_asked_for_those_who_are_there() -> None:
    """Of a rate that allows little, those who left take nothing."""
    counter = Counter(Limits((Rule(2, 20 * SECOND),), concurrency=10))
    places = await counter.queue(7)
    for quitter in places[3:6]:
        quitter.cancel()
    await counter.clock.advance(0)

    await counter.clock.advance(21.0)

    assert served(places) == [True] * 7
    assert counter.limiter.granted == 4


async def test_ticket_that_crossed_with_a_cancellation_is_given_back() -> None:
    """Who is cancelled in the moment of being served gives the place back."""
    counter = Counter(ONE_AT_A_TIME)
    first, second, third = await counter.queue(3)
    held = first.result()
    assert isinstance(held, Permit)
    counter.limiter.on_take = lambda: asyncio.get_running_loop().call_soon(second.cancel)

    await counter.desk.give_back(held)
    await counter.clock.advance(0)

    assert second.cancelled()
    assert isinstance(third.result(), Permit)


async def test_ticket_that_nobody_waits_for_any_more_is_given_back() -> None:
    """Who leaves while the limiter is asked leaves no place taken."""
    counter = Counter(ONE_AT_A_TIME)
    first, second = await counter.queue(2)
    counter.limiter.on_take = second.cancel

    await counter.give_back(first)
    counter.limiter.on_take = None
    (newcomer,) = await counter.queue(1)

    assert second.cancelled()
    assert isinstance(newcomer.result(), Permit)


async def test_error_of_the_limiter_reaches_all_who_wait() -> None:
    """Nobody waits for a limiter that does not answer."""
    counter = Counter(ONE_AT_A_TIME)
    counter.limiter.trouble["take"] = DOWN

    places = await counter.queue(3)

    assert [place.exception() for place in places] == [DOWN] * 3


async def test_desk_works_again_after_an_error() -> None:
    """The next in line is served once the limiter answers again."""
    counter = Counter(ONE_AT_A_TIME)
    counter.limiter.trouble["take"] = DOWN
    (unlucky,) = await counter.queue(1)
    counter.limiter.trouble.clear()

    (lucky,) = await counter.queue(1)

    assert unlucky.exception() is DOWN
    assert isinstance(lucky.result(), Permit)


async def test_error_passes_over_those_who_left() -> None:
    """A cancelled waiter stays cancelled when the others get an error."""
    counter = Counter(ONE_AT_A_TIME)
    first, second, third = await counter.queue(3)
    second.cancel()
    counter.limiter.trouble["take"] = DOWN
    await counter.clock.advance(0)

    await counter.give_back(first)

    assert second.cancelled()
    assert third.exception() is DOWN


async def test_error_that_crossed_with_a_cancellation_leaves_it_cancelled() -> None:
    """Who is cancelled in the moment of an error is cancelled, not failed."""
    counter = Counter(ONE_AT_A_TIME)
    first, second = await counter.queue(2)
    counter.limiter.trouble["take"] = DOWN
    counter.limiter.on_take = lambda: asyncio.get_running_loop().call_soon(second.cancel)

    await counter.give_back(first)

    assert second.cancelled()


async def test_long_wait_is_not_waited_for() -> None:
    """Where a provider is free for nobody for longer than patience lasts, all are told for how long."""
    counter = Counter(TWO_PER_MINUTE)

    places = await counter.queue(4)

    assert [type(place.result()) for place in places] == [Permit, Permit, Unavailable, Unavailable]
    last = places[-1].result()
    assert isinstance(last, Unavailable)
    assert last.why == "its limit is used up"
    assert last.seconds is not None
    assert 59.0 < last.seconds < 60.5


async def test_refused_people_can_come_again() -> None:
    """Who comes after the time that was told gets a ticket."""
    counter = Counter(TWO_PER_MINUTE)
    *_, refused = await counter.queue(3)
    answer = refused.result()
    assert isinstance(answer, Unavailable)
    assert answer.seconds is not None

    await counter.clock.advance(answer.seconds)
    (again,) = await counter.queue(1)

    assert isinstance(again.result(), Permit)


async def test_pause_counts_for_the_queue() -> None:
    """After a penalty no ticket opens before it is over."""
    counter = Counter(ONE_AT_A_TIME)
    (first,) = await counter.queue(1)
    started = counter.clock.monotonic()
    await counter.desk.penalise("orion", 7.0)
    await counter.give_back(first)

    (second,) = await counter.queue(1)
    await counter.clock.advance(8.0)

    permit = second.result()
    assert isinstance(permit, Permit)
    assert permit.ticket.opens_at >= started + 7.0


async def test_parking_turns_away_who_waits_and_who_comes() -> None:
    """Nobody waits for a provider whose key has to be mended."""
    counter = Counter(ONE_AT_A_TIME)
    first, second, quitter = await counter.queue(3)
    quitter.cancel()
    await counter.clock.advance(0)

    counter.desk.park("orion", "HTTP 401", 60.0)
    await counter.clock.advance(0)
    (newcomer,) = await counter.queue(1)

    assert second.result() == newcomer.result() == Unavailable("HTTP 401", None)
    assert isinstance(first.result(), Permit)
    await counter.give_back(first)
    await counter.clock.advance(60.0)
    (later,) = await counter.queue(1)
    assert isinstance(later.result(), Permit)


async def test_changed_limits_count_from_the_next_ticket_on() -> None:
    """A setting takes effect without a restart."""
    counter = Counter(ONE_AT_A_TIME)
    places = await counter.queue(3)
    await counter.catalog.save(builders.config("orion", limits=Limits(ONE_AT_A_TIME.rules, concurrency=2)))

    await counter.give_back(places[0])

    assert served(places) == [True, True, True]


async def test_unknown_provider_is_an_error_and_hangs_nobody() -> None:
    """A provider that nobody has configured is a bug of ours, told at once."""
    counter = Counter(ONE_AT_A_TIME)
    (place,) = await counter.queue(1, "nobody")

    with pytest.raises(KeyError):
        place.result()


async def test_no_patience_is_served_while_there_is_room() -> None:
    """Who will not wait gets a ticket where one is there, and else is told when to come back."""
    counter = Counter(TWO_PER_MINUTE)
    first = await counter.desk.take("orion", 0.0)
    second = await counter.desk.take("orion", 0.0)
    third = await counter.desk.take("orion", 0.0)
    assert [type(each) for each in (first, second, third)] == [Permit, Permit, Unavailable]


async def test_no_patience_does_not_wait_behind_others() -> None:
    """Where as many wait as have room, somebody without patience is turned away at once."""
    counter = Counter(ONE_AT_A_TIME)
    await counter.queue(2)
    answer = await counter.desk.take("orion", 0.0)
    assert answer == Unavailable("others wait for it", RETURN_SECONDS)


@pytest.mark.parametrize("jitter_seconds", [0.0, 0.1])
@pytest.mark.parametrize("at_once", [1, 10])
async def test_few_tickets_for_a_distant_provider_are_wasted(at_once: int, jitter_seconds: float) -> None:
    """Where each connection takes 300 ms or so, 3 % of the calls at most are late once the desk knows."""
    counter, chance = Counter(AMPLE), random.Random(3)

    async def everybody(calls: int) -> list[bool]:
        each = calls // at_once
        connections = [[0.3 + chance.uniform(0, jitter_seconds) for _ in range(each)] for _ in range(at_once)]
        parts = await asyncio.gather(*(counter.calls(*some) for some in connections))
        return [late for part in parts for late in part]

    begun = await counter.clock.run(everybody(100))
    assert 1 <= sum(begun) <= 20
    steady = await counter.clock.run(everybody(600))
    assert sum(steady) / len(steady) <= 0.03


async def test_tickets_open_sooner_again() -> None:
    """Once connections are quick, so are the tickets, after a few hundred calls."""
    counter = Counter(AMPLE)
    await counter.clock.run(counter.calls(*[0.3] * 50))
    assert await counter.lead_seconds() > 0.29
    assert not any(await counter.clock.run(counter.calls(*[0.0] * 150)))
    assert await counter.lead_seconds() < 0.06


async def test_tickets_open_as_soon_as_calls_are_ready() -> None:
    """Where an intent is durable within 12 ms, nobody waits for the 50 ms of those who know nothing yet."""
    counter = Counter(AMPLE)
    assert await counter.lead_seconds() == pytest.approx(0.05, abs=0.001)
    assert not any(await counter.clock.run(counter.calls(*[0.012] * 5)))
    assert await counter.lead_seconds() == pytest.approx(0.012, abs=0.001)
    assert not any(await counter.clock.run(counter.calls(*[0.001] * 100)))
    assert await counter.lead_seconds() == pytest.approx(0.01, abs=0.001)


async def test_a_single_slow_call_is_no_distance() -> None:
    """It alone is late; tickets that open further ahead would hold their places for nothing."""
    counter = Counter(AMPLE)
    await counter.clock.run(counter.calls(*[0.02] * 10, 1.5))
    assert await counter.lead_seconds() < 0.06


async def test_no_ticket_opens_further_ahead_than_the_limiter_allows_for() -> None:
    """A provider that takes ten seconds to connect is never called, rather than counted wrongly."""
    counter = Counter(AMPLE)
    assert all(await counter.clock.run(counter.calls(*[10.0] * 5)))
    assert await counter.lead_seconds() == pytest.approx(LEAD_SECONDS_MAX, abs=0.05)


async def test_in_several_queues() -> None:
    """Whose provider is free first is served there, and takes nothing of the others."""
    counter = Counter(ONE_AT_A_TIME)
    (taken,) = await counter.queue(1)
    first = asyncio.create_task(counter.desk.take_first(("orion", "astra"), 30.0, ANYBODY))
    await counter.clock.advance(0)
    permit = first.result()
    assert isinstance(permit, Permit)
    assert permit.ticket.credential == "astra"
    (behind,) = await counter.queue(1)
    await counter.give_back(taken)
    assert served([behind]) == [True]


async def test_none_of_several_is_free() -> None:
    """Who would wait too long in each queue hears of each why, and stands in none any more."""
    counter = Counter(Limits((Rule(1, 3_600 * SECOND),), concurrency=9))
    await counter.catalog.save(builders.config("astra", limits=counter.config.limits))
    await counter.queue(1)
    await counter.queue(1, "astra")
    refused = await counter.desk.take_first(("orion", "astra"), 30.0, ANYBODY)
    assert not isinstance(refused, Permit)
    assert {name: answer.why for name, answer in refused.items()} == {
        "orion": "its limit is used up",
        "astra": "its limit is used up",
    }


async def test_leaving_several_queues() -> None:
    """Who goes away while waiting in several queues holds up nobody in any of them."""
    counter = Counter(ONE_AT_A_TIME)
    await counter.catalog.save(builders.config("astra", limits=ONE_AT_A_TIME))
    (orion,), (astra,) = await counter.queue(1), await counter.queue(1, "astra")
    gone = asyncio.create_task(counter.desk.take_first(("orion", "astra"), 30.0, ANYBODY))
    await counter.clock.advance(0)
    behind = [*await counter.queue(1), *await counter.queue(1, "astra")]
    gone.cancel()
    await counter.clock.advance(0)
    await counter.give_back(orion)
    await counter.give_back(astra)
    assert served(behind) == [True, True]


async def test_no_patience_does_not_wait_out_a_pause() -> None:
    """Where somebody waits for a limit that is used up, who has no patience is told at once for how long."""
    counter = Counter(Limits((Rule(2, 20 * SECOND),), concurrency=10))
    places = await counter.queue(3)
    await counter.clock.advance(5)
    assert served(places) == [True, True, False]
    impatient = asyncio.create_task(counter.desk.take("orion", 0.0))
    await counter.clock.advance(0)
    answer = impatient.result()
    assert isinstance(answer, Unavailable)
    assert answer.seconds == pytest.approx(15, abs=0.2)
    places[2].cancel()


async def test_who_is_urgent_renews_without_the_gap_of_bulk() -> None:
    """A lookup that missed its ticket leaves as soon as the provider allows, though a job was just served."""
    counter = Counter(Limits((Rule(5, SECOND),), concurrency=10))
    somebody = Claimant("somebody", is_urgent=True)
    places = [asyncio.create_task(counter.desk.take("orion", claimant=who)) for who in (somebody, ANYBODY)]
    await counter.clock.advance(0.2)
    urgent, bulk = (place.result() for place in places)
    assert isinstance(urgent, Permit)
    assert isinstance(bulk, Permit)
    renewal = asyncio.create_task(counter.desk.renew(urgent))
    await counter.clock.advance(0)
    assert renewal.result()
    assert bulk.ticket.opens_at < urgent.ticket.opens_at < bulk.ticket.opens_at + 0.19
