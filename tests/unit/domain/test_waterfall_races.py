"""Races, case by case; test_race_properties.py tries every order of events."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadgen.domain.lead import EndState
from leadgen.domain.phone import LineType, WantedLine
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import (
    Answered,
    Ask,
    Candidate,
    Find,
    Held,
    Moves,
    Plan,
    Reused,
    Sent,
    Tick,
    Waterfall,
    WhenHeld,
)
from tests.builders import NOW, us_phone

MS = timedelta(milliseconds=1)
NAMES = ("orion", "astra", "nimbus")


def hit(last: int, line: LineType = LineType.MOBILE) -> Hit:
    """A number of its own."""
    return Hit(us_phone(last, line=line), "x")


def race(
    stagger: timedelta | None,
    grace: timedelta = timedelta(),
    *,
    when_held: WhenHeld = WhenHeld.WAIT,
    staggers: Sequence[timedelta | None] = (None, None, None),
) -> Waterfall:
    """A race of three, ranked as they are named."""
    candidates = [Candidate(name, rank=rank, stagger=staggers[rank]) for rank, name in enumerate(NAMES)]
    return Waterfall(Plan(candidates, when_held=when_held, stagger=stagger, grace=grace))


def answer(provider: str, outcome: Outcome) -> Answered:
    """What the first question to a provider brought."""
    return Answered(provider, 0, outcome)


def test_parallel_asks_all_at_once() -> None:
    """All are asked in the order of their ranks, and then there is nothing to wake up for."""
    assert race(timedelta()).step(Tick(), NOW) == Moves(asks=tuple(Ask(name, 0) for name in NAMES))


def test_hedged_asks_the_next_when_one_is_late() -> None:
    """One question a stagger, counted from when the one before was sent."""
    search = race(500 * MS)
    assert search.step(Tick(), NOW) == Moves(asks=(Ask("orion", 0),))
    assert search.step(Sent("orion"), NOW) == Moves(wake_at=NOW + 500 * MS)
    assert search.step(Tick(), NOW + 499 * MS) == Moves(wake_at=NOW + 500 * MS)
    assert search.step(Tick(), NOW + 510 * MS) == Moves(asks=(Ask("astra", 0),))
    assert search.step(Sent("astra"), NOW + 510 * MS) == Moves(wake_at=NOW + 1010 * MS)


def test_who_waits_in_our_own_queue_is_not_late() -> None:
    """A hedge is for a slow provider: until the question has left, nobody else is asked instead."""
    search = race(500 * MS)
    search.step(Tick(), NOW)
    assert search.step(Tick(), NOW + 60_000 * MS) == Moves()
    sent = NOW + 60_000 * MS
    assert search.step(Sent("orion"), sent) == Moves(wake_at=sent + 500 * MS)
    search.step(Tick(), sent + 500 * MS)
    assert search.step(Sent("orion"), sent + 600 * MS) == Moves(), "astra is waited for, and only that counts"


def test_hedged_asks_the_next_at_once_after_a_miss() -> None:
    """Who has answered is not late: the next one starts at the earlier of the two moments."""
    search = race(500 * MS)
    search.step(Tick(), NOW)
    search.step(Sent("orion"), NOW)
    assert search.step(answer("orion", Miss()), NOW + 100 * MS) == Moves(asks=(Ask("astra", 0),))
    assert search.step(Sent("astra"), NOW + 110 * MS) == Moves(wake_at=NOW + 610 * MS)


def test_each_provider_is_late_by_its_own_pace() -> None:
    """A candidate's stagger goes before the plan's."""
    search = race(500 * MS, staggers=(2_000 * MS, None, None))
    search.step(Tick(), NOW)
    assert search.step(Sent("orion"), NOW).wake_at == NOW + 2_000 * MS
    search.step(Tick(), NOW + 2_000 * MS)
    assert search.step(Sent("astra"), NOW + 2_000 * MS).wake_at == NOW + 2_500 * MS


def test_a_number_lets_all_others_go() -> None:
    """The verdict comes with the questions that nobody needs any more, and names them."""
    search = race(timedelta())
    search.step(Tick(), NOW)
    moves = search.step(answer("orion", hit(0)), NOW)
    assert moves.let_go == (Ask("astra", 0), Ask("nimbus", 0))
    assert moves.verdict is not None
    assert (moves.verdict.state, moves.verdict.provider) == (EndState.FOUND, "orion")
    assert [refusal.reason for refusal in moves.verdict.unasked] == ["let go: orion had found a number"] * 2


def test_a_number_waits_for_a_better_one_under_way() -> None:
    """Within the grace the better-ranked wins; what is worse is let go at once, and nobody new is asked."""
    search = race(timedelta(), 250 * MS)
    search.step(Tick(), NOW)
    moves = search.step(answer("astra", hit(1)), NOW)
    assert moves == Moves(let_go=(Ask("nimbus", 0),), wake_at=NOW + 250 * MS)
    verdict = search.step(answer("orion", hit(0)), NOW + 249 * MS).verdict
    assert verdict is not None
    assert (verdict.provider, verdict.phone) == ("orion", us_phone(0, line=LineType.MOBILE))


def test_grace_comes_to_an_end() -> None:
    """A number waits once, and no longer than that; then the better one is let go."""
    search = race(timedelta(), 250 * MS)
    search.step(Tick(), NOW)
    search.step(answer("nimbus", hit(2)), NOW)
    assert search.step(answer("astra", hit(1)), NOW + 200 * MS) == Moves(wake_at=NOW + 250 * MS)
    moves = search.step(Tick(), NOW + 250 * MS)
    assert moves.let_go == (Ask("orion", 0),)
    assert moves.verdict is not None
    assert moves.verdict.provider == "astra"


@pytest.mark.parametrize(
    "event",
    [
        answer("orion", Miss()),
        answer("orion", Rejected(Fault.BUSY, "429")),
        answer("orion", NotSent("late", late=True)),
        Held("orion", "limit", NOW + 5_000 * MS),
    ],
    ids=lambda event: type(getattr(event, "outcome", event)).__name__,
)
def test_grace_is_only_for_who_is_under_way(event: Answered | Held) -> None:
    """Once the better one has nothing, or would have to be asked again, the number is handed out."""
    search = race(timedelta(), 250 * MS)
    search.step(Tick(), NOW)
    search.step(answer("astra", hit(1)), NOW)
    verdict = search.step(event, NOW + 100 * MS).verdict
    assert verdict is not None
    assert verdict.provider == "astra"


def test_wait_keeps_only_its_own_place() -> None:
    """In a race a held provider is as late as a silent one, and is asked as soon as it is free."""
    search = race(500 * MS)
    search.step(Tick(), NOW)
    until = NOW + 800 * MS
    assert search.step(Held("orion", "limit", until), NOW) == Moves(wake_at=NOW + 500 * MS)
    assert search.step(Tick(), NOW + 500 * MS).asks == (Ask("astra", 0),)
    assert search.step(Tick(), until).asks == (Ask("orion", 0),)


def test_spill_asks_the_next_at_once() -> None:
    """With nobody under way there is no stagger to keep."""
    search = race(500 * MS, when_held=WhenHeld.SPILL)
    search.step(Tick(), NOW)
    assert search.step(Held("orion", "limit", NOW + 5_000 * MS), NOW).asks == (Ask("astra", 0),)


def test_what_was_not_sent_in_time_is_repeated_without_losing_its_turn() -> None:
    """A ticket that ran out is nobody's fault, in a race neither."""
    search = race(timedelta())
    search.step(Tick(), NOW)
    assert search.step(answer("orion", NotSent("late", late=True)), NOW).asks == (Ask("orion", 0),)


