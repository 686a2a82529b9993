"""What the past tells of providers."""

import pytest

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.market import ALL, PastCall, PastLead, performances
from leadgen.domain.panel import is_in_panel, share_of

LEADS = [
    PastLead("US", [PastCall("orion", False, 20_000, 1.0), PastCall("astra", True, 10_000, 0.2)]),
    PastLead("US", [PastCall("orion", True, 20_000, 3.0), PastCall("astra", True, 10_000)], is_panel=True),
    PastLead("GB", [PastCall("orion", True, 20_000, 2.0)]),
]


def test_performances() -> None:
    """Calls, hits, price and time, by segment and over all."""
    found = performances(LEADS)
    orion = found["orion", ALL]
    assert (orion.calls, orion.hits, orion.micros_per_hit) == (3, 2, 30_000)
    assert (orion.quantile_seconds(0.5), orion.quantile_seconds(0.95)) == (2.0, 3.0)
    assert (found["orion", "US"].calls, found["orion", "GB"].calls) == (2, 1)
    assert ("astra", "GB") not in found


def test_overlap() -> None:
    """Of the numbers of one, those that the other had, too, where both were asked."""
    found = performances(LEADS)
    assert found["orion", ALL].overlap("astra") == 1.0
    assert found["astra", ALL].overlap("orion") == 0.5
    assert found["orion", "GB"].overlap("astra") is None


def test_nothing_to_divide_by() -> None:
    """Who never had a number, or a time, has no price per number and no latency."""
    found = performances([PastLead("US", [PastCall("orion", False, 20_000)])])["orion", "US"]
    assert (found.micros_per_hit, found.quantile_seconds(0.5)) == (None, None)


def test_the_panel_is_a_share() -> None:
    """About as many leads as asked for, the same ones every time, other ones in another job."""
    drawn = [number for number in range(10_000) if is_in_panel(0.01, "job-1", f"question {number}")]
    assert 70 < len(drawn) < 130
    assert drawn == [number for number in range(10_000) if is_in_panel(0.01, "job-1", f"question {number}")]
    assert drawn != [number for number in range(10_000) if is_in_panel(0.01, "job-2", f"question {number}")]
    assert not is_in_panel(0.0, "job-1", "question")


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.5 %", 0.005), ("100%", 1.0), ("0%", 0.0)])
def test_share(text: str, share: float) -> None:
    """Shares are given in per cent."""
    assert share_of(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["1", "101%", "-1%", "%", "many"])
def test_no_share(text: str) -> None:
    """What is no share is refused."""
    with pytest.raises(InvalidSetting):
        share_of(text)
