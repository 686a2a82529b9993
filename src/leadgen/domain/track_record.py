"""What a provider's last answers tell beyond its hit rate: how long they take, and of which line numbers are.

How often it has a number at all is told by ``experience``, for each kind of lead.
"""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.domain.estimate import quantile
from leadgen.domain.phone import LineType, WantedLine
from leadgen.domain.value import value

ANSWERS_MIN = 50
"""From so many answers on something is said of how long the next one takes."""

NUMBERS_MIN = 30
"""From so many numbers on something is said of the line of the next one."""


@value(frozen=True, slots=True)
class PastAnswer:
    """How long an answer took, where that is on record, and the type of its number, where it had one."""

    took_seconds: float | None
    line: LineType | None


@value(frozen=True, slots=True)
class TrackRecord:
    """A provider's last answers."""

    answers: Sequence[PastAnswer]

    @property
    def p95_seconds(self) -> float | None:
        """What 19 of 20 answers do not exceed; None while too few are on record."""
        return usual_seconds([each.took_seconds for each in self.answers if each.took_seconds is not None])

    def share_of(self, line: WantedLine) -> float | None:
        """Of its numbers, how many are of such a line; None while too few are on record."""
        lines = [each.line for each in self.answers if each.line is not None]
        return sum(line.takes(each) for each in lines) / len(lines) if len(lines) >= NUMBERS_MIN else None


def usual_seconds(took: Sequence[float]) -> float | None:
    """After so long an answer is late: what 19 of 20 do not exceed; None while there are too few."""
    return quantile(took, 0.95) if len(took) >= ANSWERS_MIN else None
