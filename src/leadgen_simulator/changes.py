"""Reading what control is asked to change; every error says in one line what is wrong."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from leadgen_simulator.barriers import POINTS
from leadgen_simulator.config import PROVIDERS, ProviderConfig
from leadgen_simulator.faults import CALM, FAULT_KINDS, FAULTS, SHAPE, Scripted

Change = Callable[[ProviderConfig], ProviderConfig]

_QUESTION = re.compile(r"[0-9a-f]{16}")
_LATENCY_SECONDS_MAX = 3600.0
_PRICE_MICROS_MAX = 1_000_000_000
_COUNT_MAX = 1_000_000


@dataclass(slots=True)
class Wish:
    """What one request to control asks for, wholly checked."""

    providers: tuple[str, ...] = PROVIDERS
    changes: list[Change] = field(default_factory=list)
    scenes: list[Scripted] | None = None
    pause: bool | None = None
    release: bool = False
    disarm: bool = False
    hold: str | None = None
    question: str | None = None


def read(body: Mapping[str, object]) -> Wish:
    """The wish of a JSON object; ValueError says which field is wrong, and what is allowed."""
    unknown = set(body) - set(FIELDS)
    if unknown:
        raise ValueError(f"unknown field {min(unknown)!r}")
    if "question" in body and not body.get("hold"):
        raise ValueError("'question' goes with 'hold', or stands inside 'next'")
    wish = Wish()
    for name, value in body.items():
        FIELDS[name](wish, value)
    if SHAPE in _faults_of(body) and wish.providers != ("nimbus",):
        raise ValueError(f"{SHAPE!r} is a habit of nimbus alone")
    return wish


def _faults_of(body: Mapping[str, object]) -> Mapping[str, object]:
    faults = body.get("faults")
    return faults if isinstance(faults, dict) else {}


def _provider(wish: Wish, value: object) -> None:
    if value not in PROVIDERS:
        raise ValueError(f"{value!r} is no provider; there are {', '.join(PROVIDERS)}")
    wish.providers = (str(value),)


def _faults(wish: Wish, value: object) -> None:
    if not isinstance(value, dict):
        raise TypeError("'faults' is an object of rates by kind")
    rates = {kind: _number("faults", rate, 1.0) for kind, rate in value.items()}
    strange = set(rates) - {*FAULT_KINDS, SHAPE}
    if strange:
        raise ValueError(f"{min(strange)!r} is no fault; kinds: {', '.join((*FAULT_KINDS, SHAPE))}")
    if sum(rate for kind, rate in rates.items() if kind != SHAPE) > 1 + 1e-9:
        raise ValueError("the fault rates add up to more than 1")
    wish.changes.append(lambda config: replace(config, faults=MappingProxyType(rates)))


def _hit_rate(wish: Wish, value: object) -> None:
    share = _number("hit_rate", value, 1.0)
    wish.changes.append(lambda config: replace(config, hit_rate=share))


def _latency(wish: Wish, value: object) -> None:
    seconds = _number("latency_seconds", value, _LATENCY_SECONDS_MAX)
    wish.changes.append(lambda config: replace(config, latency_seconds=seconds))


def _price(wish: Wish, value: object) -> None:
    micros = _whole("price_micros", value, 0, _PRICE_MICROS_MAX)
    wish.changes.append(lambda config: replace(config, price_micros=micros))


def _charges(wish: Wish, value: object) -> None:
    if value == "request":
        wish.changes.append(lambda config: replace(config, charges="request"))
    elif value == "hit":
        wish.changes.append(lambda config: replace(config, charges="hit"))
    else:
        raise ValueError('\'charges\' is "request" or "hit"')


def _idempotency(wish: Wish, value: object) -> None:
    on = _switch("idempotency", value)
    wish.changes.append(lambda config: replace(config, idempotency=on))


def _recall(wish: Wish, value: object) -> None:
    on = _switch("recall", value)
    wish.changes.append(lambda config: replace(config, recall=on))


def _next(wish: Wish, value: object) -> None:
    if not isinstance(value, list):
        raise TypeError("'next' is a list of objects with 'fault' and, if wanted, 'count' and 'question'")
    wish.scenes = [_scene(one) for one in value]


def _scene(value: object) -> Scripted:
    if not isinstance(value, dict) or set(value) - {"fault", "count", "question"}:
        raise ValueError("an entry of 'next' has 'fault' and, if wanted, 'count' and 'question'")
    fault, question = value.get("fault"), value.get("question")
    if not isinstance(fault, str) or fault not in FAULTS:
        raise ValueError(f"{fault!r} is no fault; kinds: {', '.join((CALM.kind, *FAULT_KINDS))}")
    return Scripted(
        fault,
        _whole("count", value.get("count", 1), 1, _COUNT_MAX),
        None if question is None else _digest(question),
    )


def _pause(wish: Wish, value: object) -> None:
    wish.pause = _switch("pause", value)


def _hold(wish: Wish, value: object) -> None:
    if value is None:
        wish.disarm = True
    elif isinstance(value, str) and value in POINTS:
        wish.hold = value
    else:
        raise ValueError(f"'hold' is one of {', '.join(POINTS)}, or null")


def _question(wish: Wish, value: object) -> None:
    wish.question = _digest(value)


def _release(wish: Wish, value: object) -> None:
    if value is not True:
        raise ValueError("'release' is true")
    wish.release = True


FIELDS: Mapping[str, Callable[[Wish, object], None]] = {
    "provider": _provider,
    "faults": _faults,
    "next": _next,
    "hit_rate": _hit_rate,
    "latency_seconds": _latency,
    "charges": _charges,
    "price_micros": _price,
    "idempotency": _idempotency,
    "recall": _recall,
    "pause": _pause,
    "hold": _hold,
    "question": _question,
    "release": _release,
}
"""All that control understands."""


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _QUESTION.fullmatch(value):
        raise ValueError("a 'question' is 16 hexadecimal digits, as in /books/calls")
    return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name!r} is true or false")
    return value


def _whole(name: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name!r} is a whole number from {least} to {most}")
    return value


def _number(name: str, value: object, most: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        raise TypeError(f"{name!r} wants numbers")
    if not 0 <= value <= most:
        raise ValueError(f"{name!r} wants numbers from 0 to {most:g}")
    return float(value)
