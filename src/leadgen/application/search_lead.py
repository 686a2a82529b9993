"""Drives one lead's waterfall: steps the engine and carries out its moves."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from leadgen.application.paid_calls import PaidCalls
from leadgen.application.ports.clock import IClock
from leadgen.application.purchase import Entry, Purchase
from leadgen.application.race import Enter, Parked, Race
from leadgen.application.round import Round
from leadgen.application.ticket_desk import PATIENCE_SECONDS
from leadgen.domain.lead import EndState, Lead, Question
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.ordering import Ranked
from leadgen.domain.panel import is_in_panel
from leadgen.domain.phone import WantedLine
from leadgen.domain.provider import Hit, Miss, NotSent, OnUnknown, ProviderConfig, Rejected, Unknown
from leadgen.domain.selection import Request, SelectionPipeline
from leadgen.domain.waterfall import (
    TRIES,
    Answered,
    Ask,
    Candidate,
    Event,
    Held,
    Plan,
    Tick,
    Verdict,
    Waterfall,
    WhenHeld,
)


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
        question = lead.profile.question
        told = _told(around.history.get(question.digest, ()), around)
        missed = frozenset(each.provider for each in told if isinstance(each.outcome, Hit | Miss))
        plan = self._plan(question, around, missed)
        waterfall = Waterfall(plan, told)
        places = {each.provider: (each.rank + 1, each.reason) for each in plan.candidates}
        patience = PATIENCE_SECONDS if around.when_held is WhenHeld.WAIT else 0.0

        def purchase(ask: Ask, entry: Entry | None = None) -> Purchase:
            position, reason = places[ask.provider]
            missed_since = waterfall.missed
            return Purchase(
                lead,
                question,
                around.job_id,
                ask,
                patience,
                around.claimant,
                around.options.line,
                entry,
                position,
                reason,
                None if missed_since is None else missed | missed_since,
            )

        if around.options.is_race:
            end = await Race(paid_calls=self._paid_calls, clock=self._clock, enter=purchase).run(waterfall)
        else:
            end = await self._ask_in_turn(waterfall, purchase, told)
        if around.waits_out_outages and isinstance(end, Verdict) and end.again_at is not None:
            return Parked(end.again_at)
        if isinstance(end, Verdict) and is_in_panel(around.panel, around.job_id, question):
            await self._ask_the_rest(plan, end, purchase)
        return end

    async def _ask_in_turn(
        self, waterfall: Waterfall, purchase: Callable[[Ask], Purchase], told: Sequence[Answered]
    ) -> Verdict | Parked:
        event: Event = Tick()
        has_queued, asked = False, {each.provider for each in told}
        while True:
            if isinstance(event, Answered) and not isinstance(event.outcome, NotSent):
                asked.add(event.provider)
            moves = waterfall.step(event, self._clock.now())
            if moves.verdict is not None:
                return moves.verdict
            if moves.when_free and not has_queued:
                wanted = [_going_on(purchase(ask), len(asked - {ask.provider})) for ask in moves.when_free]
                *others, event = await self._paid_calls.ask_first(wanted)
                for held in others:
                    waterfall.note(held, self._clock.now())
                has_queued = isinstance(event, Held)
                continue
            has_queued = False
            assert moves.asks or moves.wake_at, "there is always something to do or to wait for"
            if moves.wake_at is not None:
                seconds = (moves.wake_at - self._clock.now()).total_seconds()
                if seconds > PATIENCE_SECONDS:
                    return Parked(moves.wake_at)
                await self._clock.sleep(seconds)
                event = Tick()
            for ask in moves.asks:
                event = await self._paid_calls.ask(purchase(ask))

    async def _ask_the_rest(self, plan: Plan, verdict: Verdict, enter: Enter) -> None:
        """Of a lead of the panel, asks those too whom its search did not need; the lead stays as it is."""
        if verdict.state is not EndState.FOUND:
            return
        unneeded = {each.provider for each in verdict.unasked if not each.prevents}
        for each in plan.candidates:
            if each.provider in unneeded:
                late = enter(Ask(each.provider, each.n), Entry())  # as in a race, it does not settle the lead
                late = dataclasses.replace(late, patience_seconds=PATIENCE_SECONDS, missed=None)
                await self._paid_calls.ask(late)

    def _plan(self, question: Question, around: Round, missed: frozenset[str]) -> Plan:
        lookups = around.history.get(question.digest, ())
        if lookups or not around.ordering.is_same_for_all:
            return self._plan_anew(question, around, lookups, missed)
        plan = around.plans.get(question.inputs)
        if plan is None:
            plan = around.plans[question.inputs] = self._plan_anew(question, around, (), missed)
        return plan

    def _plan_anew(
        self, question: Question, around: Round, lookups: Sequence[Lookup], missed: frozenset[str]
    ) -> Plan:
        request = Request(question.inputs, around.tier, around.budgets)
        selection = self._pipeline.select(around.standings, request)
        options = around.options
        return Plan(
            _candidates(around.ordering.rank(question, selection.accepted, missed), lookups, around),
            selection.refused,
            around.when_held,
            options.stagger,
            timedelta(seconds=options.grace_seconds),
            options.line,
            options.max_price_micros,
        )


def _going_on(purchase: Purchase, asked: int) -> Purchase:
    return dataclasses.replace(purchase, claimant=dataclasses.replace(purchase.claimant, asked=asked))


def _counts(lookup: Lookup, around: Round) -> bool:
    """Whether what came of a lookup stands in for asking; not where an answer of before is not wanted."""
    if around.options.fresh and lookup.created_at < around.since:
        return around.job_id is not None and lookup.job_id == around.job_id
    return lookup.answers_at(around.now, around.reuse_misses)


def _told(lookups: Sequence[Lookup], around: Round) -> list[Answered]:
    """What the ledger tells already, and what it saves that another job has paid for."""
    return [
        Answered(
            lookup.provider,
            lookup.n,
            lookup.outcome,
            lookup.cost_micros if lookup.job_id != around.job_id else None,
        )
        for lookup in lookups
        if lookup.outcome is not None and _counts(lookup, around)
    ]


def _candidates(ranked: Sequence[Ranked], lookups: Sequence[Lookup], around: Round) -> list[Candidate]:
    """Each provider's next free n, the tries that this search has left, and what a lost answer allows."""
    expired: dict[str, int] = {}
    for lookup in lookups:
        if not _counts(lookup, around):
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
        _candidate(
            rank,
            each,
            around,
            n=expired.get(each.provider, 0),
            tries=TRIES - failed[each.provider],
            last=last.get(each.provider),
        )
        for rank, each in enumerate(ranked)
    ]


