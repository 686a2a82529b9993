"""Says what another order, strategy or price would have cost over the leads of the ledger."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from leadgen.application.ports.market_history import IMarketHistory
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.domain.backtest import Verdict, backtest
from leadgen.domain.experience import Cell, Experience, Tally
from leadgen.domain.lead import Question
from leadgen.domain.market import PastLead
from leadgen.domain.ordering import CostOrder, Order, PriorityOrder, greedy
from leadgen.domain.provider import ProviderConfig
from leadgen.domain.replay import Terms
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.standing import Standing
from leadgen.domain.track_record import usual_seconds
from leadgen.domain.value import value

_FOLDS = 2
_NOBODY = Question(None, None, None, None, None)


@value(frozen=True, slots=True)
class Backtest:
    """What was paid, and what the search would have cost; ``leads``: how many there were in all."""

    leads: int
    panel: int
    paid_micros: int
    found: int
    verdict: Verdict


class BacktestOrder:
    """Replays the engine over the ledger; learned rates come from the other half of the leads.

    An order that was learned from the very leads it is judged by would look better than it is.
    """

    def __init__(self, *, history: IMarketHistory, catalog: IProviderCatalog) -> None:
        self._history = history
        self._catalog = catalog

    async def run(
        self,
        account: str,
        order: Order,
        prices_micros: Mapping[str, int],
        options: SearchOptions = AS_USUAL,
    ) -> Backtest:
        """The verdict for an order and a strategy under the prices configured, or these.

        Raises ServiceUnavailable.
        """
        past: list[PastLead] = []
        async for page in self._history.leads(account):
            past += page
        configs = {
            name: dataclasses.replace(config, price_micros=prices_micros.get(name, config.price_micros))
            for name, config in (await self._catalog.configs()).items()
            if config.enabled
        }
        ranks = _Ranks(order, past, configs)
        return Backtest(
            leads=len(past),
            panel=sum(lead.is_panel for lead in past),
            paid_micros=sum(call.cost_micros for lead in past for call in lead.calls),
            found=sum(any(call.is_hit for call in lead.calls) for lead in past),
            verdict=backtest(past, ranks.of, Terms(configs, options, _paces(past))),
        )


class _Ranks:
    """The order for each lead, learned from the leads of the other fold."""

    def __init__(self, order: Order, past: Sequence[PastLead], configs: Mapping[str, ProviderConfig]) -> None:
        self._order = order
        self._standings = {name: Standing(config, frozenset()) for name, config in configs.items()}
        self._seen: dict[str, set[str]] = defaultdict(set)
        for lead in past:
            self._seen[lead.segment] |= {call.provider for call in lead.calls}
        self._fold = {id(lead): place % _FOLDS for place, lead in enumerate(past)}
        self._experiences = [
            _experience([lead for lead in past if self._fold[id(lead)] != fold]) for fold in range(_FOLDS)
        ]
        self._known: dict[tuple[int, str], Sequence[str]] = {}

    def of(self, lead: PastLead) -> Sequence[str]:
        """Whom to ask about this lead, best first."""
        key = (self._fold[id(lead)], lead.segment)
        if key not in self._known:
            self._known[key] = self._names(*key)
        return self._known[key]

    def _names(self, fold: int, segment: str) -> list[str]:
        """Of those who were ever asked in this segment: others lack an input there."""
        experience = self._experiences[fold]
        standings = [each for name, each in self._standings.items() if name in self._seen[segment]]
        if self._order is not Order.LEARNED:
            ordering = (CostOrder if self._order is Order.COST else PriorityOrder)(experience)
            return [each.provider for each in ordering.rank(_NOBODY, standings)]
        steps = greedy(
            standings,
            lambda name, missed: experience.chance(Cell(segment, name, missed)).rate,
        )
        return [standing.config.name for standing, _ in steps]


def _paces(past: Sequence[PastLead]) -> dict[str, float]:
    """Of each provider whose pace is known, after how many seconds it is late."""
    took: dict[str, list[float]] = defaultdict(list)
    for lead in past:
        for call in lead.calls:
            if call.took_seconds is not None:
                took[call.provider].append(call.took_seconds)
    return {name: late for name, seconds in took.items() if (late := usual_seconds(seconds)) is not None}


def _experience(leads: Sequence[PastLead]) -> Experience:
    """What these leads teach: each call in the cell of those that had missed before it.

    About a lead of the panel each would have been asked, whoever had missed.
    """
    calls, hits = Counter[Cell](), Counter[Cell]()
    for lead in leads:
        if lead.is_panel:
            for call in lead.calls:
                calls[Cell(lead.segment, call.provider)] += 1
                hits[Cell(lead.segment, call.provider)] += call.is_hit
            continue
        missed: tuple[str, ...] = ()
        for call in lead.calls:
            cell = Cell(lead.segment, call.provider, missed)
            calls[cell] += 1
            hits[cell] += call.is_hit
            if call.is_hit:
                break
            missed = tuple(sorted((*missed, call.provider)))
    return Experience({cell: Tally().after(n, hits[cell], seen_at=0.0) for cell, n in calls.items()})
