"""The quota of a month: a budget that counts lookups."""

from datetime import date

import pytest

from leadgen.domain.budget import LOOKUP_MICROS, Budget, OverBudget, Span
from leadgen.domain.lookup import LookupState
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.tier import Tier
from tests.builders import ACCOUNT, NOW, lookup, us_phone

MARCH = date(2026, 3, 31)


def quota(lookups: int = 10, *, used: int = 0, held: int = 0) -> Budget:
    """A quota that counts in March."""
    return Budget(
        Span.MONTH, ACCOUNT, lookups * LOOKUP_MICROS, used * LOOKUP_MICROS, held * LOOKUP_MICROS, MARCH
    )


def test_tiers() -> None:
    """Free, pro and enterprise accounts get 100, 1,000 and any number of lookups a month."""
    assert [tier.lookups_per_month for tier in Tier] == [100, 1_000, None]


@pytest.mark.parametrize("price", [0, 1, 20_000, 10**12])
def test_a_lookup_is_one_whatever_it_costs(price: int) -> None:
    """The price is no matter; the last of the quota is given, then none."""
    assert quota(used=9).refusal(price) is None
    assert quota(used=9, held=1).refusal(price) == OverBudget(Span.MONTH, is_final=False)
    refusal = quota(used=10).refusal(price)
    assert refusal == OverBudget(Span.MONTH, is_final=True)
    assert refusal.why == "quota: the month's lookups are used up"


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Hit(us_phone(), ""), True),
        (Hit(None, "?"), True),
        (Miss(), True),
        (Unknown("timed out"), True),
        (NotSent("no route"), False),
        *((Rejected(fault, ""), False) for fault in Fault),
    ],
)
def test_what_counts(outcome: Outcome, *, counts: bool) -> None:
    """Held while it is under way, used once it was answered or may have been; taken out, nothing is left."""
    intent = lookup(state=LookupState.INTENDED)
    assert quota().plus(intent) == quota(held=1)
    closed = intent.closed(outcome, Charges.HIT, NOW)
    assert quota().plus(intent).minus(intent).plus(closed) == quota(used=int(counts))
    assert quota(used=int(counts)).minus(closed) == quota()


@pytest.mark.parametrize(
    ("day", "is_new"),
    [
        (date(2026, 3, 1), False),
        (date(2026, 2, 1), False),
        (date(2026, 4, 1), True),
        (date(2027, 3, 31), True),
    ],
)
def test_months(day: date, *, is_new: bool) -> None:
    """It begins anew with a later month."""
    assert (quota(used=5, held=1).on(day).left_micros == 10 * LOOKUP_MICROS) == is_new


def test_what_it_covers() -> None:
    """All lookups of its account that were intended in its month."""
    assert quota().covers(lookup(job_id="job-1"), date(2026, 3, 1))
    assert not quota().covers(lookup(), date(2026, 4, 1))
    assert not quota().covers(lookup(), date(2025, 3, 31))
    assert not quota().covers(lookup(account="umbrella"), MARCH)
