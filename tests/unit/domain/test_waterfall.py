"""The waterfall, case by case; test_waterfall_properties.py tries everything."""

from datetime import datetime, timedelta

import pytest

from leadgen.domain.lead import EndState
from leadgen.domain.provider import Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
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

PHONE = us_phone(0)
HIT = Hit(PHONE, "2025550100")
UNPLACED = Hit(None, "2025550100")
REPEATED: list[Outcome] = [
    Rejected(Fault.BUSY, "429"),
    Rejected(Fault.BROKEN, "500"),
    NotSent("no connection"),
]


def waterfall(
    *names: str, refused: tuple[Refusal, ...] = (), history: tuple[Answered, ...] = ()
) -> Waterfall:
    """A waterfall over these providers, best first."""
    return Waterfall(Plan([Candidate(name) for name in names], refused), history)


def asked(moves: Moves) -> Ask:
    """The one question that is to be asked now."""
    assert moves.verdict is None
    (ask,) = moves.asks
    return ask


def ended(moves: Moves) -> Verdict:
    """The verdict, which must be there, and nothing else with it."""
    assert moves.verdict is not None
    assert moves.asks == ()
    assert moves.wake_at is None
    return moves.verdict


def answer(of: Waterfall, outcome: Outcome, now: datetime = NOW) -> Moves:
    """Asks what is to be asked, and answers it."""
    ask = asked(of.step(Tick(), now))
    return of.step(Answered(ask.provider, ask.n, outcome), now)


def test_the_best_is_asked_first_and_alone() -> None:
    """Providers are asked one after the other, in the order of the plan."""
    search = waterfall("orion", "astra")
    assert search.step(Tick(), NOW).asks == (Ask("orion", 0),)
    assert search.step(Tick(), NOW + timedelta(minutes=1)) == Moves()


def test_a_usable_number_ends_the_search() -> None:
    """Nobody else is asked, which the verdict says of those who were not."""
    search = waterfall("orion", "astra")
    verdict = ended(answer(search, HIT))
    assert (verdict.state, verdict.phone, verdict.provider) == (EndState.FOUND, PHONE, "orion")
    assert verdict.unasked == (Refusal("astra", "not needed: orion had found a number"),)
    assert ended(search.step(Tick(), NOW)) == verdict


@pytest.mark.parametrize("outcome", [Miss(), UNPLACED, Rejected(Fault.QUESTION, "404")])
def test_an_answer_without_a_usable_number_goes_on_to_the_next(outcome: Outcome) -> None:
    """When all have answered so, nothing was found."""
    search = waterfall("orion", "astra")
    assert asked(answer(search, outcome)) == Ask("astra", 0)
    verdict = ended(search.step(Answered("astra", 0, outcome), NOW))
    assert verdict == Verdict(EndState.NOT_FOUND)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Unknown("timed out"), "timed out"), (Rejected(Fault.ACCOUNT, "401"), "401")],
)
def test_a_doubt_goes_on_to_the_next_and_prevents_not_found(outcome: Outcome, reason: str) -> None:
    """An outage never looks like "no phone": the lead stays incomplete, and the verdict says why."""
    search = waterfall("orion", "astra")
    assert asked(answer(search, outcome)) == Ask("astra", 0)
    verdict = ended(search.step(Answered("astra", 0, Miss()), NOW))
    assert verdict.state is EndState.INCOMPLETE
    (refusal,) = verdict.unasked
    assert (refusal.provider, refusal.prevents) == ("orion", True)
    assert reason in refusal.reason


def test_a_number_from_the_next_makes_up_for_a_doubt() -> None:
    """Found is found, whatever went wrong before; the trace keeps it."""
    search = waterfall("orion", "astra")
    answer(search, Unknown("timed out"))
    verdict = ended(search.step(Answered("astra", 0, HIT), NOW))
    assert (verdict.state, verdict.provider) == (EndState.FOUND, "astra")
    assert [(refusal.provider, refusal.prevents) for refusal in verdict.unasked] == [("orion", True)]


@pytest.mark.parametrize("outcome", REPEATED)
def test_a_failure_that_cost_nothing_is_repeated_after_a_pause(outcome: Outcome) -> None:
    """The next is not asked meanwhile, and the pause is one of time, not of ticks."""
    search = waterfall("orion", "astra")
    moves = answer(search, outcome)
    assert moves.asks == ()
    assert moves.wake_at is not None
    assert timedelta(milliseconds=100) <= moves.wake_at - NOW <= timedelta(seconds=10)
    assert search.step(Tick(), moves.wake_at - timedelta(microseconds=1)).asks == ()
    assert asked(search.step(Tick(), moves.wake_at)).provider == "orion"


