"""How near a job under limits comes to the least time that those allow, waiting and spilling."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from leadgen.adapters.persistence.tables import leads
from tests.benchmarks.throughput.jobs import ended_at
from tests.benchmarks.throughput.people import write_people
from tests.benchmarks.throughput.stage import SQLITE, stage
from tests.entrypoints.program import WarmStart

_WORLD = ("--profile", "field")
"""Latencies, faults and limits as in the field; leadgen's own limits are those it comes with."""


@dataclass(frozen=True, slots=True)
class Held:
    """A job whose limits are what it waits for."""

    leads: int
    seconds: float
    """As ``jobs show`` tells them, from its order to its end."""
    bound_seconds: float
    found: frozenset[str]
    """Whose number was found."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The same leads in two equal worlds."""

    wait: Held
    spill: Held


def bounds(warm: WarmStart, count: int) -> Bounds:
    """One job after the other, each in a world of its own."""
    return Bounds(wait=_job(warm, count, "wait"), spill=_job(warm, count, "spill"))


def _job(warm: WarmStart, count: int, when_held: str) -> Held:
    with stage(warm, SQLITE, world=_WORLD, limits=()) as here, here.worker():
        people = write_people(here.folder / "people.csv", count)
        here.command("leads", "import", people.name)
        job_id = here.command("phones", "find", "--no-wait", "--when-held", when_held)["job_id"]
        ended_at(here, job_id)
        told = here.command("jobs", "show", job_id)
        found = here.rows(select(leads.c.email).where(leads.c.phone.is_not(None)))
    assert told["found"] == len(found), told
    return Held(count, told["seconds"], told["bound_seconds"], frozenset(row.email for row in found))
