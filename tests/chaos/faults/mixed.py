"""All at once: what fails is drawn, again and again, while providers err on a share of their calls."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

from tests.chaos.faults import postgres, redis
from tests.chaos.faults.commit import CommitFigures, Scissors
from tests.chaos.house import House
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line

WHAT = ("kill", "kill", "kill", "drain", "stop", "redis", "postgres", "temporal", "provider", "cut")


@dataclass(frozen=True, kw_only=True)
class MixedFigures(Figures):
    """How many faults, how far apart, how long each."""

    faults: int = 25
    every_seconds_min: float = 0.2
    every_seconds_max: float = 4.0
    down_seconds_min: float = 0.2
    down_seconds_max: float = 5.0
    stop_seconds: float = 10.0
    share: float = 0.3
    kinds: str = "hang_charged,hang_free,reset_body,reset_free,500_free,503_free,429_seconds,html,slow_body"
    """What providers do wrong; what charges for a plain error is left to the fault `provider`."""
    cuts: int = 20


SHORT = MixedFigures(leads=600, rate="30/1s", bound_seconds=240.0)
FULL = replace(SHORT, leads=2_000, faults=250, cuts=100)


def run(house: House, name: str, figures: MixedFigures) -> list[Line]:
    """Draws until it has drawn enough."""
    with staged(house, name, figures) as stage:
        chance, done = stage.chance, Counter[str]()
        scissors = Scissors(stage, CommitFigures(cuts=figures.cuts, one_of=20))
        for proxy in stage.databases:
            proxy.wire = scissors.wire
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        while stage.keep_busy(lambda: done.total() < figures.faults):
            time.sleep(chance.uniform(figures.every_seconds_min, figures.every_seconds_max))
            what = chance.choice(WHAT)
            _do(stage, what, figures)
            done[what] += 1
        for proxy in stage.databases:
            proxy.wire = None
        stage.world.control(faults={})
        stage.cast.wait_until_working()
        lines = stage.finish()
    text = ", ".join(f"{count} {what}" for what, count in sorted(done.items()))
    return [*lines, Line("FX", "faults done", 0, f"{text}; {stage.diary.counts['reply cut']} replies cut")]


def _do(stage: Stage, what: str, figures: MixedFigures) -> None:
    chance = stage.chance
    place = chance.choice(stage.cast.places)
    seconds = chance.uniform(figures.down_seconds_min, figures.down_seconds_max)
    match what:
        case "kill":
            stage.cast.kill(place)
        case "drain":
            stage.cast.terminate(place)
        case "stop":
            child = stage.cast.signal(place, signal.SIGSTOP, "SIGSTOP")
            threading.Timer(figures.stop_seconds, child.send, [signal.SIGCONT]).start()
        case "redis":
            redis.trouble(stage, chance.choice(redis.KINDS), seconds)
        case "postgres":
            postgres.take_down(stage, seconds, at_once=chance.random() < 0.5)
        case "temporal":
            stage.diary.note("temporal killed", f"{seconds:.1f} s")
            stage.house.temporal.kill()
            time.sleep(seconds)
            stage.house.temporal.start()
        case "provider":
            kind = chance.choice(figures.kinds.split(","))
            stage.diary.note("provider", f"{kind} on {figures.share:.0%}")
            stage.world.control(faults={kind: figures.share})
        case _:
            for proxy in stage.databases:
                proxy.cut()