# ---------------------------------------------------------------- the wanted line


def test_a_landline_does_not_end_a_search_for_a_mobile() -> None:
    """It is kept as second best while the others are asked; "not found" then means no mobile."""
    plan = Plan([Candidate("orion"), Candidate("astra", rank=1)], line=WantedLine.MOBILE)
    search = Waterfall(plan)
    search.step(Tick(), NOW)
    assert search.step(answer("orion", hit(0, LineType.LANDLINE)), NOW).asks == (Ask("astra", 0),)
    verdict = search.step(answer("astra", Miss()), NOW).verdict
    assert verdict is not None
    assert (verdict.state, verdict.phone, verdict.provider) == (EndState.NOT_FOUND, None, None)
    assert verdict.second_best == Find(us_phone(0, line=LineType.LANDLINE), "orion")


def test_a_mobile_makes_the_second_best_superfluous() -> None:
    """There is a number of the wanted line, so no other is handed out."""
    search = Waterfall(
        Plan([Candidate("orion"), Candidate("astra", rank=1)], line=WantedLine.MOBILE),
        [answer("orion", hit(0, LineType.LANDLINE))],
    )
    search.step(Tick(), NOW)
    verdict = search.step(answer("astra", hit(1)), NOW).verdict
    assert verdict is not None
    assert (verdict.state, verdict.provider, verdict.second_best) == (EndState.FOUND, "astra", None)


