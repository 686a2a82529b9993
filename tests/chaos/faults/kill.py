"""F1: workers die by kill -9, at random and for ever, in the middle of jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tests.chaos.house import House
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line, unknown_count


@dataclass(frozen=True, kw_only=True)
class KillFigures(Figures):
    """How often, and how far apart."""

    kills: int = 15
    every_seconds_min: float = 0.2
    every_seconds_max: float = 2.0
    survivors: int = 1
    """So many workers work before the next one is killed."""


SHORT = KillFigures(leads=800, rate="60/1s", concurrency=60, latency="200ms")
FULL = replace(SHORT, leads=2_000, kills=200, bound_seconds=240.0)


def run(house: House, name: str, figures: KillFigures) -> list[Line]:
    """Kills until it has killed enough, then lets the jobs end."""
    with staged(house, name, figures) as stage:
        chance = stage.chance
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        in_flight = 0
        while stage.keep_busy(lambda: stage.diary.counts["kill -9"] < figures.kills):
            time.sleep(chance.uniform(figures.every_seconds_min, figures.every_seconds_max))
            stage.cast.wait_until_working(min(figures.survivors + 1, figures.workers))
            place = chance.choice([place for place in stage.cast.places if place.now.is_working])
            child = stage.cast.kill(place)
            child.ended.wait(10)
            in_flight += _open_intents_of(stage, child.pid)
        lines = stage.finish()
        unknown = unknown_count(stage.seen.records.lookups)
        text = f"{unknown} unknown, {in_flight} were open at {stage.diary.counts['kill -9']} kills"
        lines.append(Line("F1a", "unknown <= open", max(unknown - in_flight, 0), text))
        if figures.settle_seconds:
            text = f"{unknown} still unknown within {figures.settle_seconds:g} s of the end"
            lines.append(Line("F1b", "found out", unknown, text))
        return lines


def _open_intents_of(stage: Stage, pid: int) -> int:
    owned = f"SELECT count(*) AS n FROM lookups WHERE state = 'intended' AND owner LIKE '%:{pid}:%'"  # noqa: S608
    return int(stage.sql.rows(owned)[0]["n"])
