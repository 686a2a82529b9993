"""The learned order: Thompson draws per segment, at an expense that is capped."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from hashlib import blake2b
from statistics import NormalDist

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
    well_known,
)
from leadgen.domain.segment import segment_of
from leadgen.domain.standing import Standing

EXPLORATION = 0.02
"""The share of what a job costs that may go into trying another order than the best one known."""

_TRIALS = 0.25
"""The share of leads for which chances are drawn at all: enough to use the money up."""

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


class LearnedOrder(IOrdering):
    """By hits per dollar among leads of the same segment, given who has missed.

    Now and then it draws the chances from what is known of them instead of taking the likeliest, and so finds
    out what changed; what such an order is expected to cost more is paid out of a share of all that was
    ranked before. The same seed, experience and questions give the same orders.
    """

    def __init__(self, experience: Experience, seed: str, exploration: float = EXPLORATION) -> None:
        self._experience = experience
        self._seed = seed.encode()
        self._exploration = exploration
        self._saved_micros = 0.0
        self._is_known = well_known(experience)
        self._best: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[list[Ranked], float]] = {}

    def rank(
        self, question: Question, standings: Sequence[Standing], missed: Collection[str] = ()
    ) -> list[Ranked]:
        """See IOrdering."""
        segment, gone = segment_of(question), tuple(sorted(missed))
        best, cost = self._best_of(segment, standings, gone)
        self._saved_micros += self._exploration * cost
        if self._uniform(question.digest) < _TRIALS:
            drawn = self._drawn(question, segment, standings, gone)
            extra = self._cost(segment, drawn, gone) - cost
            is_other = [each for each, _ in drawn] != [each.standing for each in best]
            if is_other and extra <= self._saved_micros:
                self._saved_micros -= max(extra, 0.0)
                return self._told(segment, drawn, gone, ", tried out")
        return best

    def _best_of(
        self, segment: str, standings: Sequence[Standing], gone: tuple[str, ...]
    ) -> tuple[list[Ranked], float]:
        """The best order known, and what it is expected to cost."""
        key = (segment, tuple(each.config.name for each in standings), gone)
        if key not in self._best:
            steps = greedy(
                standings, lambda name, after: self._chance(segment, name, after).rate, self._is_known, gone
            )
            told = self._told(segment, steps, gone, "")
            self._best[key] = (told, self._cost(segment, steps, gone))
        return self._best[key]

    def _drawn(
        self, question: Question, segment: str, standings: Sequence[Standing], gone: tuple[str, ...]
    ) -> Steps:
        def draw(name: str, after: tuple[str, ...]) -> float:
            chance = self._chance(segment, name, after)
            if self._experience.calls(name, segment) < CALLS_MIN:
                return chance.rate
            return self._draw(chance, f"{question.digest}\x1f{name}")

        return greedy(standings, draw, self._is_known, gone)

    def _draw(self, chance: Chance, what: str) -> float:
        """A draw from a Beta distribution, which with 20 calls or more is as good as normal."""
        uniform = self._uniform(what)
        spread = math.sqrt(chance.rate * (1 - chance.rate) / (chance.strength + 1))
        return min(max(chance.rate + spread * _NORMAL.inv_cdf(uniform), 0.001), 0.999)

    def _uniform(self, what: str) -> float:
        digest = blake2b(what.encode(), key=self._seed[:64], digest_size=8).digest()
        return (int.from_bytes(digest, "big") + 0.5) / _WHOLE

    def _chance(self, segment: str, name: str, after: tuple[str, ...]) -> Chance:
        return self._experience.chance(Cell(segment, name, after))

    def _cost(self, segment: str, steps: Steps, gone: tuple[str, ...]) -> float:
        return expected_cost(
            (chance, expected_charge(standing.config, chance))
            for standing, chance in self._likely(segment, steps, gone)
        )

    def _likely(self, segment: str, steps: Steps, gone: tuple[str, ...]) -> Steps:
        """The same order with the likeliest chances."""
        likely: Steps = []
        for standing, _ in steps:
            likely.append((standing, self._chance(segment, standing.config.name, gone).rate))
            gone = tuple(sorted((*gone, standing.config.name)))
        return likely

    def _told(self, segment: str, steps: Steps, gone: tuple[str, ...], remark: str) -> list[Ranked]:
        return [
            by_rate(each, chance, remark) if self._is_known(each.config.name) else hardly_asked(each)
            for each, chance in self._likely(segment, steps, gone)
        ]
