"""The backtest: exact by the panel, weighed by the rest, silent where too little is known."""

from __future__ import annotations

import pytest

from leadgen.domain.backtest import LEADS_MIN, backtest
from leadgen.domain.market import PastCall, PastLead
from leadgen.domain.provider import Charges
from tests.builders import config

CONFIGS = {
    "orion": config("orion", price_micros=20_000),
    "astra": config("astra", price_micros=10_000),
}


def lead(*calls: tuple[str, bool], is_panel: bool = False) -> PastLead:
    """A lead about which these were asked, one after the other."""
    return PastLead("US", [PastCall(name, is_hit, 0) for name, is_hit in calls], is_panel)


PANEL = [lead(("orion", True), ("astra", number % 2 == 0), is_panel=True) for number in range(400)]


def test_the_panel_tells_any_order() -> None:
    """Half of the leads cost astra's price alone, the others both; each has a number."""
    verdict = backtest(PANEL, lambda _: ("astra", "orion"), CONFIGS)
    assert (verdict.method, verdict.leads) == ("panel", 400)
    assert verdict.cost_micros is not None
    assert verdict.coverage is not None
    assert verdict.cost_micros.mean == pytest.approx(20_000)
    assert verdict.cost_micros.low == pytest.approx(20_000 - 1.96 * 10_000 / 20)
    assert verdict.coverage.mean == 1


def test_another_price() -> None:
    """What is charged for is what the configuration says, not what was paid."""
    by_hit = {**CONFIGS, "astra": config("astra", price_micros=30_000, charges=Charges.HIT)}
    verdict = backtest(PANEL, lambda _: ("astra", "orion"), by_hit)
    assert verdict.cost_micros is not None
    assert verdict.cost_micros.mean == pytest.approx((30_000 + 20_000) / 2)


def test_an_order_that_was_never_asked_has_no_verdict() -> None:
    """Nothing is made up: leads that stopped at the first number tell nothing about the second provider."""
    past = [lead(("orion", True)) for _ in range(1_000)]
    verdict = backtest(past, lambda _: ("astra", "orion"), CONFIGS)
    assert (verdict.method, verdict.cost_micros, verdict.leads) == (None, None, 0)


@pytest.mark.parametrize(("leads", "is_told"), [(LEADS_MIN - 1, False), (LEADS_MIN, True)])
def test_too_few_leads(leads: int, is_told: bool) -> None:
    """Fewer than two hundred leads are no evidence, panel or not."""
    verdict = backtest([lead(("astra", True))] * leads, lambda _: ("astra", "orion"), CONFIGS)
    assert (verdict.method is not None) == is_told


def test_rare_leads_weigh_more() -> None:
    """Of two segments, the one that was seldom asked in this order stands for as many leads as it has."""
    often = [PastLead("US", [PastCall("astra", True, 0)])] * 900
    seldom = [PastLead("GB", [PastCall("astra", False, 0), PastCall("orion", True, 0)])] * 300
    other = [PastLead("GB", [PastCall("orion", True, 0)])] * 600
    verdict = backtest([*often, *seldom, *other], lambda _: ("astra", "orion"), CONFIGS)
    assert verdict.method == "weights"
    assert verdict.cost_micros is not None
    assert verdict.cost_micros.mean == pytest.approx((10_000 + 30_000) / 2)
