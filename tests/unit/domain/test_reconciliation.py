"""What follows from a provider's report, lookup by lookup."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.reconciliation import Claim, Comparison, Coverage, Dispute, Reported, compare
from tests.builders import LEASE, NOW, lookup, us_phone

PRICE = 20_000
REPORTED_AT = NOW + timedelta(hours=1)
EVERYTHING = Coverage(None, REPORTED_AT)
HIT = Hit(us_phone(0), "2025550100")
LOST = Unknown("timed out")
TURNED_DOWN = Rejected(Fault.BROKEN, "HTTP 500")


def closed(outcome: Outcome, charges: Charges = Charges.REQUEST) -> Lookup:
    """A lookup of 20,000 micro-USD that ended so."""
    return lookup(held_micros=PRICE).closed(outcome, charges, NOW + timedelta(seconds=2))


def beside(
    of: Lookup, charged: int | None, coverage: Coverage | None = EVERYTHING, calls: int = 1
) -> Comparison:
    """What follows from this charge for so many calls, or (None) from there being no line."""
    reported = None if charged is None else Reported(of.provider, charged, calls)
    return compare(of, reported, coverage, REPORTED_AT)


def claim(of: Lookup, dispute: Dispute, reported: int) -> Claim:
    """A claim about a lookup."""
    return Claim(dispute, of.provider, of.key, of.posted_micros, reported)


@pytest.mark.parametrize(
    ("outcome", "charges", "charged"),
    [
        (HIT, Charges.REQUEST, PRICE),
        (Miss(), Charges.REQUEST, PRICE),
        (Miss(), Charges.HIT, 0),
        (TURNED_DOWN, Charges.REQUEST, 0),
        (NotSent("no route"), Charges.REQUEST, 0),
    ],
)
def test_agreement_changes_nothing(outcome: Outcome, charges: Charges, charged: int) -> None:
    """Where report and ledger say the same, there is nothing to do and nothing to claim."""
    assert beside(closed(outcome, charges), charged) == Comparison()


@pytest.mark.parametrize("charged", [None, 0, PRICE])
def test_an_open_lookup_is_left_to_its_owner(charged: int | None) -> None:
    """What is under way will be settled by whoever asks it."""
    assert beside(lookup(held_micros=PRICE), charged) == Comparison()


@pytest.mark.parametrize("charged", [0, 5_000, PRICE])
def test_a_lost_answer_is_settled_at_its_charge(charged: int) -> None:
    """The report tells what it cost; nothing stays estimated, and a price that was assumed is no dispute."""
    lost = closed(LOST)
    comparison = beside(lost, charged)
    assert comparison == Comparison(settled=lost.charged(charged, REPORTED_AT))
    assert comparison.settled is not None
    assert comparison.settled.state is LookupState.SETTLED
    assert (comparison.settled.posted_micros, comparison.settled.estimated_micros) == (charged, 0)


def test_a_lost_answer_that_cost_more_than_its_price_is_claimed() -> None:
    """It is settled as charged, and the excess is the provider's to explain."""
    lost = closed(LOST)
    comparison = beside(lost, PRICE + 1)
    assert comparison.settled == lost.charged(PRICE + 1, REPORTED_AT)
    assert comparison.claim == claim(lost, Dispute.OTHER_PRICE, PRICE + 1)


def test_a_lost_answer_that_is_not_on_the_report_was_never_received() -> None:
    """Where the report tells of everything, a question that it does not know never arrived: it is free."""
    lost = closed(LOST)
    comparison = beside(lost, None)
    assert comparison == Comparison(settled=lost.never_received(REPORTED_AT))
    assert comparison.settled is not None
    assert (comparison.settled.state, comparison.settled.cost_micros) == (LookupState.NOT_SENT, 0)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (NOW + timedelta(microseconds=1), REPORTED_AT),
        (None, NOW + LEASE - timedelta(microseconds=1)),
        (NOW - timedelta(days=2), NOW - timedelta(days=1)),
    ],
)
def test_a_report_of_another_time_says_nothing(since: datetime | None, until: datetime) -> None:
    """A question made before its beginning, or still under way at its end, may be missing for that reason."""
    coverage = Coverage(since, until)
    assert beside(closed(LOST), None, coverage) == Comparison()
    assert beside(closed(HIT), None, coverage) == Comparison()