def test_what_never_left_keeps_its_number_and_what_left_takes_a_new_one() -> None:
    """A question that was sent has its own row in the ledger; one that was not is intended again."""
    search = waterfall("orion")
    moves = answer(search, NotSent("no connection"))
    assert moves.wake_at is not None
    assert asked(search.step(Tick(), moves.wake_at)).n == 0
    moves = search.step(Answered("orion", 0, Rejected(Fault.BROKEN, "500")), moves.wake_at)
    assert moves.wake_at is not None
    assert asked(search.step(Tick(), moves.wake_at)).n == 1


@pytest.mark.parametrize("outcome", REPEATED)
def test_repeats_come_to_an_end(outcome: Outcome) -> None:
    """After the last try the next is asked, and the search ends incomplete, not as not found."""
    search = waterfall("orion", "astra")
    now, waits = NOW, []
    moves = answer(search, outcome, now)
    while moves.wake_at is not None:
        waits.append(moves.wake_at - now)
        now = moves.wake_at
        moves = answer(search, outcome, now)
    assert len(waits) == TRIES - 1
    assert waits == sorted(set(waits))
    assert asked(moves) == Ask("astra", 0)
    verdict = ended(search.step(Answered("astra", 0, Miss()), now))
    assert verdict.state is EndState.INCOMPLETE
    assert [refusal.provider for refusal in verdict.unasked] == ["orion"]


def test_a_plan_says_how_often_to_try() -> None:
    """One try is one question."""
    search = Waterfall(Plan([Candidate("orion", n=4, tries=1)]))
    assert asked(search.step(Tick(), NOW)) == Ask("orion", 4)
    verdict = ended(search.step(Answered("orion", 4, Rejected(Fault.BROKEN, "500")), NOW))
    assert verdict.state is EndState.INCOMPLETE


@pytest.mark.parametrize(("seconds", "pause"), [(30.0, 30.0), (0.0, 0.5), (-5.0, 0.5), (86_400.0, 3_600.0)])
def test_the_pause_that_a_provider_asks_for(seconds: float, pause: float) -> None:
    """It is kept where it is longer than our own, up to an hour."""
    moves = answer(waterfall("orion"), Rejected(Fault.BUSY, "429", retry_after_seconds=seconds))
    assert moves.wake_at == NOW + timedelta(seconds=pause)


def test_a_ticket_that_ran_out_costs_no_try() -> None:
    """It is nobody's fault: the question is asked again at once, under the same number."""
    late = waterfall("orion")
    asked(late.step(Tick(), NOW))
    for _ in range(TRIES * 3):
        assert asked(late.step(Answered("orion", 0, NotSent("late", late=True)), NOW)) == Ask("orion", 0)


def test_a_held_question_waits_in_its_place() -> None:
    """The next provider is not asked instead, and the same question is asked when the time has come."""
    search = waterfall("orion", "astra")
    asked(search.step(Tick(), NOW))
    until = NOW + timedelta(seconds=20)
    assert search.step(Held("orion", "rate limit", until), NOW) == Moves(wake_at=until)
    assert search.step(Tick(), until - timedelta(seconds=1)) == Moves(wake_at=until)
    assert asked(search.step(Tick(), until)) == Ask("orion", 0)


def test_a_question_held_for_good_is_given_up() -> None:
    """An exhausted quota is not "no phone": the next is asked, and the lead stays incomplete."""
    search = waterfall("orion", "astra")
    asked(search.step(Tick(), NOW))
    assert asked(search.step(Held("orion", "daily quota used up", None), NOW)) == Ask("astra", 0)
    verdict = ended(search.step(Answered("astra", 0, Miss()), NOW))
    assert verdict == Verdict(
        EndState.INCOMPLETE, unasked=(Refusal("orion", "daily quota used up", prevents=True),)
    )


@pytest.mark.parametrize(("prevents", "state"), [(False, EndState.NOT_FOUND), (True, EndState.INCOMPLETE)])
def test_refusals_of_the_plan(prevents: bool, state: EndState) -> None:
    """An ineligible provider does not prevent "not found", one that was prevented does; both are named."""
    refused = (Refusal("nimbus", "the lead has no job_title", prevents),)
    verdict = ended(answer(waterfall("orion", refused=refused), Miss()))
    assert verdict == Verdict(state, unasked=refused)


