"""The intervals of the backtest hold what is true, as often as they say or oftener."""

from collections.abc import Callable

import pytest

from leadgen.domain.backtest import Verdict
from tests.benchmarks.ordering.months import MONTHS, held, logged_month, panel_month


@pytest.mark.parametrize("month", [panel_month, logged_month])
def test_intervals(month: Callable[[int], Verdict]) -> None:
    """In at least 90 of 100 months, by the panel as by leads that were asked in that order by chance."""
    cost, coverage = held([month(number) for number in range(MONTHS)])
    assert min(cost, coverage) >= 90
