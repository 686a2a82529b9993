"""What processes have used so far, as Linux counts it; None on systems without /proc."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def children(parent: int) -> set[int]:
    """The processes whose parent this is."""
    return {pid for pid, (owner, _) in _processes().items() if owner == parent}


def cpu_seconds(roots: Iterable[int]) -> float | None:
    """User and system time of these processes and all below them, those that have ended included."""
    processes = _processes()
    if not processes:
        return None
    tree = set(roots)
    added = set(tree)
    while added:
        added = {pid for pid, (owner, _) in processes.items() if owner in added}
        tree |= added
    return sum(processes[pid][1] for pid in tree if pid in processes) / _TICKS


def peak_mb(pid: int) -> float | None:
    """The most memory that the process held at once, in MB of 1,000,000 bytes; None once it has ended.

    ``ru_maxrss`` would not do for a child: it begins with what the parent held when it started the child.
    """
    try:
        lines = (_PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), None)


def own_peak_mb() -> float:
    """The same of this process, also where there is no /proc."""
    found = peak_mb(os.getpid())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 if found is None else found


def _processes() -> dict[int, tuple[int, int]]:
    """Of every process: its parent, and the ticks that it and its ended children have used."""
    found = {}
    for place in _PROC.glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        found[int(place.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return found
