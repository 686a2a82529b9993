"""The market as it was: leads, what was answered about them, and what that tells of providers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leadgen.domain.estimate import quantile
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class PastCall:
    """A question that was answered: with a usable number or not, at what cost, and how fast."""

    provider: str
    is_hit: bool
    cost_micros: int
    took_seconds: float | None = None


@value(frozen=True, slots=True)
class PastLead:
    """A lead about which somebody was asked; the calls in the order in which they were made, one a provider.

    ``is_panel``: everybody was asked, whatever was answered.
    """

    segment: str
    calls: Sequence[PastCall]
    is_panel: bool = False


@dataclass(slots=True)
class Performance:
    """What a provider did in a segment.

    ``shared``: of its calls, those about leads on which another provider was asked, too, by that other one;
    ``also_hit``: of these, where both had a number.
    """

    calls: int = 0
    hits: int = 0
    cost_micros: int = 0
    seconds: list[float] = field(default_factory=list)
    shared: Counter[str] = field(default_factory=Counter)
    also_hit: Counter[str] = field(default_factory=Counter)
    shared_hits: Counter[str] = field(default_factory=Counter)

    @property
    def micros_per_hit(self) -> int | None:
        """What a usable number cost; None where there was none."""
        return round(self.cost_micros / self.hits) if self.hits else None

    def quantile_seconds(self, share: float) -> float | None:
        """The time within which this share of its answers came; None where no time is on record."""
        if not self.seconds:
            return None
        return quantile(self.seconds, share)

    def overlap(self, other: str) -> float | None:
        """Of its hits on leads about which the other was asked, too: how many the other had as well."""
        return self.also_hit[other] / self.shared_hits[other] if self.shared_hits[other] else None


ALL = "all"
"""In the place of a segment: all of them together."""


def performances(leads: Iterable[PastLead]) -> dict[tuple[str, str], Performance]:
    """By provider and segment, and by provider and ``ALL``."""
    found: dict[tuple[str, str], Performance] = defaultdict(Performance)
    for lead in leads:
        for call in lead.calls:
            for segment in (ALL, lead.segment):
                _count(found[call.provider, segment], call, lead.calls)
    return dict(found)


def _count(performance: Performance, call: PastCall, calls: Sequence[PastCall]) -> None:
    performance.calls += 1
    performance.hits += call.is_hit
    performance.cost_micros += call.cost_micros
    if call.took_seconds is not None:
        performance.seconds.append(call.took_seconds)
    for other in calls:
        if other.provider != call.provider:
            performance.shared[other.provider] += 1
            performance.shared_hits[other.provider] += call.is_hit
            performance.also_hit[other.provider] += call.is_hit and other.is_hit
