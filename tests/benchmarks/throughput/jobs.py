"""What a job costs: a bare loop, leadgen's own job as a user orders it, a workflow per lead."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from leadgen.adapters.persistence.tables import jobs, lookups, provider_breakers
from leadgen.domain.job import JobStatus
from tests.benchmarks.throughput.people import write_people
from tests.benchmarks.throughput.stage import (
    INSTANT,
    Stage,
    child,
    ended,
    scratch,
    simulator,
    stage,
    temporal,
    told,
)
from tests.benchmarks.throughput.usage import children, cpu_seconds, peak_mb
from tests.e2e.processes import World
from tests.entrypoints.program import WarmStart

WIDE_AT_ONCE = 100
_ENDS = [status for status in JobStatus if status.is_end]
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """Leads from the first call to the last record; the simulator's own work is in none of the figures."""

    leads: int
    calls: int
    found: int
    seconds: float
    cpu_ms: dict[str, float | None]
    """Milliseconds of user and system time a lead, by part."""
    memory_mb: float | None
    """The most that one process of the worker, or of the loop, held at once."""
    until_first_call_seconds: float = 0.0
    """From the order to the first call; not in ``seconds``."""
    unsent: int | None = None
    """Intents that were recorded and called off: their tickets had run out, so they were made again."""
    opened: tuple[str, ...] = ()
    """Whose breakers opened, and so had the job wait: each provider is as good as ever here."""
    leads_per_second: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "leads_per_second", self.leads / self.seconds)

    @property
    def cpu_ms_all(self) -> float | None:
        """All parts together."""
        known = [each for each in self.cpu_ms.values() if each is not None]
        return sum(known) if len(known) == len(self.cpu_ms) else None


def bare(leads: int, *, world: tuple[str, ...] = INSTANT) -> Run:
    """The bare loop over so many people."""
    with scratch() as folder, simulator(folder, *world) as there:
        found = loop(there, write_people(folder / "people.csv", leads), WIDE_AT_ONCE, folder)
        _check(there, leads, found["found"], leads, found["calls"])
    cpu: dict[str, float | None] = {"loop": found["cpu_seconds"] * 1e3 / leads}
    return Run(leads, found["calls"], found["found"], found["seconds"], cpu, found["memory_mb"])


def loop(there: World, people: Path, wide: int, folder: Path) -> dict[str, Any]:
    """What the bare loop tells of itself."""
    with ended(child("bare", there.url, str(people), str(wide), folder=folder)) as process:
        return told(process)


def leadgen(warm: WarmStart, kind: str, leads: int, *, workers: int = 1, profile: Path | None = None) -> Run:
    """A job of leadgen over so many people, ordered and carried out as by a user."""
    with stage(warm, kind) as here, ExitStack() as stack:
        people = write_people(here.folder / "people.csv", leads)
        receipt = here.command("leads", "import", people.name)
        assert receipt["created"] == leads, receipt
        started = [stack.enter_context(here.worker(profile)) for _ in range(workers)]
        used = _used(here)
        ordered = time.monotonic()
        job_id = here.command("phones", "find", "--no-wait")["job_id"]
        over_at = ended_at(here, job_id)
        cpu = {part: _ms_each(seconds, used[part], leads) for part, seconds in _used(here).items()}
        memory = [peak_mb(worker.process.pid) for worker in started]
        began_at = _began_at(here.world)
        report = here.command("jobs", "show", job_id)
        [unsent] = here.rows(select(func.sum(lookups.c.discarded)))[0]
        has_opened = provider_breakers.c.since.is_not(None)
        opened = tuple(name for (name,) in here.rows(select(provider_breakers.c.provider).where(has_opened)))
        _check(here.world, leads, report["found"], report["found"] + report["not_found"])
    calls = sum(provider["calls"] for provider in report["providers"].values())
    most = max((each for each in memory if each is not None), default=None)
    return Run(
        leads,
        calls,
        report["found"],
        over_at - began_at,
        cpu,
        most,
        began_at - ordered,
        int(unsent or 0),
        opened,
    )


def workflow_per_lead(leads: int) -> Run:
    """A workflow per lead and an activity per provider, on the same Temporal server; records nothing else."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        there = stack.enter_context(simulator(folder, *INSTANT))
        people = write_people(folder / "people.csv", leads)
        ours = _own_children()
        address = stack.enter_context(temporal(folder))
        server = _own_children() - ours
        process = stack.enter_context(ended(child("peer", address, there.url, str(people), folder=folder)))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        used = cpu_seconds(server)
        found = told(process, "go\n")
        cpu = {
            "worker": found["cpu_seconds"] * 1e3 / leads,
            "Temporal": _ms_each(cpu_seconds(server), used, leads),
        }
        _check(there, leads, found["found"], leads)
        calls = int(there.books()["totals"]["calls"])
        seconds = found["ended"] - _began_at(there)
    return Run(leads, calls, found["found"], seconds, cpu, found["memory_mb"])


def _own_children() -> set[int]:
    return children(os.getpid())


def _used(here: Stage) -> dict[str, float | None]:
    return {part: cpu_seconds(processes) for part, processes in here.parts.items()}


def _ms_each(after: float | None, before: float | None, leads: int) -> float | None:
    return None if after is None or before is None else (after - before) * 1e3 / leads


def _began_at(there: World) -> float:
    """When the first call arrived, by the clock that all processes of a machine share."""
    first = there.client.get("/books/calls", params={"limit": 1}).json()["calls"][0]
    return float(first["at"])


def ended_at(here: Stage, job_id: str) -> float:
    """When the job's last lead was recorded, by the same clock."""
    statement = select(jobs.c.status, jobs.c.ended_at).where(jobs.c.id == job_id)
    while True:
        [row] = here.rows(statement)
        if row.status in _ENDS:
            assert row.status == JobStatus.DONE, row.status
            return float(row.ended_at.timestamp()) - (time.time() - time.monotonic())
        time.sleep(_POLL_SECONDS)


def _check(there: World, leads: int, found: int, settled: int, calls: int | None = None) -> None:
    """Nothing is told of a run that was wrong: the simulator's books and the results must agree."""
    totals = there.books()["totals"]
    assert settled == leads, f"{settled} of {leads} leads were settled"
    assert totals["hits"] == found, f"{totals['hits']} hits were given, {found} were found"
    refused = totals["refused_limits"] + sum(totals["refused"].values())
    assert refused == 0, f"{refused} calls were refused"
    assert calls in {None, totals["calls"]}, f"{calls} calls were told, {totals['calls']} came"