def _candidate(
    rank: int, ranked: Ranked, around: Round, *, n: int, tries: int, last: Lookup | None
) -> Candidate:
    config, chance, stagger, line = ranked.standing.config, ranked.chance, None, around.options.line
    if record := around.records.get(config.name):
        if chance is not None and line is not WantedLine.ANY:  # an ordering tells of numbers of any line
            share = record.share_of(line)
            chance = None if share is None else chance * share
        if around.options.is_paced_by_providers and record.p95_seconds is not None:
            stagger = timedelta(seconds=record.p95_seconds)
    return Candidate(
        config.name,
        n,
        tries,
        _policy(config, last, around.now),
        rank,
        ranked.price_micros,
        config.charges,
        chance,
        ranked.reason,
        stagger,
    )


def _policy(config: ProviderConfig, last: Lookup | None, now: datetime) -> OnUnknown:
    """What a lost answer allows; one under a key that the provider has forgotten is not repeated."""
    if config.on_unknown is not OnUnknown.REPEAT or last is None:
        return config.on_unknown
    is_lost = isinstance(last.outcome, Unknown) and last.answers_at(now)
    can_be_repeated = last.state is LookupState.UNKNOWN and last.may_repeat(now)
    return OnUnknown.ASSUME if is_lost and not can_be_repeated else config.on_unknown
