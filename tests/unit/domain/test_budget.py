"""Budgets: what may be held, what is gone, and whose money counts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.budget import Budget, OverBudget, Span
from tests.builders import ACCOUNT, MONEY, lookup

TODAY = date(2026, 3, 1)
YESTERDAY = TODAY - timedelta(days=1)
micros = st.integers(0, 200_000)


def budget(
    span: Span = Span.ACCOUNT, owner: str = ACCOUNT, *, cap: int = 100, used: int = 0, held: int = 0
) -> Budget:
    """A budget that counts today."""
    return Budget(span, owner, cap, used, held, TODAY)


@pytest.mark.parametrize(
    ("used", "held", "price", "refusal"),
    [
        (0, 0, 100, None),
        (0, 0, 0, None),
        (40, 40, 20, None),
        (40, 40, 21, OverBudget(Span.ACCOUNT, is_final=False)),
        (0, 100, 1, OverBudget(Span.ACCOUNT, is_final=False)),
        (99, 1, 1, OverBudget(Span.ACCOUNT, is_final=False)),
        (100, 0, 1, OverBudget(Span.ACCOUNT, is_final=True)),
        (80, 20, 21, OverBudget(Span.ACCOUNT, is_final=True)),
        (0, 0, 101, OverBudget(Span.ACCOUNT, is_final=True)),
        (150, 0, 0, OverBudget(Span.ACCOUNT, is_final=True)),
    ],
)
def test_a_question_fits_or_not(used: int, held: int, price: int, refusal: OverBudget | None) -> None:
    """To the micro-dollar; a refusal is final where the money that is held would not help if it came back."""
    assert budget(used=used, held=held).refusal(price) == refusal


@given(micros, micros, micros, micros)
def test_what_is_accepted_never_exceeds_the_cap(cap: int, used: int, held: int, price: int) -> None:
    """After whatever is accepted, used and held together are within the cap; what is not would exceed it."""
    before = budget(cap=cap, used=used, held=held)
    after = before.moved(held_micros=price, used_micros=0)
    assert (before.refusal(price) is None) == (after.used_micros + after.held_micros <= cap)


@pytest.mark.parametrize(("used", "held", "left"), [(0, 0, 100), (30, 20, 50), (100, 0, 0), (90, 30, 0)])
def test_what_is_left(used: int, held: int, left: int) -> None:
    """Is never negative, though a cap that was lowered may be below what is gone."""
    assert budget(used=used, held=held).left_micros == left


def test_money_moves_from_held_to_used() -> None:
    """What was held for a question becomes used, or comes back."""
    held = budget().moved(held_micros=20, used_micros=0)
    assert (held.held_micros, held.used_micros) == (20, 0)
    used = held.moved(held_micros=-20, used_micros=15)
    assert (used.held_micros, used.used_micros, used.left_micros) == (0, 15, 85)


def test_each_question_has_a_budget_of_its_own() -> None:
    """What one question costs takes nothing from the next: only the price of a single one is bounded."""
    each = budget(Span.LOOKUP)
    assert each.moved(held_micros=90, used_micros=50) == each
    assert each.refusal(100) is None
    assert each.refusal(101) == OverBudget(Span.LOOKUP, is_final=True)


def test_a_day_begins_anew() -> None:
    """On a later day nothing is used or held yet; on the same or an earlier one nothing changes."""
    spent = Budget(Span.DAY, ACCOUNT, 100, 60, 30, YESTERDAY)
    assert spent.on(YESTERDAY) == spent
    assert spent.on(YESTERDAY - timedelta(days=3)) == spent
    assert spent.on(TODAY) == Budget(Span.DAY, ACCOUNT, 100, 0, 0, TODAY)


@pytest.mark.parametrize("span", [Span.JOB, Span.ACCOUNT, Span.LOOKUP])
def test_others_know_no_days(span: Span) -> None:
    """What a job or an account has spent stays spent."""
    spent = Budget(span, ACCOUNT, 100, 60, 30, YESTERDAY)
    assert spent.on(TODAY) == spent


@pytest.mark.parametrize(
    ("span", "owner", "day", "covers"),
    [
        (Span.JOB, "job-1", TODAY, True),
        (Span.JOB, "job-1", YESTERDAY, True),
        (Span.JOB, "job-2", TODAY, False),
        (Span.ACCOUNT, ACCOUNT, YESTERDAY, True),
        (Span.ACCOUNT, "umbrella", TODAY, False),
        (Span.LOOKUP, ACCOUNT, TODAY, True),
        (Span.LOOKUP, "umbrella", TODAY, False),
        (Span.DAY, ACCOUNT, TODAY, True),
        (Span.DAY, ACCOUNT, YESTERDAY, False),
        (Span.DAY, "umbrella", TODAY, False),
    ],
)
def test_whose_money_counts(span: Span, owner: str, day: date, covers: bool) -> None:
    """A job's own, an account's own, and of a day that which was intended on it."""
    assert budget(span, owner).covers(lookup(job_id="job-1"), day) is covers


def test_a_lookup_without_a_job_is_in_no_job_s_budget() -> None:
    """A single question is the account's alone."""
    assert not budget(Span.JOB, "job-1").covers(lookup(job_id=None), TODAY)


@pytest.mark.parametrize("span", MONEY)
def test_the_reason_names_the_budget(span: Span) -> None:
    """Whoever reads it knows which one to raise."""
    assert OverBudget(span, is_final=True).why == f"budget: the {span}'s is used up"
