"""The waterfall: whom to ask next about one lead, as decisions over events.

Pure: the same code runs in an activity, in a test and over last month's ledger. ``history`` are ledger rows,
so a first run, a resumed one and a repeated one are the same thing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from leadgen.domain.budget import Span
from leadgen.domain.lead import EndState
from leadgen.domain.money import dollars
from leadgen.domain.ordering import reservation_value
from leadgen.domain.phone import PhoneNumber, WantedLine
from leadgen.domain.provider import (
    Charges,
    Fault,
    Hit,
    Miss,
    NotSent,
    OnUnknown,
    Outcome,
    Rejected,
    Unknown,
)
from leadgen.domain.selection import Refusal
from leadgen.domain.value import value

TRIES = 3
"""How often a question may be sent in one run while it is turned down for nothing: once, and two repeats."""

_PAUSE = timedelta(seconds=0.5)
_PAUSE_MAX = timedelta(hours=1)
_SOON = timedelta(seconds=30)


@value(frozen=True, slots=True)
class Candidate:
    """A provider that may be asked: the number of its next question, and how often still in this run.

    ``on_unknown``: what may be done where a question's answer is lost. ``rank``: whose answer is preferred,
    the lowest first; equal ones go by their place in the plan. ``chance``: how likely it has a usable number,
    None where nothing is known of that. ``reason``: why it stands where it does, for people. ``stagger``: how
    long to wait for it before the next is asked too, None for what the plan says.
    """

    provider: str
    n: int = 0
    tries: int = TRIES
    on_unknown: OnUnknown = OnUnknown.ASSUME
    rank: int = 0
    price_micros: int = 0
    charges: Charges = Charges.REQUEST
    chance: float | None = None
    reason: str = ""
    stagger: timedelta | None = None

    def refusal(self, max_price_micros: int | None) -> Refusal | None:
        """Why it is not worth asking where a number may cost so much, None where it is.

        The stop rule: a call is skipped whose reservation value is less than what is in hand, which is
        nothing. Its chance is the one after all before it have missed: where the order is by hits per dollar,
        whoever comes later is not worth asking either.
        """
        if max_price_micros is None or self.chance is None:
            return None
        charge = self.price_micros * (self.chance if self.charges is Charges.HIT else 1.0)
        if reservation_value([(max_price_micros, self.chance)], charge) >= 0:
            return None
        per, share = (" a number", "") if self.charges is Charges.HIT else ("", f"{self.chance:.2f} x ")
        limit = f"{share}{dollars(max_price_micros)}"
        return Refusal(self.provider, f"price: {dollars(self.price_micros)}{per} is more than {limit}")


class WhenHeld(StrEnum):
    """What a search does while a provider's limits allow no call."""

    WAIT = "wait"
    """Keep the order: wait for it."""
    SPILL = "spill"
    """Ask others that are free meanwhile, and come back to it should they have nothing."""
    SKIP = "skip"
    """Pass it over; without a number elsewhere the lead ends incomplete."""


@value(frozen=True, slots=True)
class Plan:
    """Whom to ask, who was refused before, and what to do while one is held.

    ``stagger``: how long after a question was sent the next provider is asked too; None is never (one after
    the other), 0 all at once. ``grace``: how long a number waits for a better-ranked answer under way.
    ``line``: which numbers end the search. ``max_price_micros``: what a number is worth at most.
    """

    candidates: Sequence[Candidate]
    refused: Sequence[Refusal] = ()
    when_held: WhenHeld = WhenHeld.WAIT
    stagger: timedelta | None = None
    grace: timedelta = timedelta()
    line: WantedLine = WantedLine.ANY
    max_price_micros: int | None = None


@value(frozen=True, slots=True)
class Answered:
    """The n-th question to a provider came to an end.

    ``saved_micros``: what it would have cost, where it did not have to be paid for again.
    """

    provider: str
    n: int
    outcome: Outcome
    saved_micros: int | None = None


@value(frozen=True, slots=True)
class Held:
    """A question could not be sent now: wait ``until`` then, or give the provider up where it is None."""

    provider: str
    why: str
    until: datetime | None
    over: Span | None = None
    """The budget that does not cover it."""
    again_at: datetime | None = None
    """When one that is given up may be asked after all, where that is soon enough to wait for."""


@value(frozen=True, slots=True)
class Sent:
    """A question is on its way: from now on its provider can be late. Before, it was in our own queue."""

    provider: str


