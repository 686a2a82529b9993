"""Replays a search over answers that are on record: the engine itself, in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from itertools import count

from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.phone import LineType, PhoneNumber
from leadgen.domain.provider import Charges, Hit, Miss, ProviderConfig
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.value import value
from leadgen.domain.waterfall import Answered, Ask, Candidate, Event, Plan, Sent, Tick, Waterfall

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = Hit(PhoneNumber("+12015550100", "US", LineType.OTHER), "")


@value(frozen=True, slots=True)
class Terms:
    """Under which prices and in which strategy leads are searched again.

    ``pace_seconds``: when a provider is late that has a pace of its own.
    """

    configs: Mapping[str, ProviderConfig]
    options: SearchOptions = AS_USUAL
    pace_seconds: Mapping[str, float] = field(default_factory=dict)

    def charge(self, call: PastCall) -> int:
        """What this call would cost now, in micro-USD."""
        config = self.configs[call.provider]
        return config.price_micros if call.is_hit or config.charges is Charges.REQUEST else 0

    def plan(self, order: Sequence[str]) -> Plan:
        """What the engine is given."""
        own = self.pace_seconds if self.options.is_paced_by_providers else {}
        candidates = [
            Candidate(name, rank=rank, stagger=timedelta(seconds=own[name]) if name in own else None)
            for rank, name in enumerate(order)
        ]
        grace = timedelta(seconds=self.options.grace_seconds)
        return Plan(candidates, stagger=self.options.stagger, grace=grace)


@value(frozen=True, slots=True)
class Replayed:
    """What a search would have cost (micro-USD), whether it had found a number, and how soon it had ended.

    ``seconds`` is None where an answer's time is not on record.
    """

    cost_micros: int
    is_found: bool
    seconds: float | None


class _NotOnRecord(Exception):
    """Nobody knows what would have been answered, or when, and the search depends on that."""


def replay(lead: PastLead, order: Sequence[str], terms: Terms) -> Replayed | None:
    """What the engine would have done with these answers; None where it depends on one that nobody has.

    Time passes by answers alone: what queues and limits add is not in it.
    """
    try:
        return _Search(lead, order, terms).run()
    except _NotOnRecord:
        return None


class _Search:
    """One search in virtual time; what is sent is paid, whoever wins."""

    def __init__(self, lead: PastLead, order: Sequence[str], terms: Terms) -> None:
        self._calls = {call.provider: call for call in lead.calls}
        self._terms = terms
        self._waterfall = Waterfall(terms.plan(order))
        self._coming: list[tuple[datetime, int, Event]] = []
        self._numbers = count()
        self._cost_micros = 0
        self._is_timed = True

    def run(self) -> Replayed:
        """From the first question to the verdict."""
        now = _BEGINNING
        event: Event = Tick()
        moves = self._waterfall.step(event, now)
        while moves.verdict is None:
            for ask in moves.asks:
                self._send(ask, now)
            if moves.wake_at is not None and (not self._coming or moves.wake_at < self._coming[0][0]):
                now, event = moves.wake_at, Tick()
            else:
                now, _, event = heapq.heappop(self._coming)
            moves = self._waterfall.step(event, now)
        seconds = (now - _BEGINNING).total_seconds() if self._is_timed else None
        return Replayed(self._cost_micros, moves.verdict.phone is not None, seconds)

    def _send(self, ask: Ask, now: datetime) -> None:
        call = self._calls.get(ask.provider)
        if call is None or (call.took_seconds is None and self._terms.options.stagger):
            raise _NotOnRecord
        self._is_timed = self._is_timed and call.took_seconds is not None
        self._cost_micros += self._terms.charge(call)
        answered = Answered(ask.provider, ask.n, _NUMBER if call.is_hit else Miss())
        self._expect(Sent(ask.provider), now)
        self._expect(answered, now + timedelta(seconds=call.took_seconds or 0.0))

    def _expect(self, event: Event, at: datetime) -> None:
        heapq.heappush(self._coming, (at, next(self._numbers), event))
