"""A paid question: its key, its states, its money."""

from datetime import timedelta

import pytest

from leadgen.domain.lookup import REUSE, LookupState, lookup_key
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import LEASE, NOW, lookup, us_phone

PRICE = 20_000
HIT = Hit(us_phone(0), "2025550100")
UNPLACED = Hit(None, "2025550100")
AT = NOW + timedelta(seconds=3)


@pytest.mark.parametrize(
    ("outcome", "charges", "state", "posted", "estimated"),
    [
        (HIT, Charges.REQUEST, LookupState.SETTLED, PRICE, 0),
        (HIT, Charges.HIT, LookupState.SETTLED, PRICE, 0),
        (UNPLACED, Charges.REQUEST, LookupState.SETTLED, PRICE, 0),
        (Miss(), Charges.REQUEST, LookupState.SETTLED, PRICE, 0),
        (Miss(), Charges.HIT, LookupState.SETTLED, 0, 0),
        (Rejected(Fault.BROKEN, "500"), Charges.REQUEST, LookupState.SETTLED, 0, 0),
        (Rejected(Fault.QUESTION, "404"), Charges.REQUEST, LookupState.SETTLED, 0, 0),
        (NotSent("no connection"), Charges.REQUEST, LookupState.NOT_SENT, 0, 0),
        (Unknown("timed out"), Charges.REQUEST, LookupState.UNKNOWN, 0, PRICE),
        (Unknown("timed out"), Charges.HIT, LookupState.UNKNOWN, 0, PRICE),
    ],
)
def test_an_outcome_settles_state_and_money(
    outcome: Outcome, charges: Charges, state: LookupState, posted: int, estimated: int
) -> None:
    """A failed call that may have been charged is never free on paper, and nothing stays held."""
    closed = lookup(held_micros=PRICE).closed(outcome, charges, AT)
    assert closed.state is state
    assert (closed.held_micros, closed.posted_micros, closed.estimated_micros) == (0, posted, estimated)
    assert closed.cost_micros == posted + estimated
    assert (closed.outcome, closed.settled_at) == (outcome, AT)


def test_closing_keeps_what_was_asked() -> None:
    """The outcome changes nothing of the question, its number, or whose it was."""
    before = lookup(provider="astra", n=2, job_id="job-1")
    after = before.closed(Miss(), Charges.REQUEST, AT)
    assert (after.key, after.provider, after.n, after.job_id) == (before.key, "astra", 2, "job-1")
    assert (after.lead_id, after.account, after.created_at) == (before.lead_id, before.account, NOW)


def test_an_open_lookup_costs_nothing_yet() -> None:
    """What is held is not spent."""
    assert lookup(held_micros=PRICE).cost_micros == 0


def test_a_lookup_whose_owner_died_counts_as_charged() -> None:
    """It may have been asked: booked as estimated, with an outcome that says why."""
    after = lookup(held_micros=PRICE).abandoned(AT)
    assert after.state is LookupState.UNKNOWN
    assert isinstance(after.outcome, Unknown)
    assert (after.held_micros, after.estimated_micros) == (0, PRICE)


@pytest.mark.parametrize(
    ("state", "age", "abandoned"),
    [
        (LookupState.INTENDED, timedelta(0), False),
        (LookupState.INTENDED, LEASE - timedelta(microseconds=1), False),
        (LookupState.INTENDED, LEASE, True),
        (LookupState.SETTLED, LEASE * 2, False),
        (LookupState.NOT_SENT, LEASE * 2, False),
        (LookupState.UNKNOWN, LEASE * 2, False),
    ],
)
def test_an_intent_is_abandoned_when_its_lease_is_over(
    state: LookupState, age: timedelta, abandoned: bool
) -> None:
    """Only an open lookup has an owner to lose."""
    assert lookup(state=state).is_abandoned(NOW + age) is abandoned


def test_an_answer_is_good_for_thirty_days() -> None:
    """On the thirtieth day to the microsecond it is asked anew."""
    assert timedelta(days=30) == REUSE
    assert lookup().answers_at(NOW)
    assert lookup().answers_at(NOW + REUSE - timedelta(microseconds=1))
    assert not lookup().answers_at(NOW + REUSE)


def test_the_key_tells_purchases_apart() -> None:
    """Account, question, provider and number each make another purchase."""
    keys = {
        lookup_key("a", "q", "orion", 0),
        lookup_key("b", "q", "orion", 0),
        lookup_key("a", "r", "orion", 0),
        lookup_key("a", "q", "astra", 0),
        lookup_key("a", "q", "orion", 1),
    }
    assert len(keys) == 5
    assert {len(key) for key in keys} == {64}


def test_the_key_is_the_same_in_every_run() -> None:
    """Jobs, owners and times never enter it: a repeated workflow meets its own purchase again."""
    one = lookup(job_id="job-1", owner="worker-1", created_at=NOW, held_micros=1)
    other = lookup(job_id="job-2", owner="worker-2", created_at=AT, held_micros=2, lead_id="lead-9")
    assert one.key == other.key == lookup_key("acme", one.question, "orion", 0)
