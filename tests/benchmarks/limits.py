"""Our rate limiters beside those of others: how many, how fast, how exact. ``make bench-limits`` runs it.

One process, a Valkey and a PostgreSQL of its own on the loopback, SQLite in a temporary folder. The figures
stand in one table on stdout and in build/bench-limits.json.
"""

import contextlib
import functools
import sqlite3
import statistics
import sys
import tempfile
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import redis
import uvloop

from leadgen.adapters.persistence import schema
from tests.benchmarks import measures, report
from tests.benchmarks.contender import CALLERS, STRICT_CALLS, Admit, Contender
from tests.benchmarks.ours import SQL_CALLERS, in_memory, in_redis, in_sql
from tests.benchmarks.peers import LimitsPeer, PyratePeer
from tests.benchmarks.report import Row
from tests.servers.postgres import postgres_server
from tests.servers.valkey import valkey_server

T = TypeVar("T")

ROUNDS = 3
BATCH = 20
OUR_REDIS = "leadgen, Redis"

NOTES = f"""
admitted per second: limits that nobody reaches, {CALLERS} callers at once ({SQL_CALLERS} with SQL:
they share one locked row); median of {ROUNDS} rounds of {measures.ROUND_SECONDS} s, the contenders taking
turns. leadgen is asked for tickets that open at once; its leases end by themselves, except where given back.

p50, p99: one admission, {measures.STEADY_SECONDS} s of {measures.STEADY_PER_SECOND:,} a second by the
schedule, from the moment each was due; "not reached" says what was. Asked as one process asks: leadgen has
one question under way, for all that are due; of a peer each asks for itself, up to {CALLERS} at once.

worst window: {STRICT_CALLS} per 1 s allowed; {measures.DEMAND_TASKS} greedy tasks for
{measures.DEMAND_SECONDS:.0f} s, bursts across window boundaries; the most calls sent in any 1 s, by brute
force. Sent: the caller went on inside its ticket (leadgen), or had its answer (peers). leadgen spaces its
starts (10 ms at this limit), so a short burst gets fewer of them.

PostgreSQL is a test server that syncs nothing; SQLite syncs each write. limits uses redis-py, as all do.
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers of this run are."""

    valkey: str
    postgres: str
    sqlite: str


@dataclass(frozen=True, slots=True)
class Race:
    """One row: a contender, how much is asked for at once, whether more than its rate is measured."""

    name: str
    contender: Contender
    wanted: int = 1
    is_whole: bool = True


def main() -> None:
    """Measures everything, prints the table, writes the file."""
    begun = time.monotonic()
    about = report.machine()
    with _places() as places:
        about["versions"] |= _versions(places)
        rows = uvloop.run(_measure(places))
    about["seconds"] = round(time.monotonic() - begun, 1)
    base = next(row for row in rows if row.name == OUR_REDIS)
    report.write(rows, base, about)
    sys.stdout.write(f"\n{report.table(rows, base)}\n{_words(about)}\n")


@contextlib.contextmanager
def _places() -> Iterator[Places]:
    """Empty servers and migrated databases; all are stopped and removed in the end."""
    with valkey_server() as valkey, postgres_server() as postgres, tempfile.TemporaryDirectory() as folder:
        sqlite = f"sqlite:///{Path(folder) / 'bench.db'}"
        for url in (postgres.url, sqlite):
            schema.upgrade(url)
        yield Places(valkey.url, postgres.url, sqlite)


def _versions(places: Places) -> dict[str, Any]:
    with redis.Redis.from_url(places.valkey) as client, psycopg.connect(places.postgres) as connection:
        info: Any = client.info("server")
        return {
            "Valkey": info.get("valkey_version", info["redis_version"]),
            "PostgreSQL": connection.execute("show server_version").fetchall()[0][0],
            "SQLite": sqlite3.sqlite_version,
        }


def _races(places: Places) -> list[Race]:
    ours = [
        in_redis(places.valkey, OUR_REDIS),
        in_memory(),
        in_sql(places.postgres, "leadgen, PostgreSQL"),
        in_sql(places.sqlite, "leadgen, SQLite"),
    ]
    released = in_redis(places.valkey, "  leases given back", is_released=True)
    peers = [
        LimitsPeer(places.valkey, "limits, moving window", "MovingWindowRateLimiter"),
        LimitsPeer(places.valkey, "limits, sliding counter", "SlidingWindowCounterRateLimiter"),
        PyratePeer(places.valkey, "pyrate-limiter, Redis"),
    ]
    races = list[Race]()
    for contender in ours:
        races.append(Race(contender.name, contender))
        races.append(Race(f"  {BATCH} tickets a call", contender, wanted=BATCH, is_whole=False))
    races.insert(2, Race(released.name, released, is_whole=False))
    return [*races, *(Race(peer.name, peer) for peer in peers)]


async def _measure(places: Places) -> list[Row]:
    races = _races(places)
    try:
        rates = await _rates(races)
        rows = [Row(race.name, rate) for race, rate in zip(races, rates, strict=True)]
        for race, row in zip(races, rows, strict=True):
            if race.is_whole:
                row.latency = await _told(f"latency of {race.name}", measures.latency, race.contender)
                row.demand = await _told(f"worst window of {race.name}", measures.demand, race.contender)
        return rows
    finally:
        for contender in {id(race.contender): race.contender for race in races}.values():
            await contender.close()


async def _rates(races: list[Race]) -> list[float]:
    """The median of each; they take turns, so that a noisy moment of the machine hits all alike."""
    doors = [await _door(race.contender) for race in races]
    found: list[list[float]] = [[] for _ in races]
    for number in range(1, ROUNDS + 1):
        _tell(f"admissions per second, round {number} of {ROUNDS}")
        for race, admit, rates in zip(races, doors, found, strict=True):
            rates.append(await measures.throughput(admit, race.contender.callers, race.wanted))
    return [statistics.median(rates) for rates in found]


async def _door(contender: Contender) -> Admit:
    admit = await contender.wide()
    await measures.warm_up(admit, contender.callers)
    return admit


async def _told(what: str, measure: Callable[[Contender], Awaitable[T]], contender: Contender) -> T:
    _tell(what)
    return await measure(contender)


def _tell(what: str) -> None:
    """Says on stderr what goes on; the table alone is on stdout."""
    sys.stderr.write(f"measuring: {what}\n")


def _words(about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    run = (
        f"{about['system']}, {about['cores']} cores, load {about['load']} at the start; took "
        f"{about['seconds']:.0f} s. {versions}. Each ratio is to {OUR_REDIS}."
    )
    fill = functools.partial(textwrap.fill, width=report.WIDTH)
    return "\n" + "\n\n".join(fill(" ".join(part.split())) for part in [*NOTES.split("\n\n"), run])


if __name__ == "__main__":
    main()
