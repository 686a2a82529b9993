"""A paid question: its key, its states, its money."""

from datetime import timedelta

import pytest

from leadgen.domain.lookup import REPEAT_WITHIN, REUSE, REUSE_MISSES, Lookup, LookupState, lookup_key
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


def test_closing_notes_how_long_the_call_took() -> None:
    """A late answer says nothing of that; what was never sent took no time."""
    lost = lookup().closed(Unknown("timed out"), Charges.REQUEST, AT, took_seconds=10.0)
    assert lost.took_seconds == 10.0
    assert lost.closed(Miss(), Charges.REQUEST, AT).took_seconds == 10.0
    assert lost.closed(Miss(), Charges.REQUEST, AT, took_seconds=0.0).took_seconds == 0.0
    assert lost.never_received(AT).took_seconds is None
    assert lookup().closed(NotSent("no route"), Charges.REQUEST, AT, took_seconds=1.0).took_seconds is None
    assert lookup().abandoned(AT).took_seconds is None


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


def test_a_number_that_was_removed_answers_nothing() -> None:
    """Whoever comes back after having been removed is asked about anew, though it was paid for."""
    assert not lookup(state=LookupState.SETTLED, outcome=Hit(None, "")).answers_at(NOW)


def test_an_answer_is_good_for_thirty_days() -> None:
    """On the thirtieth day to the microsecond it is asked anew."""
    assert timedelta(days=30) == REUSE
    assert lookup().answers_at(NOW)
    assert lookup().answers_at(NOW + REUSE - timedelta(microseconds=1))
    assert not lookup().answers_at(NOW + REUSE)
    hit = lookup(state=LookupState.SETTLED, outcome=HIT)
    assert hit.answers_at(NOW + REUSE - timedelta(microseconds=1), timedelta())


@pytest.mark.parametrize("outcome", [Miss(), UNPLACED, Rejected(Fault.QUESTION, "404")])
def test_no_number_is_good_for_as_long_as_is_set(outcome: Outcome) -> None:
    """Providers learn of people: a week, unless it is set otherwise, and never longer than a number is."""
    ended = lookup(state=LookupState.SETTLED, outcome=outcome)
    assert timedelta(days=7) == REUSE_MISSES
    for last, given in ((REUSE_MISSES, ()), (timedelta(days=2), (timedelta(days=2),))):
        assert ended.answers_at(NOW + last - timedelta(microseconds=1), *given)
        assert not ended.answers_at(NOW + last, *given)
    assert not ended.answers_at(NOW + REUSE, timedelta(days=90))


@pytest.mark.parametrize(
    ("state", "outcome", "posted", "estimated", "answers"),
    [
        (LookupState.SETTLED, Unknown("?"), 0, 0, False),
        (LookupState.SETTLED, Unknown("?"), PRICE, 0, True),
        (LookupState.UNKNOWN, Unknown("?"), 0, PRICE, True),
        (LookupState.UNKNOWN, Unknown("?"), 0, 0, True),
        (LookupState.SETTLED, Miss(), 0, 0, True),
    ],
)
def test_a_lost_answer_that_was_free_answers_nothing(
    state: LookupState, outcome: Outcome, posted: int, estimated: int, answers: bool
) -> None:
    """What the provider has charged nothing for is asked anew; what may have cost something is not."""
    ended = lookup(state=state, outcome=outcome, posted_micros=posted, estimated_micros=estimated)
    assert ended.answers_at(AT) is answers


def test_a_key_is_known_for_a_day() -> None:
    """Within 24 hours of the first question a repeat costs nothing more; to the microsecond."""
    assert timedelta(hours=24) == REPEAT_WITHIN
    assert lookup().may_repeat(NOW + REPEAT_WITHIN - timedelta(microseconds=1))
    assert not lookup().may_repeat(NOW + REPEAT_WITHIN)


def repeated() -> Lookup:
    """A lookup that is being asked once more under its key."""
    return lookup(held_micros=PRICE, repeats=1)


@pytest.mark.parametrize("outcome", [HIT, Miss()])
def test_a_repeat_that_is_answered_settles(outcome: Outcome) -> None:
    """Its answer is that of the question which was sent first, at its price, once."""
    after = repeated().closed(outcome, Charges.REQUEST, AT)
    assert (after.state, after.outcome) == (LookupState.SETTLED, outcome)
    assert (after.posted_micros, after.estimated_micros, after.repeats) == (PRICE, 0, 1)


@pytest.mark.parametrize(
    "outcome",
    [
        *(Rejected(fault, "turned down") for fault in Fault),
        NotSent("no connection"),
        NotSent("its ticket ran out", late=True),
    ],
    ids=str,
)
def test_a_repeat_without_an_answer_leaves_the_first_in_doubt(outcome: Rejected | NotSent) -> None:
    """That the repeat was turned down or never left says nothing of what was sent before."""
    after = repeated().closed(outcome, Charges.REQUEST, AT)
    assert after.state is LookupState.UNKNOWN
    assert after.outcome == Unknown(f"repeated: {outcome.detail}")
    assert (after.posted_micros, after.estimated_micros, after.held_micros) == (0, PRICE, 0)


def test_a_late_answer_settles_what_was_estimated() -> None:
    """What was assumed becomes what it cost."""
    lost = lookup(held_micros=PRICE).abandoned(AT)
    after = lost.closed(Miss(), Charges.REQUEST, AT)
    assert (after.state, after.posted_micros, after.estimated_micros) == (LookupState.SETTLED, PRICE, 0)
    free = lost.closed(Miss(), Charges.HIT, AT)
    assert (free.state, free.cost_micros) == (LookupState.SETTLED, 0)


def test_a_reported_charge_settles() -> None:
    """What the provider says is what it costs; when its answer came, or was given up, stays."""
    lost = lookup(held_micros=PRICE).abandoned(AT)
    after = lost.charged(7_000, AT + LEASE)
    assert (after.state, after.posted_micros, after.estimated_micros) == (LookupState.SETTLED, 7_000, 0)
    assert (after.outcome, after.settled_at) == (lost.outcome, AT)
    assert lookup().charged(1, AT).settled_at == AT


def test_what_was_never_received_may_be_asked_again() -> None:
    """It is free, and no repeat any more: under its key the provider has had nothing."""
    lost = repeated().abandoned(AT)
    after = lost.never_received(AT)
    assert (after.state, after.cost_micros, after.repeats) == (LookupState.NOT_SENT, 0, 0)
    assert isinstance(after.outcome, NotSent)


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
