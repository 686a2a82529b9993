"""F10: PostgreSQL is restarted, or crashes; while it is down nothing is paid for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.chaos.evidence import Call
from tests.chaos.house import House
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line


@dataclass(frozen=True, kw_only=True)
class PostgresFigures(Figures):
    """How often each way, and for how long it is down."""

    each: int = 1
    down_seconds_min: float = 1.0
    down_seconds_max: float = 5.0
    every_seconds_min: float = 3.0
    every_seconds_max: float = 6.0
    grace_seconds: float = 0.6
    """A call whose intent was committed before may leave so long after the end: as far as tickets reach."""


@dataclass(frozen=True)
class Outage:
    """When it was down, in seconds since 1970."""

    began: float
    ended: float


SHORT = PostgresFigures(leads=800, rate="30/1s")
FULL = replace(SHORT, leads=2_000, each=10, down_seconds_max=20.0)


def run(house: House, name: str, figures: PostgresFigures) -> list[Line]:
    """Both ways in a drawn order."""
    with staged(house, name, figures) as stage:
        chance, left, outages = stage.chance, [False, True] * figures.each, list[Outage]()
        chance.shuffle(left)
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        while stage.keep_busy(lambda: bool(left)):
            time.sleep(chance.uniform(figures.every_seconds_min, figures.every_seconds_max))
            seconds = chance.uniform(figures.down_seconds_min, figures.down_seconds_max)
            outages.append(take_down(stage, seconds, at_once=left.pop()))
        lines = stage.finish()
        return [*lines, _calls_while_down(outages, stage.seen.calls, figures)]


def take_down(stage: Stage, seconds: float, *, at_once: bool) -> Outage:
    """Stops the server, or lets it crash, and starts it again."""
    stage.diary.note("postgres crash" if at_once else "postgres restart", f"{seconds:.1f} s")
    stage.house.postgres.stop(at_once=at_once)
    began = time.time()
    time.sleep(seconds)
    ended = time.time()
    stage.house.postgres.start()
    return Outage(began, ended)


def _calls_while_down(outages: list[Outage], calls: Sequence[Call], figures: PostgresFigures) -> Line:
    down = [
        call
        for call in calls
        for outage in outages
        if outage.began + figures.grace_seconds < call.at < outage.ended
    ]
    text = f"{len(outages)} outages, {len(down)} paid calls while down"
    return Line("F10", "fails closed", len(down), text)
