"""The backtest: exact by the panel, weighed by the rest, silent where too little is known."""

from __future__ import annotations

import pytest

from leadgen.domain.backtest import LEADS_MIN, backtest
from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.provider import Charges
from leadgen.domain.replay import Replayed, Terms, replay
from leadgen.domain.search_options import SearchOptions, Strategy
from tests.builders import config

CONFIGS = {
    "orion": config("orion", price_micros=20_000),
    "astra": config("astra", price_micros=10_000),
}
TERMS = Terms(CONFIGS)


def lead(*calls: tuple[str, bool], is_panel: bool = False) -> PastLead:
    """A lead about which these were asked, one after the other."""
    return PastLead("US", [PastCall(name, is_hit, 0) for name, is_hit in calls], is_panel)


PANEL = [lead(("orion", True), ("astra", number % 2 == 0), is_panel=True) for number in range(400)]


def test_the_panel_tells_any_order() -> None:
    """Half of the leads cost astra's price alone, the others both; each has a number."""
    verdict = backtest(PANEL, lambda _: ("astra", "orion"), TERMS)
    assert (verdict.method, verdict.leads) == ("panel", 400)
    assert verdict.cost_micros is not None
    assert verdict.coverage is not None
    assert verdict.cost_micros.mean == pytest.approx(20_000)
    assert verdict.cost_micros.low == pytest.approx(20_000 - 1.96 * 10_000 / 20, rel=1e-3)
    assert verdict.coverage.mean == 1


def test_another_price() -> None:
    """What is charged for is what the configuration says, not what was paid."""
    by_hit = {**CONFIGS, "astra": config("astra", price_micros=30_000, charges=Charges.HIT)}
    verdict = backtest(PANEL, lambda _: ("astra", "orion"), Terms(by_hit))
    assert verdict.cost_micros is not None
    assert verdict.cost_micros.mean == pytest.approx((30_000 + 20_000) / 2)


def test_an_order_that_was_never_asked_has_no_verdict() -> None:
    """Nothing is made up: leads that stopped at the first number tell nothing about the second provider."""
    past = [lead(("orion", True)) for _ in range(1_000)]
    verdict = backtest(past, lambda _: ("astra", "orion"), TERMS)
    assert (verdict.method, verdict.cost_micros, verdict.leads) == (None, None, 0)


@pytest.mark.parametrize(("leads", "is_told"), [(LEADS_MIN - 1, False), (LEADS_MIN, True)])
def test_too_few_leads(leads: int, is_told: bool) -> None:
    """Fewer than two hundred leads are no evidence, panel or not."""
    verdict = backtest([lead(("astra", True))] * leads, lambda _: ("astra", "orion"), TERMS)
    assert (verdict.method is not None) == is_told


def test_rare_leads_weigh_more() -> None:
    """Of two segments, the one that was seldom asked in this order stands for as many leads as it has."""
    often = [PastLead("US", [PastCall("astra", True, 0)])] * 900
    seldom = [PastLead("GB", [PastCall("astra", False, 0), PastCall("orion", True, 0)])] * 300
    other = [PastLead("GB", [PastCall("orion", True, 0)])] * 600
    verdict = backtest([*often, *seldom, *other], lambda _: ("astra", "orion"), TERMS)
    assert verdict.method == "weights"
    assert verdict.cost_micros is not None
    assert verdict.cost_micros.mean == pytest.approx((10_000 + 30_000) / 2)


def timed(name: str, seconds: float, *, is_hit: bool) -> PastCall:
    """An answer, and how long it took."""
    return PastCall(name, is_hit, 0, seconds)


HEDGED = SearchOptions(Strategy.HEDGED, hedge_after_seconds=0.5, grace_seconds=0.25)
AT_ONCE = SearchOptions(Strategy.PARALLEL, grace_seconds=0.25)
LATE = PastLead("US", [timed("orion", 2.0, is_hit=True), timed("astra", 0.3, is_hit=True)], is_panel=True)
SOON = PastLead("US", [timed("orion", 0.4, is_hit=True), timed("astra", 0.3, is_hit=True)], is_panel=True)
MISSED = PastLead("US", [timed("orion", 0.2, is_hit=False), LATE.calls[1]], is_panel=True)


