"""Drives one lead's waterfall: steps the engine and carries out its moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leadgen.application.paid_calls import PaidCalls, Purchase
from leadgen.application.ports.clock import IClock
from leadgen.application.round import Round
from leadgen.application.ticket_desk import PATIENCE_SECONDS
from leadgen.domain.lead import EndState, Lead, Question
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.ordering import by_priority
from leadgen.domain.provider import OnUnknown, ProviderConfig, Rejected, Unknown
from leadgen.domain.selection import Request, SelectionPipeline
from leadgen.domain.standing import Standing
from leadgen.domain.waterfall import (
    TRIES,
    Answered,
    Candidate,
    Event,
    Plan,
    Tick,
    Verdict,
    Waterfall,
    WhenHeld,
)


@dataclass(frozen=True, slots=True)
class Parked:
    """The search goes on, but nothing can be done before ``until``."""

    until: datetime


class SearchLead:
    """Finds the number of one lead."""

    def __init__(self, *, paid_calls: PaidCalls, pipeline: SelectionPipeline, clock: IClock) -> None:
        self._paid_calls = paid_calls
        self._pipeline = pipeline
        self._clock = clock

    async def run(self, lead: Lead, around: Round) -> Verdict | Parked:
        """How the search ended, or when to go on with it; a lead that has a number is not asked about."""
        if lead.phone is not None:
            return Verdict(EndState.FOUND, lead.phone, lead.phone_provider)
        question = lead.profile.question()
        waterfall = self._waterfall(question, around)
        patience = PATIENCE_SECONDS if around.when_held is WhenHeld.WAIT else 0.0
        event: Event = Tick()
        while True:
            moves = waterfall.step(event, self._clock.now())
            if moves.verdict is not None:
                return moves.verdict
            if moves.wake_at is not None:
                seconds = (moves.wake_at - self._clock.now()).total_seconds()
                if seconds > PATIENCE_SECONDS:
                    return Parked(moves.wake_at)
                await self._clock.sleep(seconds)
                event = Tick()
            for ask in moves.asks:
                purchase = Purchase(lead, question, around.job_id, ask, patience, around.claimant)
                event = await self._paid_calls.ask(purchase)

    def _waterfall(self, question: Question, around: Round) -> Waterfall:
        selection = self._pipeline.select(around.standings, Request(question, around.tier, around.budgets))
        lookups = around.history.get(question.digest, ())
        candidates = _candidates(by_priority(selection.accepted), lookups, around)
        return Waterfall(
            Plan(candidates, selection.refused, around.when_held),
            [
                Answered(lookup.provider, lookup.n, lookup.outcome)
                for lookup in lookups
                if lookup.outcome is not None and lookup.answers_at(around.now)
            ],
        )


def _candidates(standings: Sequence[Standing], lookups: Sequence[Lookup], around: Round) -> list[Candidate]:
    """Each provider's next free n, the tries that this search has left, and what a lost answer allows."""
    expired: dict[str, int] = {}
    for lookup in lookups:
        if not lookup.answers_at(around.now):
            expired[lookup.provider] = max(expired.get(lookup.provider, 0), lookup.n + 1)
    last = {lookup.provider: lookup for lookup in lookups}
    failed = Counter(
        lookup.provider
        for lookup in lookups
        if lookup.state is LookupState.SETTLED
        and isinstance(lookup.outcome, Rejected)
        and lookup.created_at >= around.since
    )
    return [
        Candidate(
            config.name,
            n=expired.get(config.name, 0),
            tries=TRIES - failed[config.name],
            on_unknown=_policy(config, last.get(config.name), around.now),
        )
        for config in (standing.config for standing in standings)
    ]


def _policy(config: ProviderConfig, last: Lookup | None, now: datetime) -> OnUnknown:
    """What a lost answer allows; one under a key that the provider has forgotten is not repeated."""
    if config.on_unknown is not OnUnknown.REPEAT or last is None:
        return config.on_unknown
    is_lost = isinstance(last.outcome, Unknown) and last.answers_at(now)
    can_be_repeated = last.state is LookupState.UNKNOWN and last.may_repeat(now)
    return OnUnknown.ASSUME if is_lost and not can_be_repeated else config.on_unknown
