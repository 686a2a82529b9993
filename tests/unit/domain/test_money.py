"""Money as whole micro-USD."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.money import PRICE_MICROS_MAX, micros_from_usd, usd


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0.02", 20_000),
        ("$0.02", 20_000),
        (" 0.020 ", 20_000),
        ("0", 0),
        ("0.000001", 1),
        ("1000", PRICE_MICROS_MAX),
        ("0.1", 100_000),
        ("1.001", 1_001_000),
    ],
)
def test_a_price_is_read_exactly(text: str, micros: int) -> None:
    """Decimals are no binary fractions: nothing is rounded."""
    assert micros_from_usd(text, "price") == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "free",
        "0,02",
        "-0.01",
        "0.0000001",
        "1000.000001",
        "1e9",
        "inf",
        "-inf",
        "nan",
        "snan",
        "$$1",
        "1 2",
    ],
)
def test_what_is_no_price_is_refused_in_the_name_of_the_setting(text: str) -> None:
    """The error names the setting, so that one sees what to change."""
    with pytest.raises(InvalidSetting, match="orion price") as caught:
        micros_from_usd(text, "orion price")
    assert caught.value.setting == "orion price"


def test_an_amount_is_written_with_all_decimals() -> None:
    """A sum has no upper end and no exponent."""
    assert usd(20_000) == "0.020000"
    assert usd(0) == "0.000000"
    assert usd(1) == "0.000001"
    assert usd(1_234_567_890_123_456) == "1234567890.123456"


@given(st.integers(0, PRICE_MICROS_MAX))
def test_what_is_written_is_read_as_the_same(micros: int) -> None:
    """Writing and reading a price loses nothing."""
    assert micros_from_usd(usd(micros), "price") == micros


@pytest.mark.parametrize(
    "text", ["9e999999", "1_0", "1000.000000000000000000000000000001", "0.0200000000000001", "-1"]
)
def test_an_amount_that_only_python_would_read_is_refused(text: str) -> None:
    """An amount is digits, and after a point at most six of them."""
    with pytest.raises(InvalidSetting):
        micros_from_usd(text, "price")
