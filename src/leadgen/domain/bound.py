"""How long a job takes at least, whatever anybody does: the time that its providers' limits need.

While a job waits for its preferred provider the most loaded one sets the pace. While it spills, each lead
may be asked about in any order, and the bound is that of the best mixture of orders: a linear programme,
solved through its dual. Put a price on every provider's time, all prices together being 1. Then no mixture
is cheaper than the order that is cheapest at these prices, and so none is faster: every choice of prices
gives a valid bound, and the best prices give the best one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from leadgen.domain.limits import MICROS_PER_SECOND, Limits
from leadgen.domain.value import value

_ROUNDS = 4_000
_STEP = 0.05


@value(frozen=True, slots=True)
class Pace:
    """What a provider allows and gives: leads a second at most, and the share whose search it ends."""

    provider: str
    leads_per_second: float
    hit_rate: float


@value(frozen=True, slots=True)
class Crowd:
    """So many leads that the same providers can be asked about."""

    leads: int
    providers: frozenset[str]


def calls_per_second(limits: Limits, latency_seconds: float, calls: int) -> float:
    """The calls a second that a provider's rules and its cap (by Little's law) allow for so many calls.

    The first windowful of every rule may leave at once: a few calls are never bound by a rule of many hours.
    """
    windows = (((calls - 1) // rule.calls) * rule.window_micros for rule in limits.rules)
    seconds = max(max(windows) / MICROS_PER_SECOND, calls * latency_seconds / limits.concurrency)
    return calls / seconds if seconds > 0 else math.inf


def waiting_bound(paces: Sequence[Pace], leads: Mapping[str, float]) -> float:
    """The seconds that the most loaded provider needs for the leads that it is asked about."""
    return max((leads.get(pace.provider, 0.0) / pace.leads_per_second for pace in paces), default=0.0)


def spilling_bound(paces: Sequence[Pace], crowds: Sequence[Crowd]) -> float:
    """The seconds that the best mixture of orders needs, from below; hits are taken as independent.

    Prices rise where the cheapest orders load a provider most (multiplicative weights): a few thousand rounds
    come within a percent of the optimum.
    """
    if not paces:
        return 0.0
    weights = [1.0 / len(paces)] * len(paces)
    best = 0.0
    for _ in range(_ROUNDS):
        loads = _loads(paces, crowds, weights)
        best = max(best, sum(weight * load for weight, load in zip(weights, loads, strict=True)))
        top = max(loads)
        if top <= 0.0:
            return 0.0
        raised = [weight * math.exp(_STEP * load / top) for weight, load in zip(weights, loads, strict=True)]
        whole = sum(raised)
        weights = [weight / whole for weight in raised]
    return best


def _loads(paces: Sequence[Pace], crowds: Sequence[Crowd], weights: Sequence[float]) -> list[float]:
    """How many seconds each provider is busy when every lead is asked about in the cheapest order.

    Asking a provider costs ``weight / leads_per_second``; by the exchange argument the order with the most
    hits for its price first is the cheapest.
    """
    order = sorted(
        range(len(paces)),
        key=lambda place: weights[place] / paces[place].leads_per_second / (paces[place].hit_rate or 1e-12),
    )
    loads = [0.0] * len(paces)
    for crowd in crowds:
        left = float(crowd.leads)
        for place in order:
            pace = paces[place]
            if pace.provider in crowd.providers:
                loads[place] += left / pace.leads_per_second
                left *= 1.0 - pace.hit_rate
    return loads