def test_who_has_answered_is_not_missed() -> None:
    """That there is no money for a question that was answered before prevents nothing."""
    refused = (Refusal("orion", "budget", prevents=True), Refusal("astra", "budget", prevents=True))
    search = waterfall(refused=refused, history=(Answered("orion", 0, Miss()),))
    assert ended(search.step(Tick(), NOW)).unasked == refused[1:]
    search = waterfall(refused=refused, history=tuple(Answered(each.provider, 0, Miss()) for each in refused))
    assert ended(search.step(Tick(), NOW)).state is EndState.NOT_FOUND


def test_a_number_in_the_history_asks_nobody() -> None:
    """A search that is repeated after its end pays for nothing."""
    search = waterfall("orion", "astra", history=(Answered("orion", 0, Miss()), Answered("astra", 0, HIT)))
    verdict = ended(search.step(Tick(), NOW))
    assert (verdict.state, verdict.phone, verdict.provider) == (EndState.FOUND, PHONE, "astra")


def test_a_number_of_somebody_who_is_no_candidate_any_more_counts() -> None:
    """What was paid for is used, even if its provider has been switched off since."""
    search = waterfall("orion", history=(Answered("vega", 0, HIT),))
    assert ended(search.step(Tick(), NOW)).provider == "vega"


def test_the_first_number_of_the_history_counts() -> None:
    """A resumed search hands out the number it would have handed out."""
    other = Hit(us_phone(1), "2025550101")
    search = waterfall("orion", "astra", history=(Answered("orion", 0, HIT), Answered("astra", 0, other)))
    assert ended(search.step(Tick(), NOW)).phone == PHONE


@pytest.mark.parametrize("outcome", [Miss(), UNPLACED, Rejected(Fault.QUESTION, "404"), Unknown("timed out")])
def test_what_was_answered_before_is_not_asked_again(outcome: Outcome) -> None:
    """A resumed search goes on where it stood: nothing is paid for twice."""
    search = waterfall("orion", "astra", history=(Answered("orion", 0, outcome),))
    assert asked(search.step(Tick(), NOW)) == Ask("astra", 0)


@pytest.mark.parametrize(
    ("outcome", "n"),
    [
        (NotSent("no connection"), 0),
        (Rejected(Fault.BUSY, "429"), 1),
        (Rejected(Fault.BROKEN, "500"), 1),
        (Rejected(Fault.ACCOUNT, "401"), 1),
    ],
)
def test_what_failed_for_nothing_before_is_asked_again(outcome: Outcome, n: int) -> None:
    """An incomplete lead is resumed for those alone that were prevented, under a number not used before."""
    search = waterfall("orion", "astra", history=(Answered("orion", 0, outcome),))
    assert asked(search.step(Tick(), NOW)) == Ask("orion", n)


def test_a_doubt_of_the_history_keeps_the_lead_incomplete() -> None:
    """What may have been answered and paid is not "not found" a day later either."""
    search = waterfall("orion", history=(Answered("orion", 0, Unknown("timed out")),))
    verdict = ended(search.step(Tick(), NOW))
    assert verdict.state is EndState.INCOMPLETE
    assert [refusal.provider for refusal in verdict.unasked] == ["orion"]


def test_a_raised_number_asks_anew() -> None:
    """What was answered under an earlier number than the plan's is past."""
    search = Waterfall(Plan([Candidate("orion", n=1)]), [Answered("orion", 0, Miss())])
    assert asked(search.step(Tick(), NOW)) == Ask("orion", 1)


def test_an_empty_plan_ends_at_once() -> None:
    """Without anybody to ask there is a verdict all the same, never an endless wait."""
    assert ended(waterfall().step(Tick(), NOW)).state is not EndState.FOUND


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300, 7200.0])
def test_an_absurd_retry_after_waits_an_hour(seconds: float) -> None:
    """However long a provider asks to wait, leadgen looks again after an hour."""
    waterfall = Waterfall(Plan([Candidate("orion")]))
    waterfall.step(Tick(), NOW)
    moves = waterfall.step(Answered("orion", 0, Rejected(Fault.BUSY, "HTTP 429", seconds)), NOW)
    assert moves.wake_at == NOW + timedelta(hours=1)


def test_an_old_hit_below_the_next_question_is_not_an_answer() -> None:
    """A provider that is to be asked anew is asked, whatever it said before."""
    waterfall = Waterfall(Plan([Candidate("orion", n=1)]), [Answered("orion", 0, Hit(PHONE, "x"))])
    assert waterfall.step(Tick(), NOW).asks == (Ask("orion", 1),)