@value(frozen=True, slots=True)
class Tick:
    """Time has passed, or the search begins."""


Event = Answered | Held | Sent | Tick


@value(frozen=True, slots=True)
class Ask:
    """Ask this provider its n-th question."""

    provider: str
    n: int


@value(frozen=True, slots=True)
class Find:
    """A number, and who had it."""

    phone: PhoneNumber
    provider: str


@value(frozen=True, slots=True)
class Reused:
    """How many answers were there already, and what they would have cost (micro-USD)."""

    calls: int = 0
    saved_micros: int = 0


NOTHING_REUSED = Reused()


@value(frozen=True, slots=True)
class Verdict:
    """How the search ended: with which number, from whom, and who was not asked and why.

    ``second_best``: a number of another line than wanted, where none of that was found.
    """

    state: EndState
    phone: PhoneNumber | None = None
    provider: str | None = None
    unasked: tuple[Refusal, ...] = ()
    second_best: Find | None = None
    reused: Reused = NOTHING_REUSED

    @property
    def is_over_budget(self) -> bool:
        """Whether money alone kept it from going on."""
        return self.state is EndState.INCOMPLETE and any(refusal.over for refusal in self.unasked)

    @property
    def again_at(self) -> datetime | None:
        """When somebody may be asked after all; None where nobody is worth waiting for."""
        if self.state is not EndState.INCOMPLETE:
            return None
        return min((refusal.again_at for refusal in self.unasked if refusal.again_at), default=None)


@value(frozen=True, slots=True)
class Moves:
    """What to do now: questions to ask and such to let go, when to come back, or the verdict.

    What is let go is not sent any more; where it was sent, nobody waits for its answer. ``when_free``: one of
    these questions may be asked before that, the one whose provider's limits allow it first.
    """

    asks: tuple[Ask, ...] = ()
    let_go: tuple[Ask, ...] = ()
    when_free: tuple[Ask, ...] = ()
    wake_at: datetime | None = None
    verdict: Verdict | None = None


@dataclass(slots=True)
class _Place:
    """One candidate's state in the waterfall."""

    provider: str
    rank: int
    n: int
    tries: int
    on_unknown: OnUnknown
    stagger: timedelta | None
    pauses: int = 0
    not_before: datetime | None = None
    is_held: bool = False
    is_begun: bool = False
    is_in_flight: bool = False
    is_let_go: bool = False
    answered: bool = False
    has_missed: bool = False
    prevented: str | None = None
    over: Span | None = None
    again_at: datetime | None = None
    is_retried: bool = False

    @property
    def is_open(self) -> bool:
        return not self.answered and self.prevented is None

    def settle(self, event: Answered) -> None:
        """What an outcome means for the next question: its number, and whether there is one."""
        outcome = event.outcome
        repeats = isinstance(outcome, Unknown) and self.on_unknown is OnUnknown.REPEAT
        self.n = event.n if repeats or isinstance(outcome, NotSent) else event.n + 1
        self.answered = _is_answer(outcome)
        self.has_missed = isinstance(outcome, Hit | Miss)
        self.prevented = _doubt(outcome)
        if isinstance(outcome, Unknown) and self._may_ask_on():
            self.prevented = None

    def repeat_later(self, outcome: Outcome, now: datetime) -> None:
        """Takes a try, and leaves the provider alone for a while."""
        self.tries -= 1
        if self.tries <= 0:
            self.prevented = f"gave up after repeats: {getattr(outcome, 'detail', '')}"
            return
        pause = _PAUSE * 2**self.pauses
        self.pauses += 1
        if isinstance(outcome, Rejected) and outcome.retry_after_seconds is not None:
            asked_for = outcome.retry_after_seconds
            is_short = asked_for < _PAUSE_MAX.total_seconds()
            pause = max(pause, timedelta(seconds=asked_for) if is_short else _PAUSE_MAX)
        self.not_before = now + min(pause, _PAUSE_MAX)

    def _may_ask_on(self) -> bool:
        """Whether a lost answer may be asked for again: under the same key, or once under another."""
        is_retried, self.is_retried = self.is_retried, True
        return self.on_unknown is OnUnknown.REPEAT or (self.on_unknown is OnUnknown.RETRY and not is_retried)


