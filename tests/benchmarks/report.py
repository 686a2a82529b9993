"""The table and the JSON file of a run."""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
from pathlib import Path
from typing import Any

from tests.benchmarks.measures import STEADY_PER_SECOND, STEADY_REACHED, Demand, Latency

FILE = Path(__file__).parents[2] / "build" / "bench-limits.json"
WIDTH = 80
PACKAGES = ("limits", "pyrate-limiter", "redis", "sqlalchemy", "uvloop")
HEAD = f"""\
{"":<24}{"admitted":>15}{"p50 ms":>13}{"p99 ms":>13}{"worst":>10}
{"":<24}{"per second":>15}{f"at {STEADY_PER_SECOND:,}/s":>26}{"window":>10}{"sent":>5}"""


@dataclasses.dataclass(slots=True)
class Row:
    """What was measured of one contender; None is what was not."""

    name: str
    per_second: float
    latency: Latency | None = None
    demand: Demand | None = None

    def is_steady(self) -> bool:
        """Whether it kept up with the schedule."""
        return self.latency is not None and self.latency.per_second >= STEADY_REACHED * STEADY_PER_SECOND


def machine() -> dict[str, Any]:
    """Where and with what this is measured; ``load`` tells whether others were at work."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in PACKAGES},
    }


def table(rows: list[Row], base: Row) -> str:
    """All rows, each figure with its ratio to that of ``base``."""
    return "\n".join([HEAD, "-" * WIDTH, *(_line(row, base) for row in rows)])


def write(rows: list[Row], base: Row, about: dict[str, Any]) -> None:
    """The same figures, unrounded, for programs."""
    results = [dataclasses.asdict(row) | {"is_steady": row.is_steady()} for row in rows]
    FILE.parent.mkdir(exist_ok=True)
    text = json.dumps({"about": about, "base": base.name, "results": results}, indent=2)
    FILE.write_text(text + "\n", encoding="utf-8")


def _line(row: Row, base: Row) -> str:
    cells = [f"{row.name:<24}", _cell(row.per_second, base.per_second, "{:,.0f}", 15), _latency(row, base)]
    if row.demand and base.demand:
        cells.append(_cell(row.demand.worst, base.demand.worst, "{}", 10))
        cells.append(f"{row.demand.sent:>5}")
    return "".join(cells).rstrip()


def _latency(row: Row, base: Row) -> str:
    if row.latency is None:
        return " " * 26
    if not row.is_steady():
        return f"{f'not reached: {row.latency.per_second:,.0f}/s':>26}"
    reference = base.latency or row.latency
    p50 = _cell(row.latency.p50_ms, reference.p50_ms, "{:.2f}", 13)
    return p50 + _cell(row.latency.p99_ms, reference.p99_ms, "{:.2f}", 13)


def _cell(figure: float, reference: float, form: str, width: int) -> str:
    ratio = figure / reference if reference else math.nan
    text = f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"
    return f"{form.format(figure)}{text:>6}".rjust(width)