@pytest.mark.parametrize(
    ("line", "any_line", "mobile"),
    [
        (LineType.MOBILE, True, True),
        (LineType.MOBILE_OR_LANDLINE, True, True),
        (LineType.LANDLINE, True, False),
        (LineType.OTHER, True, False),
    ],
)
def test_which_lines_will_do(line: LineType, any_line: bool, mobile: bool) -> None:
    """A plan that does not tell mobile from landline, such as the American one, counts as mobile."""
    assert (WantedLine.ANY.takes(line), WantedLine.MOBILE.takes(line)) == (any_line, mobile)


# ---------------------------------------------------------------- the stop rule


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (Candidate("orion", price_micros=20_000, chance=0.4), None),
        (Candidate("orion", price_micros=20_001, chance=0.4), "price: $0.020001 is more than 0.40 x $0.05"),
        (Candidate("orion", price_micros=90_000, chance=None), None),
        (Candidate("orion", price_micros=1, chance=0.0), "price: $0.000001 is more than 0.00 x $0.05"),
        (Candidate("orion", price_micros=50_000, chance=0.1, charges=Charges.HIT), None),
        (
            Candidate("orion", price_micros=60_000, chance=0.9, charges=Charges.HIT),
            "price: $0.06 a number is more than $0.05",
        ),
    ],
)
def test_who_is_not_worth_asking(candidate: Candidate, reason: str | None) -> None:
    """A call is skipped whose expected charge exceeds chance times worth; of unknown chance it is made."""
    moves = Waterfall(Plan([candidate], max_price_micros=50_000)).step(Tick(), NOW)
    if reason is None:
        assert moves.asks == (Ask("orion", 0),)
    else:
        assert moves.verdict is not None
        assert moves.verdict.state is EndState.INCOMPLETE, "nobody was asked"
        assert moves.verdict.unasked == (Refusal("orion", reason, prevents=True),)


def test_a_number_that_is_there_already_costs_nothing() -> None:
    """What was answered before counts, whatever another call would cost."""
    candidate = Candidate("orion", price_micros=90_000, chance=0.1)
    search = Waterfall(Plan([candidate], max_price_micros=50_000), [answer("orion", hit(0))])
    verdict = search.step(Tick(), NOW).verdict
    assert verdict is not None
    assert (verdict.state, verdict.provider) == (EndState.FOUND, "orion")


# ---------------------------------------------------------------- what is saved


def test_saved_is_what_the_search_would_have_paid_for() -> None:
    """Answers of before count up to the one that ends the search; failures never do."""
    history = [
        Answered("orion", 0, Miss(), 20_000),
        Answered("astra", 0, hit(1), 10_000),
        Answered("nimbus", 0, Miss(), 15_000),
    ]
    candidates = [Candidate(name, rank=rank) for rank, name in enumerate(NAMES)]
    verdict = Waterfall(Plan(candidates), history).step(Tick(), NOW).verdict
    assert verdict is not None
    assert verdict.reused == Reused(2, 30_000)
    search = Waterfall(Plan(candidates[:1]), [Answered("orion", 0, Rejected(Fault.BROKEN, "500"), 0)])
    search.step(Tick(), NOW)
    verdict = search.step(Answered("orion", 1, Miss(), 20_000), NOW).verdict
    assert verdict is not None
    assert verdict.reused == Reused(1, 20_000)
