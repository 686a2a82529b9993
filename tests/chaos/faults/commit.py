"""F11: a COMMIT goes through and its reply is lost: on intents, and on settlements."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace

from tests.chaos import taps
from tests.chaos.house import House
from tests.chaos.processes import until
from tests.chaos.proxy import Act
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line, unknown_count


@dataclass(frozen=True, kw_only=True)
class CommitFigures(Figures):
    """How many replies are cut of each kind, and one of how many."""

    cuts: int = 15
    one_of: int = 8
    wait_seconds: float = 120.0


SHORT = CommitFigures(leads=400, workers=2, rate="30/1s")
FULL = replace(SHORT, leads=2_000, workers=4, cuts=100, wait_seconds=600.0)


class Scissors:
    """Cuts replies, a drawn one of so many, until it has cut enough of each kind."""

    def __init__(self, stage: Stage, figures: CommitFigures) -> None:
        self._stage = stage
        self._figures = figures
        self._chance = stage.chance
        self._lock = threading.Lock()
        self.left = Counter({taps.INTENT_COMMITTED: figures.cuts, taps.SETTLEMENT_COMMITTED: figures.cuts})

    @property
    def is_done(self) -> bool:
        """Whether all cuts are made."""
        return not any(self.left.values())

    def wire(self, moment: str) -> Act:
        """See Wire."""
        with self._lock:
            if self.left[moment] <= 0 or self._chance.randrange(self._figures.one_of):
                return Act.PASS
            self.left[moment] -= 1
        self._stage.diary.note("reply cut", moment)
        return Act.CUT


def run(house: House, name: str, figures: CommitFigures) -> list[Line]:
    """Cuts until it has cut enough."""
    with staged(house, name, figures) as stage:
        scissors = Scissors(stage, figures)
        for proxy in stage.databases:
            proxy.wire = scissors.wire
        stage.order(figures.leads)
        until(lambda: not stage.keep_busy(lambda: not scissors.is_done), figures.wait_seconds, every=0.5)
        for proxy in stage.databases:
            proxy.wire = None
        lines = stage.finish()
        unknown = unknown_count(stage.seen.records.lookups)
    cut = stage.diary.counts["reply cut"]
    marks = [
        Line("F11a", "replies cut", sum(scissors.left.values()), f"{cut} cut, {dict(scissors.left)} left"),
        Line("F11b", "row decides", unknown, f"{unknown} unknown: a lost reply is looked up"),
    ]
    return [*lines, *marks]
