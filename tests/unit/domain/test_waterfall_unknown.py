"""The waterfall where an answer is lost: what each policy pays for, live and from the history."""

from datetime import datetime

import pytest

from leadgen.domain.budget import Span
from leadgen.domain.lead import EndState
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, OnUnknown, Outcome, Rejected, Unknown
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import (
    TRIES,
    Answered,
    Ask,
    Candidate,
    Held,
    Moves,
    Plan,
    Tick,
    Verdict,
    Waterfall,
)
from tests.builders import NOW, us_phone

LOST = Unknown("timed out")
HIT = Hit(us_phone(0), "2025550100")
GO_ON = [OnUnknown.ASSUME, OnUnknown.RECALL]


def waterfall(on_unknown: OnUnknown, *history: Answered, tries: int = TRIES) -> Waterfall:
    """Orion under this policy, then astra."""
    return Waterfall(
        Plan([Candidate("orion", tries=tries, on_unknown=on_unknown), Candidate("astra")]), history
    )


def asks_of(search: Waterfall, *outcomes: Outcome) -> tuple[list[Ask], Verdict | None]:
    """All that is asked while these outcomes come, time passing where it is waited for, and the verdict."""
    asked: list[Ask] = []
    now: datetime = NOW
    moves: Moves = search.step(Tick(), now)
    for outcome in (*outcomes, None):
        if moves.wake_at is not None:
            now = moves.wake_at
            moves = search.step(Tick(), now)
        asked += moves.asks
        if outcome is None or not moves.asks:
            break
        moves = search.step(Answered(moves.asks[0].provider, moves.asks[0].n, outcome), now)
    return asked, moves.verdict


@pytest.mark.parametrize("policy", GO_ON)
def test_assume_goes_on_to_the_next(policy: OnUnknown) -> None:
    """What may have been charged is not asked again: not live, and not by a later search."""
    assert asks_of(waterfall(policy), LOST)[0] == [Ask("orion", 0), Ask("astra", 0)]
    assert asks_of(waterfall(policy, Answered("orion", 0, LOST)))[0] == [Ask("astra", 0)]


def test_repeat_asks_the_same_question_after_a_pause() -> None:
    """Under the same number, so under the same key; the next provider waits meanwhile."""
    search = waterfall(OnUnknown.REPEAT)
    search.step(Tick(), NOW)
    moves = search.step(Answered("orion", 0, LOST), NOW)
    assert moves.asks == ()
    assert moves.wake_at is not None
    assert moves.wake_at > NOW
    assert search.step(Tick(), moves.wake_at).asks == (Ask("orion", 0),)


def test_repeats_end_with_the_tries() -> None:
    """A provider whose answers are lost again and again is given up, and the lead stays incomplete."""
    asked, verdict = asks_of(waterfall(OnUnknown.REPEAT), *[LOST] * TRIES, Miss())
    assert asked == [*[Ask("orion", 0)] * TRIES, Ask("astra", 0)]
    assert verdict == Verdict(
        EndState.INCOMPLETE, unasked=(Refusal("orion", "gave up after repeats: timed out", prevents=True),)
    )


@pytest.mark.parametrize("policy", [OnUnknown.REPEAT, OnUnknown.RETRY])
def test_an_answer_to_the_second_question_counts(policy: OnUnknown) -> None:
    """What was lost and found is as good as any other answer."""
    found = asks_of(waterfall(policy), LOST, HIT)[1]
    assert found is not None
    assert (found.state, found.provider) == (EndState.FOUND, "orion")
    assert asks_of(waterfall(policy), LOST, Miss(), Miss())[1] == Verdict(EndState.NOT_FOUND)


def test_repeat_goes_on_from_the_history() -> None:
    """A later search repeats what an earlier one left open."""
    lost = Answered("orion", 4, LOST)
    assert asks_of(waterfall(OnUnknown.REPEAT, lost))[0] == [Ask("orion", 4)]
    verdict = asks_of(waterfall(OnUnknown.REPEAT, lost), Miss(), Miss())[1]
    assert verdict == Verdict(EndState.NOT_FOUND)


