"""Backtest: what another order or price would have cost, by the leads of the panel or by those that had it.

Leads of the panel tell exactly what any order brings. Without them, those that happened to be asked in the
new order stand for all, each weighted by how rare that was in its segment (inverse propensities).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leadgen.domain.market import PastLead
from leadgen.domain.phone import LineType, PhoneNumber
from leadgen.domain.provider import Charges, Hit, Miss, ProviderConfig
from leadgen.domain.waterfall import Answered, Candidate, Plan, Tick, Waterfall

LEADS_MIN = 200
"""Fewer leads than these, as they weigh, tell nothing."""

WEIGHT_MAX = 20.0
_SIGMAS_95 = 1.96
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = Hit(PhoneNumber("+12015550100", "US", LineType.OTHER), "")

RankLead = Callable[[PastLead], Sequence[str]]
"""Whom to ask about a lead, best first."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an order is expected to cost a lead (micro-USD), and how many leads it finds a number for.

    ``leads``: how many stand for all, after their weights. ``method``: ``panel`` or ``weights``; None where
    too few leads tell anything, and then there are no estimates.
    """

    method: str | None
    leads: float
    cost_micros: Estimate | None = None
    coverage: Estimate | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    weight: float
    cost: float
    found: float


def backtest(leads: Sequence[PastLead], rank: RankLead, configs: Mapping[str, ProviderConfig]) -> Verdict:
    """What asking in the order of ``rank`` would have brought; the panel speaks where there is one."""
    panel = [lead for lead in leads if lead.is_panel]
    replayed = [each for lead in panel if (each := _replay(lead, rank(lead), configs)) is not None]
    if len(replayed) >= LEADS_MIN:
        return _verdict("panel", replayed)
    weighted = _weighted([lead for lead in leads if not lead.is_panel], rank, configs)
    by_weights = _verdict("weights", weighted)
    return by_weights if by_weights.method else Verdict(None, max(by_weights.leads, len(replayed)))


def _replay(
    lead: PastLead, order: Sequence[str], configs: Mapping[str, ProviderConfig], weight: float = 1.0
) -> _Outcome | None:
    """What the engine would have done with these answers; None where it asks somebody who gave none."""
    answers = {call.provider: call.is_hit for call in lead.calls}
    waterfall, cost = Waterfall(Plan([Candidate(name) for name in order])), 0
    moves = waterfall.step(Tick(), _EPOCH)
    while moves.verdict is None:
        (ask,) = moves.asks
        is_hit = answers.get(ask.provider)
        if is_hit is None:
            return None
        config = configs[ask.provider]
        cost += config.price_micros if is_hit or config.charges is Charges.REQUEST else 0
        moves = waterfall.step(Answered(ask.provider, ask.n, _NUMBER if is_hit else Miss()), _EPOCH)
    return _Outcome(weight, cost, 1.0 if moves.verdict.phone else 0.0)


def _weighted(
    leads: Sequence[PastLead], rank: RankLead, configs: Mapping[str, ProviderConfig]
) -> list[_Outcome]:
    """The leads that were asked in the new order as far as they were asked, for all of their segment.

    How likely that was is counted step by step: of the leads that came so far, how many went on that way.
    """
    reached: Counter[tuple[str, ...]] = Counter()
    for lead in leads:
        asked = tuple(call.provider for call in lead.calls)
        for length in range(1, len(asked) + 1):
            reached[lead.segment, *asked[:length]] += 1
            reached[lead.segment, *asked[: length - 1], ""] += 1
    outcomes = []
    for lead in leads:
        order = rank(lead)
        asked = tuple(call.provider for call in lead.calls)
        if asked == tuple(order[: len(asked)]):
            outcome = _replay(lead, order, configs, min(_rarity(reached, lead.segment, asked), WEIGHT_MAX))
            if outcome is not None:
                outcomes.append(outcome)
    return outcomes


def _rarity(reached: Mapping[tuple[str, ...], int], segment: str, asked: tuple[str, ...]) -> float:
    rarity = 1.0
    for length in range(1, len(asked) + 1):
        rarity *= reached[(segment, *asked[: length - 1], "")] / reached[(segment, *asked[:length])]
    return rarity


def _verdict(method: str, outcomes: Sequence[_Outcome]) -> Verdict:
    weight = sum(each.weight for each in outcomes)
    effective = weight**2 / sum(each.weight**2 for each in outcomes) if outcomes else 0.0
    if effective < LEADS_MIN:
        return Verdict(None, effective)
    cost = _estimate((each.weight, each.cost) for each in outcomes)
    return Verdict(method, effective, cost, _estimate((each.weight, each.found) for each in outcomes))


def _estimate(values: Iterable[tuple[float, float]]) -> Estimate:
    """The weighted mean; its interval follows from how far each value lies from it (normal)."""
    pairs = list(values)
    total = sum(weight for weight, _ in pairs)
    mean = sum(weight * value for weight, value in pairs) / total
    spread = math.sqrt(sum((weight * (value - mean)) ** 2 for weight, value in pairs)) / total
    return Estimate(mean, mean - _SIGMAS_95 * spread, mean + _SIGMAS_95 * spread)
