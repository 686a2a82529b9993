"""`make bench-breaker`: how soon a silent fall of the hit rate is noticed, and how often there was none.

The baseline is what leadgen has: the tally of the calls before, of which it remembers two thousand.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from leadgen.domain.breaker import DOUBT_MAX, Mark, doubt_after
from leadgen.domain.experience import Cell, Experience, Tally

RATES = (0.35, 0.45, 0.60)
LIMITS = (7.0, 8.0, 9.0, 9.5, 10.0, 10.5, 11.0, 12.0)
HISTORY_CALLS = 2_000
FALLS = 600
QUIET_CALLS = 1_000_000
_BATCH_CALLS = 10
_CELL = Cell("segment", "provider")
_TOO_LONG = 2_000


@dataclass(frozen=True)
class Row:
    """What one limit does at one hit rate."""

    limit: float
    rate: float
    calls_median: float
    calls_p95: float
    false_alarms: float
    """In 100,000 calls without a fall."""


class Line:
    """A provider's calls, each held against what the tally expects of it."""

    def __init__(self, rate: float, seed: str) -> None:
        self._chance = random.Random(seed)
        self._rate = rate
        self._doubt = 0.0
        self._tally = Tally().after(0, 0)
        self._seen: list[bool] = []
        self._expected: float | None = None
        for _ in range(HISTORY_CALLS):
            self._note(self._chance.random() < rate)

    def call(self, share: float = 1.0) -> float:
        """The doubt after one more call, when hits have fallen to this share."""
        is_hit = self._chance.random() < self._rate * share
        self._doubt = doubt_after(self._doubt, Mark(is_hit=is_hit, expected=self._expected))
        self._note(is_hit)
        return self._doubt

    def settle(self) -> None:
        """Forgets all doubt, as a breaker does that was closed."""
        self._doubt = 0.0

    def _note(self, is_hit: bool) -> None:
        self._seen.append(is_hit)
        if len(self._seen) == _BATCH_CALLS:
            self._tally = self._tally.after(len(self._seen), sum(self._seen))
            self._seen.clear()
            self._expected = Experience({_CELL: self._tally}).expected(_CELL)


def delays(rate: float, limits: Sequence[float], *, falls: int = FALLS, seed: int = 1) -> list[list[int]]:
    """For each limit, how many calls each of so many falls by half went unnoticed."""
    found: list[list[int]] = [[] for _ in limits]
    for fall in range(falls):
        line = Line(rate, f"{seed} {rate} {fall}")
        for _ in range(100):  # doubt may stand anywhere when it falls
            line.call()
        highest, calls, left = 0.0, 0, list(zip(limits, found, strict=True))
        while left and calls < _TOO_LONG:
            calls += 1
            highest = max(highest, line.call(0.5))
            while left and highest > left[0][0]:
                left.pop(0)[1].append(calls)
        for _, each in left:
            each.append(_TOO_LONG)
    return found


def false_alarms(rate: float, limit: float, *, calls: int = QUIET_CALLS, seed: int = 1) -> int:
    """How often doubt exceeds the limit in so many calls without a fall."""
    line, alarms = Line(rate, f"quiet {seed} {rate}"), 0
    for _ in range(calls):
        if line.call() > limit:
            alarms += 1
            line.settle()
    return alarms


def rows() -> list[Row]:
    """The trade-off: a row for each limit and rate."""
    table = []
    for rate in RATES:
        found = delays(rate, LIMITS)
        for limit, calls in zip(LIMITS, found, strict=True):
            alarms = false_alarms(rate, limit) * 100_000 / QUIET_CALLS
            table.append(Row(limit, rate, median(calls), quantiles(calls, n=20)[-1], alarms))
    return table


def main() -> int:
    """Prints the curve; 1 where the chosen point is not good enough."""
    print("| limit | hit rate | calls until noticed, median | p95 | false alarms in 100,000 calls |")
    print("| --- | --- | --- | --- | --- |")
    table = rows()
    for row in table:
        chosen = " (chosen)" if row.limit == DOUBT_MAX else ""
        cells = (
            f"{row.rate:.2f}",
            f"{row.calls_median:.0f}",
            f"{row.calls_p95:.0f}",
            f"{row.false_alarms:.1f}",
        )
        print(f"| {row.limit:g}{chosen} | " + " | ".join(cells) + " |")
    chosen_rows = [row for row in table if row.limit == DOUBT_MAX]
    is_good = all(
        row.calls_median <= 150 and row.calls_p95 <= 250 and row.false_alarms < 1 for row in chosen_rows
    )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
