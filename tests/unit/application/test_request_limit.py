"""How many requests a key may send."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadgen.application.request_limit import RequestLimit
from leadgen.domain.errors import TooMany
from leadgen.domain.limits import parse_rules
from tests.fake_clock import FakeClock


async def test_a_window() -> None:
    """As many as the rule allows, whoever else asks; then it tells how long to wait, and keeps its word."""
    clock = FakeClock()
    limit = RequestLimit(rules=parse_rules("3/10s", "rate"), clock=clock)
    for _ in range(3):
        limit.take("a")
        await clock.advance(1)
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.retry_after_seconds == pytest.approx(7)
    limit.take("b")
    await clock.advance(7)
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 5))
async def test_no_window_holds_more(pauses: list[int], calls: int) -> None:
    """Whatever the rhythm, no window of any rule holds more than it allows."""
    clock = FakeClock()
    limit = RequestLimit(rules=parse_rules(f"{calls}/2s,{calls + 3}/9s", "rate"), clock=clock)
    taken = list[float]()
    for pause in pauses:
        await clock.advance(pause / 10)
        try:
            limit.take("a")
        except TooMany:
            continue
        taken.append(clock.monotonic())
    for most, window in ((calls, 2.0), (calls + 3, 9.0)):
        assert all(late - early >= window - 1e-6 for early, late in zip(taken, taken[most:], strict=False))
