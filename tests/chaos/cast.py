"""The workers of a run: started, started again when they die, killed, stopped and held up by their place."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.chaos.diary import Diary
from tests.chaos.processes import Child, Nursery, Request, bare_environment, until

_WATCH_SECONDS = 0.05
_STARTED = "worker started"


@dataclass
class Life:
    """One process in the place of a worker, from its start to its end."""

    child: Child
    log: Path
    log_from: int
    """Where its words begin: all that lived in one place write to one file."""

    @property
    def text(self) -> str:
        """What it has written, and those after it."""
        with self.log.open("rb") as lines:
            lines.seek(self.log_from)
            return lines.read().decode("utf-8", "replace")

    @property
    def is_working(self) -> bool:
        """Whether it lives and has said that it has started."""
        return not self.child.ended.is_set() and _STARTED in self.text


@dataclass
class Place:
    """Where one worker after the other lives."""

    number: int
    environment: Mapping[str, str]
    lives: list[Life] = field(default_factory=list)

    @property
    def now(self) -> Life:
        """Who lives here now, or was the last one."""
        return self.lives[-1]


class Cast:
    """So many workers at once, whatever befalls them; ends all of them when the block ends."""

    def __init__(
        self,
        nursery: Nursery,
        diary: Diary,
        folder: Path,
        environments: Sequence[Mapping[str, str]],
        *,
        is_cold: bool = False,
        pause_seconds: float = 0.05,
    ) -> None:
        self._nursery = nursery
        self._diary = diary
        self._folder = folder
        self._is_cold = is_cold
        self._pause_seconds = pause_seconds
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self.places = [Place(number, each) for number, each in enumerate(environments, 1)]
        self._watcher = threading.Thread(target=self._watch, name=f"cast-{folder.name}", daemon=True)
        self.restarts = True
        """Whether who dies has a successor."""

    def __enter__(self) -> Self:
        for place in self.places:
            self._start(place)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._watcher.join(10)
        with self._lock:
            lives = [place.now for place in self.places if place.lives]
        for life in lives:
            life.child.send(signal.SIGCONT)
            life.child.send(signal.SIGTERM)
        for life in lives:
            life.child.stop(signal.SIGTERM)

    def wait_until_working(self, count: int | None = None, seconds: float = 60.0) -> None:
        """Returns when so many workers work; by default all."""
        wanted = len(self.places) if count is None else count
        assert until(lambda: self.working_count() >= wanted, seconds), (
            f"{wanted} workers: not within {seconds:g} s"
        )

    def working_count(self) -> int:
        """How many workers work just now."""
        return sum(place.now.is_working for place in self.places)

    def signal(self, place: Place, number: signal.Signals, fault: str) -> Child:
        """Sends a signal to who lives in this place, and notes it."""
        with self._lock:
            child = place.now.child
            self._diary.note(fault, f"worker {place.number} pid {child.pid}")
            child.send(number)
        return child

    def kill(self, place: Place) -> Child:
        """Ends it at once."""
        return self.signal(place, signal.SIGKILL, "kill -9")

    def terminate(self, place: Place) -> Child:
        """Asks it to end in good order."""
        return self.signal(place, signal.SIGTERM, "SIGTERM")

    def stop_all(self) -> list[int | None]:
        """Ends all in good order, for good; their exit statuses."""
        self.restarts = False
        for place in self.places:
            place.now.child.send(signal.SIGTERM)
        return [place.now.child.stop(signal.SIGTERM) for place in self.places]

    def _watch(self) -> None:
        while not self._ends.wait(_WATCH_SECONDS):
            for place in self.places:
                if self.restarts and place.now.child.ended.is_set():
                    time.sleep(self._pause_seconds)
                    self._start(place)

    def _start(self, place: Place) -> None:
        log = self._folder / f"worker-{place.number}.log"
        log.touch()
        with self._lock:
            log_from = log.stat().st_size
            request = Request(
                "worker",
                (),
                self._folder,
                {**bare_environment(), **place.environment},
                log,
                log,
                self._is_cold,
            )
            place.lives.append(Life(self._nursery.start(request), log, log_from))
