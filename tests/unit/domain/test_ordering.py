"""In which order providers are asked, and that no other order costs less."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable

import pytest

from leadgen.domain.experience import Cell, Experience, Tally
from leadgen.domain.ordering import (
    CostOrder,
    IOrdering,
    PriorityOrder,
    expected_charge,
    expected_cost,
    hits_per_usd,
    reservation_value,
)
from leadgen.domain.provider import Charges
from leadgen.domain.segment import segment_of
from leadgen.domain.standing import Standing
from tests.builders import config, profile, standing

QUESTION = profile().question
SEGMENT = segment_of(QUESTION)


def provider(name: str, priority: int, price_micros: int, *, charges: Charges = Charges.REQUEST) -> Standing:
    """A provider with a price."""
    return standing(config(name, priority=priority, price_micros=price_micros, charges=charges))


def seen(calls: int, rate: float) -> Tally:
    """What is remembered of so many calls."""
    return Tally().after(calls, round(calls * rate))


ORION, ASTRA, NIMBUS = (
    provider("orion", 1, 20_000),
    provider("astra", 2, 10_000),
    provider("nimbus", 3, 15_000),
)
EVERYBODY = (NIMBUS, ORION, ASTRA)
RATES = {"orion": 0.54, "astra": 0.35, "nimbus": 0.30}
KNOWN = Experience({Cell(SEGMENT, name): seen(200, rate) for name, rate in RATES.items()})


def names(ordering: IOrdering, *missed: str) -> list[str]:
    """The order in which it asks those who have not missed."""
    left = [each for each in EVERYBODY if each.config.name not in missed]
    return [each.provider for each in ordering.rank(QUESTION, left, missed)]


def test_priority_is_as_configured() -> None:
    """Priority 1 first, whatever is known; the reason says so, and the chance is told where it is known."""
    first = PriorityOrder(KNOWN).rank(QUESTION, EVERYBODY)[0]
    assert names(PriorityOrder(KNOWN)) == ["orion", "astra", "nimbus"]
    assert (first.provider, first.price_micros, first.reason) == ("orion", 20_000, "priority 1")
    assert first.chance == pytest.approx(0.54)
    assert PriorityOrder().rank(QUESTION, EVERYBODY)[0].chance is None


def test_cost_asks_for_most_hits_per_dollar_first() -> None:
    """The calculation is the reason, as people would do it."""
    ranked = CostOrder(KNOWN).rank(QUESTION, EVERYBODY)
    assert [each.provider for each in ranked] == ["astra", "orion", "nimbus"]
    assert ranked[0].reason == "0.35 / $0.010 = 35 hits per $"
    assert ranked[1].reason == "0.54 / $0.020 = 27 hits per $"


def test_little_known_keeps_its_place() -> None:
    """Until a provider has been asked 30 times its rate is chance, and its configured place holds."""
    cheapest = provider("nimbus", 3, 1_000)
    for calls, expected in ((29, ["astra", "orion", "nimbus"]), (30, ["nimbus", "astra", "orion"])):
        cells = {Cell(SEGMENT, name): seen(200, rate) for name, rate in RATES.items()}
        cells[Cell(SEGMENT, "nimbus")] = seen(calls, 0.3)
        ranked = CostOrder(Experience(cells)).rank(QUESTION, [ORION, ASTRA, cheapest])
        assert [each.provider for each in ranked] == expected
        assert ("asked less than 30 times" in ranked[-1].reason) == (calls < 30)


def test_where_hits_alone_are_charged_the_cheapest_goes_first() -> None:
    """The rate of hits plays no part in a price per hit."""
    dear, cheap = (
        provider("orion", 1, 20_000, charges=Charges.HIT),
        provider("astra", 2, 10_000, charges=Charges.HIT),
    )
    known = Experience({Cell(SEGMENT, "orion"): seen(100, 0.9), Cell(SEGMENT, "astra"): seen(100, 0.1)})
    ranked = CostOrder(known).rank(QUESTION, [dear, cheap])
    assert [each.provider for each in ranked] == ["astra", "orion"]
    assert ranked[0].reason == "$0.010 a hit = 100 hits per $"


def test_hits_per_dollar_cost_least_of_all_orders() -> None:
    """In 2,000 random markets no order of up to six providers costs less, whatever each charges for."""
    chance = random.Random(20_260_101)
    for _ in range(2_000):
        market = [
            (
                config(
                    price_micros=chance.randrange(1_000, 100_000),
                    charges=chance.choice((Charges.REQUEST, Charges.HIT)),
                ),
                chance.uniform(0.01, 0.95),
            )
            for _ in range(chance.randint(1, 6))
        ]
        ours = sorted(market, key=lambda each: -hits_per_usd(*each))
        steps = [
            [(rate, expected_charge(of, rate)) for of, rate in order]
            for order in (ours, *itertools.permutations(market))
        ]
        costs = [expected_cost(each) for each in steps]
        assert costs[0] == pytest.approx(min(costs))


def test_reservation_values_are_as_good_as_the_best_of_all_plans() -> None:
    """In 300 small markets with numbers of two worths, no plan that looks at every answer earns more."""
    chance = random.Random(7)
    for _ in range(300):
        boxes = tuple(_box(chance) for _ in range(chance.randint(1, 4)))
        assert _by_reservation(boxes, 0.0) == pytest.approx(_by_search(boxes, 0.0))


def test_equal_worths_give_the_order_by_cost_back() -> None:
    """One rule for both: with one worth, the reservation value falls as hits per dollar do."""
    charges = {"orion": 20_000, "astra": 10_000, "nimbus": 15_000}
    values = {name: reservation_value([(1e6, RATES[name])], charge) for name, charge in charges.items()}
    assert sorted(values, key=lambda name: -values[name]) == names(CostOrder(KNOWN))


Box = tuple[tuple[tuple[float, float], ...], float]


def _box(chance: random.Random) -> Box:
    mobile, other = chance.uniform(0, 0.6), chance.uniform(0, 0.4)
    worth = chance.uniform(20, 100)
    return ((worth, mobile), (worth * chance.uniform(0.1, 1), other)), chance.uniform(0.5, 30)


def _by_reservation(boxes: tuple[Box, ...], in_hand: float) -> float:
    """What asking by falling reservation value earns, until nothing left promises more."""
    if not boxes:
        return in_hand
    best = max(boxes, key=lambda box: reservation_value(*box))
    if reservation_value(*best) <= in_hand:
        return in_hand
    left = tuple(box for box in boxes if box is not best)
    return _opened(best, in_hand, lambda then: _by_reservation(left, then))


@functools.cache
def _by_search(boxes: tuple[Box, ...], in_hand: float) -> float:
    """What the best of all plans earns."""
    plans = [in_hand]
    for place, box in enumerate(boxes):
        left = boxes[:place] + boxes[place + 1 :]
        plans.append(_opened(box, in_hand, functools.partial(_by_search, left)))
    return max(plans)


def _opened(box: Box, in_hand: float, then: Callable[[float], float]) -> float:
    prizes, charge = box
    nothing = 1 - sum(chance for _, chance in prizes)
    earned = sum(chance * then(max(in_hand, worth)) for worth, chance in prizes)
    return earned + nothing * then(in_hand) - charge
