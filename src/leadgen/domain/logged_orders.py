"""Judges an order by leads that stopped at the first number: those that happened to be asked in it.

In each segment, step by step: of the leads that came so far in that order, what did the next provider bring?
A lead thus counts for as many as it is rare (inverse propensities, as they were); and since the steps of a
segment are counted apart, their errors add up without those of the propensities, which are known exactly.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, variance

from leadgen.domain.estimate import Estimate, around
from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.value import value

JUDGED_MIN = 0.9
"""In segments that hold so many of the leads the order must have been asked to its end at times."""

Rank = Callable[[PastLead], Sequence[str]]
"""Whom to ask about a lead, best first."""

Worth = Callable[[PastCall], float]
"""What is summed up over the calls of a lead: charges, numbers, seconds."""


@value(frozen=True, slots=True)
class _Stratum:
    """Leads of one segment that would all be asked in one order; ``paths``: how they were asked instead.

    ``steps``: what each provider of the order answered after those before it had missed; none where one was
    never asked so.
    """

    order: tuple[str, ...]
    paths: Sequence[tuple[PastCall, ...]]
    steps: Sequence[Sequence[PastCall]]


class LoggedOrders:
    """Leads, by segment and by who was asked until the first number."""

    def __init__(self, leads: Sequence[PastLead], rank: Rank) -> None:
        grouped: dict[tuple[str, tuple[str, ...]], list[tuple[PastCall, ...]]] = defaultdict(list)
        for lead in leads:
            if path := _until_a_number(lead.calls):
                grouped[lead.segment, tuple(rank(lead))].append(path)
        strata = [_Stratum(order, paths, _steps(order, paths)) for (_, order), paths in grouped.items()]
        self._leads = sum(len(each.paths) for each in strata)
        self._known = [each for each in strata if each.steps]
        self._judged = sum(len(each.paths) for each in self._known)

    @property
    def is_telling(self) -> bool:
        """Whether the order was asked to its end wherever most leads are."""
        return 0 < self._judged >= JUDGED_MIN * self._leads

    @property
    def effective(self) -> float:
        """How many leads stand for all, as they weigh (Kish)."""
        weights = [weight for each in self._known for weight in _weights(each)]
        return sum(weights) ** 2 / sum(each**2 for each in weights) if weights else 0.0

    def estimate(self, worth: Worth) -> Estimate:
        """What a lead would be worth in the order, over the segments of which that is known."""
        found = [(len(each.paths) / self._judged, *_sum_up(each.steps, worth)) for each in self._known]
        mean = sum(share * value for share, value, _ in found)
        within = sum(share**2 * error for share, _, error in found)
        between = sum(share * (value - mean) ** 2 for share, value, _ in found)
        return around(mean, within + between / self._judged)

    def calls(self) -> list[PastCall]:
        """All calls that an estimate looks at."""
        return [call for stratum in self._known for step in stratum.steps for call in step]


def _steps(order: Sequence[str], paths: Sequence[tuple[PastCall, ...]]) -> list[list[PastCall]]:
    steps: list[list[PastCall]] = []
    coming = paths
    for place, name in enumerate(order):
        coming = [path for path in coming if len(path) > place and path[place].provider == name]
        if not coming:
            return []
        steps.append([path[place] for path in coming])
        if all(call.is_hit for call in steps[-1]):
            break  # whoever comes after that was never needed
    return steps


def _until_a_number(calls: Sequence[PastCall]) -> tuple[PastCall, ...]:
    """As a search one after the other would have gone: what a race asked beyond the number does not count."""
    for place, call in enumerate(calls):
        if call.is_hit:
            return tuple(calls[: place + 1])
    return tuple(calls)


def _weights(stratum: _Stratum) -> list[float]:
    """For how many leads each one stands that was asked in the order, as far as it was asked."""
    reached: Counter[tuple[str, ...]] = Counter()
    asked = [tuple(call.provider for call in path) for path in stratum.paths]
    for names in asked:
        for length in range(len(names)):
            reached[*names[:length], ""] += 1
            reached[names[: length + 1]] += 1
    return [_rarity(reached, names) for names in asked if names == stratum.order[: len(names)]]


def _rarity(reached: Mapping[tuple[str, ...], int], names: tuple[str, ...]) -> float:
    rarity = 1.0
    for length in range(1, len(names) + 1):
        rarity *= reached[(*names[: length - 1], "")] / reached[names[:length]]
    return rarity


def _sum_up(steps: Sequence[Sequence[PastCall]], worth: Worth) -> tuple[float, float]:
    """The expected sum over a search, and the variance of its error.

    Each step is worth its own call and, after a miss, all that follows.
    """
    value, error = 0.0, 0.0
    for calls in reversed(steps):
        misses = sum(not call.is_hit for call in calls) / len(calls)
        values = [worth(call) + (0.0 if call.is_hit else value) for call in calls]
        guarded = [*values, *_pseudo_values(calls, worth, value)]
        value, error = fmean(values), misses**2 * error + variance(guarded) / len(calls)
    return value, error


def _pseudo_values(calls: Sequence[PastCall], worth: Worth, then: float) -> tuple[float, float]:
    """One hit and one miss more, so that few calls that all went alike are not taken for certain."""
    hits = [worth(call) for call in calls if call.is_hit]
    misses = [worth(call) for call in calls if not call.is_hit]
    both = hits + misses
    return fmean(hits or both), fmean(misses or both) + then
