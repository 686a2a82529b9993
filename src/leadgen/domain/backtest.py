"""Backtest: what another order, strategy or price would have cost, and how fast it would have been.

Leads of the panel tell exactly what any search brings. Without them, those that happened to be asked in the
new order stand for all (``logged_orders``); these tell of searches one after the other alone, since of a race
they lack the answers of all whom they did not need.
"""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.domain.estimate import Estimate, mean_of, quantile_of
from leadgen.domain.logged_orders import LoggedOrders, Rank
from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.replay import Replayed, Terms, replay
from leadgen.domain.value import value

LEADS_MIN = 200
"""Fewer leads than these, as they weigh, tell nothing."""


@value(frozen=True, slots=True)
class Verdict:
    """What a search is expected to cost a lead (micro-USD), how many find a number, and how long they take.

    ``leads``: how many stand for all, after their weights. ``method``: ``panel`` or ``weights``; None where
    too few leads tell anything, and then there are no estimates. Of seconds there are none either where too
    few answers have their time on record; the slowest of 20 is told by the panel alone.
    """

    method: str | None
    leads: float
    cost_micros: Estimate | None = None
    coverage: Estimate | None = None
    seconds: Estimate | None = None
    p95_seconds: Estimate | None = None


def backtest(leads: Sequence[PastLead], rank: Rank, terms: Terms) -> Verdict:
    """What asking in the order of ``rank`` would have brought; the panel speaks where there is one."""
    replayed = [
        each for lead in leads if lead.is_panel and (each := replay(lead, rank(lead), terms)) is not None
    ]
    if len(replayed) >= LEADS_MIN:
        return _by_panel(replayed)
    if terms.options.is_race:
        return Verdict(None, len(replayed))
    by_weights = _by_weights([lead for lead in leads if not lead.is_panel], rank, terms)
    return by_weights if by_weights.method else Verdict(None, max(by_weights.leads, len(replayed)))


def _by_panel(replayed: Sequence[Replayed]) -> Verdict:
    seconds = [each.seconds for each in replayed if each.seconds is not None]
    is_timed = len(seconds) >= LEADS_MIN
    return Verdict(
        "panel",
        len(replayed),
        mean_of([each.cost_micros for each in replayed]),
        mean_of([float(each.is_found) for each in replayed]),
        mean_of(seconds) if is_timed else None,
        quantile_of(seconds, 0.95) if is_timed else None,
    )


def _by_weights(leads: Sequence[PastLead], rank: Rank, terms: Terms) -> Verdict:
    logged = LoggedOrders(leads, rank)
    effective = logged.effective
    if effective < LEADS_MIN or not logged.is_telling:
        return Verdict(None, effective)
    is_timed = all(call.took_seconds is not None for call in logged.calls())
    return Verdict(
        "weights",
        effective,
        logged.estimate(terms.charge),
        logged.estimate(_number),
        logged.estimate(_seconds) if is_timed else None,
    )


def _number(call: PastCall) -> float:
    return float(call.is_hit)


def _seconds(call: PastCall) -> float:
    return call.took_seconds or 0.0
