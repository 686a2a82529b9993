"""Whose turn it is."""

from collections import Counter

import pytest

from leadgen.domain.fair_queue import Claimant, FairQueue

WEIGHTS = {"free": 1, "pro": 2, "enterprise": 4}


def queue_of(*items: tuple[str, str]) -> FairQueue[str]:
    """A queue in which these items wait, each with its account."""
    queue = FairQueue[str]()
    for item, account in items:
        queue.push(item, Claimant(account))
    return queue


def test_one_account_is_served_in_order() -> None:
    """First come, first served."""
    queue = queue_of(("a", "x"), ("b", "x"), ("c", "x"))
    assert [queue.pop() for _ in range(3)] == ["a", "b", "c"]


def test_who_is_furthest_goes_first() -> None:
    """Within its account, and in the order of coming; another account's share stays what it was."""
    queue = queue_of(("fresh", "x"), ("other", "y"), ("fresh too", "x"))
    for item, asked in (("one", 1), ("one too", 1), ("two", 2)):
        queue.push(item, Claimant("x", asked=asked))
    assert [queue.pop() for _ in range(6)] == ["two", "other", "one", "one too", "fresh", "fresh too"]


def test_leaving_before_the_turn() -> None:
    """Whoever does not stay is gone, however many were asked."""
    queue = queue_of(("fresh", "x"), ("gone", "x"))
    queue.push("gone", Claimant("x", asked=1))
    queue.keep(lambda item: item != "gone")
    assert (len(queue), queue.pop()) == (1, "fresh")


def test_an_empty_queue_has_no_turn() -> None:
    """Nothing comes of nothing."""
    with pytest.raises(IndexError):
        FairQueue[str]().pop()


@pytest.mark.parametrize("backlog", [700, 70])
def test_accounts_with_a_backlog_share_by_weight(backlog: int) -> None:
    """Whatever came first, seventy turns are ten, twenty and forty."""
    queue = FairQueue[str]()
    for account, weight in WEIGHTS.items():
        for _ in range(backlog):
            queue.push(account, Claimant(account, weight))
    assert Counter(queue.pop() for _ in range(70)) == {"free": 10, "pro": 20, "enterprise": 40}


def test_accounts_that_never_queue_up_share_by_weight() -> None:
    """Who comes back at once after each turn gets no more than its share."""
    queue, served = FairQueue[str](), Counter[str]()
    for account, weight in WEIGHTS.items():
        queue.push(account, Claimant(account, weight))
    for _ in range(700):
        account = queue.pop()
        served[account] += 1
        queue.push(account, Claimant(account, WEIGHTS[account]))
    assert served == {"free": 100, "pro": 200, "enterprise": 400}


def test_nobody_is_owed_for_time_away() -> None:
    """An account that comes late joins the others as an equal."""
    queue = FairQueue[str]()
    for _ in range(100):
        queue.push("old", Claimant("old"))
    for _ in range(50):
        queue.pop()
    for _ in range(50):
        queue.push("new", Claimant("new"))
    assert Counter(queue.pop() for _ in range(20)) == {"old": 10, "new": 10}


def test_urgent_goes_first() -> None:
    """Whatever else waits, and whoever it belongs to."""
    queue = queue_of(*[("bulk", "x")] * 5)
    queue.push("now", Claimant("x", is_urgent=True))
    queue.push("now too", Claimant("y", is_urgent=True))
    assert {queue.pop(), queue.pop()} == {"now", "now too"}
    assert queue.pop() == "bulk"


def test_what_does_not_stay_is_gone() -> None:
    """The others keep their places."""
    queue = queue_of(("a", "x"), ("b", "x"), ("c", "y"))
    queue.push("d", Claimant("z", is_urgent=True))
    queue.keep(lambda item: item in {"b", "d"})
    assert len(queue) == 2
    assert sorted(queue) == ["b", "d"]
    assert [queue.pop(), queue.pop()] == ["d", "b"]
    assert not queue


def test_urgent_ones_are_counted() -> None:
    """Of all accounts, and until they are served."""
    queue = queue_of(("a", "x"))
    queue.push("b", Claimant("y", is_urgent=True))
    queue.push("c", Claimant("z", is_urgent=True))
    assert queue.urgent == 2
    queue.pop()
    assert queue.urgent == 1
