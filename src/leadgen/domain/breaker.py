"""The circuit breaker of a provider, as a pure step over what its calls say about it.

CLOSED ──► OPEN        too many failures, a refused key or an empty wallet, or hits that silently became rare
  ▲ ▲       │ ▲
  │ └───────┼─┼──      somebody closes it by hand
  │         ▼ │
  └──── HALF_OPEN      after a while a few calls try it: they close it, or open it for longer
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.value import value

WINDOW_CALLS = 50
"""How many of the last calls count."""

CALLS_MIN = 20
FAILURES_MAX = 0.6
"""Which share of them may fail, once there are ``CALLS_MIN``."""

DOUBT_MAX = 10.0
"""How much evidence for a fall by half opens it; chosen on the curve of docs/decisions/0014-breakers.md."""

WAIT_MAX = timedelta(minutes=2)
"""A job waits for a provider that is left alone for so long; beyond, its leads end without it."""

PROBE_SECONDS = 30.0
"""So long the calls that try a provider may take; then somebody else may try."""

_PROBED_WITHIN = timedelta(seconds=2)
"""So long a job waits for such calls before it looks again."""

_ANSWERED, _FAILED = ".", "x"


class BreakerState(StrEnum):
    """Whether a provider may be asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """Why a breaker opened."""

    FAILURES = "failures"
    ACCOUNT = "account"
    YIELD = "yield"

    @property
    def probes(self) -> int:
        """How many calls may try it; when all have gone well, it closes."""
        return {Cause.FAILURES: 3, Cause.ACCOUNT: 1, Cause.YIELD: 120}[self]

    def cool_down(self, times: int) -> timedelta:
        """How long it stays open when it opened so many times in a row."""
        first, second, longest = {
            Cause.FAILURES: (15, 30, 600),
            Cause.ACCOUNT: (60, 120, 3_600),
            Cause.YIELD: (1, 60, 28_800),  # nothing has to recover, and the first alarm may be false
        }[self]
        return timedelta(seconds=first if times == 1 else min(second << min(times - 2, 10), longest))


@value(frozen=True, slots=True)
class Barred:
    """Why a provider is not to be asked, and when it may be again, where that is soon enough to wait for."""

    why: str
    again_at: datetime | None


@value(frozen=True, slots=True)
class Mark:
    """What one call says about its provider: it failed, or answered with a usable number or without.

    ``expected``: the chance of a number that this call had, None where nobody knows. ``account``: why no
    call will be answered.
    """

    failed: str | None = None
    account: str | None = None
    is_hit: bool = False
    expected: float | None = None


def mark_of(outcome: Outcome, expected: float | None = None) -> Mark | None:
    """The mark of an outcome; None where it says nothing about the provider's health."""
    match outcome:
        case Hit(phone):
            return Mark(is_hit=phone is not None, expected=expected)
        case Miss():
            return Mark(expected=expected)
        case Rejected(Fault.ACCOUNT, detail):
            return Mark(account=detail)
        case Rejected(Fault.QUESTION):
            return Mark()
        case Rejected(Fault.BROKEN, detail) | Unknown(detail) | NotSent(detail, late=False):
            return Mark(failed=detail)
        case _:
            return None


