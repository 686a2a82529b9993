"""F3: SIGTERM while a worker is busy: it books what is under way, asks nothing new, and leaves in time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.chaos.evidence import Call, Lookup
from tests.chaos.house import House
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line


@dataclass(frozen=True, kw_only=True)
class DrainFigures(Figures):
    """How often, and what a good end is."""

    drains: int = 5
    every_seconds_min: float = 0.5
    every_seconds_max: float = 2.0
    exit_seconds_max: float = 30.0
    quiet_after_seconds: float = 1.0
    """So long after SIGTERM a paid call may still be begun."""
    killed_after_seconds: float = 0.0
    """So long after SIGTERM comes SIGKILL; 0: never."""


@dataclass(frozen=True)
class Drain:
    """One SIGTERM: who got it, when (seconds since 1970), how it ended and after how long."""

    pid: int
    at: float
    status: int | None
    took_seconds: float


SHORT = DrainFigures(leads=800, rate="40/1s", latency="400ms")
FULL = replace(SHORT, leads=2_000, drains=50)


def run(house: House, name: str, figures: DrainFigures) -> list[Line]:
    """Ends workers in good order, one after the other."""
    with staged(house, name, figures) as stage:
        chance, drains = stage.chance, list[Drain]()
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        while stage.keep_busy(lambda: len(drains) < figures.drains):
            time.sleep(chance.uniform(figures.every_seconds_min, figures.every_seconds_max))
            stage.cast.wait_until_working()
            drains.append(_drain(stage, figures, chance.randrange(figures.workers)))
        lines = stage.finish()
        lookups, calls = stage.seen.records.lookups, stage.seen.calls
    return [
        *lines,
        _exits(drains, figures),
        _unknowns(drains, lookups),
        _late(drains, figures, lookups, calls),
    ]


def _drain(stage: Stage, figures: DrainFigures, number: int) -> Drain:
    place = stage.cast.places[number]
    began, at = time.monotonic(), time.time()
    child = stage.cast.terminate(place)
    if figures.killed_after_seconds and not child.ended.wait(figures.killed_after_seconds):
        stage.cast.kill(place)
    child.ended.wait(figures.exit_seconds_max + 10)
    took = time.monotonic() - began
    stage.diary.note("drained", f"pid {child.pid} status {child.status} after {took:.1f} s")
    return Drain(child.pid, at, child.status, took)


def _exits(drains: list[Drain], figures: DrainFigures) -> Line:
    if figures.killed_after_seconds:
        bad = [drain for drain in drains if drain.status not in {0, -9}]
    else:
        bad = [
            drain for drain in drains if drain.status != 0 or drain.took_seconds > figures.exit_seconds_max
        ]
    slowest = max(drain.took_seconds for drain in drains)
    statuses = sorted({str(drain.status) for drain in drains})
    text = f"{len(drains)} drains, exit status {', '.join(statuses)}, slowest {slowest:.1f} s"
    return Line("F3a", "exits", len(bad), text)


def _unknowns(drains: list[Drain], lookups: Sequence[Lookup]) -> Line:
    drained = {drain.pid for drain in drains if drain.status == 0}
    left = [row for row in lookups if row.state == "unknown" and _pid(row) in drained]
    return Line("F3b", "nothing unknown", len(left), f"{len(left)} unknown of drained workers")


def _late(
    drains: list[Drain], figures: DrainFigures, lookups: Sequence[Lookup], calls: Sequence[Call]
) -> Line:
    """Intents, and calls that can be told apart, of a worker that had been told to stop."""
    until = {drain.pid: drain.at + figures.quiet_after_seconds for drain in drains}
    by_key: dict[str | None, list[Call]] = defaultdict(list)
    for call in calls:
        by_key[call.reference].append(call)
    late = 0
    for row in lookups:
        if limit := until.get(_pid(row)):
            late += row.created_at > limit or any(call.at > limit for call in by_key[row.key])
    text = f"{late} begun more than {figures.quiet_after_seconds:g} s after SIGTERM"
    return Line("F3c", "no new call", late, text)


def _pid(row: Lookup) -> int:
    """The process that owns a row: ``host:pid:random/number``."""
    return int(row.owner.split(":")[1])
