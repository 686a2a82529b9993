"""Reading a market from a TOML or JSON file; every error names what was wrong in one line."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from leadgen_simulator.config import PROVIDERS, Charges, Drift, ProviderConfig
from leadgen_simulator.phones import CALLING_CODES

_FIELDS = {"overlap", "providers", "drift"}
_PROVIDER_FIELDS = {"price", "charges", "hits"}
_DRIFT_FIELDS = {"provider", "after_calls", "country", "hits"}
_WORDS: Mapping[str, Charges] = {"request": "request", "hit": "hit"}


def load(path: Path) -> Mapping[str, Any]:
    """The document; ValueError where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as exc:
        raise ValueError(f"cannot read {path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise ValueError(f"{path} is neither TOML nor, as .json, JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise ValueError(f"{path} holds no table")  # noqa: TRY004 - a fault of the file, told like all others
    return document


def apply(world: Mapping[str, Any], providers: Mapping[str, ProviderConfig]) -> dict[str, ProviderConfig]:
    """The providers in that market; ValueError says what makes no sense."""
    _known(world, _FIELDS, "the world")
    overlap = _share(world.get("overlap", 0.0), "overlap")
    changed = {name: replace(config, overlap=overlap) for name, config in providers.items()}
    for name, fields in _table(world.get("providers", {}), "providers").items():
        changed[_provider(name)] = _configured(changed[_provider(name)], name, _table(fields, name))
    for drift in _list(world.get("drift", [])):
        name, due = _drift(drift)
        drifts = sorted((*changed[name].drifts, due), key=lambda each: each.after_calls)
        changed[name] = replace(changed[name], drifts=tuple(drifts))
    return changed


def _configured(config: ProviderConfig, name: str, fields: Mapping[str, Any]) -> ProviderConfig:
    _known(fields, _PROVIDER_FIELDS, name)
    if "price" in fields:
        config = replace(config, price_micros=_micros(fields["price"], f"price of {name}"))
    if "charges" in fields:
        if fields["charges"] not in _WORDS:
            raise ValueError(f"charges of {name} is neither request nor hit")
        config = replace(config, charges=_WORDS[fields["charges"]])
    rates = fields.get("hits", {})
    if not isinstance(rates, dict):
        return replace(config, hit_rate=_share(rates, f"hits of {name}"))
    by_country = {_country(key): _share(rate, f"hits of {name}") for key, rate in rates.items()}
    return replace(config, hit_rates=MappingProxyType(by_country))


def _drift(value: Any) -> tuple[str, Drift]:
    fields = _table(value, "drift")
    _known(fields, _DRIFT_FIELDS, "drift")
    if missing := _DRIFT_FIELDS - set(fields):
        raise ValueError(f"a drift lacks {min(missing)}")
    calls = fields["after_calls"]
    if not isinstance(calls, int) or isinstance(calls, bool) or calls < 0:
        raise ValueError("after_calls of a drift is a whole number")
    rate = _share(fields["hits"], "hits of a drift")
    return _provider(fields["provider"]), Drift(calls, _country(fields["country"]), rate)


def _known(fields: Mapping[str, Any], allowed: set[str], where: str) -> None:
    if strange := set(fields) - allowed:
        raise ValueError(f"{where} has no {min(strange)!r}; there are {', '.join(sorted(allowed))}")


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no table")  # noqa: TRY004 - see above
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("drift is a list of tables")  # noqa: TRY004 - see above
    return value


def _provider(name: Any) -> str:
    if name not in PROVIDERS:
        raise ValueError(f"{name!r} is no provider; there are {', '.join(PROVIDERS)}")
    return str(name)


def _country(code: Any) -> str:
    if code not in CALLING_CODES:
        raise ValueError(f"{code!r} is no country here; there are {', '.join(CALLING_CODES)}")
    return str(code)


def _share(value: Any, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{where} is not between 0 and 1")
    return float(value)


def _micros(value: Any, where: str) -> int:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1_000:
        raise ValueError(f"{where} is no price in dollars")
    return round(value * 1_000_000)