@value(frozen=True, slots=True)
class Breaker:
    """The breaker of one provider as it stands; ``version`` tells changes of the same one apart.

    ``until``: when an open one may be tried, and when who tries it has had time enough. ``times``: how often
    it opened in a row. ``window``: the last calls. ``doubt``: the evidence for a fall of the hit rate by
    half. ``probes``: how many calls have gone well while it is being tried.
    """

    provider: str
    version: int = 0
    state: BreakerState = BreakerState.CLOSED
    cause: Cause | None = None
    why: str = ""
    since: datetime | None = None
    until: datetime | None = None
    times: int = 0
    window: str = ""
    doubt: float = 0.0
    probes: int = 0

    def after(self, marks: Iterable[Mark], now: datetime) -> Breaker:
        """This breaker after some calls, in their order; an open one heeds none."""
        breaker = self
        for mark in marks:
            breaker = breaker.after_call(mark, now)
        return breaker

    def after_call(self, mark: Mark, now: datetime) -> Breaker:
        """This breaker after one call."""
        match self.state:
            case BreakerState.CLOSED:
                return self._closed_after(mark, now)
            case BreakerState.HALF_OPEN:
                return self._half_open_after(mark, now)
            case BreakerState.OPEN:
                return self

    def barred(self, now: datetime) -> Barred | None:
        """Why the provider is not to be asked, before ``is_due``; None where it is closed.

        A wallet or a key is not waited for: no time mends those, but somebody's hand.
        """
        if self.cause is None or self.until is None:
            return None
        if self.cause is Cause.ACCOUNT or self.cause.cool_down(self.times) > WAIT_MAX:
            return Barred(self.told, None)
        return Barred(self.told, min(self.until, now + _PROBED_WITHIN) if self.is_tried else self.until)

    @property
    def told(self) -> str:
        """Its state in a few words."""
        if self.state is BreakerState.CLOSED:
            return "breaker closed"
        until = f", next try {self.until:%H:%M:%S} UTC" if self.until and not self.is_tried else ""
        return f"breaker {'half open' if self.is_tried else 'open'}: {self.why}{until}"

    @property
    def is_tried(self) -> bool:
        """Whether a few calls may try the provider now."""
        return self.state is BreakerState.HALF_OPEN

    def is_due(self, now: datetime) -> bool:
        """Whether somebody may try the provider: it was left alone long enough, or who tried it is gone."""
        return self.state is not BreakerState.CLOSED and self.until is not None and self.until <= now

    def tried(self, now: datetime) -> Breaker:
        """This breaker while somebody tries the provider with ``cause.probes`` calls."""
        is_first = self.state is BreakerState.OPEN
        return dataclasses.replace(
            self,
            state=BreakerState.HALF_OPEN,
            until=now + timedelta(seconds=PROBE_SECONDS),
            probes=0 if is_first else self.probes,
            doubt=DOUBT_MAX / 2 if is_first else self.doubt,
        )

    def closed(self, now: datetime) -> Breaker:
        """This breaker closed, with nothing held against the provider."""
        return Breaker(self.provider, self.version, since=now)

    def _closed_after(self, mark: Mark, now: datetime) -> Breaker:
        if mark.account is not None:
            return self._opened(Cause.ACCOUNT, mark.account, now)
        window = self._window_after(mark)
        if mark.failed is not None and _fails(window):
            return self._opened(Cause.FAILURES, _failures(window, mark.failed), now)
        doubt = doubt_after(self.doubt, mark)
        if doubt > DOUBT_MAX:
            return self._opened(Cause.YIELD, _fallen(mark), now)
        return dataclasses.replace(self, window=window, doubt=doubt)

    def _half_open_after(self, mark: Mark, now: datetime) -> Breaker:
        if mark.account is not None:
            return self._opened(Cause.ACCOUNT, mark.account, now)
        if self.cause is Cause.YIELD:
            return self._doubted_after(mark, now)
        cause = self.cause or Cause.FAILURES
        if mark.failed is not None:
            return self._opened(cause, self.why, now)
        return self._probed(now, self.window, self.doubt)

    def _doubted_after(self, mark: Mark, now: datetime) -> Breaker:
        """While hits are what is doubted, a call that fails now and then is none of the evidence."""
        window, doubt = self._window_after(mark), doubt_after(self.doubt, mark)
        if mark.failed is not None and _fails(window):
            return self._opened(Cause.FAILURES, _failures(window, mark.failed), now)
        if doubt > DOUBT_MAX:
            return self._opened(Cause.YIELD, self.why, now)
        return self.closed(now) if self.doubt > 0 and doubt == 0 else self._probed(now, window, doubt)

    def _probed(self, now: datetime, window: str, doubt: float) -> Breaker:
        """One more call has tried it: closed once that were all."""
        probes = self.probes + 1
        if probes >= (self.cause or Cause.FAILURES).probes:
            return self.closed(now)
        return dataclasses.replace(self, probes=probes, window=window, doubt=doubt)

    def _window_after(self, mark: Mark) -> str:
        return (self.window + (_ANSWERED if mark.failed is None else _FAILED))[-WINDOW_CALLS:]

    def _opened(self, cause: Cause, why: str, now: datetime) -> Breaker:
        times = self.times + 1
        since = now if self.state is BreakerState.CLOSED else self.since
        return Breaker(
            self.provider,
            self.version,
            BreakerState.OPEN,
            cause,
            why[:200],
            since,
            now + cause.cool_down(times),
            times,
        )


def _fails(window: str) -> bool:
    return len(window) >= CALLS_MIN and window.count(_FAILED) >= FAILURES_MAX * len(window)


def _failures(window: str, last: str) -> str:
    return f"{window.count(_FAILED)} of the last {len(window)} calls failed, the last one: {last}"


def doubt_after(doubt: float, mark: Mark) -> float:
    """The evidence for a fall of the hit rate by half: a cumulative sum of log likelihood ratios (Page).

    Each call is held against the chance it had, so that other leads or another place in the order, which
    change the hit rate by good right, raise no doubt.
    """
    if mark.expected is None or mark.failed is not None or not 0.0 < mark.expected < 1.0:
        return doubt
    step = math.log(0.5) if mark.is_hit else math.log((1 - mark.expected / 2) / (1 - mark.expected))
    return max(0.0, doubt + step)


def _fallen(mark: Mark) -> str:
    usual = f"{mark.expected:.0%} of calls" if mark.expected is not None else "more"
    return f"it answers, but its hits fell by about half; {usual} like the last used to give a number"
