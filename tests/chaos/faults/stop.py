"""F4: a worker stands still for seconds and wakes as a zombie: it sends nothing on an outdated ticket."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.chaos.evidence import Call, Lookup
from tests.chaos.house import House
from tests.chaos.stage import Figures, staged
from tests.chaos.verdict import Line


@dataclass(frozen=True, kw_only=True)
class StopFigures(Figures):
    """How often, and for how long."""

    stops: int = 3
    seconds_min: float = 10.0
    seconds_max: float = 10.0
    pause_seconds_max: float = 3.0


@dataclass(frozen=True)
class Stop:
    """One standstill of a process, in seconds since 1970."""

    pid: int
    began: float
    ended: float


SHORT = StopFigures(leads=800, rate="30/1s", latency="200ms")
FULL = replace(SHORT, leads=2_000, stops=30, seconds_max=60.0)


def run(house: House, name: str, figures: StopFigures) -> list[Line]:
    """Stops one worker after the other, and lets it go on."""
    with staged(house, name, figures) as stage:
        chance, stops = stage.chance, list[Stop]()
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        while stage.keep_busy(lambda: len(stops) < figures.stops):
            time.sleep(chance.uniform(0.2, figures.pause_seconds_max))
            place = chance.choice(stage.cast.places)
            child = stage.cast.signal(place, signal.SIGSTOP, "SIGSTOP")
            began = time.time()
            time.sleep(chance.uniform(figures.seconds_min, figures.seconds_max))
            ended = time.time()
            stage.cast.signal(place, signal.SIGCONT, "SIGCONT")
            stops.append(Stop(child.pid, began, ended))
        lines = stage.finish()
        lookups, calls = stage.seen.records.lookups, stage.seen.calls
    return [*lines, _stale_sends(stops, lookups, calls)]


def _stale_sends(stops: list[Stop], lookups: Sequence[Lookup], calls: Sequence[Call]) -> Line:
    """Calls after a standstill whose intent is older than it."""
    at_by_key: dict[str | None, list[float]] = defaultdict(list)
    for call in calls:
        at_by_key[call.reference].append(call.at)
    is_named = any(at_by_key)
    stale = 0
    for stop in stops:
        owned = [row for row in lookups if f":{stop.pid}:" in row.owner and row.created_at < stop.began]
        stale += sum(at > stop.ended for row in owned for at in at_by_key[row.key])
    text = f"{len(stops)} stops, {stale} sends on tickets from before them"
    return Line("F4", "no stale send", stale if is_named else None, text)
