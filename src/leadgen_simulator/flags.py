"""The command line: a profile first, then whatever the flags override."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, TypeVar

from leadgen_simulator import units, world_file
from leadgen_simulator.config import (
    PROFILES,
    PROVIDERS,
    Charges,
    ProviderConfig,
    WorldConfig,
    provider_defaults,
)
from leadgen_simulator.faults import FAULT_KINDS, SHAPE

T = TypeVar("T")
Change = Callable[[ProviderConfig], ProviderConfig]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    host: str
    port: int
    parent: int | None
    books: Path | None
    world: WorldConfig


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line on stderr and exit status 2."""
        self.exit(2, f"leadgen-simulator: {' '.join(message.split())}\n")


def parse(argv: Sequence[str]) -> Options:
    """The options; exits with 2 and one line on stderr when a value makes no sense."""
    parser = _build()
    args = parser.parse_args(argv)
    providers = {name: provider_defaults(args.profile, name) for name in PROVIDERS}
    if args.world is not None:
        try:
            providers = world_file.apply(world_file.load(args.world), providers)
        except ValueError as exc:
            parser.error(f"argument --world: {exc}")
    for name, change in args.changes or ():
        providers[name] = change(providers[name])
    for name, config in providers.items():
        if sum(config.faults.get(kind, 0.0) for kind in FAULT_KINDS) > 1 + 1e-9:
            parser.error(f"argument --fault: the fault rates of {name} add up to more than 1")
    world = WorldConfig(args.seed, args.profile, args.key, MappingProxyType(providers))
    return Options(args.host, args.port, args.parent, args.books, world)


def _build() -> _Parser:
    parser = _Parser(
        prog="python -m leadgen_simulator",
        description="Three paid phone providers on one port: seeded, strict about limits.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_flag(_port), default=0, help="0 takes any free port (0)")
    parser.add_argument(
        "--profile", choices=sorted(PROFILES), default="demo", help="latencies and faults (demo)"
    )
    parser.add_argument(
        "--seed", type=_flag(_whole), default=1, help="equal seeds, equal truths and faults (1)"
    )
    parser.add_argument("--key", default="simulator-key", help="the API key of all three (simulator-key)")
    parser.add_argument("--parent", type=_flag(_pid), metavar="PID", help="stop when this process is gone")
    parser.add_argument(
        "--world", type=Path, metavar="FILE", help="a market: hits by country, overlap, prices, drift"
    )
    parser.add_argument("--books", type=Path, metavar="FILE", help="keep the books here, and go on with them")
    _add_changes(parser)
    return parser


def _add_changes(parser: argparse.ArgumentParser) -> None:
    """The repeatable flags that change one provider; the last word counts."""
    for flag, example, read in (
        ("--rate", "orion=5/1s,100/1h", _rate),
        ("--concurrency", "orion=3", _concurrency),
        ("--latency", "orion=300ms", _latency),
        ("--hits", "orion=0.45", _hits),
        ("--price", "orion=0.02", _price),
        ("--charges", "orion=hit", _charges),
        ("--idempotency", "orion=on", _idempotency),
        ("--recall", "orion=on", _recall),
    ):
        parser.add_argument(
            flag, dest="changes", action="append", type=_flag(_change("=", read)), metavar=example
        )
    parser.add_argument(
        "--fault",
        dest="changes",
        action="append",
        type=_flag(_change(":", _fault)),
        metavar="orion:error=0.05",
        help=f"kinds: {', '.join(FAULT_KINDS)}; for nimbus also {SHAPE}, its second shape",
    )


def _flag(read: Callable[[str], T]) -> Callable[[str], T]:
    """Lets argparse show the reader's own words instead of the name of a function."""

    def checked(text: str) -> T:
        try:
            return read(text)
        except ValueError as exc:
            raise argparse.ArgumentTypeError(str(exc)) from exc

    return checked


def _change(separator: str, read: Callable[[str, str], Change]) -> Callable[[str], tuple[str, Change]]:
    """Reads `provider<separator>value` into the provider's name and what changes about it."""

    def change(text: str) -> tuple[str, Change]:
        name, found, value = text.partition(separator)
        if not found:
            raise ValueError(f"{text!r} lacks a {separator!r} after the provider")
        if name not in PROVIDERS:
            raise ValueError(f"{name!r} is no provider; there are {', '.join(PROVIDERS)}")
        return name, read(name, value)

    return change


def _rate(_: str, text: str) -> Change:
    rules = units.rules(text)
    return lambda config: replace(config, rules=rules)


def _concurrency(_: str, text: str) -> Change:
    cap = units.concurrency(text)
    return lambda config: replace(config, concurrency=cap)


def _latency(_: str, text: str) -> Change:
    seconds = units.duration_ns(text) / 1e9
    return lambda config: replace(config, latency_seconds=seconds)


def _hits(_: str, text: str) -> Change:
    share = units.share(text)
    return lambda config: replace(config, hit_rate=share)


def _price(_: str, text: str) -> Change:
    micros = units.price_micros(text)
    return lambda config: replace(config, price_micros=micros)


def _charges(_: str, text: str) -> Change:
    words: dict[str, Charges] = {"request": "request", "hit": "hit"}
    if text not in words:
        raise ValueError(f"{text!r} is neither request nor hit")
    return lambda config: replace(config, charges=words[text])


def _idempotency(_: str, text: str) -> Change:
    on = units.switch(text)
    return lambda config: replace(config, idempotency=on)


def _recall(_: str, text: str) -> Change:
    on = units.switch(text)
    return lambda config: replace(config, recall=on)


def _fault(name: str, text: str) -> Change:
    kind, found, rate = text.partition("=")
    kinds = (*FAULT_KINDS, SHAPE) if name == "nimbus" else FAULT_KINDS
    if not found or kind not in kinds:
        raise ValueError(f"{text!r} is no fault of {name}, such as error=0.05; kinds: {', '.join(kinds)}")
    share = units.share(rate)
    return lambda config: replace(config, faults=MappingProxyType({**config.faults, kind: share}))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _port(text: str) -> int:
    port = _whole(text)
    if not 0 <= port <= 65535:
        raise ValueError(f"{port} is no port; 0 to 65535")
    return port


def _pid(text: str) -> int:
    pid = _whole(text)
    if not 0 < pid < 2**31:
        raise ValueError(f"{pid} is no process id")
    return pid