@pytest.mark.parametrize("since", [None, NOW])
def test_a_report_covers_its_ends(since: datetime | None) -> None:
    """A question of its first moment, whose lease ended in its last one, would be on it."""
    assert Coverage(since, NOW + LEASE).includes(lookup())


@pytest.mark.parametrize("outcome", [LOST, HIT])
def test_a_report_that_does_not_name_the_provider_says_nothing(outcome: Outcome) -> None:
    """The silence of one provider's report about another is no news."""
    assert beside(closed(outcome), None, None) == Comparison()


@pytest.mark.parametrize("outcome", [HIT, Miss()])
def test_an_answer_that_was_not_billed_is_named(outcome: Outcome) -> None:
    """The ledger keeps it as posted, since it may be billed yet."""
    answered = closed(outcome)
    assert beside(answered, None) == Comparison(claim=claim(answered, Dispute.NOT_BILLED, 0))


@pytest.mark.parametrize(
    ("outcome", "charges"),
    [(Miss(), Charges.HIT), (TURNED_DOWN, Charges.REQUEST), (NotSent("no route"), Charges.REQUEST)],
)
def test_what_was_free_need_not_be_on_the_report(outcome: Outcome, charges: Charges) -> None:
    """Nothing was posted, nothing is missing."""
    assert beside(closed(outcome, charges), None) == Comparison()


@pytest.mark.parametrize(
    ("outcome", "charges", "charged", "calls", "dispute"),
    [
        (HIT, Charges.REQUEST, PRICE - 1, 1, Dispute.OTHER_PRICE),
        (HIT, Charges.REQUEST, 0, 0, Dispute.OTHER_PRICE),
        (HIT, Charges.REQUEST, 2 * PRICE, 1, Dispute.OTHER_PRICE),
        (HIT, Charges.REQUEST, 2 * PRICE, 2, Dispute.TWICE),
        (Miss(), Charges.REQUEST, PRICE + 1, 2, Dispute.TWICE),
        (Miss(), Charges.HIT, PRICE, 1, Dispute.OTHER_PRICE),
        (TURNED_DOWN, Charges.REQUEST, PRICE, 1, Dispute.FOR_AN_ERROR),
        (NotSent("no route"), Charges.REQUEST, PRICE, 1, Dispute.FOR_AN_ERROR),
    ],
)
def test_another_charge_is_booked_and_claimed(
    outcome: Outcome, charges: Charges, charged: int, calls: int, dispute: Dispute
) -> None:
    """The ledger then equals the invoice, and the difference is the provider's to explain."""
    answered = closed(outcome, charges)
    comparison = beside(answered, charged, calls=calls)
    assert comparison.settled == answered.charged(charged, REPORTED_AT)
    assert comparison.settled.posted_micros == charged
    assert comparison.claim == claim(answered, dispute, charged)


def test_a_question_that_never_left_and_was_charged_is_lost() -> None:
    """It was received after all: it stands as one whose answer is lost, not as one to be sent again."""
    charged = beside(closed(NotSent("its ticket ran out")), PRICE).settled
    assert charged is not None
    assert (charged.state, charged.posted_micros) == (LookupState.SETTLED, PRICE)
    assert isinstance(charged.outcome, Unknown)


@pytest.mark.parametrize("charged", [PRICE, 0, 2 * PRICE])
def test_a_second_report_may_correct_the_first(charged: int) -> None:
    """A lost answer that was settled by a report is no dispute when another one says otherwise."""
    settled = closed(LOST).charged(5_000, REPORTED_AT)
    comparison = beside(settled, charged)
    assert comparison == Comparison(settled=settled.charged(charged, REPORTED_AT))


def test_the_same_report_twice_changes_nothing_more() -> None:
    """What it has settled it agrees with."""
    for outcome, charged in ((LOST, PRICE), (LOST, 0), (TURNED_DOWN, PRICE), (HIT, 5_000)):
        settled = beside(closed(outcome), charged).settled
        assert settled is not None
        assert beside(settled, charged) == Comparison()
    unsent = beside(closed(LOST), None).settled
    assert unsent is not None
    assert beside(unsent, None) == Comparison()


def test_a_settled_lookup_keeps_when_it_was_settled() -> None:
    """A correction of the price is not another answer."""
    settled = beside(closed(HIT), 5_000).settled
    assert settled is not None
    assert settled.settled_at == NOW + timedelta(seconds=2)
    assert replace(settled, posted_micros=PRICE) == closed(HIT)
