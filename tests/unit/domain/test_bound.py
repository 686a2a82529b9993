"""How long a job takes at least."""

import math
import random
from itertools import permutations

import pytest

from leadgen.domain.bound import Crowd, Pace, calls_per_second, spilling_bound, waiting_bound
from leadgen.domain.limits import Limits, Rule

SECOND = 1_000_000
FIELD = [Pace("orion", 3 / 4.2, 0.45), Pace("astra", 10 / 1.3, 0.35), Pace("nimbus", 2 / 2.2, 0.5)]
ALL = frozenset({"orion", "astra", "nimbus"})


@pytest.mark.parametrize(
    ("latency", "calls", "expected"),
    [
        (0.0, 1_001, 1_001 / 200),
        (0.1, 1_001, 1_001 / 200),
        (4.2, 1_001, 3 / 4.2),
        (0.0, 36_001, 36_001 / 14_400),
        (0.1, 6, 6.0),
    ],
)
def test_rule_or_cap_whichever_binds(latency: float, calls: int, expected: float) -> None:
    """A slow provider is bound by its cap, a fast one by its rules: that of the hour for many calls only."""
    limits = Limits((Rule(5, SECOND), Rule(9_000, 3_600 * SECOND)), concurrency=3)
    assert calls_per_second(limits, latency, calls) == pytest.approx(expected)


def test_first_windowful_leaves_at_once() -> None:
    """As many calls as a rule allows take no time by it, however long its window is."""
    limits = Limits((Rule(100, 3_600 * SECOND),), concurrency=3)
    assert calls_per_second(limits, 0.0, 100) == math.inf
    assert waiting_bound([Pace("orion", math.inf, 0.5)], {"orion": 100}) == 0.0
    assert spilling_bound([Pace("orion", math.inf, 0.5)], [Crowd(100, frozenset({"orion"}))]) == 0.0
    assert calls_per_second(limits, 0.0, 101) == pytest.approx(101 / 3_600)


def test_the_most_loaded_provider_sets_the_pace() -> None:
    """100 leads that all wait for a provider of 0.71 calls a second need 140 s."""
    calls = {"orion": 100.0, "astra": 55.0, "nimbus": 36.0}
    assert waiting_bound(FIELD, calls) == pytest.approx(140.0)


def test_nothing_to_do_takes_no_time() -> None:
    """Neither without providers nor without leads."""
    assert waiting_bound([], {}) == 0.0
    assert spilling_bound([], [Crowd(5, ALL)]) == 0.0
    assert spilling_bound(FIELD, []) == 0.0


def test_a_single_provider_does_it_all() -> None:
    """Where only one can be asked, spilling is waiting."""
    assert spilling_bound(FIELD, [Crowd(100, frozenset({"orion"}))]) == pytest.approx(140.0, rel=0.01)


def test_spilling_is_faster_than_waiting() -> None:
    """With the field's figures at least twice as fast."""
    calls = {"orion": 300.0, "astra": 300 * 0.55, "nimbus": 300 * 0.55 * 0.65}
    assert spilling_bound(FIELD, [Crowd(300, ALL)]) < waiting_bound(FIELD, calls) / 2


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_best_mixture(seed: int) -> None:
    """The bound is below every mixture of orders, and within two percent of the best that is found."""
    chance = random.Random(seed)
    paces = [Pace(name, chance.uniform(0.2, 10), chance.uniform(0.05, 0.9)) for name in ("a", "b", "c")]
    bound = spilling_bound(paces, [Crowd(1_000, frozenset("abc"))])
    best = _best_mixture(paces, 1_000)
    assert bound <= best * (1 + 1e-9)
    assert bound >= best * 0.98


def test_leads_that_lack_an_input_are_a_crowd_of_their_own() -> None:
    """Those whom one provider cannot be asked about load the others."""
    whole = spilling_bound(FIELD, [Crowd(300, ALL)])
    split = spilling_bound(FIELD, [Crowd(150, ALL), Crowd(150, frozenset({"orion"}))])
    assert split > whole


def _best_mixture(paces: list[Pace], leads: int) -> float:
    """The fastest mixture, by descent over the shares of all six orders: no duality, no prices."""
    columns = [_busy(paces, order, leads) for order in permutations(range(len(paces)))]
    shares = [1 / len(columns)] * len(columns)
    step = 0.5
    best = _longest(columns, shares)
    while step > 1e-7:
        moved = False
        for giver in range(len(columns)):
            for taker in range(len(columns)):
                amount = min(step, shares[giver])
                if giver == taker or amount <= 0:
                    continue
                shares[giver] -= amount
                shares[taker] += amount
                if (now := _longest(columns, shares)) < best - 1e-12:
                    best, moved = now, True
                else:
                    shares[giver] += amount
                    shares[taker] -= amount
        if not moved:
            step /= 2
    return best


def _longest(columns: list[list[float]], shares: list[float]) -> float:
    longest = 0.0
    for loads in zip(*columns, strict=True):
        longest = max(longest, sum(share * load for share, load in zip(shares, loads, strict=True)))
    return longest


def _busy(paces: list[Pace], order: tuple[int, ...], leads: float) -> list[float]:
    loads = [0.0] * len(paces)
    for place in order:
        loads[place] = leads / paces[place].leads_per_second
        leads *= 1 - paces[place].hit_rate
    return loads
