"""What races cost and how long they take in virtual time, against the formulas.

`python -m tests.benchmarks.races` does the same over real processes.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import astuple
from datetime import timedelta

import pytest

from leadgen.domain.provider import Hit, Miss
from leadgen.domain.waterfall import Answered, Candidate, Event, Plan, Sent, Tick, Waterfall
from tests.builders import NOW, us_phone
from tests.race_formulas import Vendor, all_at_once, hedged, in_turn

LEADS = 20_000
SEED = 7
WITHIN = 0.03
HIT = Hit(us_phone(0), "x")


def vendor(name: str, hit_rate: float, price: float, mean_seconds: float) -> Vendor:
    """One whose answers take an exponential time."""

    def has_answered_by(seconds: float) -> float:
        return 1.0 - math.exp(-seconds / mean_seconds) if seconds > 0 else 0.0

    return Vendor(name, hit_rate, price, mean_seconds, has_answered_by)


ORION = vendor("orion", 0.45, 0.05, 0.4)
ASTRA = vendor("astra", 0.35, 0.03, 0.5)
NIMBUS = vendor("nimbus", 0.50, 0.10, 0.8)
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


@pytest.mark.parametrize("vendors", [TWO, THREE], ids=len)
def test_waterfall(vendors: Sequence[Vendor]) -> None:
    """One after the other, each is paid and awaited where all before it have missed."""
    assert mean(vendors, None) == pytest.approx(astuple(in_turn(vendors)), rel=WITHIN)


@pytest.mark.parametrize("vendors", [TWO, THREE], ids=len)
def test_parallel(vendors: Sequence[Vendor]) -> None:
    """Everybody is paid; it ends with the first number, or when all have answered."""
    assert mean(vendors, 0.0) == pytest.approx(astuple(all_at_once(vendors)), rel=WITHIN)


@pytest.mark.parametrize("delay", [0.1, 0.5, 1.2])
def test_hedged(delay: float) -> None:
    """The second is paid unless the first has a number in time, and starts at its miss or when it is late."""
    assert mean(TWO, delay) == pytest.approx(astuple(hedged(*TWO, delay)), rel=WITHIN)


def test_surcharge_of_a_hedge_after_p95() -> None:
    """It buys no more than e2 p1 5 % on top of the waterfall: why the delay belongs there."""
    p95 = -math.log(0.05) * ORION.mean_seconds
    surcharge = mean(TWO, p95)[0] - mean(TWO, None)[0]
    assert surcharge == pytest.approx(ASTRA.price * ORION.hit_rate * 0.05, abs=0.0003)