@pytest.mark.parametrize(
    ("options", "past", "cost_micros", "seconds"),
    [
        (SearchOptions(), LATE, 20_000, 2.0),
        (SearchOptions(), MISSED, 30_000, 0.5),
        (HEDGED, LATE, 30_000, 0.5 + 0.3 + 0.25),
        (HEDGED, SOON, 20_000, 0.4),
        (HEDGED, MISSED, 30_000, 0.5),
        (AT_ONCE, LATE, 30_000, 0.3 + 0.25),
        (AT_ONCE, SOON, 30_000, 0.4),
    ],
)
def test_another_strategy(options: SearchOptions, past: PastLead, cost_micros: int, seconds: float) -> None:
    """The engine decides in virtual time: what is sent is paid, and a better rank has its grace."""
    found = replay(past, ("orion", "astra"), Terms(CONFIGS, options))
    assert found is not None
    assert (found.cost_micros, found.is_found) == (cost_micros, True)
    assert found.seconds == pytest.approx(seconds)


def test_each_provider_is_late_by_its_own_pace() -> None:
    """Hedged after p95, a provider that is always slow is given its time."""
    by_pace = SearchOptions(Strategy.HEDGED)
    patient = replay(LATE, ("orion", "astra"), Terms(CONFIGS, by_pace, {"orion": 3.0}))
    assert patient == Replayed(20_000, is_found=True, seconds=2.0)


def test_time_that_is_not_on_record() -> None:
    """Without it a hedge cannot be replayed; all at once and one by one can, and have no time."""
    untimed = PastLead("US", [PastCall("orion", True, 0), timed("astra", 0.3, is_hit=True)], is_panel=True)
    assert replay(untimed, ("orion", "astra"), Terms(CONFIGS, HEDGED)) is None
    for options in (SearchOptions(), AT_ONCE):
        found = replay(untimed, ("orion", "astra"), Terms(CONFIGS, options))
        assert found is not None
        assert found.seconds is None


def test_races_are_judged_by_the_panel_alone() -> None:
    """Who stopped at the first number does not tell what others would have answered meanwhile."""
    past = [PastLead("US", [timed("astra", 0.3, is_hit=True)])] * 1_000
    assert backtest(past, lambda _: ("astra",), Terms(CONFIGS, AT_ONCE)).method is None
    verdict = backtest([LATE, SOON, MISSED] * 100, lambda _: ("orion", "astra"), Terms(CONFIGS, AT_ONCE))
    assert verdict.cost_micros is not None
    assert verdict.seconds is not None
    assert verdict.p95_seconds is not None
    assert verdict.cost_micros.mean == 30_000
    assert verdict.seconds.mean == pytest.approx((0.55 + 0.4 + 0.3) / 3)
    assert (verdict.p95_seconds.low, verdict.p95_seconds.high) == pytest.approx((0.55, 0.55))


def test_time_by_weights() -> None:
    """Searches one after the other take what their answers took."""
    quick = PastLead("US", [timed("astra", 1.0, is_hit=True)])
    slow = PastLead("US", [timed("astra", 1.0, is_hit=False), timed("orion", 2.0, is_hit=True)])
    verdict = backtest([quick, slow] * 200, lambda _: ("astra", "orion"), TERMS)
    assert verdict.seconds is not None
    assert verdict.seconds.mean == pytest.approx(2.0)
    assert verdict.p95_seconds is None


def test_what_a_race_asked_beyond_the_first_number_does_not_count() -> None:
    """Leads that were searched all at once tell of a search one after the other what that would have seen."""
    alone = [PastLead("US", [PastCall("astra", True, 0)])] * 200
    raced = [PastLead("US", [PastCall("astra", True, 0), PastCall("orion", False, 0)])] * 200
    verdict = backtest(alone + raced, lambda _: ("astra", "orion"), TERMS)
    assert (verdict.method, verdict.leads) == ("weights", 400)
    assert verdict.cost_micros is not None
    assert verdict.cost_micros.mean == 10_000


def test_segments_of_which_nothing_is_known_are_not_passed_over() -> None:
    """Where more than a tenth of the leads were never asked in that order, there is no verdict on all."""
    known = [PastLead("US", [PastCall("astra", True, 0)])] * 800
    unknown = [PastLead("GB", [PastCall("orion", True, 0)])] * 200
    verdict = backtest(known + unknown, lambda _: ("astra", "orion"), TERMS)
    assert (verdict.method, verdict.leads) == (None, 800)
    assert backtest(known + unknown[:80], lambda _: ("astra", "orion"), TERMS).method == "weights"
