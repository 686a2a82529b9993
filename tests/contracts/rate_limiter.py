"""What every `IRateLimiter` must do: no window ever holds more than a rule allows, and nobody waits for ever.

A subclass says how the limiter is built, and how time passes for it where that is not the fake clock alone.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Rule
from tests.fake_clock import FakeClock

CREDENTIAL = "orion"
LEASE_SECONDS = 15.0
ROOMY = 10_000
TICK = 1.5 / MICROS_PER_SECOND
"""Moments are floats of whole microseconds; less than this apart they are the same."""


def limits(*rules: tuple[int, float], concurrency: int = ROOMY) -> Limits:
    """Rules as (calls, window in seconds)."""
    return Limits(
        tuple(Rule(calls, round(seconds * MICROS_PER_SECOND)) for calls, seconds in rules), concurrency
    )


FIVE_A_SECOND = limits((5, 1))
MANY_RULES = (
    limits((1, 1)),
    limits((5, 1), (20, 10)),
    limits((3, 1), (4, 2), (17, 13)),
    limits((2, 0.25), (7, 1), (60, 20)),
)


class RateLimiterContract(ABC):
    """Subclass it as ``Test...``."""

    @abstractmethod
    def build(self, clock: IClock) -> IRateLimiter:
        """A limiter that has admitted nothing yet."""

    async def pass_time(self, clock: FakeClock, seconds: float) -> None:
        """Lets time pass for the clock and for the limiter."""
        await clock.advance(seconds)

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def limiter(self, clock: FakeClock) -> IRateLimiter:
        return self.build(clock)

    # tickets

    async def test_a_ticket(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Lies ahead, so that there is time to prepare its call, and is open for a while."""
        (ticket,) = await _take(limiter, FIVE_A_SECOND)
        assert ticket.credential == CREDENTIAL
        assert clock.monotonic() <= ticket.opens_at < ticket.closes_at < clock.monotonic() + 5

    async def test_several_in_one_call(self, limiter: IRateLimiter) -> None:
        """As many as are wanted, in the order of their starts, each with a lease of its own."""
        given = await _ask(limiter, FIVE_A_SECOND, wanted=4)
        assert given.retry_seconds is None
        assert len(given.tickets) == 4
        assert [each.opens_at for each in given.tickets] == sorted(each.opens_at for each in given.tickets)
        assert len({each.lease for each in given.tickets}) == 4

    async def test_fewer_than_wanted(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """What is there is given, with the time after which there is more: then there is."""
        given = await _ask(limiter, FIVE_A_SECOND, wanted=8)
        assert len(given.tickets) == 5
        assert given.retry_seconds is not None
        assert 0 < given.retry_seconds <= 2
        await self.pass_time(clock, given.retry_seconds)
        assert (await _ask(limiter, FIVE_A_SECOND, wanted=3)).tickets

    async def test_none_wanted(self, limiter: IRateLimiter) -> None:
        """Nothing is given, and there is nothing to wait for."""
        assert await _ask(limiter, FIVE_A_SECOND, wanted=0) == Tickets([], None)

    async def test_first_come_first_served(self, limiter: IRateLimiter) -> None:
        """Callers who ask at once get their tickets in the order in which they asked."""
        given = await asyncio.gather(*(_take(limiter, FIVE_A_SECOND) for _ in range(5)))
        starts = [tickets[0].opens_at for tickets in given]
        assert starts == sorted(starts)

    async def test_credentials_do_not_share(self, limiter: IRateLimiter) -> None:
        """One provider's limits are none of another's business."""
        assert len((await _ask(limiter, FIVE_A_SECOND, wanted=9)).tickets) == 5
        other = await limiter.take("astra", FIVE_A_SECOND, wanted=5, lease_seconds=LEASE_SECONDS)
        assert len(other.tickets) == 5

    # windows

    @pytest.mark.parametrize("allowed", MANY_RULES, ids=lambda each: ",".join(map(_shown, each.rules)))
    async def test_no_window_holds_more_than_its_rule(
        self, limiter: IRateLimiter, clock: FakeClock, allowed: Limits
    ) -> None:
        """Every window of every rule, wherever in its ticket each call was sent: first late, then early."""
        tickets = await self._demand(limiter, clock, allowed, random.Random(7), calls=150)
        for rule in allowed.rules:
            window = rule.window_micros / MICROS_PER_SECOND
            for first, last in zip(tickets, tickets[rule.calls :], strict=False):
                assert last.opens_at - first.closes_at > window - TICK

    @pytest.mark.parametrize("seed", range(3))
    async def test_no_window_of_random_sends(
        self, limiter: IRateLimiter, clock: FakeClock, seed: int
    ) -> None:
        """Counted one by one over all sends of a run in which everything happens."""
        chance = random.Random(seed)
        allowed = limits((3, 1), (4, 2), (17, 13), concurrency=4)
        tickets = await self._demand(limiter, clock, allowed, chance, calls=80)
        sends = sorted(chance.uniform(each.opens_at, each.closes_at) for each in tickets)
        for rule in allowed.rules:
            window = rule.window_micros / MICROS_PER_SECOND - TICK
            assert max(sum(begin <= send < begin + window for send in sends) for begin in sends) <= rule.calls

    async def test_starts_never_decrease(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Over any run of takes, releases and pauses, a later ticket opens no earlier."""
        tickets = await self._demand(limiter, clock, MANY_RULES[1], random.Random(3), calls=60)
        assert all(first.opens_at <= second.opens_at for first, second in pairwise(tickets))

    async def test_what_is_allowed_is_given(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Steady demand gets nine tenths of the rule at least."""
        begun = clock.monotonic()
        tickets: list[Ticket] = []
        while len(tickets) < 100:
            given = await _ask(limiter, FIVE_A_SECOND, wanted=100 - len(tickets))
            tickets += given.tickets
            await self.pass_time(clock, given.retry_seconds or 0)
        assert tickets[-1].opens_at - begun < 100 / 5 / 0.9

    async def test_a_long_window(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """A used-up hour says so at once, and is free again after an hour."""
        hourly = limits((3, 3_600))
        assert len(await _take(limiter, hourly, wanted=3)) == 3
        refused = await _ask(limiter, hourly, wanted=1)
        assert refused.tickets == []
        assert refused.retry_seconds == pytest.approx(3_600, abs=5)
        await self.pass_time(clock, refused.retry_seconds or 0)
        assert len(await _take(limiter, hourly)) == 1

    # refusals

    async def test_refusals_consume_nothing(self, clock: FakeClock) -> None:
        """Who asks in vain all the time gets the same tickets as who asks once it is time."""
        patient, pushy = self.build(clock), self.build(clock)
        allowed = limits((2, 1), (5, 7))
        for _ in range(12):
            one = await _ask(patient, allowed, wanted=9)
            for number in range(10):
                given = await _ask(pushy, allowed, wanted=9)
                assert _starts(given) == ([] if number else _starts(one))
                assert given.retry_seconds == one.retry_seconds
            await self.pass_time(clock, one.retry_seconds or 0)

    async def test_a_full_house_consumes_nothing(self, limiter: IRateLimiter) -> None:
        """Refusals because of the cap use up no rule."""
        narrow = limits((5, 3_600), concurrency=1)
        (held,) = await _take(limiter, narrow)
        for _ in range(20):
            assert (await _ask(limiter, narrow, wanted=5)).tickets == []
        await limiter.release(held)
        wide = replace(narrow, concurrency=ROOMY)
        assert len((await _ask(limiter, wide, wanted=9)).tickets) == 4

    # the concurrency cap

    async def test_the_cap(self, limiter: IRateLimiter) -> None:
        """No more tickets are out than places; who asks for more learns when one is free at the latest."""
        narrow = limits((100, 1), concurrency=3)
        given = await _ask(limiter, narrow, wanted=5)
        assert len(given.tickets) == 3
        assert given.retry_seconds is not None
        assert 0 < given.retry_seconds <= LEASE_SECONDS + 1

    async def test_release_frees_a_place(self, limiter: IRateLimiter) -> None:
        """One place for each ticket that is given back."""
        narrow = limits((100, 1), concurrency=3)
        given = await _ask(limiter, narrow, wanted=3)
        await limiter.release(given.tickets[1])
        assert len((await _ask(limiter, narrow, wanted=3)).tickets) == 1

    async def test_release_twice(self, limiter: IRateLimiter) -> None:
        """A second time changes nothing: it frees no place of somebody else."""
        narrow = limits((100, 1), concurrency=2)
        first, _ = await _take(limiter, narrow, wanted=2)
        await limiter.release(first)
        await _take(limiter, narrow)
        await limiter.release(first)
        assert (await _ask(limiter, narrow, wanted=1)).tickets == []

    async def test_release_of_an_unknown_credential(self, limiter: IRateLimiter) -> None:
        """Is harmless: tickets are given as before."""
        await limiter.release(Ticket("nobody", 1.0, 2.0, 7))
        assert len(await _take(limiter, FIVE_A_SECOND)) == 1

    async def test_leases_end_by_themselves(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """A ticket that is never given back holds its place until its lease is over, and no longer."""
        narrow = limits((100, 1), concurrency=1)
        (lost,) = await _take(limiter, narrow, lease_seconds=4)
        await self.pass_time(clock, lost.opens_at - clock.monotonic() + 3.99)
        refused = await _ask(limiter, narrow, wanted=1)
        assert refused.tickets == []
        assert refused.retry_seconds is not None
        assert 0 <= refused.retry_seconds <= 0.011
        await self.pass_time(clock, 0.011)
        assert len(await _take(limiter, narrow)) == 1

    async def test_release_after_the_lease(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Who comes back late frees nothing that meanwhile belongs to another."""
        narrow = limits((100, 1), concurrency=1)
        (lost,) = await _take(limiter, narrow, lease_seconds=1)
        await self.pass_time(clock, 3)
        await _take(limiter, narrow)
        await limiter.release(lost)
        assert (await _ask(limiter, narrow, wanted=1)).tickets == []

    # pauses and changes

    async def test_penalise(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """No ticket opens until the pause is over, and who asks is told how long that is."""
        await _take(limiter, FIVE_A_SECOND)
        await limiter.penalise(CREDENTIAL, 30)
        ends_at = clock.monotonic() + 30
        refused = await _ask(limiter, FIVE_A_SECOND, wanted=1)
        assert refused.tickets == []
        assert refused.retry_seconds is not None
        assert 25 <= refused.retry_seconds <= 30
        await self.pass_time(clock, refused.retry_seconds)
        (ticket,) = await _take(limiter, FIVE_A_SECOND)
        assert ticket.opens_at > ends_at - TICK

    async def test_penalise_before_the_first_ticket(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """A pause counts although nothing was admitted yet."""
        await limiter.penalise(CREDENTIAL, 30)
        assert (await _ask(limiter, FIVE_A_SECOND, wanted=1)).tickets == []
        await self.pass_time(clock, 30)
        assert len(await _take(limiter, FIVE_A_SECOND)) == 1

    async def test_a_shorter_pause_does_not_cut_a_longer_one(self, limiter: IRateLimiter) -> None:
        """The pause that ends last counts; one of no length is none."""
        await _take(limiter, FIVE_A_SECOND)
        for seconds in (30, 1, 0):
            await limiter.penalise(CREDENTIAL, seconds)
        refused = await _ask(limiter, FIVE_A_SECOND, wanted=1)
        assert refused.retry_seconds is not None
        assert refused.retry_seconds >= 25

    async def test_stricter_limits(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Hold from the next ticket on, and count what was admitted before."""
        (*_, last_but_one, _) = await _take(limiter, FIVE_A_SECOND, wanted=5)
        strict = limits((2, 60))
        refused = await _ask(limiter, strict, wanted=1)
        assert refused.tickets == []
        await self.pass_time(clock, refused.retry_seconds or 0)
        (ticket,) = await _take(limiter, strict)
        assert ticket.opens_at - last_but_one.closes_at > 60 - TICK

    async def test_looser_limits(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Give more, at once or after the window of what they replace, and no window of theirs overflows."""
        before = await _take(limiter, limits((2, 1), concurrency=2), wanted=2)
        loose = limits((10, 1))
        tickets = [*before]
        for _ in range(40):
            tickets += (await _ask(limiter, loose, wanted=50)).tickets
            await self.pass_time(clock, 0.1)
        assert len(tickets) > 20
        for first, last in zip(tickets, tickets[10:], strict=False):
            assert last.opens_at - first.closes_at > 1 - TICK

    async def test_a_lower_cap(self, limiter: IRateLimiter, clock: FakeClock) -> None:
        """Waits until enough places have been given back."""
        tickets = await _take(limiter, limits((100, 1), concurrency=3), wanted=3)
        narrow = limits((100, 1), concurrency=1)
        for ticket in tickets:
            assert (await _ask(limiter, narrow, wanted=1)).tickets == []
            await limiter.release(ticket)
        await clock.advance(1.0)
        assert len((await _ask(limiter, narrow, wanted=2)).tickets) == 1

    async def _demand(
        self, limiter: IRateLimiter, clock: FakeClock, allowed: Limits, chance: random.Random, *, calls: int
    ) -> Sequence[Ticket]:
        """All tickets of a run of takes, releases, pauses and waits; the cap is checked on the way."""
        tickets: list[Ticket] = []
        held: list[Ticket] = []
        while len(tickets) < calls:
            given = await _ask(limiter, allowed, wanted=chance.randint(1, 6))
            tickets += given.tickets
            held = [each for each in held if each.opens_at + LEASE_SECONDS > clock.monotonic()]
            held += given.tickets
            assert len(held) <= allowed.concurrency
            assert all(each.opens_at >= clock.monotonic() for each in given.tickets)
            while held and (chance.random() < 0.6 or len(held) == allowed.concurrency):
                await limiter.release(held.pop(chance.randrange(len(held))))
            if chance.random() < 0.03:
                await limiter.penalise(CREDENTIAL, chance.uniform(0, 3))
            seconds = given.retry_seconds if given.retry_seconds is not None else chance.uniform(0, 0.4)
            await self.pass_time(clock, min(seconds, chance.choice([0.05, 60.0])))
        return tickets


async def _ask(limiter: IRateLimiter, allowed: Limits, *, wanted: int) -> Tickets:
    return await limiter.take(CREDENTIAL, allowed, wanted=wanted, lease_seconds=LEASE_SECONDS)


async def _take(
    limiter: IRateLimiter, allowed: Limits, *, wanted: int = 1, lease_seconds: float = LEASE_SECONDS
) -> Sequence[Ticket]:
    """So many tickets, which must be there at once."""
    given = await limiter.take(CREDENTIAL, allowed, wanted=wanted, lease_seconds=lease_seconds)
    assert len(given.tickets) == wanted
    return given.tickets


def _starts(given: Tickets) -> Sequence[float]:
    return [ticket.opens_at for ticket in given.tickets]


def _shown(rule: Rule) -> str:
    return f"{rule.calls} in {rule.window_micros / MICROS_PER_SECOND:g} s"
