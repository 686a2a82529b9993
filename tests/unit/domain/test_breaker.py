"""The circuit breaker: what opens it, who may try, and what closes it."""

from __future__ import annotations

import dataclasses
import random
from datetime import timedelta

import pytest

from leadgen.domain.breaker import (
    DOUBT_MAX,
    PROBE_SECONDS,
    Barred,
    Breaker,
    BreakerState,
    Cause,
    Mark,
    mark_of,
)
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import NOW, us_phone

CLOSED = Breaker("orion")
GOOD, BAD = Mark(), Mark(failed="HTTP 503")
HIT, MISS = Mark(is_hit=True, expected=0.4), Mark(expected=0.4)


def opened(cause: Cause = Cause.FAILURES) -> Breaker:
    """A breaker that has just opened."""
    marks = {Cause.FAILURES: [BAD] * 20, Cause.ACCOUNT: [Mark(account="HTTP 402")], Cause.YIELD: [MISS] * 60}
    breaker = CLOSED.after(marks[cause], NOW)
    assert (breaker.state, breaker.cause) == (BreakerState.OPEN, cause)
    return breaker


@pytest.mark.parametrize(
    ("outcome", "mark"),
    [
        (Hit(us_phone(), "555"), Mark(is_hit=True, expected=0.4)),
        (Hit(None, "555"), Mark(expected=0.4)),
        (Miss(), Mark(expected=0.4)),
        (Rejected(Fault.QUESTION, "HTTP 404"), Mark()),
        (Rejected(Fault.BROKEN, "HTTP 500"), Mark(failed="HTTP 500")),
        (Rejected(Fault.ACCOUNT, "HTTP 402"), Mark(account="HTTP 402")),
        (Unknown("no answer"), Mark(failed="no answer")),
        (NotSent("no connection"), Mark(failed="no connection")),
        (NotSent("too late", late=True), None),
        (Rejected(Fault.BUSY, "HTTP 429"), None),
    ],
)
def test_what_an_outcome_says(outcome: Outcome, mark: Mark | None) -> None:
    """Our own limits and a ticket that ran out say nothing about the provider's health."""
    assert mark_of(outcome, 0.4) == mark


def test_failures_open_it() -> None:
    """Three fifths of the last calls, at least twenty; told with the last of them."""
    assert CLOSED.after([BAD] * 19, NOW).state is BreakerState.CLOSED
    assert CLOSED.after([GOOD, GOOD, BAD, BAD] * 100, NOW).state is BreakerState.CLOSED
    breaker = CLOSED.after([GOOD] * 50 + [BAD] * 30, NOW)
    assert breaker.state is BreakerState.OPEN
    assert breaker.why == "30 of the last 50 calls failed, the last one: HTTP 503"
    assert breaker.barred(NOW) == Barred(f"breaker open: {breaker.why}, next try 12:00:15 UTC", breaker.until)


def test_an_account_that_is_refused_opens_it_at_once() -> None:
    """One refused key or empty wallet is enough: every further call would be refused, too."""
    breaker = CLOSED.after([GOOD, Mark(account="HTTP 402, the wallet is empty"), GOOD], NOW)
    assert (breaker.state, breaker.cause) == (BreakerState.OPEN, Cause.ACCOUNT)
    assert "the wallet is empty" in breaker.told


def test_an_open_one_may_be_tried_after_a_while() -> None:
    """Who tries it has half a minute, then somebody else may."""
    breaker = opened()
    assert breaker.until is not None
    assert not breaker.is_due(breaker.until - timedelta(seconds=1))
    assert breaker.is_due(breaker.until)
    tried = breaker.tried(breaker.until)
    assert tried.state is BreakerState.HALF_OPEN
    assert not tried.is_due(breaker.until)
    assert tried.is_due(breaker.until + timedelta(seconds=PROBE_SECONDS))


@pytest.mark.parametrize("cause", list(Cause))
def test_tries_that_go_well_close_it(cause: Cause) -> None:
    """As many as its cause asks for; nothing is held against the provider afterwards."""
    tried = opened(cause).tried(NOW)
    almost = tried.after([GOOD] * (cause.probes - 1), NOW)
    assert almost.state is BreakerState.HALF_OPEN
    closed = almost.after([GOOD], NOW)
    assert closed == Breaker("orion", closed.version, since=NOW)


def test_what_is_waited_for() -> None:
    """A job waits for short trouble; not for a wallet, and not for a provider that has failed for long."""
    breaker, waits = opened(), list[bool]()
    for _ in range(6):
        barred = breaker.barred(NOW)
        assert barred is not None
        assert breaker.until is not None
        waits.append(barred.again_at == breaker.until)
        breaker = breaker.tried(breaker.until).after([BAD], breaker.until)
    assert waits == [True, True, True, True, False, False]
    wallet = opened(Cause.ACCOUNT)
    assert wallet.barred(NOW) == Barred(wallet.told, None)
    assert CLOSED.barred(NOW) is None


