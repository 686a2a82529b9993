"""Money: whole micro-USD, so that sums are exact."""

from __future__ import annotations

import functools
import re
from decimal import Decimal

from leadgen.domain.errors import InvalidSetting

MICROS_PER_USD = 1_000_000
PRICE_MICROS_MAX = 1_000 * MICROS_PER_USD
_AMOUNT = re.compile(r"\$?\d{1,4}(\.\d{1,6})?", re.ASCII)


@functools.lru_cache(maxsize=1_024)  # many leads cost the same
def usd(micros: int) -> str:
    """An amount as dollars with all six decimals, such as ``0.020000``."""
    return f"{Decimal(micros) / MICROS_PER_USD:.6f}"


def dollars(micros: int) -> str:
    """An amount as people write it, such as ``$0.02`` or ``$5``."""
    return f"${usd(micros).rstrip('0').removesuffix('.')}"


def micros_from_usd(text: str, setting: str) -> int:
    """The micro-USD of a price such as ``0.02``.

    Raises InvalidSetting, in the name of ``setting``, for what is no amount between 0 and 1,000 dollars
    with at most six decimals.
    """
    expected = "an amount in USD from 0 to 1000 with at most six decimals, such as 0.02"
    amount = text.strip()
    micros = int(Decimal(amount.lstrip("$")) * MICROS_PER_USD) if _AMOUNT.fullmatch(amount) else -1
    if not 0 <= micros <= PRICE_MICROS_MAX:
        raise InvalidSetting(setting, text, expected)
    return micros
