"""F2: kill -9 at named points of a paid call, for each kind of answer; each in a small world of its own."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from tests.chaos import taps
from tests.chaos.house import House
from tests.chaos.processes import ENDS
from tests.chaos.proxy import Act
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line, merged

LIMITER_POINTS = (taps.TICKET_ASKED, taps.TICKET_GIVEN, taps.RELEASE)
DATABASE_POINTS = (
    taps.INTENT_INSERT,
    taps.INTENT_COMMIT,
    taps.INTENT_COMMITTED,
    taps.SETTLEMENT_COMMIT,
    taps.SETTLEMENT_COMMITTED,
)
WORLD_POINTS = ("received", "charged", "headers", "body")
POINTS = (*LIMITER_POINTS[:2], *DATABASE_POINTS[:3], *WORLD_POINTS, *DATABASE_POINTS[3:], LIMITER_POINTS[2])
"""In the order in which a call passes them."""

OUTCOMES: Mapping[str, tuple[float, str | None]] = {
    "found": (1.0, None),
    "miss": (0.0, None),
    "500": (1.0, "500_free"),
    "charged time-out": (1.0, "hang_charged"),
    "free time-out": (1.0, "hang_free"),
    "busy": (1.0, "429_seconds"),
    "charged 503": (1.0, "503_charged"),
    "reset": (1.0, "reset_charged"),
    "truncated": (1.0, "truncated_json"),
}
"""The share of people who are known, and the fault of every call."""

_UNREACHABLE = {
    (point, outcome)
    for point in ("headers", "body")
    for outcome in ("charged time-out", "free time-out", "reset", "truncated")
}
"""An answer that is never written, or is written in its own way, has no such point."""

_REACH_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class PointsFigures(Figures):
    """Which combinations, how often, how many worlds at once."""

    outcomes: int = 4
    """So many of the kinds of answers, from the first on."""
    repeats: int = 1
    at_once: int = 12
    nth_max: int = 3
    """The point is the first, second ... of its kind, drawn up to this."""
    only: str = ""
    """A part of the name of the only points wanted; empty: all."""


SHORT = PointsFigures(
    leads=3, workers=1, outcomes=2, rate="50/1s", concurrency=10, latency="20ms", bound_seconds=90.0
)
FULL = replace(SHORT, outcomes=len(OUTCOMES), repeats=20)


def run(house: House, name: str, figures: PointsFigures) -> list[Line]:
    """All combinations; one line for each invariant over all of them, and who broke one."""
    combinations = list(_combinations(figures))
    told = [f"{point} × {outcome} #{number}" for point, outcome, number in combinations]
    pool = ThreadPoolExecutor(figures.at_once)
    try:
        runs = [pool.submit(_run_one, house, name, figures, each) for each in combinations]
        wait(runs)
    except BaseException:
        ENDS.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return merged({each: _lines(run) for each, run in zip(told, runs, strict=True)})


def _lines(run: Future[list[Line]]) -> list[Line]:
    error = run.exception()
    return [Line("--", "the run itself", 1, repr(error)[:200])] if error else run.result()


def _combinations(figures: PointsFigures) -> Iterator[tuple[str, str, int]]:
    outcomes = list(OUTCOMES)[: figures.outcomes]
    for number, point, outcome in itertools.product(range(figures.repeats), POINTS, outcomes):
        if (point, outcome) not in _UNREACHABLE and figures.only in point:
            yield point, outcome, number


def _run_one(
    house: House, name: str, figures: PointsFigures, combination: tuple[str, str, int]
) -> list[Line]:
    point, outcome, number = combination
    hits, fault = OUTCOMES[outcome]
    flags = [
        word for each in ("orion", "astra", "nimbus") if fault for word in ("--fault", f"{each}:{fault}=1")
    ]
    title = f"{name}-{point}-{outcome}-{number}".replace(" ", "-")
    with staged(house, title, replace(figures, hits=hits), *flags) as stage:
        is_single = outcome == "found" and point in DATABASE_POINTS  # one commit may hold all intents
        nth = 1 if is_single else stage.chance.randint(1, figures.nth_max)
        killed = threading.Event()
        if point in WORLD_POINTS:
            stage.world.control(hold=point)
            killer = threading.Thread(target=_kill_when_held, args=(stage, killed), daemon=True)
            killer.start()
        else:
            _kill_at(stage, point, nth, killed)
        stage.order(figures.leads)
        was_reached = killed.wait(_REACH_SECONDS)
        stage.heal()
        lines = stage.finish()
    return [*lines, Line("F2", "point reached", int(not was_reached), f"{point}")]


def _kill_at(stage: Stage, point: str, nth: int, killed: threading.Event) -> None:
    """Kills the one worker the n-th time that the moment is seen, before its bytes go on."""
    seen = itertools.count(1)

    def wire(moment: str) -> Act:
        if moment != point or killed.is_set() or next(seen) < nth:
            return Act.PASS
        stage.cast.kill(stage.cast.places[0])
        killed.set()
        return Act.CUT

    for proxy in (*stage.databases, *stage.limiters):
        proxy.wire = wire


def _kill_when_held(stage: Stage, killed: threading.Event) -> None:
    deadline = time.monotonic() + _REACH_SECONDS
    while time.monotonic() < deadline:
        held = stage.world.held(10.0)
        if held is not None:
            stage.diary.note("held", json.dumps(held))
            stage.cast.kill(stage.cast.places[0])
            stage.world.control(hold=None, release=True)
            killed.set()
            return
