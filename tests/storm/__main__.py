"""The storm: several processes against the strict simulator, alone or while servers and workers fail.

``python -m tests.storm [--seconds 30] [--processes 8] [--faults redis,stop] [--no-redis] [--postgres]``
prints what the simulator counted, and exits with 1 when a single window was over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx2
import redis

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.providers import SqlProviderCatalog
from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.system import SystemClock
from leadgen.application.ports.lead_repository import Arrival
from leadgen.composition import PROVIDERS
from leadgen.entrypoints.cli.provider_keys import changed
from tests.servers.postgres import postgres_server
from tests.servers.valkey import ValkeyServer, valkey_server
from tests.storm.people import person

RATE = "100/1s,600/10s"
CONCURRENCY = "10"
LAG_MS_MAX = 20.0
"""When the simulator itself was later than a ticket is valid, the measurement says nothing."""


def main() -> int:
    """The exit status: 0 when no window was over, 1 when one was, 3 when the measurement is invalid."""
    options = _options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leadgen-storm-")))
        valkey = None if options.no_redis else stack.enter_context(valkey_server())
        url = f"sqlite:///{folder / 'storm.db'}"
        if options.postgres:
            url = stack.enter_context(postgres_server()).create_database("storm")
        asyncio.run(_prepare(url, round(options.seconds * 110)))
        world = stack.enter_context(_Simulator(options.rate, options.concurrency, options.latency))
        callers = [_caller(url, valkey, world.address, place, options) for place in range(options.processes)]
        _make_trouble(options, valkey, callers)
        seen = [_result(caller) for caller in callers]
        return _report(options, world.books(), world.calls(), seen)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--faults", default="", help="of redis, stop")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", default=RATE)
    parser.add_argument("--concurrency", default=CONCURRENCY)
    parser.add_argument("--latency", default="60ms")
    parser.add_argument("--no-redis", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    options.faults = [fault for fault in options.faults.split(",") if fault]
    return options


async def _prepare(url: str, people: int) -> None:
    """The tables, the people, and what is configured of the one provider."""
    upgrade(url)
    return await _fill(url, people)


async def _fill(url: str, people: int) -> None:
    clock, database = SystemClock(), Database(url)
    options = _options()
    leads = SqlLeadRepository(database, clock)
    for start in range(0, people, 1_000):
        batch = [person(number) for number in range(start, start + 1_000)]
        await leads.merge("default", [Arrival(lead_id, profile, None) for lead_id, profile in batch])
    catalog = SqlProviderCatalog(database, clock, {})
    config = PROVIDERS["astra"][1]
    await catalog.save(changed(config, [f"rate={options.rate}", f"concurrency={options.concurrency}"]))
    await database.close()


class _Simulator:
    """The strict world as a process of its own."""

    def __init__(self, rate: str, concurrency: str, latency: str) -> None:
        flags = (
            "--rate",
            f"astra={rate}",
            "--concurrency",
            f"astra={concurrency}",
            "--latency",
            f"astra={latency}",
        )
        command = [sys.executable, "-m", "leadgen_simulator", "--profile", "instant", *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().split()[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def books(self) -> dict[str, Any]:
        """Its summary."""
        found: dict[str, Any] = httpx2.get(f"{self.address}/books", trust_env=False).json()
        return found

    def calls(self) -> list[dict[str, Any]]:
        """Every call it has received."""
        found: list[dict[str, Any]] = httpx2.get(f"{self.address}/books/calls", trust_env=False).json()[
            "calls"
        ]
        return found


def _caller(
    url: str, valkey: ValkeyServer | None, world: str, place: int, options: argparse.Namespace
) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "LEADGEN_ASTRA_URL": f"{world}/astra",
        "LEADGEN_ASTRA_API_KEY": "simulator-key",
    }
    arguments = [url, valkey.url if valkey else "", str(place), str(options.processes), str(options.seconds)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.storm.caller", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _make_trouble(
    options: argparse.Namespace, valkey: ValkeyServer | None, callers: Sequence[subprocess.Popen[str]]
) -> None:
    chance = random.Random(options.seed)
    ends = time.monotonic() + options.seconds - 2
    time.sleep(3)
    while options.faults and time.monotonic() < ends:
        fault = chance.choice(options.faults)
        if fault == "stop":
            caller = chance.choice(callers)
            caller.send_signal(signal.SIGSTOP)
            threading.Timer(chance.uniform(0.5, 4), caller.send_signal, [signal.SIGCONT]).start()
        elif fault == "redis" and valkey is not None:
            _trouble_redis(valkey, chance)
        time.sleep(chance.uniform(0.5, 2.5))


def _trouble_redis(valkey: ValkeyServer, chance: random.Random) -> None:
    match chance.choice(["kill", "pause", "flushall", "script flush"]):
        case "kill":
            valkey.kill()
            time.sleep(chance.uniform(0.1, 3))
            valkey.start()
        case "pause":
            valkey.pause()
            time.sleep(chance.uniform(0.1, 3))
            valkey.go_on()
        case "flushall":
            redis.Redis.from_url(valkey.url, socket_timeout=2).flushall()
        case _:
            redis.Redis.from_url(valkey.url, socket_timeout=2).script_flush()


def _result(caller: subprocess.Popen[str]) -> dict[str, int]:
    caller.wait(120)
    assert caller.stdout is not None
    found: dict[str, int] = json.loads(caller.stdout.read() or "{}")
    return found


def _report(
    options: argparse.Namespace,
    books: dict[str, Any],
    calls: list[dict[str, Any]],
    seen: list[dict[str, int]],
) -> int:
    provider = books["providers"]["astra"]
    at = sorted(call["at"] for call in calls)
    span = at[-1] - at[0]
    answered = [each.get("answered", 0) for each in seen]
    fair = sum(answered) / len(answered)
    over = sum(rule["over"] for rule in provider["rules"]) + provider["concurrency"]["over"]
    steady = [moment for moment in at if at[0] + 2 <= moment <= at[0] + options.seconds - 2]
    rate = (len(steady) - 1) / (steady[-1] - steady[0]) if len(steady) > 1 else 0.0
    print(f"calls {len(at)} in {span:.1f} s; in between {rate:.2f}/s; rules {provider['rules']}")
    print(f"over {over}, refused {provider['refused_limits']}, in flight at most {provider['in_flight_max']}")
    print(
        f"answered by process {answered}; furthest from an equal share "
        f"{max(abs(each - fair) for each in answered) / fair:.1%}"
    )
    late, doubt = (sum(each.get(key, 0) for each in seen) for key in ("late", "in_doubt"))
    print(
        f"late tickets {late}, in doubt {doubt}; the simulator lagged {books['lag_ms_max']:.0f} ms at most, "
        f"above 50 ms {books['lag_over_50ms']} times"
    )
    print("seed", options.seed, "faults", options.faults or "none")
    if over:
        return 3 if books["lag_ms_max"] > LAG_MS_MAX else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
