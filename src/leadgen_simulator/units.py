"""Reading the small languages of the command line; every error names what was wrong in one line."""

import re
from decimal import Decimal, InvalidOperation

from leadgen_simulator.config import Rule

_NS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)", re.ASCII)
_RATE = re.compile(r"(\d{1,9})/(.+)", re.ASCII)


def duration_ns(text: str) -> int:
    """`300ms`, `4.2s`, `1h` in nanoseconds; a bare number is refused, since nobody knows its unit."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration with a unit, such as 300ms, 4.2s or 1h")
    return int(Decimal(match[1]) * _NS[match[2]])


def rules(text: str) -> tuple[Rule, ...]:
    """`5/1s,100/1h`, or `none` for no limit."""
    return () if text == "none" else tuple(_rule(part.strip()) for part in text.split(","))


def _rule(text: str) -> Rule:
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) < 1:
        raise ValueError(f"{text!r} is no rate, such as 5/1s")
    window = duration_ns(match[2])
    if window < 1:
        raise ValueError(f"{text!r} has an empty window")
    return Rule(int(match[1]), window, text)


def concurrency(text: str) -> int | None:
    """A whole number of at least 1, or `none` for no cap."""
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise ValueError(f"{text!r} is no whole number of at least 1")
    return int(text)


def share(text: str) -> float:
    """A probability from 0 to 1."""
    value = _decimal(text)
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not between 0 and 1")
    return float(value)


def price_micros(text: str) -> int:
    """Dollars in micro-USD: not negative, whole micro-dollars."""
    micros = _decimal(text) * 1_000_000
    if micros < 0 or micros != micros.to_integral_value():
        raise ValueError(f"{text!r} is no price in dollars with at most six decimals")
    return int(micros)


def switch(text: str) -> bool:
    """`on` or `off`."""
    if text not in {"on", "off"}:
        raise ValueError(f"{text!r} is neither on nor off")
    return text == "on"


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > 1_000_000:
        raise ValueError(f"{text!r} is no number")
    return value
