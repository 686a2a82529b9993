"""The learned order: Thompson draws per segment, at an expense that is capped."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from statistics import NormalDist
from typing import NamedTuple

from leadgen.domain.experience import CALLS_MIN, Cell, Chance, Experience
from leadgen.domain.lead import Question
from leadgen.domain.ordering import (
    CostOrder,
    IOrdering,
    Order,
    PriorityOrder,
    Ranked,
    by_rate,
    expected_charge,
    expected_cost,
    greedy,
    hardly_asked,
    unproven,
    well_known,
)
from leadgen.domain.segment import segment_of
from leadgen.domain.standing import Standing

EXPLORATION = 0.02
"""The share of what a job costs that may go into trying another order than the best one known."""

_TRIALS = 0.25
"""The share of leads for which chances are drawn at all: enough to use the money up."""

_GUESSES = 0.5
"""The share of leads for which the price places who is hardly known; about the others that one is asked where
it is configured. Cheap providers that know nobody so cost less than a tenth before it shows."""

_NORMAL = NormalDist()
_WHOLE = float(2**64)

Steps = list[tuple[Standing, float]]


def ordering_of(order: Order, experience: Experience, seed: str) -> IOrdering:
    """What puts providers in this order."""
    match order:
        case Order.PRIORITY:
            return PriorityOrder(experience)
        case Order.COST:
            return CostOrder(experience)
        case Order.LEARNED:
            return LearnedOrder(experience, seed)


class _Case(NamedTuple):
    """What an order depends on.

    ``gone``: who has missed. ``guesses``: whether prices decide where somebody is hardly known.
    """

    segment: str
    standings: Sequence[Standing]
    gone: tuple[str, ...]
    guesses: bool


class LearnedOrder(IOrdering):
    """By hits per dollar among leads of the same segment, given who has missed.

    Of whom hardly anything is known the price decides, for half of the leads. Now and then it draws the
    chances from what is known of them instead of taking the likeliest, and so finds out what changed; what
    such an order is expected to cost more is paid out of a share of all that was ranked before. The same
    seed, experience and questions give the same orders.
    """

    def __init__(self, experience: Experience, seed: str, exploration: float = EXPLORATION) -> None:
        self._experience = experience
        self._seed = seed.encode()
        self._exploration = exploration
        self._saved_micros = 0.0
        self._is_known = well_known(experience)
        self._best: dict[object, tuple[list[Ranked], float]] = {}

    def rank(
        self, question: Question, standings: Sequence[Standing], missed: Collection[str] = ()
    ) -> list[Ranked]:
        """See IOrdering."""
        guesses = self._uniform(f"{question.digest}\x1fguesses") < _GUESSES
        case = _Case(segment_of(question), standings, tuple(sorted(missed)), guesses)
        best, cost = self._best_of(case)
        self._saved_micros += self._exploration * cost
        if self._uniform(question.digest) < _TRIALS:
            drawn = self._drawn(question, case)
            extra = self._cost(case, drawn) - cost
            is_other = [each for each, _ in drawn] != [each.standing for each in best]
            if is_other and extra <= self._saved_micros:
                self._saved_micros -= max(extra, 0.0)
                return self._told(case, drawn, ", tried out")
        return best

    def _best_of(self, case: _Case) -> tuple[list[Ranked], float]:
        """The best order known, and what it is expected to cost."""
        names = tuple(each.config.name for each in case.standings)  # to hash standings would take longer
        key = (case.segment, names, case.gone, case.guesses)
        if key not in self._best:
            steps = self._greedy(case, lambda name, after: self._chance(case, name, after).rate)
            self._best[key] = (self._told(case, steps, ""), self._cost(case, steps))
        return self._best[key]

    def _drawn(self, question: Question, case: _Case) -> Steps:
        def draw(name: str, after: tuple[str, ...]) -> float:
            chance = self._chance(case, name, after)
            if self._experience.calls(name, case.segment) < CALLS_MIN:
                return chance.rate
            return self._draw(chance, f"{question.digest}\x1f{name}")

        return self._greedy(case, draw)

    def _greedy(self, case: _Case, chance: Callable[[str, tuple[str, ...]], float]) -> Steps:
        if case.guesses:
            return greedy(case.standings, chance, case.gone)
        return greedy(case.standings, chance, case.gone, self._is_known)

    def _draw(self, chance: Chance, what: str) -> float:
        """A draw from a Beta distribution, which with 20 calls or more is as good as normal."""
        uniform = self._uniform(what)
        spread = math.sqrt(chance.rate * (1 - chance.rate) / (chance.strength + 1))
        return min(max(chance.rate + spread * _NORMAL.inv_cdf(uniform), 0.001), 0.999)

    def _uniform(self, what: str) -> float:
        digest = blake2b(what.encode(), key=self._seed[:64], digest_size=8).digest()
        return (int.from_bytes(digest, "big") + 0.5) / _WHOLE

    def _chance(self, case: _Case, name: str, after: tuple[str, ...]) -> Chance:
        return self._experience.chance(Cell(case.segment, name, after))

    def _cost(self, case: _Case, steps: Steps) -> float:
        return expected_cost(
            (chance, expected_charge(standing.config, chance))
            for standing, chance in self._likely(case, steps)
        )

    def _likely(self, case: _Case, steps: Steps) -> Steps:
        """The same order with the likeliest chances."""
        likely, gone = list[tuple[Standing, float]](), case.gone
        for standing, _ in steps:
            likely.append((standing, self._chance(case, standing.config.name, gone).rate))
            gone = tuple(sorted((*gone, standing.config.name)))
        return likely

    def _told(self, case: _Case, steps: Steps, remark: str) -> list[Ranked]:
        return [self._why(case, each, chance, remark) for each, chance in self._likely(case, steps)]

    def _why(self, case: _Case, standing: Standing, chance: float, remark: str) -> Ranked:
        if self._is_known(standing.config.name):
            return by_rate(standing, chance, remark)
        return unproven(standing, chance) if case.guesses else hardly_asked(standing)
