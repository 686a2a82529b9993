"""F6, F7, F9: Valkey dies and comes back empty, hangs, forgets everything, forgets its scripts."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

import redis

from tests.chaos.house import House
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line

KINDS = ("kill", "pause", "flushall", "script flush", "cut", "hang")


@dataclass(frozen=True, kw_only=True)
class RedisFigures(Figures):
    """How often each kind, for how long, how far apart."""

    each: int = 1
    down_seconds_min: float = 0.1
    down_seconds_max: float = 3.0
    every_seconds_min: float = 0.5
    every_seconds_max: float = 2.0


SHORT = RedisFigures(leads=600, rate="30/1s")
FULL = replace(SHORT, leads=2_000, each=20, down_seconds_max=30.0)


def run(house: House, name: str, figures: RedisFigures) -> list[Line]:
    """All kinds in a drawn order."""
    with staged(house, name, figures) as stage:
        chance, left = stage.chance, list(KINDS * figures.each)
        chance.shuffle(left)
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        while stage.keep_busy(lambda: bool(left)):
            time.sleep(chance.uniform(figures.every_seconds_min, figures.every_seconds_max))
            seconds = chance.uniform(figures.down_seconds_min, figures.down_seconds_max)
            trouble(stage, left.pop(), seconds)
        lines = stage.finish()
        done = Counter({kind: stage.diary.counts[f"redis {kind}"] for kind in KINDS})
    text = ", ".join(f"{count} {kind}" for kind, count in done.items())
    return [*lines, Line("F6", "faults done", 0, text)]


def trouble(stage: Stage, kind: str, seconds: float) -> None:
    """One fault of this kind; what takes time takes so long."""
    valkey = stage.valkey
    stage.diary.note(f"redis {kind}", f"{seconds:.1f} s")
    match kind:
        case "kill":
            valkey.kill()
            time.sleep(seconds)
            valkey.start()
        case "pause":
            valkey.pause()
            time.sleep(seconds)
            valkey.go_on()
        case "flushall" | "script flush":
            with redis.Redis.from_url(valkey.url, socket_timeout=5) as client:
                client.execute_command(*kind.upper().split())
        case "cut":
            for proxy in stage.limiters:
                proxy.cut()
        case _:
            half = stage.limiters[: max(1, len(stage.limiters) // 2)]
            for proxy in half:
                proxy.hang()
            time.sleep(seconds)
            for proxy in half:
                proxy.go_on()
