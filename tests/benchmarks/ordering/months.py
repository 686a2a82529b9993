"""Months of a market, as the ledger would have them: do the backtest's intervals hold what is true?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from leadgen.domain.backtest import Verdict, backtest
from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.replay import Terms
from tests.benchmarks.ordering.market import RESELLERS, Person, World, cost_of, people

WORLD = replace(RESELLERS, name="months")
NEW_ORDER = ("astra", "nimbus", "orion")
OLD_ORDERS = (("orion", "astra", "nimbus"), ("astra", "orion", "nimbus"), NEW_ORDER)
MONTHS = 100
PANEL_LEADS = 300
LOGGED_LEADS = 3_000


def truth(world: World = WORLD) -> tuple[float, float]:
    """What a lead costs in the new order, and how likely it has a number: by very many of them."""
    crowd = people(world, 100_000, seed=0)
    costs = sum(cost_of(NEW_ORDER, person, world.prices) for person in crowd)
    return costs / len(crowd), sum(bool(person.known_to) for person in crowd) / len(crowd)


def panel_month(month: int, world: World = WORLD) -> Verdict:
    """The verdict by a panel, about which everybody was asked."""
    crowd = people(world, PANEL_LEADS, seed=1_000 + month)
    return _judged([_asked(person, OLD_ORDERS[0], world, is_panel=True) for person in crowd], world)


def logged_month(month: int, world: World = WORLD) -> Verdict:
    """The verdict by leads that were asked in one of several orders, by chance, until the first hit."""
    chance = random.Random(f"orders {month}")
    crowd = people(world, LOGGED_LEADS, seed=5_000 + month)
    return _judged([_asked(person, chance.choice(OLD_ORDERS), world) for person in crowd], world)


def _judged(past: Sequence[PastLead], world: World) -> Verdict:
    configs = {each.config.name: each.config for each in world.standings()}
    return backtest(past, lambda _: NEW_ORDER, Terms(configs))


def _asked(person: Person, order: Sequence[str], world: World, *, is_panel: bool = False) -> PastLead:
    calls = []
    for name in order:
        calls.append(PastCall(name, name in person.known_to, world.prices[name]))
        if name in person.known_to and not is_panel:
            break
    return PastLead(person.segment, calls, is_panel)


def held(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """In how many months the intervals of cost and of coverage held what is true."""
    cost, coverage = truth()
    costs = [each.cost_micros for each in verdicts if each.cost_micros]
    coverages = [each.coverage for each in verdicts if each.coverage]
    return (
        sum(each.low <= cost <= each.high for each in costs),
        sum(each.low <= coverage <= each.high for each in coverages),
    )


def main() -> int:
    """Prints how often; 1 where that is less than 90 of 100."""
    figures = {
        "panel": held([panel_month(month) for month in range(MONTHS)]),
        "weights": held([logged_month(month) for month in range(MONTHS)]),
    }
    for method, (cost, coverage) in figures.items():
        print(f"{method}: the truth lay within {cost} of {MONTHS} intervals of cost, {coverage} of coverage")
    return 0 if min(min(each) for each in figures.values()) >= 90 else 1


if __name__ == "__main__":
    raise SystemExit(main())