class Waterfall:
    """Asks the candidates, the best-ranked first, until one gives a usable number."""

    def __init__(self, plan: Plan, history: Iterable[Answered] = ()) -> None:
        self._plan = plan
        history = tuple(history)
        told = {past.provider for past in history if isinstance(past.outcome, Hit | Miss)}
        self._refused = tuple(each for each in plan.refused if each.provider not in told)
        self._places = {
            each.provider: _Place(each.provider, each.rank, each.n, each.tries, each.on_unknown, each.stagger)
            for each in sorted(plan.candidates, key=attrgetter("rank"))
        }
        self._best: tuple[int, Find] | None = None
        self._second: tuple[int, Find] | None = None
        self._saved: list[tuple[int, int]] = []
        self._grace_until: datetime | None = None
        self._next_turn: datetime | None = None
        self._queued: _Place | None = None
        for answered in history:
            self._recall(answered)
        too_dear: list[Refusal] = []
        for each in plan.candidates:
            place = self._places[each.provider]
            if place.is_open and (refusal := each.refusal(plan.max_price_micros)):
                too_dear.append(refusal)
                del self._places[each.provider]
            elif place.is_open and place.tries <= 0:
                place.prevented = "gave up after repeats"
        # Where nobody is left, nobody says that there is no number: a search that may cost more can tell.
        self._refused += tuple(replace(refusal, prevents=not self._places) for refusal in too_dear)

    @property
    def missed(self) -> frozenset[str] | None:
        """Who has answered without a number; None once somebody had one, if only of another line."""
        if self._best or self._second:
            return None
        return frozenset(name for name, place in self._places.items() if place.has_missed)

    def step(self, event: Event, now: datetime) -> Moves:
        """What to do after ``event``; never asks a provider anew while its question is in flight."""
        self.note(event, now)
        return self._moves(now)

    def note(self, event: Event, now: datetime) -> None:
        """Takes in one of several events; what to do is said by the step of the last one."""
        match event:
            case Answered():
                place = self._places[event.provider]
                place.is_in_flight = place.is_held = False
                self._pace(place, now)
                self._take(place, event, now)
            case Held():
                place = self._places[event.provider]
                place.is_in_flight = False
                self._pace(place, now)
                self._hold(place, event)
            case Sent():
                self._pace(self._places[event.provider], now)
            case Tick():
                pass

    def _recall(self, past: Answered) -> None:
        place = self._places.get(past.provider)
        if place is not None and past.n < place.n:
            return
        self._keep(past)
        if place is None:
            return
        place.settle(past)
        if not isinstance(past.outcome, Unknown):
            place.prevented = None

    def _take(self, place: _Place, event: Answered, now: datetime) -> None:
        outcome = event.outcome
        self._keep(event)
        place.settle(event)
        if place.is_open and not (isinstance(outcome, NotSent) and outcome.late):
            place.repeat_later(outcome, now)

    def _keep(self, event: Answered) -> None:
        """Notes a number, the best-ranked of each kind, and what an answer has saved."""
        place, outcome = self._places.get(event.provider), event.outcome
        rank = place.rank if place else sys.maxsize
        if event.saved_micros is not None and _is_answer(outcome):
            self._saved.append((rank, event.saved_micros))
        if not isinstance(outcome, Hit) or outcome.phone is None:
            return
        found = (rank, Find(outcome.phone, event.provider))
        if not self._plan.line.takes(outcome.phone.line):
            self._second = min(self._second or found, found, key=_rank)
        else:
            self._best = min(self._best or found, found, key=_rank)

    def _pace(self, place: _Place, now: datetime) -> None:
        """From now on the last one asked is waited for, and then it is the next one's turn."""
        if place is self._queued and self._plan.stagger is not None:
            self._queued = None
            self._next_turn = now + (self._plan.stagger if place.stagger is None else place.stagger)

    def _hold(self, place: _Place, event: Held) -> None:
        place.not_before, place.is_held = event.until, event.over is None
        if event.until is None or self._plan.when_held is WhenHeld.SKIP:
            place.prevented, place.over, place.again_at = event.why, event.over, event.again_at

    def _moves(self, now: datetime) -> Moves:
        flying = [place for place in self._places.values() if place.is_in_flight]
        if self._best:
            return self._end(flying, now)
        asks: list[Ask] = []
        moments = self._moments(now, is_quiet=not flying)
        while (place := next((each for each, moment in moments if moment <= now), None)) is not None:
            self._begin(place, now)
            flying.append(place)
            asks.append(Ask(place.provider, place.n))
            moments = self._moments(now, is_quiet=False)
        if not flying and not moments:
            return Moves(verdict=self._verdict(self._state_without_number()))
        return Moves(
            tuple(asks),
            when_free=() if asks else self._held(moments, now),
            wake_at=min((moment for _, moment in moments), default=None),
        )

    def _held(self, moments: Sequence[tuple[_Place, datetime]], now: datetime) -> tuple[Ask, ...]:
        """Those to queue for, whoever is free first; none while somebody else's pause is nearly over."""
        if self._plan.when_held is not WhenHeld.SPILL or self._plan.stagger is not None:
            return ()
        if any(not place.is_held and moment <= now + _SOON for place, moment in moments):
            return ()
        return tuple(Ask(place.provider, place.n) for place, _ in moments if place.is_held)

    def _moments(self, now: datetime, *, is_quiet: bool) -> list[tuple[_Place, datetime]]:
        """Who may be asked and when, as long as no answer comes.

        While others are under way it is the next one's turn once ``stagger`` has passed since the last one
        was sent; who had their turn comes back as soon as nothing holds them.
        """
        is_race = self._plan.stagger is not None
        if not is_race and not is_quiet:
            return []
        waiting = [place for place in self._places.values() if place.is_open and not place.is_in_flight]
        if not is_race:
            in_turn = waiting[:1] if self._plan.when_held is WhenHeld.WAIT else waiting
            return [(place, place.not_before or now) for place in in_turn]
        moments = []
        for number, place in enumerate(waiting):
            is_first = is_quiet and (number == 0 or self._plan.when_held is not WhenHeld.WAIT)
            if self._queued and not (is_first or place.is_begun):
                continue
            turn = now if is_first or place.is_begun else self._next_turn or now
            moments.append((place, max(place.not_before or now, turn)))
        return moments

    def _begin(self, place: _Place, now: datetime) -> None:
        if not place.is_begun:
            self._queued = place
            if not self._plan.stagger:
                self._pace(place, now)
        place.is_begun = place.is_in_flight = True

    def _end(self, flying: Sequence[_Place], now: datetime) -> Moves:
        """With a number: waits for a better-ranked answer that is under way, as long as grace allows."""
        assert self._best is not None
        rank = self._best[0]
        self._grace_until = self._grace_until or now + self._plan.grace
        is_beaten = now < self._grace_until and any(place.rank < rank for place in flying)
        let_go = [place for place in flying if not is_beaten or place.rank >= rank]
        for place in let_go:
            place.is_in_flight, place.is_let_go = False, True
        gone = tuple(Ask(place.provider, place.n) for place in let_go)
        if is_beaten:
            return Moves(let_go=gone, wake_at=self._grace_until)
        return Moves(let_go=gone, verdict=self._verdict(EndState.FOUND))

    def _state_without_number(self) -> EndState:
        prevented = any(place.prevented for place in self._places.values())
        prevented = prevented or any(refusal.prevents for refusal in self._refused)
        return EndState.INCOMPLETE if prevented else EndState.NOT_FOUND

    def _verdict(self, state: EndState) -> Verdict:
        rank, best = self._best or (sys.maxsize, None)
        saved = [micros for whose, micros in self._saved if whose <= rank]
        return Verdict(
            state,
            best.phone if best else None,
            best.provider if best else None,
            (*self._unasked(best), *self._refused),
            None if best or not self._second else self._second[1],
            Reused(len(saved), sum(saved)),
        )

    def _unasked(self, best: Find | None) -> Iterable[Refusal]:
        for place in self._places.values():
            if place.prevented:
                yield Refusal(
                    place.provider, place.prevented, prevents=True, over=place.over, again_at=place.again_at
                )
            elif place.is_open and best:
                what = "let go" if place.is_let_go else "not needed"
                yield Refusal(place.provider, f"{what}: {best.provider} had found a number")


def _rank(found: tuple[int, Find]) -> int:
    return found[0]


def _is_answer(outcome: Outcome) -> bool:
    match outcome:
        case Hit() | Miss() | Rejected(fault=Fault.QUESTION):
            return True
        case _:
            return False


def _doubt(outcome: Outcome) -> str | None:
    match outcome:
        case Unknown():
            return f"unknown: {outcome.detail}"
        case Rejected(fault=Fault.ACCOUNT):
            return f"parked: {outcome.detail}"
        case _:
            return None