def test_repeat_from_the_history_needs_a_try() -> None:
    """Where the tries are used up nothing is asked, and the doubt stays."""
    asked, verdict = asks_of(waterfall(OnUnknown.REPEAT, Answered("orion", 0, LOST), tries=0), Miss())
    assert asked == [Ask("astra", 0)]
    assert verdict is not None
    assert verdict.state is EndState.INCOMPLETE


def test_retry_asks_once_more_under_a_new_number() -> None:
    """Another purchase, at the risk of one more hit's price; the second doubt ends it."""
    asked, verdict = asks_of(waterfall(OnUnknown.RETRY), LOST, LOST, Miss())
    assert asked == [Ask("orion", 0), Ask("orion", 1), Ask("astra", 0)]
    assert verdict is not None
    assert verdict.state is EndState.INCOMPLETE


def test_retry_counts_the_history() -> None:
    """One more in all, not one more in each run."""
    once = [Answered("orion", 0, LOST)]
    assert asks_of(waterfall(OnUnknown.RETRY, *once), LOST, Miss())[0] == [Ask("orion", 1), Ask("astra", 0)]
    twice = [*once, Answered("orion", 1, LOST)]
    assert asks_of(waterfall(OnUnknown.RETRY, *twice), Miss())[0] == [Ask("astra", 0)]


def test_retry_does_not_forget_over_other_failures() -> None:
    """An error between two doubts gives no third paid question."""
    broken = Rejected(Fault.BROKEN, "HTTP 500")
    asked, _ = asks_of(waterfall(OnUnknown.RETRY), LOST, broken, LOST, Miss())
    assert asked == [*(Ask("orion", n) for n in range(3)), Ask("astra", 0)]
    history = [Answered("orion", 0, LOST), Answered("orion", 1, broken)]
    asked, _ = asks_of(waterfall(OnUnknown.RETRY, *history), LOST, Miss())
    assert asked == [Ask("orion", 2), Ask("astra", 0)]


def test_a_repeat_that_never_left_keeps_its_number() -> None:
    """A ticket that ran out under a repeat costs neither a try nor the number."""
    late = NotSent("the limits changed hands", late=True)
    asked, _ = asks_of(waterfall(OnUnknown.REPEAT), LOST, *[late] * TRIES, HIT)
    assert asked == [Ask("orion", 0)] * (TRIES + 2)


# ---------------------------------------------------------------- budgets


def test_a_question_over_budget_names_the_budget() -> None:
    """Given up for good it leaves the lead incomplete, for want of money alone."""
    search = waterfall(OnUnknown.ASSUME)
    search.step(Tick(), NOW)
    moves = search.step(Held("orion", "budget: the job's is used up", None, Span.JOB), NOW)
    assert moves.asks == (Ask("astra", 0),)
    verdict = search.step(Answered("astra", 0, Miss()), NOW).verdict
    assert verdict == Verdict(
        EndState.INCOMPLETE,
        unasked=(Refusal("orion", "budget: the job's is used up", prevents=True, over=Span.JOB),),
    )
    assert verdict.is_over_budget


def test_a_number_makes_up_for_want_of_money() -> None:
    """Found is found; more money would change nothing."""
    search = waterfall(OnUnknown.ASSUME)
    search.step(Tick(), NOW)
    search.step(Held("orion", "budget: the job's is used up", None, Span.JOB), NOW)
    verdict = search.step(Answered("astra", 0, HIT), NOW).verdict
    assert verdict is not None
    assert verdict.state is EndState.FOUND
    assert not verdict.is_over_budget


def test_other_troubles_are_no_want_of_money() -> None:
    """A doubt leaves a lead incomplete whatever the budget."""
    verdict = asks_of(waterfall(OnUnknown.ASSUME), LOST, Miss())[1]
    assert verdict is not None
    assert verdict.state is EndState.INCOMPLETE
    assert not verdict.is_over_budget


def test_a_refusal_of_the_plan_may_be_for_want_of_money() -> None:
    """What was refused before anything was asked counts as well."""
    refused = (Refusal("orion", "budget: the day's is used up", prevents=True, over=Span.DAY),)
    verdict = Waterfall(Plan([], refused)).step(Tick(), NOW).verdict
    assert verdict is not None
    assert verdict.is_over_budget
