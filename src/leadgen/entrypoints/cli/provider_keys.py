"""The keys that `leadgen providers set` takes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.limits import Limits, parse_rules
from leadgen.domain.money import micros_from_usd
from leadgen.domain.provider import Charges, OnUnknown, ProviderConfig
from leadgen.domain.tier import Tier

_CONCURRENCY_MAX = 10_000
_PRIORITY_MAX = 1_000
_TIMEOUT_SECONDS_MAX = 300.0
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Choice = TypeVar("Choice", bound=StrEnum)


def changed(config: ProviderConfig, assignments: Sequence[str]) -> ProviderConfig:
    """The configuration after assignments such as ``rate=5/1s``; raises InvalidSetting."""
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or key not in _KEYS:
            raise InvalidSetting(
                key, value or "(nothing)", f"KEY=VALUE with one of the keys {', '.join(_KEYS)}"
            )
        limits = changes.get("limits", config.limits)
        changes |= _KEYS[key](limits, value)
    return dataclasses.replace(config, **changes)


def _rate(limits: Limits, value: str) -> dict[str, Any]:
    return {"limits": Limits(parse_rules(value, "rate"), limits.concurrency)}


def _concurrency(limits: Limits, value: str) -> dict[str, Any]:
    return {"limits": Limits(limits.rules, _whole("concurrency", value, _CONCURRENCY_MAX))}


def _timeout(_limits: Limits, value: str) -> dict[str, Any]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", value)
    seconds = float(match[1]) / (1_000 if match[2] == "ms" else 1) if match else 0.0
    if not 0 < seconds <= _TIMEOUT_SECONDS_MAX:
        raise InvalidSetting(
            "timeout", value, f"a time with its unit, up to {_TIMEOUT_SECONDS_MAX:g}s, such as 10s"
        )
    return {"timeout_seconds": seconds}


def _enabled(_limits: Limits, value: str) -> dict[str, Any]:
    if value.lower() not in _BOOLEANS:
        raise InvalidSetting("enabled", value, "true or false")
    return {"enabled": _BOOLEANS[value.lower()]}


def _whole(key: str, value: str, most: int) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise InvalidSetting(key, value, f"a whole number from 1 to {most}")
    return int(value)


def _choice(key: str, value: str, choices: type[Choice]) -> Choice:
    try:
        return choices(value.lower())
    except ValueError:
        raise InvalidSetting(key, value, " or ".join(choices)) from None


_KEYS: dict[str, Callable[[Limits, str], dict[str, Any]]] = {
    "rate": _rate,
    "concurrency": _concurrency,
    "price": lambda _, value: {"price_micros": micros_from_usd(value, "price")},
    "charges": lambda _, value: {"charges": _choice("charges", value, Charges)},
    "priority": lambda _, value: {"priority": _whole("priority", value, _PRIORITY_MAX)},
    "enabled": _enabled,
    "tier": lambda _, value: {"tier": _choice("tier", value, Tier)},
    "timeout": _timeout,
    "unknown": lambda _, value: {"on_unknown": _choice("unknown", value, OnUnknown)},
}
