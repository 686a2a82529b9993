"""In which order providers are asked: as configured, by hits per dollar, or by what was learned of a segment.

With hit rate p and expected charge e, asking by falling p / e costs least while providers are independent:
to swap neighbours a, b changes the cost by p_b·e_a - p_a·e_b.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import StrEnum

from leadgen.domain.experience import CALLS_MIN, Experience
from leadgen.domain.lead import Question
from leadgen.domain.money import MICROS_PER_USD
from leadgen.domain.provider import Charges, ProviderConfig
from leadgen.domain.standing import Standing
from leadgen.domain.value import value


class Order(StrEnum):
    """By what the order is chosen."""

    PRIORITY = "priority"
    """As configured."""
    COST = "cost"
    """By hits per dollar, over all leads."""
    LEARNED = "learned"
    """By hits per dollar among leads like this one, given who has missed; tries others now and then."""


@value(frozen=True, slots=True)
class Ranked:
    """A provider in its place: what a question costs at most, how likely a number is, and why it is here.

    ``chance`` is None where nobody knows.
    """

    standing: Standing
    price_micros: int
    chance: float | None
    reason: str

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.standing.config.name


class IOrdering(ABC):
    """Puts providers in order."""

    is_same_for_all = False
    """Whether all questions that the same providers may be asked get the same order."""

    @abstractmethod
    def rank(
        self, question: Question, standings: Sequence[Standing], missed: Collection[str] = ()
    ) -> list[Ranked]:
        """Whom to ask, best first, after those in ``missed`` had nothing."""


def by_priority(standings: Iterable[Standing]) -> list[Standing]:
    """As configured: priority 1 first, equal ones by name."""
    return sorted(standings, key=lambda standing: (standing.config.priority, standing.config.name))


def expected_charge(config: ProviderConfig, chance: float) -> float:
    """What a question is expected to cost, in micro-USD."""
    return config.price_micros * (chance if config.charges is Charges.HIT else 1.0)


def hits_per_usd(config: ProviderConfig, chance: float) -> float:
    """How many numbers a dollar buys; where hits alone are charged, the rate of hits plays no part."""
    if not config.price_micros:
        return float("inf")
    return (1.0 if config.charges is Charges.HIT else chance) * MICROS_PER_USD / config.price_micros


def expected_cost(steps: Iterable[tuple[float, float]]) -> float:
    """The cost of asking one after the other until one has a number; steps are (chance, charge)."""
    reached, cost = 1.0, 0.0
    for chance, charge in steps:
        cost += reached * charge
        reached *= 1.0 - chance
    return cost


def reservation_value(prizes: Sequence[tuple[float, float]], charge: float) -> float:
    """How good what is in hand must be to make another question not worth its charge (Weitzman).

    ``prizes``: what an answer may be worth, and how likely that is, such as a mobile number and any other.
    Ask by falling reservation value, and stop when what is in hand is worth as much as the highest one left.
    What costs nothing is worth asking until the best prize is in hand.
    """
    if not charge:
        return max(prize for prize, _ in prizes)
    value, likely, worth = float("-inf"), 0.0, 0.0
    for prize, chance in sorted(prizes, reverse=True):
        likely += chance
        worth += chance * prize
        if likely:
            value = max(value, (worth - charge) / likely)
    return value


class PriorityOrder(IOrdering):
    """As configured."""

    is_same_for_all = True

    def __init__(self, experience: Experience | None = None) -> None:
        self._experience = experience or Experience({})

    def rank(
        self, question: Question, standings: Sequence[Standing], missed: Collection[str] = ()
    ) -> list[Ranked]:
        """See IOrdering."""
        del question, missed
        return [
            _ranked(standing, self._chance(standing.config.name), f"priority {standing.config.priority}")
            for standing in by_priority(standings)
        ]

    def _chance(self, provider: str) -> float | None:
        is_known = self._experience.calls(provider) >= CALLS_MIN
        return self._experience.rate(provider) if is_known else None


class CostOrder(IOrdering):
    """By hits per dollar over all leads; who was hardly asked yet keeps the place that was configured."""

    is_same_for_all = True

    def __init__(self, experience: Experience) -> None:
        self._experience = experience

    def rank(
        self, question: Question, standings: Sequence[Standing], missed: Collection[str] = ()
    ) -> list[Ranked]:
        """See IOrdering."""
        del question, missed
        is_known = well_known(self._experience)
        steps = greedy(standings, lambda name, _: self._experience.rate(name), is_known=is_known)
        return [
            by_rate(each, rate) if is_known(each.config.name) else hardly_asked(each) for each, rate in steps
        ]


def well_known(experience: Experience) -> Callable[[str], bool]:
    """Says of a provider whether it has been asked often enough to say more than its configuration."""
    return lambda name: experience.calls(name) >= CALLS_MIN


def hardly_asked(standing: Standing) -> Ranked:
    """A provider that keeps its configured place for now."""
    return _ranked(standing, None, f"priority {standing.config.priority}, asked less than {CALLS_MIN} times")


def unproven(standing: Standing, chance: float) -> Ranked:
    """A provider whose place follows from its price and a guess, by which it is not to be skipped."""
    return dataclasses.replace(by_rate(standing, chance, f", asked less than {CALLS_MIN} times"), chance=None)


def by_rate(standing: Standing, chance: float, remark: str = "") -> Ranked:
    """A provider whose place follows from its chance, with the calculation as its reason."""
    config = standing.config
    if config.charges is Charges.HIT:
        sum_ = f"${config.price_micros / MICROS_PER_USD:.3f} a hit"
    else:
        sum_ = f"{chance:.2f} / ${config.price_micros / MICROS_PER_USD:.3f}"
    return _ranked(standing, chance, f"{sum_} = {hits_per_usd(config, chance):.0f} hits per ${remark}")


def greedy(
    standings: Sequence[Standing],
    chance: Callable[[str, tuple[str, ...]], float],
    missed: Collection[str] = (),
    is_known: Callable[[str], bool] = lambda _: True,
) -> list[tuple[Standing, float]]:
    """One after the other who has most hits per dollar, given that all before have missed; with its chance.

    ``chance`` is asked for a provider's, given the sorted names of those who missed. Who is not known keeps
    the place that was configured.
    """
    configured, gone, steps = by_priority(standings), tuple(sorted(missed)), list[tuple[Standing, float]]()
    left = [each for each in configured if is_known(each.config.name)]
    for each in configured:
        if not is_known(each.config.name):
            best = (each, chance(each.config.name, gone))
        else:
            rates = [(known, chance(known.config.name, gone)) for known in left]
            best = max(rates, key=lambda rated: hits_per_usd(rated[0].config, rated[1]))
            left.remove(best[0])
        steps.append(best)
        gone = tuple(sorted((*gone, best[0].config.name)))
    return steps


def _ranked(standing: Standing, chance: float | None, reason: str) -> Ranked:
    return Ranked(standing, standing.config.price_micros, chance, reason)
