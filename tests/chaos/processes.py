"""The processes of a run: started by the nursery, watched here, ended by their ids."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
ENDS = threading.Event()
"""Set when the run is being ended, so that nobody goes on waiting."""

_ANSWER_SECONDS = 60.0
_STOP_SECONDS = 20.0


@dataclass
class Child:
    """A process; ``status`` is what it ended with, negative for a signal."""

    pid: int
    status: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if not self.ended.is_set():
                os.kill(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = _STOP_SECONDS) -> int | None:
        """Its exit status once it has ended; it is killed when it does not in time."""
        self.send(number)
        if not self.ended.wait(seconds):
            self.send(signal.SIGKILL)
            self.ended.wait(_STOP_SECONDS)
        return self.status


@dataclass(frozen=True)
class Request:
    """What to start."""

    program: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    out: Path
    err: Path
    is_cold: bool = False


class Nursery:
    """Starts processes out of one in which everything is imported; all of them end with it."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[threading.Event, list[Child]]] = {}
        self._children: dict[int, Child] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(_STOP_SECONDS)
        self._reader.join(_STOP_SECONDS)

    def start(self, request: Request) -> Child:
        """A process that runs."""
        assert self._process.stdin is not None
        number, answer = next(self._numbers), (threading.Event(), list[Child]())
        words = {
            "id": number,
            "program": request.program,
            "arguments": list(request.arguments),
            "folder": str(request.folder),
            "environment": dict(request.environment),
            "out": str(request.out),
            "err": str(request.err),
            "is_cold": request.is_cold,
        }
        with self._lock:
            self._waiting[number] = answer
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
        assert answer[0].wait(_ANSWER_SECONDS), "the nursery does not answer"
        return answer[1][0]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told: dict[str, int] = json.loads(line)
            with self._lock:
                if "id" in told:
                    event, answer = self._waiting.pop(told["id"])
                    child = self._children[told["pid"]] = Child(told["pid"])
                    answer.append(child)
                    event.set()
                else:
                    child = self._children.pop(told["pid"])
                    child.status = told["status"]
                    child.ended.set()


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    words: Sequence[str]
    code: int | None
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object it printed; fails when it failed."""
        assert self.code == 0, (self.words, self.code, self.err[-2000:])
        found: dict[str, Any] = json.loads(self.out)
        return found


def command(
    nursery: Nursery,
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float = 60.0,
) -> Ended:
    """What a command of leadgen says, once it has ended."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place) / "out", Path(place) / "err"
        child = nursery.start(Request("leadgen", words, folder, environment, out, err))
        if not child.ended.wait(seconds):
            child.stop(signal.SIGKILL)
        return Ended(words, child.status, out.read_text("utf-8"), err.read_text("utf-8"))


def bare_environment() -> dict[str, str]:
    """This environment without leadgen's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LEADGEN_")}


def until(condition: Callable[[], object], seconds: float, every: float = 0.1) -> bool:
    """Whether the condition came to hold within this time; fails when the run is being ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        assert not ENDS.wait(every), "the run is being ended"
    return True
