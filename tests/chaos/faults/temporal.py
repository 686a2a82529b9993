"""F13: the Temporal server restarts, and is gone for a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tests.chaos.house import House
from tests.chaos.stage import Figures, staged
from tests.chaos.verdict import Line


@dataclass(frozen=True, kw_only=True)
class TemporalFigures(Figures):
    """How often, and for how long."""

    restarts: int = 3
    every_seconds: float = 5.0
    absences: int = 1
    absent_seconds: float = 60.0


SHORT = TemporalFigures(leads=800, rate="20/1s", bound_seconds=240.0)
FULL = replace(SHORT, leads=2_000, restarts=10, absences=3)


def run(house: House, name: str, figures: TemporalFigures) -> list[Line]:
    """Restarts first, then absences."""
    with staged(house, name, figures) as stage:
        downs = [0.0] * figures.restarts + [figures.absent_seconds] * figures.absences
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        while stage.keep_busy(lambda: bool(downs)):
            time.sleep(figures.every_seconds)
            seconds = downs.pop(0)
            stage.diary.note("temporal killed", f"{seconds:g} s")
            house.temporal.kill()
            time.sleep(seconds)
            house.temporal.start()
        lines = stage.finish()
        count = stage.diary.counts["temporal killed"]
    return [*lines, Line("F13", "faults done", 0, f"{count} times gone")]
