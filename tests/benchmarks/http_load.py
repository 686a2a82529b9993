"""The HTTP service under load, beside a bare FastAPI handler: ``make bench-http``.

So many clients at once, each with one request after the other: nine reads, then an order of a job under an
Idempotency-Key of its own. The service runs over PostgreSQL (``--sqlite``: over SQLite) and a real Temporal
server; no worker carries the jobs out. Exit 1 when a single request fails.

All share one machine: ``cores`` tells how much of it each had, so that a client or a server beside the
service that is the bottleneck shows as such.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import uvloop

from tests.e2e.people import plain_file
from tests.e2e.processes import running
from tests.entrypoints.program import BARE
from tests.http.fuzz import ROOT, served
from tests.servers.postgres import postgres_server
from tests.servers.temporal import temporal_server

LEADS = 1_000
READS_PER_TRIGGER = 9


@dataclass(frozen=True)
class Call:
    """A request, and under which name it is counted."""

    name: str
    method: str
    path: str
    status: int = 200
    body: object = None


@dataclass
class Measured:
    """How long requests took, by name, and what went wrong."""

    seconds: float = 0.0
    took: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    def row(self, name: str) -> str:
        """A line of the table."""
        took = sorted(self.took.get(name, []))
        if not took:
            return f"{name:<28} {'-':>10}"
        marks = [took[int(len(took) * part)] * 1_000 for part in (0.5, 0.99)]
        rate = len(took) / self.seconds
        return f"{name:<28} {len(took):>10,} {rate:>10,.0f}/s {marks[0]:>9.1f} ms {marks[1]:>9.1f} ms"


async def load(
    address: str,
    headers: dict[str, str],
    clients: int,
    seconds: float,
    calls: Callable[[int], Iterator[Call]],
) -> Measured:
    """What so many clients measure in so many seconds."""
    measured = Measured()
    connector = aiohttp.TCPConnector(limit=clients)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(
        address, connector=connector, timeout=timeout, headers=headers
    ) as session:
        begun = time.perf_counter()

        async def client(number: int) -> None:
            for call in calls(number):
                start = time.perf_counter()
                if start - begun >= seconds:
                    return
                await _call(session, call, measured)
                measured.took.setdefault(call.name, []).append(time.perf_counter() - start)

        await asyncio.gather(*(client(number) for number in range(clients)))
        measured.seconds = time.perf_counter() - begun
    return measured


async def _call(session: aiohttp.ClientSession, call: Call, measured: Measured) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())} if call.method == "POST" else {}
    try:
        async with session.request(call.method, call.path, json=call.body, headers=headers) as answer:
            await answer.read()
            if answer.status != call.status:
                measured.errors[f"{call.name}: {answer.status}"] += 1
    except (aiohttp.ClientError, TimeoutError) as error:
        measured.errors[f"{call.name}: {type(error).__name__}"] += 1


def mixed(lead_ids: list[str], job_id: str) -> Callable[[int], Iterator[Call]]:
    """Reads, and now and then an order; each client begins somewhere else."""

    def calls(client: int) -> Iterator[Call]:
        number = client
        while True:
            number += 1
            match number % (READS_PER_TRIGGER + 1):
                case 0:
                    yield Call("POST /v1/phone-lookups", "POST", "/v1/phone-lookups", 202, {})
                case 1 | 2:
                    yield Call("GET /v1/leads?limit=20", "GET", "/v1/leads?limit=20")
                case 3:
                    yield Call("GET /v1/jobs/{id}", "GET", f"/v1/jobs/{job_id}")
                case _:
                    lead_id = lead_ids[number % len(lead_ids)]
                    yield Call("GET /v1/leads/{id}", "GET", f"/v1/leads/{lead_id}")

    return calls


def _seconds_used(pid: int) -> float:
    """The CPU time of a process, and of its children: PostgreSQL has one for each connection."""
    used = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        parent = int(fields[1]) if pid != os.getpid() else None
        if pid in {int(place.name), parent}:
            used += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return used


class Cores:
    """How many cores each of some processes keeps busy."""

    def __init__(self, **pids: int) -> None:
        self._pids = {"clients": os.getpid(), **pids}
        self._begun = time.perf_counter()
        self._before = {name: _seconds_used(pid) for name, pid in self._pids.items()}

    def __str__(self) -> str:
        seconds = time.perf_counter() - self._begun
        shares = {
            name: (_seconds_used(pid) - self._before[name]) / seconds for name, pid in self._pids.items()
        }
        return ", ".join(f"{name} {share:.2f}" for name, share in shares.items())


def nothing(_client: int) -> Iterator[Call]:
    """The bare handler, again and again."""
    while True:
        yield Call("bare FastAPI", "GET", "/")


@contextmanager
def _bare(folder: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "tests.benchmarks.bare_fastapi"]
    with running("bare", command, folder, {**BARE, "PYTHONPATH": str(ROOT)}) as process:
        process.says("http service started")
        (address,) = re.findall(r"listens at (http\S+)", process.text)
        yield address, process.process.pid


async def _prepare(address: str, headers: dict[str, str]) -> tuple[list[str], str]:
    """Leads, and a job to look at."""
    async with aiohttp.ClientSession(address, headers=headers) as session:
        csv = {"Content-Type": "text/csv"}
        async with session.post("/v1/leads/import", data=plain_file(LEADS), headers=csv) as answer:
            answer.raise_for_status()
        async with session.get("/v1/leads?limit=500") as answer:
            ids = [lead["id"] for lead in (await answer.json())["leads"]]
        async with session.post("/v1/phone-lookups", json={}) as answer:
            return ids, str((await answer.json())["job_id"])


def _print(title: str, measured: Measured, cores: str) -> float:
    """Prints what was measured; the requests per second."""
    sys.stdout.write(f"{title}, {measured.seconds:.0f} s\n")
    for name in sorted(measured.took):
        sys.stdout.write(f"  {measured.row(name)}\n")
    total = sum(map(len, measured.took.values()))
    together = sorted(each for took in measured.took.values() for each in took)
    p99 = together[int(len(together) * 0.99)] * 1_000 if together else 0.0
    sys.stdout.write(f"  all: {total:,} requests, {total / measured.seconds:,.0f}/s, p99 {p99:.1f} ms,")
    sys.stdout.write(f" {sum(measured.errors.values())} errors {dict(measured.errors) or ''}\n")
    sys.stdout.write(f"  cores of {os.cpu_count()}: {cores}\n")
    sys.stdout.flush()
    return total / measured.seconds


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.http_load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    sys.stdout.write(f"{options.clients} clients  {'requests':>27} {'rate':>12} {'p50':>12} {'p99':>12}\n")
    with (
        tempfile.TemporaryDirectory() as place,
        temporal_server(Path(place)) as temporal,
        postgres_server() as postgres,
    ):
        with _bare(Path(place)) as (address, pid):
            cores = Cores(service=pid)
            bare = uvloop.run(load(address, {}, options.clients, options.seconds / 6, nothing))
            bare_rate = _print("a bare FastAPI handler", bare, str(cores))
        url = f"sqlite:///{place}/leadgen.db" if options.sqlite else postgres.create_database("bench_http")
        with served(Path(place), temporal.address, DATABASE_URL=url) as there:
            headers = {"Authorization": f"Bearer {there.key}"}
            calls = mixed(*asyncio.run(_prepare(there.address, headers)))
            service = there.process.process.pid
            cores = Cores(service=service, postgres=postgres.pid, temporal=temporal.pid)
            measured = uvloop.run(load(there.address, headers, options.clients, options.seconds, calls))
            title = f"leadgen over {'SQLite' if options.sqlite else 'PostgreSQL'}"
            rate = _print(title, measured, str(cores))
    sys.stdout.write(f"leadgen / bare: {rate / bare_rate:.2f}\n")
    return 1 if measured.errors or bare.errors else 0


if __name__ == "__main__":
    sys.exit(main())
