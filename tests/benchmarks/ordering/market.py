"""A market whose truth is known: segments, what providers know of them, how much they share, and drift."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from leadgen.domain.lead import Question
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.ordering import expected_cost
from leadgen.domain.provider import ProviderConfig
from leadgen.domain.standing import Standing

COUNTRIES = ("US", "GB", "FR")
_NORMAL = NormalDist()


@dataclass(frozen=True)
class World:
    """Hit rates by segment and provider, prices, how alike providers are, and what they become half-way."""

    name: str
    prices: Mapping[str, int]
    rates: Mapping[str, Mapping[str, float]]
    overlap: float = 0.0
    rates_later: Mapping[str, Mapping[str, float]] | None = None

    def standings(self) -> list[Standing]:
        """The providers, in the order in which they stand here."""
        return [
            Standing(ProviderConfig(name, place, Limits((Rule(1, 1),), 1), price), frozenset())
            for place, (name, price) in enumerate(self.prices.items(), 1)
        ]


@dataclass(frozen=True)
class Person:
    """A lead of a segment, and which providers have a number."""

    segment: str
    question: Question
    known_to: frozenset[str]


def people(world: World, leads: int, seed: int) -> list[Person]:
    """That many leads; of the second half the later rates hold, where there are any."""
    chance = random.Random(f"{world.name} {seed}")
    return [
        _person(world, number, chance, is_late=world.rates_later is not None and number >= leads // 2)
        for number in range(leads)
    ]


def _person(world: World, number: int, chance: random.Random, *, is_late: bool) -> Person:
    segment = chance.choice(list(world.rates))
    rates = (world.rates_later if is_late and world.rates_later else world.rates)[segment]
    common = chance.gauss(0, 1)
    known = {
        name
        for name, rate in rates.items()
        if world.overlap**0.5 * common + (1 - world.overlap) ** 0.5 * chance.gauss(0, 1) < _threshold(rate)
    }
    email = f"person.{number}@firm.example"
    return Person(segment, Question(email, None, None, None, segment), frozenset(known))


@functools.cache
def _threshold(rate: float) -> float:
    return _NORMAL.inv_cdf(rate)


def cost_of(order: Sequence[str], person: Person, prices: Mapping[str, int]) -> int:
    """What a lead costs that is asked about in this order."""
    cost = 0
    for name in order:
        cost += prices[name]
        if name in person.known_to:
            break
    return cost


def total(order: Sequence[str], group: Sequence[Person], prices: Mapping[str, int]) -> int:
    """What all of them cost in this order."""
    return sum(cost_of(order, person, prices) for person in group)


def best_order(group: Sequence[Person], prices: Mapping[str, int]) -> tuple[str, ...]:
    """The order in which these very people would have cost least, found by trying all."""
    counts: dict[frozenset[str], int] = {}
    for person in group:
        counts[person.known_to] = counts.get(person.known_to, 0) + 1

    def cost(order: Sequence[str]) -> int:
        return sum(
            times * cost_of(order, Person("", _NOBODY, known), prices) for known, times in counts.items()
        )

    return min(itertools.permutations(prices), key=cost)


_NOBODY = Question(None, None, None, None, None)

TEXTBOOK = World(
    "textbook",
    {"orion": 20_000, "astra": 10_000, "nimbus": 15_000},
    {
        "US": {"orion": 0.80, "astra": 0.10, "nimbus": 0.15},
        "GB": {"orion": 0.10, "astra": 0.60, "nimbus": 0.12},
        "FR": {"orion": 0.12, "astra": 0.08, "nimbus": 0.70},
    },
)
RESELLERS = replace(TEXTBOOK, name="resellers", overlap=0.6)
DRIFTING = replace(
    TEXTBOOK,
    name="drifting",
    rates_later={
        "US": {"orion": 0.15, "astra": 0.10, "nimbus": 0.75},
        "GB": {"orion": 0.75, "astra": 0.12, "nimbus": 0.12},
        "FR": {"orion": 0.12, "astra": 0.60, "nimbus": 0.15},
    },
)
FOUR = World(
    "four",
    {"orion": 50_000, "astra": 30_000, "nimbus": 100_000, "vega": 20_000},
    {
        "US": {"orion": 0.45, "astra": 0.35, "nimbus": 0.50, "vega": 0.05},
        "GB": {"orion": 0.60, "astra": 0.08, "nimbus": 0.75, "vega": 0.30},
        "FR": {"orion": 0.10, "astra": 0.15, "nimbus": 0.80, "vega": 0.08},
    },
)
WORLDS = (TEXTBOOK, RESELLERS, DRIFTING, FOUR)


def drawn_world(seed: int, *, drifts: bool) -> World:
    """A world that chance makes: three to five providers, three segments whose best orders differ."""
    chance = random.Random(f"world {seed} {drifts}")
    names = ("orion", "astra", "nimbus", "vega", "lyra")[: chance.randint(3, 5)]
    while True:
        prices = {name: chance.randrange(5_000, 60_000, 1_000) for name in names}
        rates = _rates(names, chance)
        later = _rates(names, chance) if drifts else None
        world = World(f"drawn {seed}", prices, rates, chance.choice((0.0, 0.2, 0.5)), later)
        orders = {_best_by_rates(world, segment) for segment in COUNTRIES}
        if len(orders) == 3:
            return world


def _rates(names: Sequence[str], chance: random.Random) -> dict[str, dict[str, float]]:
    return {segment: {name: chance.uniform(0.05, 0.85) for name in names} for segment in COUNTRIES}


def _best_by_rates(world: World, segment: str) -> tuple[str, ...]:
    rates = world.rates[segment]

    def cost(order: Sequence[str]) -> float:
        return expected_cost((rates[name], world.prices[name]) for name in order)

    return min(itertools.permutations(rates), key=cost)
