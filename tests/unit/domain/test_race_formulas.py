"""What races cost and how long they take, against the formulas of the waterfall, the hedge and the race.

Provider i has a number with probability p, charges c a call, and answers after L with the distribution F.
Latencies are exponential here, so that every formula can be integrated without a library.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from leadgen.domain.provider import Hit, Miss
from leadgen.domain.waterfall import Answered, Candidate, Event, Plan, Sent, Tick, Waterfall
from tests.builders import NOW, us_phone

LEADS = 20_000
SEED = 7
WITHIN = 0.03
HIT = Hit(us_phone(0), "x")


@dataclass(frozen=True)
class Vendor:
    """A provider as the formulas see it."""

    name: str
    hit_rate: float
    price: float
    mean_seconds: float

    def has_answered_by(self, seconds: float) -> float:
        """F: the probability that it has answered by then."""
        return 1.0 - math.exp(-seconds / self.mean_seconds) if seconds > 0 else 0.0


ORION = Vendor("orion", 0.45, 0.05, 0.4)
ASTRA = Vendor("astra", 0.35, 0.03, 0.5)
NIMBUS = Vendor("nimbus", 0.50, 0.10, 0.8)
TWO, THREE = (ORION, ASTRA), (ORION, ASTRA, NIMBUS)


def mean(vendors: Sequence[Vendor], stagger: float | None) -> tuple[float, float]:
    """The mean cost and the mean seconds of many searches that the engine decides, in virtual time."""
    chance = random.Random(SEED)
    wait = None if stagger is None else timedelta(seconds=stagger)
    plan = Plan([Candidate(each.name, rank=rank) for rank, each in enumerate(vendors)], stagger=wait)
    cost = seconds = 0.0
    for _ in range(LEADS):
        lead_cost, lead_seconds = search(Waterfall(plan), {each.name: each for each in vendors}, chance)
        cost += lead_cost
        seconds += lead_seconds
    return cost / LEADS, seconds / LEADS


def search(waterfall: Waterfall, vendors: dict[str, Vendor], chance: random.Random) -> tuple[float, float]:
    """One search: what was sent is paid, whoever wins."""
    now, cost = NOW, 0.0
    coming: list[tuple[timedelta, Event]] = []
    event: Event = Tick()
    while True:
        moves = waterfall.step(event, now)
        if moves.verdict is not None:
            return cost, (now - NOW).total_seconds()
        for ask in moves.asks:
            vendor = vendors[ask.provider]
            outcome = HIT if chance.random() < vendor.hit_rate else Miss()
            takes = timedelta(seconds=chance.expovariate(1.0 / vendor.mean_seconds))
            coming.append((now - NOW, Sent(ask.provider)))
            coming.append((now - NOW + takes, Answered(ask.provider, ask.n, outcome)))
            cost += vendor.price
        coming.sort(key=lambda each: each[0])
        if moves.wake_at is not None and (not coming or moves.wake_at - NOW < coming[0][0]):
            now, event = moves.wake_at, Tick()
        else:
            at, event = coming.pop(0)
            now = NOW + at


def integral(of: Callable[[float], float], start: float, end: float = 30.0, steps: int = 20_000) -> float:
    """By Simpson's rule."""
    width = (end - start) / steps
    inner = sum((4 if step % 2 else 2) * of(start + step * width) for step in range(1, steps))
    return (of(start) + inner + of(end)) * width / 3


def is_open_at(vendors: Sequence[Vendor], by: Callable[[Vendor], float]) -> float:
    """The probability that nobody has given a number yet and somebody has not answered.

    ``by``: the probability that a provider has answered.
    """
    no_number = math.prod(1 - each.hit_rate * by(each) for each in vendors)
    all_misses = math.prod((1 - each.hit_rate) * by(each) for each in vendors)
    return no_number - all_misses


@pytest.mark.parametrize("vendors", [TWO, THREE], ids=len)
def test_waterfall(vendors: Sequence[Vendor]) -> None:
    """E[cost] = sum of q e, E[latency] = sum of q E[L]; q is the probability that all before have missed."""
    reached = [math.prod(1 - each.hit_rate for each in vendors[:rank]) for rank in range(len(vendors))]
    cost, seconds = mean(vendors, None)
    assert cost == pytest.approx(sum(q * v.price for q, v in zip(reached, vendors, strict=True)), rel=WITHIN)
    expected = sum(q * v.mean_seconds for q, v in zip(reached, vendors, strict=True))
    assert seconds == pytest.approx(expected, rel=WITHIN)


@pytest.mark.parametrize("vendors", [TWO, THREE], ids=len)
def test_parallel(vendors: Sequence[Vendor]) -> None:
    """Everybody is paid; it ends with the first number, or when all have answered."""
    cost, seconds = mean(vendors, 0.0)
    assert cost == pytest.approx(sum(each.price for each in vendors))
    expected = integral(lambda at: is_open_at(vendors, lambda each: each.has_answered_by(at)), 0.0)
    assert seconds == pytest.approx(expected, rel=WITHIN)


@pytest.mark.parametrize("delay", [0.1, 0.5, 1.2])
def test_hedged(delay: float) -> None:
    """E[cost] = e1 + e2 (1 - p1 F1(d)); the second starts at min(d, the first one's miss)."""
    cost, seconds = mean(TWO, delay)
    in_time = ORION.has_answered_by(delay)
    assert cost == pytest.approx(ORION.price + ASTRA.price * (1 - ORION.hit_rate * in_time), rel=WITHIN)

    early = integral(lambda at: math.exp(-at / ORION.mean_seconds) / ORION.mean_seconds * at, 0.0, delay)
    early += (1 - ORION.hit_rate) * in_time * ASTRA.mean_seconds

    def answered_by(at: float) -> Callable[[Vendor], float]:
        late = (ORION.has_answered_by(at) - in_time) / (1 - in_time)
        return lambda each: late if each is ORION else each.has_answered_by(at - delay)

    both = delay + integral(lambda at: is_open_at(TWO, answered_by(at)), delay)
    assert seconds == pytest.approx(early + (1 - in_time) * both, rel=WITHIN)


def test_surcharge_of_a_hedge_after_p95() -> None:
    """It buys no more than e2 p1 5 % on top of the waterfall: why the delay belongs there."""
    p95 = -math.log(0.05) * ORION.mean_seconds
    surcharge = mean(TWO, p95)[0] - mean(TWO, None)[0]
    assert surcharge == pytest.approx(ASTRA.price * ORION.hit_rate * 0.05, abs=0.0003)
