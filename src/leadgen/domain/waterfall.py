"""The waterfall: whom to ask next about one lead, as decisions over events.

Pure: the same code runs in an activity, in a test and over last month's ledger. ``history`` are ledger rows,
so a first run, a resumed one and a repeated one are the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leadgen.domain.budget import Span
from leadgen.domain.lead import EndState
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, OnUnknown, Outcome, Rejected, Unknown
from leadgen.domain.selection import Refusal

TRIES = 3
"""How often a question may be sent in one run while it is turned down for nothing: once, and two repeats."""

_PAUSE = timedelta(seconds=0.5)
_PAUSE_MAX = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may be asked: the number of its next question, and how often still in this run.

    ``on_unknown``: what may be done where a question's answer is lost.
    """

    provider: str
    n: int = 0
    tries: int = TRIES
    on_unknown: OnUnknown = OnUnknown.ASSUME


class WhenHeld(StrEnum):
    """What a search does while a provider's limits allow no call."""

    WAIT = "wait"
    """Keep the order: wait for it."""
    SPILL = "spill"
    """Ask others that are free meanwhile, and come back to it should they have nothing."""
    SKIP = "skip"
    """Pass it over; without a number elsewhere the lead ends incomplete."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to ask, best first, who was refused before, and what to do while one is held."""

    candidates: Sequence[Candidate]
    refused: Sequence[Refusal] = ()
    when_held: WhenHeld = WhenHeld.WAIT


@dataclass(frozen=True, slots=True)
class Answered:
    """The n-th question to a provider came to an end."""

    provider: str
    n: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """A question could not be sent now: wait ``until`` then, or give the provider up where it is None."""

    provider: str
    why: str
    until: datetime | None
    over: Span | None = None
    """The budget that does not cover it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, or the search begins."""


Event = Answered | Held | Tick


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this provider its n-th question."""

    provider: str
    n: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the search ended: with which number, from whom, and who was not asked and why."""

    state: EndState
    phone: PhoneNumber | None = None
    provider: str | None = None
    unasked: tuple[Refusal, ...] = ()

    @property
    def is_over_budget(self) -> bool:
        """Whether money alone kept it from going on."""
        return self.state is EndState.INCOMPLETE and any(refusal.over for refusal in self.unasked)


@dataclass(frozen=True, slots=True)
class Moves:
    """What to do now: questions to ask, or when to come back, or the verdict."""

    asks: tuple[Ask, ...] = ()
    wake_at: datetime | None = None
    verdict: Verdict | None = None


@dataclass(slots=True)
class _Place:
    """One candidate's state in the waterfall."""

    provider: str
    n: int
    tries: int
    on_unknown: OnUnknown
    pauses: int = 0
    not_before: datetime | None = None
    answered: bool = False
    prevented: str | None = None
    over: Span | None = None
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
        self.prevented = _doubt(outcome)
        if isinstance(outcome, Unknown) and self._may_ask_on():
            self.prevented = None

    def _may_ask_on(self) -> bool:
        """Whether a lost answer may be asked for again: under the same key, or once under another."""
        is_retried, self.is_retried = self.is_retried, True
        return self.on_unknown is OnUnknown.REPEAT or (self.on_unknown is OnUnknown.RETRY and not is_retried)


class Waterfall:
    """Asks the candidates one after the other, until one gives a usable number."""

    def __init__(self, plan: Plan, history: Iterable[Answered] = ()) -> None:
        self._refused = tuple(plan.refused)
        self._when_held = plan.when_held
        self._places = {
            each.provider: _Place(each.provider, each.n, each.tries, each.on_unknown)
            for each in plan.candidates
        }
        self._winner: tuple[PhoneNumber, str] | None = None
        self._in_flight: str | None = None
        for answered in history:
            self._recall(answered)
        for place in self._places.values():
            if place.is_open and place.tries <= 0:
                place.prevented = "gave up after repeats"

    def step(self, event: Event, now: datetime) -> Moves:
        """What to do after ``event``; asks nothing anew while a question is in flight."""
        match event:
            case Answered():
                self._land(event.provider)
                self._take(self._places[event.provider], event, now)
            case Held():
                self._land(event.provider)
                self._hold(self._places[event.provider], event)
            case Tick():
                pass
        return self._moves(now)

    def _land(self, provider: str) -> None:
        if self._in_flight == provider:
            self._in_flight = None

    def _recall(self, past: Answered) -> None:
        place = self._places.get(past.provider)
        if place is not None and past.n < place.n:
            return
        if isinstance(past.outcome, Hit) and past.outcome.phone and not self._winner:
            self._winner = (past.outcome.phone, past.provider)
        if place is None:
            return
        place.settle(past)
        if not isinstance(past.outcome, Unknown):
            place.prevented = None

    def _take(self, place: _Place, event: Answered, now: datetime) -> None:
        outcome = event.outcome
        if isinstance(outcome, Hit) and outcome.phone:
            self._winner = (outcome.phone, place.provider)
        place.settle(event)
        if place.is_open and not (isinstance(outcome, NotSent) and outcome.late):
            self._repeat_later(place, outcome, now)

    def _repeat_later(self, place: _Place, outcome: Outcome, now: datetime) -> None:
        place.tries -= 1
        if place.tries <= 0:
            place.prevented = f"gave up after repeats: {getattr(outcome, 'detail', '')}"
            return
        pause = _PAUSE * 2**place.pauses
        place.pauses += 1
        if isinstance(outcome, Rejected) and outcome.retry_after_seconds is not None:
            asked_for = outcome.retry_after_seconds
            is_short = asked_for < _PAUSE_MAX.total_seconds()
            pause = max(pause, timedelta(seconds=asked_for) if is_short else _PAUSE_MAX)
        place.not_before = now + min(pause, _PAUSE_MAX)

    def _hold(self, place: _Place, event: Held) -> None:
        place.not_before = event.until
        if event.until is None or self._when_held is WhenHeld.SKIP:
            place.prevented, place.over = event.why, event.over

    def _moves(self, now: datetime) -> Moves:
        if self._winner:
            return Moves(verdict=self._verdict(EndState.FOUND))
        if self._in_flight:
            return Moves()
        places = [each for each in self._places.values() if each.is_open]
        if not places:
            return Moves(verdict=self._verdict(self._state_without_number()))
        if self._when_held is WhenHeld.WAIT:
            places = places[:1]
        place = next((each for each in places if each.not_before is None or each.not_before <= now), None)
        if place is None:
            return Moves(wake_at=min(each.not_before for each in places if each.not_before))
        self._in_flight = place.provider
        return Moves(asks=(Ask(place.provider, place.n),))

    def _state_without_number(self) -> EndState:
        prevented = any(place.prevented for place in self._places.values())
        prevented = prevented or any(refusal.prevents for refusal in self._refused)
        return EndState.INCOMPLETE if prevented else EndState.NOT_FOUND

    def _verdict(self, state: EndState) -> Verdict:
        phone, provider = self._winner or (None, None)
        waiting = [
            Refusal(
                place.provider,
                place.prevented or f"not needed: {provider} had found a number",
                bool(place.prevented),
                place.over,
            )
            for place in self._places.values()
            if place.prevented or (place.is_open and provider)
        ]
        return Verdict(state, phone, provider, (*waiting, *self._refused))


def _is_answer(outcome: Outcome) -> bool:
    match outcome:
        case Hit() | Miss():
            return True
        case Rejected(fault=Fault.QUESTION):
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
