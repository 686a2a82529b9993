"""What searches cost and how long they take, by the formulas of the waterfall, the hedge and the race.

Provider i has a number with probability p, charges e a call, and answers after L with the distribution F.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SECONDS_MAX = 60.0
_STEPS = 40_000


@dataclass(frozen=True)
class Vendor:
    """A provider as the formulas see it; ``has_answered_by`` is F."""

    name: str
    hit_rate: float
    price: float
    mean_seconds: float
    has_answered_by: Callable[[float], float]


@dataclass(frozen=True)
class Expected:
    """The mean cost and the mean seconds of a search."""

    cost: float
    seconds: float


def in_turn(vendors: Sequence[Vendor]) -> Expected:
    """E[cost] = sum of q e, E[latency] = sum of q E[L]; q is the probability that all before have missed."""
    reached = [math.prod(1 - each.hit_rate for each in vendors[:rank]) for rank in range(len(vendors))]
    return Expected(
        sum(q * each.price for q, each in zip(reached, vendors, strict=True)),
        sum(q * each.mean_seconds for q, each in zip(reached, vendors, strict=True)),
    )


def all_at_once(vendors: Sequence[Vendor]) -> Expected:
    """Everybody is paid; it ends with the first number, or when all have answered."""
    seconds = integral(lambda at: is_open_at(vendors, lambda each: each.has_answered_by(at)), 0.0)
    return Expected(sum(each.price for each in vendors), seconds)


def hedged(first: Vendor, second: Vendor, delay: float) -> Expected:
    """E[cost] = e1 + e2 (1 - p1 F1(d)); the second starts at min(d, the first one's miss)."""
    in_time = first.has_answered_by(delay)
    early = delay * in_time - integral(first.has_answered_by, 0.0, delay)
    early += (1 - first.hit_rate) * in_time * second.mean_seconds

    def answered_by(at: float) -> Callable[[Vendor], float]:
        late = (first.has_answered_by(at) - in_time) / (1 - in_time)
        return lambda each: late if each is first else each.has_answered_by(at - delay)

    both = delay + integral(lambda at: is_open_at((first, second), answered_by(at)), delay)
    cost = first.price + second.price * (1 - first.hit_rate * in_time)
    return Expected(cost, early + (1 - in_time) * both)


def is_open_at(vendors: Sequence[Vendor], by: Callable[[Vendor], float]) -> float:
    """The probability that nobody has given a number yet and somebody has not answered.

    ``by``: the probability that a provider has answered.
    """
    no_number = math.prod(1 - each.hit_rate * by(each) for each in vendors)
    all_misses = math.prod((1 - each.hit_rate) * by(each) for each in vendors)
    return no_number - all_misses


def integral(of: Callable[[float], float], start: float, end: float = SECONDS_MAX) -> float:
    """By Simpson's rule."""
    width = (end - start) / _STEPS
    inner = sum((4 if step % 2 else 2) * of(start + step * width) for step in range(1, _STEPS))
    return (of(start) + inner + of(end)) * width / 3
