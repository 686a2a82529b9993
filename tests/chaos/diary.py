"""The diary of a run: one line an event, with its time and its target."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path


class Diary:
    """Written by many threads."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        """How often each fault was done."""

    def note(self, fault: str, target: str = "") -> None:
        """One event, now."""
        now = time.time()
        clock = time.strftime("%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}"
        with self._lock, self._file.open("a", encoding="utf-8") as lines:
            self.counts[fault] += 1
            lines.write(f"{clock} {time.monotonic():.3f} {self._name}: {fault} {target}\n".rstrip() + "\n")
