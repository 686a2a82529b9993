"""leadgen beside what one would write instead: ``make bench``, or ``python -m tests.benchmarks.throughput``.

One table on stdout and one JSON file; what goes on is told on stderr. What fails is told in the table, the
rest is measured all the same, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from tests.benchmarks.throughput import bound, files, jobs, latency
from tests.benchmarks.throughput.picture import picture
from tests.benchmarks.throughput.results import BARE, KINDS, PEER, Failure, Found, Results
from tests.benchmarks.throughput.stage import POSTGRES, ROOT, SQLITE, within
from tests.benchmarks.throughput.table import table
from tests.entrypoints.program import WarmStart, warm_start

SECTIONS = (BARE, SQLITE, POSTGRES, PEER, files.IMPORT, files.EXPORT, "memory", "latency", "bound")
SIZES = {
    "leads": (40_000, 4_000),
    "rows": (100_000, 10_000),
    "sizes": ([1_000, 10_000, 100_000], [500, 2_000]),
    "peer_leads": (400, 100),
    "lookups": (50, 20),
    "job_leads": (100_000, 5_000),
    "bound_leads": (300, 60),
}
"""What is measured, and what is with ``--quick``."""

BARE_TIMES = 3
PACKAGES = ("aiohttp", "httpx2", "psycopg", "sqlalchemy", "temporalio", "uvloop")
_REASON_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement."""

    name: str
    measure: Callable[[], Found]


def main() -> int:
    """The exit status: 0, or 1 when something could not be measured."""
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    begun = time.monotonic()
    about = _about()
    results = Results(about, {name: _written(value) for name, value in vars(options).items()})
    try:
        with warm_start() as warm:
            for step in _steps(options, warm):
                results.found[step.name] = _measured(step, options.patience)
    finally:
        about["seconds"] = round(time.monotonic() - begun, 1)
        if results.found:
            _tell(results, options.out, options.svg)
    return 1 if results.failures() else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.throughput", description=__doc__)
    parser.add_argument("--only", type=_sections, default=list(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures are rough")
    parser.add_argument("--leads", type=int, help="in each job (40,000)")
    parser.add_argument("--rows", type=int, help="of import and export (100,000)")
    parser.add_argument("--databases", type=_kinds, default=list(KINDS), help="of both: sqlite,postgres")
    parser.add_argument("--sizes", type=_numbers, help="of the jobs of `memory` (1000,10000,100000)")
    parser.add_argument("--peer-leads", type=int, help="of the workflow per lead (400)")
    parser.add_argument("--lookups", type=int, help="of `latency` (50)")
    parser.add_argument("--job-leads", type=int, help="of the job beside the lookups (100,000)")
    parser.add_argument("--bound-leads", type=int, help="of the jobs under limits (300)")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds for each measurement (900)")
    parser.add_argument("--out", type=Path, default=ROOT / ".leadgen" / "bench.json", help="the JSON file")
    parser.add_argument("--svg", type=Path, help="draw the instant providers into this file, too")
    parser.add_argument("--profile", type=Path, help="run the worker of `sqlite` under cProfile, into a file")
    options = parser.parse_args()
    for name, (usual, quick) in SIZES.items():
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    return options


def _sections(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SECTIONS)}")
    return names


def _kinds(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in KINDS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(KINDS)}")
    return names


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _steps(options: argparse.Namespace, warm: WarmStart) -> list[Step]:
    """The measurements, with the bare loop before, amid and after them."""
    steps = list(_other_steps(options, warm))
    if BARE in options.only:
        places = (0, len(steps) // 2 + 1, len(steps) + 2)
        for number, place in enumerate(places, start=1):
            steps.insert(place, Step(f"{BARE} {number}", lambda: jobs.bare(options.leads)))
    return steps


def _other_steps(options: argparse.Namespace, warm: WarmStart) -> Iterator[Step]:
    only, leads = options.only, options.leads
    if SQLITE in only:
        yield Step("sqlite 1", lambda: jobs.leadgen(warm, SQLITE, leads, profile=options.profile))
    if POSTGRES in only:
        yield Step("postgres 1", lambda: jobs.leadgen(warm, POSTGRES, leads))
        yield Step("postgres 2", lambda: jobs.leadgen(warm, POSTGRES, leads, workers=2))
    if PEER in only:
        yield Step(PEER, lambda: jobs.workflow_per_lead(options.peer_leads))
    ways = frozenset({files.IMPORT, files.EXPORT} & set(only))
    if ways:
        for kind in options.databases:
            yield Step(f"files {kind}", lambda kind=kind: files.passages(kind, options.rows, ways))  # type: ignore[misc]  # bound now
    if "memory" in only:
        for size in options.sizes:
            yield Step(f"size {size}", lambda size=size: jobs.leadgen(warm, SQLITE, size))  # type: ignore[misc]  # bound now
    if "latency" in only:
        yield Step("latency", lambda: latency.waits(warm, options.lookups, options.job_leads))
    if "bound" in only:
        yield Step("bound", lambda: bound.bounds(warm, options.bound_leads))


def _measured(step: Step, seconds_max: float) -> Found:
    """What was found, or why nothing was; its processes have ended either way."""
    sys.stderr.write(f"measuring {step.name}: ")
    sys.stderr.flush()
    begun = time.monotonic()
    found: Found
    try:
        with within(seconds_max):
            found = step.measure()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the rest is measured
        sys.stderr.write(f"failed\n{traceback.format_exc()}")
        found = Failure(f"{type(error).__name__}: {' '.join(str(error).split())}"[:_REASON_CHARACTERS_MAX])
    sys.stderr.write(f"{time.monotonic() - begun:.1f} s\n")
    return found


def _tell(results: Results, out: Path, svg: Path | None) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results.document(), indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"\n{table(results)}\n")
    if svg is not None and (drawn := picture(results)):
        svg.write_text(drawn, encoding="utf-8")


def _about() -> dict[str, Any]:
    """Where, when and with what this is measured; ``load`` tells whether others were at work."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "versions": {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
        | {package: importlib.metadata.version(package) for package in PACKAGES},
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _written(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _leave(number: int, _frame: FrameType | None) -> None:
    """Ends the program such that all processes are ended first."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
