"""Money: whole micro-USD, so that sums are exact."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from leadgen.domain.errors import InvalidSetting

MICROS_PER_USD = 1_000_000
PRICE_MICROS_MAX = 1_000 * MICROS_PER_USD


def usd(micros: int) -> str:
    """An amount as dollars with all six decimals, such as ``0.020000``."""
    return f"{Decimal(micros) / MICROS_PER_USD:.6f}"


def micros_from_usd(text: str, setting: str) -> int:
    """The micro-USD of a price such as ``0.02``.

    Raises InvalidSetting, in the name of ``setting``, for what is no amount between 0 and 1,000 dollars
    with at most six decimals.
    """
    expected = "an amount in USD from 0 to 1000 with at most six decimals, such as 0.02"
    try:
        micros = Decimal(text.strip().removeprefix("$")) * MICROS_PER_USD
    except InvalidOperation:
        raise InvalidSetting(setting, text, expected) from None
    if not micros.is_finite() or micros != micros.to_integral_value() or not 0 <= micros <= PRICE_MICROS_MAX:
        raise InvalidSetting(setting, text, expected)
    return int(micros)