def test_calls_that_try_it_are_not_waited_for_to_their_last_second() -> None:
    """They mostly take a moment; where nobody comes back from them, somebody else tries."""
    tried = opened().tried(NOW)
    assert tried.until is not None
    assert tried.barred(NOW) == Barred(tried.told, NOW + timedelta(seconds=2))
    almost = tried.until - timedelta(seconds=1)
    assert tried.barred(almost) == Barred(tried.told, tried.until)


def test_a_second_prober_goes_on_where_the_first_one_was() -> None:
    """What went well before its prober was gone counts."""
    almost = opened().tried(NOW).after([GOOD, GOOD], NOW)
    assert almost.tried(NOW + timedelta(minutes=1)).after([GOOD], NOW).state is BreakerState.CLOSED


def test_a_try_that_fails_opens_it_for_longer() -> None:
    """Twice as long each time, up to a bound; it is open since it first was."""
    breaker, waits = opened(), list[float]()
    for _ in range(8):
        assert breaker.until is not None
        now = breaker.until
        breaker = breaker.tried(now).after([BAD], now)
        assert breaker.until is not None
        waits.append((breaker.until - now).total_seconds())
    assert waits == [30, 60, 120, 240, 480, 600, 600, 600]
    assert breaker.since == NOW


def test_a_first_doubt_is_tested_at_once_and_a_confirmed_one_is_left_alone() -> None:
    """A job with a false alarm stands still for a second; one with a bad provider pays for few trials."""
    breaker, waits = opened(Cause.YIELD), list[float]()
    for _ in range(4):
        assert breaker.until is not None
        now = breaker.until
        waits.append((now - NOW).total_seconds())
        breaker = breaker.tried(now).after([MISS] * 60, now)
    assert breaker.until is not None
    assert waits == [1, 61, 181, 421]
    assert breaker.barred(breaker.until) == Barred(breaker.told, None)


def test_a_refused_account_while_it_is_tried() -> None:
    """The cause is what keeps it open now."""
    breaker = opened().tried(NOW).after([Mark(account="HTTP 401")], NOW)
    assert (breaker.state, breaker.cause, breaker.why) == (BreakerState.OPEN, Cause.ACCOUNT, "HTTP 401")


def test_an_open_one_heeds_nothing() -> None:
    """Answers to calls that were under way change nothing."""
    assert opened().after([GOOD] * 100, NOW) == opened()


def test_by_hand() -> None:
    """Whoever closes it starts with a clean sheet."""
    assert opened(Cause.YIELD).closed(NOW) == Breaker("orion", since=NOW)


def test_a_silent_fall_opens_it() -> None:
    """It still answers, and has a number half as often as calls like these used to bring."""
    chance = random.Random(1)
    calls = [Mark(is_hit=chance.random() < 0.2, expected=0.4) for _ in range(250)]
    breaker = CLOSED.after(calls, NOW)
    assert (breaker.state, breaker.cause) == (BreakerState.OPEN, Cause.YIELD)
    assert "its hits fell" in breaker.why


def test_other_leads_are_no_fall() -> None:
    """Leads of which less is expected bring less, and nobody doubts the provider for it."""
    chance = random.Random(1)
    calls = [Mark(is_hit=chance.random() < 0.2, expected=0.2) for _ in range(2_000)]
    assert CLOSED.after(calls, NOW).state is BreakerState.CLOSED
    unknown = [dataclasses.replace(call, expected=None) for call in calls]
    assert CLOSED.after(unknown, NOW).doubt == 0


def test_half_the_evidence_opens_it_again() -> None:
    """A provider that is tried after a fall is believed less than before."""
    tried = opened(Cause.YIELD).tried(NOW)
    assert tried.doubt == DOUBT_MAX / 2
    again = tried.after([MISS] * 39, NOW)
    assert (again.state, again.cause, again.times) == (BreakerState.OPEN, Cause.YIELD, 2)


def test_a_doubt_that_is_dispelled_closes_it() -> None:
    """Hits as usual speak for it as soon as they outweigh the doubt, long before all have tried it."""
    tried = opened(Cause.YIELD).tried(NOW)
    almost = tried.after([HIT, MISS, HIT] * 4, NOW)
    assert almost.state is BreakerState.HALF_OPEN
    assert almost.after([HIT], NOW) == Breaker("orion", since=NOW)


@pytest.mark.parametrize("failing", [0.0, 0.05])
@pytest.mark.parametrize(("share", "is_closed"), [(1.0, True), (0.5, False)])
def test_a_false_alarm_is_over_soon(share: float, is_closed: bool, failing: float) -> None:
    """Of providers that are tried after a doubt, those as good as ever are taken back, the others are not.

    A call that fails now and then says nothing of hits.
    """
    closed = 0
    for seed in range(200):
        chance = random.Random(seed)
        tried = opened(Cause.YIELD).tried(NOW)
        while tried.state is BreakerState.HALF_OPEN:
            answered = Mark(is_hit=chance.random() < 0.4 * share, expected=0.4)
            is_failed = failing > 0 and chance.random() < failing
            tried = tried.after_call(Mark(failed="timed out") if is_failed else answered, NOW)
        closed += tried.state is BreakerState.CLOSED
    assert closed >= 195 if is_closed else closed <= 30
