"""Chaos: leadgen's real processes under faults, judged by the providers' own books.

``python -m tests.chaos [FAULT ...] [--full] [--seed N] [--set FAULT.FIGURE=VALUE] [--cold] [--keep FOLDER]``
exits with 0 when no invariant was broken, else with 1. The same seed draws the same faults.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.house import House
from tests.chaos.plan import FAULTS, SHORT_CUT, Fault
from tests.chaos.processes import ROOT
from tests.chaos.stage import Figures
from tests.chaos.verdict import Line


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _options(arguments)
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    banner = f"chaos: seed {seed}, commit {_commit()}"
    _say(banner)
    folder = Path(options.keep) if options.keep else Path(tempfile.mkdtemp(prefix="leadgen-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    broken = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with House(folder, seed, is_cold=options.cold) as house:
            for name in options.faults:
                broken += _run(house, name, FAULTS[name], _figures(name, options))
    finally:
        if not options.keep and not broken and sys.exc_info()[0] is None:
            shutil.rmtree(folder, ignore_errors=True)
    if broken:
        _say(f"logs, books and events: {folder}")
    _say(f"{banner}: {f'{broken} BROKEN' if broken else 'all held'}")
    return 1 if broken else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--full", action="store_true", help="the figures of the fault plan")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="FAULT.FIGURE=VALUE")
    parser.add_argument("--cold", action="store_true", help="workers start with their imports, as outside")
    parser.add_argument("--keep", metavar="FOLDER", help="where logs, books and events stay")
    options = parser.parse_args(arguments)
    if unknown := set(options.faults) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    options.faults = options.faults or (list(FAULTS) if options.full else SHORT_CUT)
    return options


def _figures(name: str, options: argparse.Namespace) -> Figures:
    """The figures of a fault, with those that were set."""
    figures: Figures = FAULTS[name].full if options.full else FAULTS[name].short
    for change in options.changes:
        where, _, value = change.partition("=")
        fault, _, figure = where.partition(".")
        if fault == name:
            old = getattr(figures, figure)
            new: Any = value.lower() in {"1", "true", "on"} if isinstance(old, bool) else type(old)(value)
            changed: dict[str, Any] = {figure: new}
            figures = dataclasses.replace(figures, **changed)
    return figures


def _run(house: House, name: str, fault: Fault, figures: Figures) -> int:
    """How many lines of its verdict say that something broke; a harness that fails is broken too."""
    began = time.monotonic()
    try:
        lines = fault.run(house, name, figures)
    except Exception:  # noqa: BLE001 - the other faults have their turn
        traceback.print_exc()
        lines = [Line("--", "the run itself", 1, "failed, see above")]
    _say(f"{name}: {time.monotonic() - began:.0f} s, {figures.leads} leads, {figures.workers} workers")
    for line in lines:
        _say(str(line))
    return sum(not line.is_well for line in lines)


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - found by the path, as everywhere
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
