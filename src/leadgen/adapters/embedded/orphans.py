"""Servers that outlived the leadgen that started them, since that was killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_PROCESSES = Path("/proc")
_END_SECONDS = 10.0
_POLL_SECONDS = 0.1


def remember(note: Path, mark: str) -> None:
    """Notes which child of this process has ``mark`` among its words; without /proc, nothing."""
    for place in _PROCESSES.glob("[0-9]*"):
        pid = int(place.name)
        if mark in _command(pid) and _parent(pid) == os.getpid():
            note.write_text(f"{pid} {os.getpid()}\n", encoding="ascii")
            return


def sweep(note: Path, mark: str) -> None:
    """Ends the server that a note tells of, if who started it is gone and it is that server still."""
    try:
        server, owner = map(int, note.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return
    if _command(owner) or mark not in _command(server):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        if mark in _command(server):
            os.kill(server, number)
        deadline = time.monotonic() + _END_SECONDS
        while mark in _command(server) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    note.unlink(missing_ok=True)


def _command(pid: int) -> list[str]:
    """The words of a living process, none where there is none."""
    try:
        return (_PROCESSES / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        text = (_PROCESSES / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])
