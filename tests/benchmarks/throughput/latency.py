"""How much longer one ``FindPhone`` takes than its providers: on an idle system, and beside a big job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from temporalio.client import Client

from leadgen.adapters.persistence.tables import jobs, leads
from leadgen.domain.job import JobStatus
from tests.benchmarks.throughput.jobs import loop
from tests.benchmarks.throughput.people import write_people
from tests.benchmarks.throughput.stage import SQLITE, Stage, scratch, simulator, stage
from tests.e2e.processes import NO_LIMITS, PROVIDERS
from tests.entrypoints.program import WarmStart

PROVIDER_MS = 50
RATE_PER_SECOND = 100
LIMITS = (f"rate={RATE_PER_SECOND}/1s,100000/1h", "concurrency=20")
"""What the big job waits for; a lookup by itself never does."""

IDLE, BUSY = "idle", "busy"
_WORLD = (
    "--profile", "instant", *NO_LIMITS,
    *(word for name in PROVIDERS for word in ("--latency", f"{name}={PROVIDER_MS}ms")),
)  # fmt: skip
_PAUSE_SECONDS = 0.05
_IDLE_SECONDS_MAX = 120.0
_BUSY_SECONDS_MAX = 240.0
_UNDER_WAY_SECONDS = 3.0
_POLL_SECONDS = 0.2
_HELD = "incomplete"
"""A breaker was open, by a false alarm of the job: that lookup asked fewer than the others."""

_ENDS = {"found", "not_found", _HELD}


@dataclass(frozen=True, slots=True)
class Wait:
    """Milliseconds that lookups took, one after the other; ``own`` is the part of the providers in them."""

    lookups: int
    wanted: int
    p50_ms: float
    p95_ms: float
    own_p50_ms: float
    own_p95_ms: float
    added_p50_ms: float
    added_p95_ms: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Both, and how big the job was."""

    idle: Wait
    busy: Wait
    job_leads: int


def waits(warm: WarmStart, lookups: int, job_leads: int) -> Waits:
    """Looks up people who are in no job, before one has been ordered and while it is bound by its limits."""
    own = {mark: _own_seconds(mark, lookups) for mark in (IDLE, BUSY)}
    with stage(warm, SQLITE, world=_WORLD, limits=LIMITS) as here, here.worker():
        idle = _wait(asyncio.run(_look_up(here, _ids(here, IDLE, lookups), _IDLE_SECONDS_MAX)), own[IDLE])
        here.command("leads", "import", write_people(here.folder / "job.csv", job_leads).name)
        job_id = here.command("phones", "find", "--no-wait")["job_id"]
        _await_calls(here)
        ids = _ids(here, BUSY, lookups)
        found = asyncio.run(_look_up(here, ids, _BUSY_SECONDS_MAX, lambda: _is_running(here, job_id)))
        return Waits(idle, _wait(found, own[BUSY]), job_leads)


def _own_seconds(mark: str, lookups: int) -> list[float]:
    """How long the providers take over each of these people: an equal world takes equally long."""
    with scratch() as folder, simulator(folder, *_WORLD) as there:
        people = write_people(folder / "people.csv", lookups, mark)
        seconds: list[float] = loop(there, people, 1, folder)["seconds_each"]
        return seconds


def _ids(here: Stage, mark: str, lookups: int) -> list[str]:
    """Imports these people; their ids in the order of the file."""
    people: Path = write_people(here.folder / f"{mark}.csv", lookups, mark)
    here.command("leads", "import", people.name)
    rows = here.rows(
        select(leads.c.id).where(leads.c.company_name.startswith(f"{mark}works")).order_by(leads.c.id)
    )
    assert len(rows) == lookups
    return [row.id for row in rows]


def _is_running(here: Stage, job_id: str) -> bool:
    [job] = here.rows(select(jobs.c.status).where(jobs.c.id == job_id))
    return bool(job.status == JobStatus.RUNNING)


async def _look_up(
    here: Stage, lead_ids: list[str], seconds_max: float, goes_on: Callable[[], bool] = lambda: True
) -> list[float]:
    """The seconds of each lookup that asked whom it wanted, ended in time, and before all was over."""
    client = await Client.connect(here.temporal_address)
    took = list[float]()
    try:
        async with asyncio.timeout(seconds_max):
            for lead_id in lead_ids:
                begun = time.perf_counter()
                result = await client.execute_workflow(
                    "FindPhone", {"lead_id": lead_id}, id=f"find-{lead_id}", task_queue="leadgen"
                )
                seconds = time.perf_counter() - begun
                assert result["status"] in _ENDS, result
                if not goes_on():
                    break
                if result["status"] != _HELD:
                    took.append(seconds)
                await asyncio.sleep(_PAUSE_SECONDS)
    except TimeoutError:
        pass  # those that ended are told
    assert took, f"no lookup ended within {seconds_max:g} s, or before the job did"
    return took


def _await_calls(here: Stage) -> None:
    """Until the job has asked at its full rate for a while."""
    known = here.world.books()["totals"]["calls"]
    while here.world.books()["totals"]["calls"] < known + RATE_PER_SECOND * _UNDER_WAY_SECONDS:
        time.sleep(_POLL_SECONDS)


def _wait(took: list[float], own: list[float]) -> Wait:
    added = [all_ - part for all_, part in zip(took, own, strict=False)]
    figures = [_quantile(part, share) for part in (took, own[: len(took)], added) for share in (0.5, 0.95)]
    return Wait(len(took), len(own), *figures)


def _quantile(seconds: list[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1e3
