"""F16: each way in which a provider goes wrong, on a share of its calls, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from leadgen_simulator.faults import FAULTS as KINDS
from tests.chaos.house import House
from tests.chaos.processes import until
from tests.chaos.stage import Figures, Stage, staged
from tests.chaos.verdict import Line


@dataclass(frozen=True, kw_only=True)
class ProviderFigures(Figures):
    """Which share; each kind goes on until it was met so often, or for so long."""

    share: float = 0.2
    times_each: int = 10
    seconds_each_max: float = 15.0
    kinds: str = ""
    """Names, separated by commas; empty: all but a few."""


_LEFT_OUT = {"none", "shape", "429_huge"}
"""No fault; a habit of one provider; and a pause of an hour, which leadgen keeps: it has to be named."""

SHORT = ProviderFigures(
    leads=600,
    workers=2,
    rate="30/1s",
    kinds="hang_charged,reset_body,500_free,429_date,html,gzip_bomb,endless_body,slow_body",
    bound_seconds=240.0,
)
FULL = replace(SHORT, leads=2_000, workers=4, times_each=100, seconds_each_max=60.0, kinds="")


def run(house: House, name: str, figures: ProviderFigures) -> list[Line]:
    """All kinds in the order of their names; what a kind did shows in the books."""
    kinds = figures.kinds.split(",") if figures.kinds else sorted(KINDS.keys() - _LEFT_OUT)
    with staged(house, name, figures) as stage:
        stage.order(figures.leads)
        stage.wait_for_calls(10)
        left = list(kinds)
        while stage.keep_busy(lambda: bool(left)):
            kind = left.pop(0)
            stage.diary.note("provider", f"{kind} on {figures.share:.0%}")
            stage.world.control(faults={kind: figures.share})
            _wait_for(stage, kind, figures)
        stage.world.control(faults={})
        lines = stage.finish()
        missing = [kind for kind in kinds if not _times(stage, kind)]
    text = f"{len(kinds) - len(missing)} of {len(kinds)} kinds met" + (f"; not {missing}" if missing else "")
    return [*lines, Line("F16", "faults met", len(missing), text)]


def _wait_for(stage: Stage, kind: str, figures: ProviderFigures) -> None:
    until(lambda: _times(stage, kind) >= figures.times_each, figures.seconds_each_max)


def _times(stage: Stage, kind: str) -> int:
    """How often a call met this kind."""
    return sum(book["faults"].get(kind, 0) for book in stage.world.books()["providers"].values())
