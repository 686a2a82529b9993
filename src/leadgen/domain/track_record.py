"""What a provider's last answers tell: how often it has a number, and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leadgen.domain.phone import LineType, WantedLine

ANSWERS_MIN = 50
"""From so many answers on something is said of the next one."""


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """How long an answer took, where that is on record, and the type of its number, where it had one."""

    took_seconds: float | None
    line: LineType | None


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A provider's last answers."""

    answers: Sequence[PastAnswer]

    @property
    def p95_seconds(self) -> float | None:
        """What 19 of 20 answers do not exceed (nearest rank); None while too few are on record."""
        took = sorted(each.took_seconds for each in self.answers if each.took_seconds is not None)
        return took[math.ceil(0.95 * len(took)) - 1] if len(took) >= ANSWERS_MIN else None

    def chance(self, line: WantedLine) -> float | None:
        """How likely it has such a number; None while too few answers are on record."""
        if len(self.answers) < ANSWERS_MIN:
            return None
        hits = sum(each.line is not None and line.takes(each.line) for each in self.answers)
        return hits / len(self.answers)
