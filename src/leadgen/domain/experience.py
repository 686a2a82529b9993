"""Experience: how often providers had a usable number, by segment and by who had missed before.

A provider that is asked second is seen only on leads that the first one missed: hence ``missed``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from leadgen.domain.value import value

CALLS_MIN = 30
"""After so many calls what was seen of a provider counts for more than what was configured."""

MEMORY_CALLS = 2_000.0
"""How much of a segment is remembered: after so many more calls there, whoever was asked, a call counts for a
third. What has not been looked at for long is thus worth looking at again."""

STRENGTH = 20.0
"""What is known of a wider group counts as much as so many calls."""

PRIOR_RATE = 0.5
"""The hit rate of a provider of which nothing is known at all: then prices alone tell two of them apart."""

_RECENT_CALLS = 80.0
_SHIFT_SIGMAS = 3.5


@value(frozen=True, slots=True)
class Tally:
    """What is remembered of some calls: all that fade slowly, those of late, and those of before a shift.

    ``past`` is never forgotten at once: it is what a silent fall is measured by. ``seen_at``: how many calls
    the segment had seen by then.
    """

    calls: float = 0.0
    hits: float = 0.0
    recent_calls: float = 0.0
    recent_hits: float = 0.0
    past_calls: float = 0.0
    past_hits: float = 0.0
    seen_at: float = 0.0

    def after(self, calls: int, hits: int, seen_at: float | None = None) -> Tally:
        """This tally after ``calls`` more, ``hits`` of them with a usable number.

        ``seen_at``: how many calls the segment has seen now; without others, these and those before.
        """
        aged = self.aged(self.seen_at + calls if seen_at is None else seen_at)
        taken = min(1.0, MEMORY_CALLS / calls) if calls else 1.0
        return Tally(
            aged.calls + calls * taken,
            aged.hits + hits * taken,
            *_faded(aged.recent_calls, aged.recent_hits, calls, hits, _RECENT_CALLS),
            *_faded(self.past_calls, self.past_hits, calls, hits, MEMORY_CALLS),
            aged.seen_at,
        )

    def aged(self, seen_at: float) -> Tally:
        """This tally when its segment has seen so many calls: what is old counts for less."""
        kept = math.exp((self.seen_at - seen_at) / MEMORY_CALLS)
        return Tally(
            self.calls * kept,
            self.hits * kept,
            self.recent_calls * kept,
            self.recent_hits * kept,
            self.past_calls,
            self.past_hits,
            seen_at,
        )

    def forgotten(self, *, past: bool = False) -> Tally:
        """This tally with nothing but the calls of late; with ``past`` these are the new measure, too."""
        late = (self.recent_calls, self.recent_hits)
        return Tally(*late, *late, *(late if past else (self.past_calls, self.past_hits)), self.seen_at)

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.calls + other.calls,
            self.hits + other.hits,
            self.recent_calls + other.recent_calls,
            self.recent_hits + other.recent_hits,
            self.past_calls + other.past_calls,
            self.past_hits + other.past_hits,
            max(self.seen_at, other.seen_at),
        )

    def doubted(self) -> Tally:
        """This tally as no more than a guess, since what it saw may be over."""
        kept = min(1.0, STRENGTH / self.calls) if self.calls else 1.0
        late = min(1.0, STRENGTH / self.recent_calls) if self.recent_calls else 1.0
        guess = (self.calls * kept, self.hits * kept, self.recent_calls * late, self.recent_hits * late)
        return Tally(*guess, self.past_calls, self.past_hits, self.seen_at)

    @property
    def has_shifted(self) -> bool:
        """Whether the late calls differ from those before them by more than chance explains."""
        older = self.calls - self.recent_calls
        if self.recent_calls < CALLS_MIN or older < CALLS_MIN:
            return False
        rate = self.hits / self.calls
        before = (self.hits - self.recent_hits) / older
        noise = math.sqrt(max(rate * (1 - rate), 1e-4) * (1 / self.recent_calls + 1 / older))
        return abs(self.recent_hits / self.recent_calls - before) > _SHIFT_SIGMAS * noise


NOTHING = Tally()


class Cell(NamedTuple):
    """A provider, asked about a segment after others had missed; ``missed`` are their names, sorted."""

    segment: str
    provider: str
    missed: tuple[str, ...] = ()


@value(frozen=True, slots=True)
class Chance:
    """How likely a usable number is, and how many calls that is worth."""

    rate: float
    strength: float


def learned(known: Mapping[Cell, Tally], seen: Mapping[Cell, tuple[int, int]]) -> dict[Cell, Tally]:
    """The tallies that change with these (calls, hits); ``known``: all of the same segments.

    Where a provider's late calls differ from what it did before, the rest is forgotten, and all that is known
    of this segment is doubted: a market that moves in one place moves in others, too.
    """
    changed: dict[Cell, Tally] = {}
    shifted: set[Cell] = set()
    clocks = _clocks(known)
    for cell, (calls, _) in seen.items():
        clocks[cell.segment] = clocks.get(cell.segment, 0.0) + calls
    for cell, (calls, hits) in seen.items():
        tally = known.get(cell, NOTHING).after(calls, hits, clocks[cell.segment])
        if tally.has_shifted:
            tally = tally.forgotten()
            shifted.add(cell)
        changed[cell] = tally
    doubtful = {cell.segment for cell in shifted}
    for cell, tally in {**known, **changed}.items():
        if cell.segment in doubtful and cell not in shifted:
            changed[cell] = tally.doubted()
    return changed


def _clocks(tallies: Mapping[Cell, Tally]) -> dict[str, float]:
    """How many calls each segment has seen."""
    clocks: dict[str, float] = {}
    for cell, tally in tallies.items():
        clocks[cell.segment] = max(clocks.get(cell.segment, 0.0), tally.seen_at)
    return clocks


class Experience:
    """All tallies, with the rates that follow from them; what is little known leans on what is known better.

    A cell leans on its provider's calls in the segment, those on the provider's calls anywhere.
    """

    def __init__(self, tallies: Mapping[Cell, Tally]) -> None:
        clocks = _clocks(tallies)
        tallies = {cell: tally.aged(clocks[cell.segment]) for cell, tally in tallies.items()}
        self._cells = tallies
        in_segment: dict[tuple[str, str], Tally] = defaultdict(Tally)
        anywhere: dict[str, Tally] = defaultdict(Tally)
        for cell, tally in tallies.items():
            in_segment[cell.segment, cell.provider] = in_segment[cell.segment, cell.provider].plus(tally)
            anywhere[cell.provider] = anywhere[cell.provider].plus(tally)
        self._in_segment: Mapping[tuple[str, str], Tally] = dict(in_segment)
        self._anywhere: Mapping[str, Tally] = dict(anywhere)
        self._expected: dict[Cell, float | None] = {}
        self._chances: dict[Cell, Chance] = {}

    def calls(self, provider: str, segment: str | None = None) -> float:
        """How often a provider has been asked, in a segment or anywhere, however long ago."""
        if segment is None:
            return self._anywhere.get(provider, NOTHING).past_calls
        return self._in_segment.get((segment, provider), NOTHING).past_calls

    def rate(self, provider: str) -> float:
        """The provider's hit rate over all that is remembered of it; 0.5 where there is none."""
        tally = self._anywhere.get(provider, NOTHING)
        return tally.hits / tally.calls if tally.calls else PRIOR_RATE

    def chance(self, cell: Cell) -> Chance:
        """The chance of a usable number in a cell."""
        if cell not in self._chances:
            self._chances[cell] = self._chance(cell)
        return self._chances[cell]

    def _chance(self, cell: Cell) -> Chance:
        in_segment = self._in_segment.get((cell.segment, cell.provider), NOTHING)
        rate = _leaning(in_segment.calls, in_segment.hits, self._anywhere_rate(cell.provider))
        tally = self._cells.get(cell, NOTHING)
        return Chance(_leaning(tally.calls, tally.hits, rate), tally.calls + STRENGTH)

    def _anywhere_rate(self, provider: str) -> float:
        tally = self._anywhere.get(provider, NOTHING)
        return _leaning(tally.calls, tally.hits, PRIOR_RATE)

    def expected(self, cell: Cell) -> float | None:
        """The chance by all that a cell has seen, shifts or not; None where it has seen too little."""
        if cell not in self._expected:
            tally = self._cells.get(cell, NOTHING)
            is_known = tally.past_calls >= 10 * CALLS_MIN
            self._expected[cell] = tally.past_hits / tally.past_calls if is_known else None
        return self._expected[cell]


def _faded(calls: float, hits: float, new_calls: int, new_hits: int, memory: float) -> tuple[float, float]:
    """The oldest calls make room for the newest."""
    taken = min(1.0, memory / new_calls) if new_calls else 1.0
    kept = min(1.0, (memory - new_calls * taken) / calls) if calls else 0.0
    return calls * kept + new_calls * taken, hits * kept + new_hits * taken


def _leaning(calls: float, hits: float, rate: float) -> float:
    return (hits + STRENGTH * rate) / (calls + STRENGTH)
