"""Runs the learned order through a market, chunk by chunk, with the pure engine, and compares its cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leadgen.domain.experience import Cell, Experience, Tally
from leadgen.domain.experience import learned as learned_from
from leadgen.domain.learning import LearnedOrder
from leadgen.domain.ordering import IOrdering
from leadgen.domain.phone import LineType, PhoneNumber
from leadgen.domain.provider import Hit, Miss
from leadgen.domain.segment import segment_of
from leadgen.domain.standing import Standing
from leadgen.domain.waterfall import Answered, Candidate, Plan, Tick, Waterfall
from tests.benchmarks.ordering.market import Person, World, best_order, cost_of, people, total

CHUNK_LEADS = 100
BEHIND_CHUNKS = 4
"""What is learned from a chunk is known so many chunks later: they run side by side."""

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBER = PhoneNumber("+12015550123", "US", LineType.OTHER)


@dataclass(frozen=True)
class Trial:
    """What each lead cost: learned, in the configured order, in its segment's best order of that time."""

    world: World
    crowd: Sequence[Person]
    learned: Sequence[int]
    configured: Sequence[int]
    oracle: Sequence[int]
    fixed: int
    """What all cost in the one best order for everybody."""

    def over_oracle(self, start: int = 0, end: int | None = None) -> float:
        """Learned over oracle, in a stretch of leads."""
        return sum(self.learned[start:end]) / sum(self.oracle[start:end])

    @property
    def worst_segment(self) -> float:
        """Learned over oracle in the segment where that is worst."""
        learned, oracle = Counter[str](), Counter[str]()
        for person, ours, best in zip(self.crowd, self.learned, self.oracle, strict=True):
            learned[person.segment] += ours
            oracle[person.segment] += best
        return max(learned[segment] / oracle[segment] for segment in learned)

    @property
    def possible(self) -> float:
        """What the oracle saves of the best fixed order."""
        return 1 - sum(self.oracle) / self.fixed

    @property
    def saved(self) -> float:
        """What the learned order saves of the best fixed order."""
        return 1 - sum(self.learned) / self.fixed

    def worst_window(self, leads: int = 2_000, *, start: int = 0) -> float:
        """Learned over configured, in the window of so many leads where that is worst."""
        return _worst(self.learned[start:], self.configured[start:], leads)

    def worst_over_oracle(self, start: int, leads: int = 2_000) -> float:
        """Learned over oracle, in the worst window of so many leads from ``start`` on."""
        return _worst(self.learned[start:], self.oracle[start:], leads)


def _worst(ours: Sequence[int], theirs: Sequence[int], leads: int) -> float:
    mine, other = sum(ours[:leads]), sum(theirs[:leads])
    worst = mine / other
    for place in range(leads, len(ours)):
        mine += ours[place] - ours[place - leads]
        other += theirs[place] - theirs[place - leads]
        worst = max(worst, mine / other)
    return worst


def run(world: World, *, leads: int = 20_000, seed: int = 1) -> Trial:
    """One trial; the same seed gives the same."""
    crowd, standings = people(world, leads, seed), world.standings()
    tallies: dict[Cell, Tally] = {}
    learned: list[int] = []
    waiting: list[Counter[tuple[Cell, bool]]] = []
    for start in range(0, leads, CHUNK_LEADS):
        ordering = LearnedOrder(Experience(dict(tallies)), f"trial {seed} {start}")
        seen: Counter[tuple[Cell, bool]] = Counter()
        chunk = crowd[start : start + CHUNK_LEADS]
        learned += [_search(person, ordering, standings, world, seen) for person in chunk]
        waiting.append(seen)
        if len(waiting) >= BEHIND_CHUNKS:
            _learn(tallies, waiting.pop(0))
    return Trial(world, crowd, learned, *_others(world, crowd))


def _search(
    person: Person,
    ordering: IOrdering,
    standings: Sequence[Standing],
    world: World,
    seen: Counter[tuple[Cell, bool]],
) -> int:
    """What a lead costs, whose waterfall is the engine's own."""
    ranked = ordering.rank(person.question, standings)
    waterfall = Waterfall(Plan([Candidate(each.provider) for each in ranked]))
    segment, missed, cost = segment_of(person.question), tuple[str, ...](), 0
    moves = waterfall.step(Tick(), _NOW)
    while moves.verdict is None:
        (ask,) = moves.asks
        is_hit = ask.provider in person.known_to
        cost += world.prices[ask.provider]
        seen[Cell(segment, ask.provider, missed), is_hit] += 1
        missed = tuple(sorted((*missed, ask.provider)))
        outcome = Hit(_NUMBER, "") if is_hit else Miss()
        moves = waterfall.step(Answered(ask.provider, ask.n, outcome), _NOW)
    return cost


def _learn(tallies: dict[Cell, Tally], seen: Counter[tuple[Cell, bool]]) -> None:
    counted = {cell: (seen[cell, True] + seen[cell, False], seen[cell, True]) for cell, _ in seen}
    tallies.update(learned_from(tallies, counted))


def _others(world: World, crowd: Sequence[Person]) -> tuple[list[int], list[int], int]:
    """What the same people cost as configured, in their segment's best order, and in the best one for all."""
    configured = list(world.prices)
    half = len(crowd) // 2 if world.rates_later else len(crowd)
    groups: dict[tuple[str, bool], list[Person]] = defaultdict(list)
    for place, person in enumerate(crowd):
        groups[person.segment, place >= half].append(person)
    orders = {key: best_order(group, world.prices) for key, group in groups.items()}
    oracle = [
        cost_of(orders[person.segment, place >= half], person, world.prices)
        for place, person in enumerate(crowd)
    ]
    as_configured = [cost_of(configured, person, world.prices) for person in crowd]
    return as_configured, oracle, total(best_order(crowd, world.prices), crowd, world.prices)
