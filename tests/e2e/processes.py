"""Real processes: the simulated world, a worker, the Temporal CLI; each is ended by its id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.entrypoints.program import BARE, Program, WarmStart

PROVIDERS = ("orion", "astra", "nimbus")
KEY = "simulator-key"
SEED = 11
NO_LIMITS = tuple(
    word for name in PROVIDERS for word in ("--rate", f"{name}=none", "--concurrency", f"{name}=none")
)
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_LOG_CHARACTERS_MAX = 4_000


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Returns when the condition holds; fails after ``seconds`` and says what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


@dataclass
class Running:
    """A process of a test, and the file to which it writes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str, seconds: float = _START_SECONDS) -> None:
        """Returns when it has written these words."""
        until(
            lambda: words in self.text or self.process.poll() is not None,
            seconds,
            f"{self.log.name}: {words}",
        )
        assert words in self.text

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = _STOP_SECONDS) -> int:
        """Sends a signal; the exit status with which it ended in time."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def press_ctrl_c(self, seconds: float = _STOP_SECONDS) -> int:
        """Sends SIGINT to it and its children, as a terminal does; the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(seconds)


@contextmanager
def running(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[Running]:
    """A process whose output goes to a file, which a failure inside the block quotes."""
    log = folder / f"{name}.log"
    with log.open("ab") as lines:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    started = Running(process, log)
    try:
        yield started
    except BaseException as error:
        error.add_note(f"--- {name}, exit status {process.poll()}:\n{started.text[-_LOG_CHARACTERS_MAX:]}")
        raise
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class World:
    """The simulated providers, and their books."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx2.Client(base_url=url, timeout=10, trust_env=False, verify=False)

    @property
    def settings(self) -> dict[str, str]:
        """What leadgen needs to reach them."""
        urls = {f"{name.upper()}_URL": f"{self.url}/{name}" for name in PROVIDERS}
        return {**urls, **{f"{name.upper()}_API_KEY": KEY for name in PROVIDERS}}

    def books(self) -> dict[str, Any]:
        """The summary."""
        found: dict[str, Any] = self.client.get("/books").json()
        return found

    def calls(self) -> list[dict[str, Any]]:
        """All calls in the order in which they came."""
        found: list[dict[str, Any]] = self.client.get("/books/calls").json()["calls"]
        return found

    def control(self, **change: object) -> None:
        """Changes the world while it runs."""
        self.client.post("/control", json=change).raise_for_status()

    @property
    def charged_micros(self) -> int:
        """What all calls were charged."""
        return int(self.books()["totals"]["charged_micros"])

    def truth(self, body: Mapping[str, str]) -> dict[str, Any]:
        """What each provider knows about a person."""
        found: dict[str, Any] = self.client.post("/truth", json=dict(body)).json()
        return found


@contextmanager
def world(folder: Path, *flags: str) -> Iterator[World]:
    """A simulated world of its own."""
    command = [sys.executable, "-m", "leadgen_simulator", "--seed", str(SEED), *flags]
    with running("simulator", command, folder, BARE) as started:
        started.says("listening on ")
        there = World(started.text.split()[-1])
        try:
            yield there
        finally:
            there.client.close()


@dataclass
class Stage:
    """leadgen over a world, a Temporal server and a database, without a worker so far."""

    program: Program
    world: World
    temporal_address: str
    queue: str
    folder: Path
    _workers: list[int] = field(default_factory=list)

    @contextmanager
    def worker(self) -> Iterator[Running]:
        """A worker that has started."""
        self._workers.append(len(self._workers) + 1)
        command = [sys.executable, "-m", "leadgen.entrypoints.worker"]
        name = f"worker-{self._workers[-1]}"
        with running(name, command, self.folder, self.program.environment()) as started:
            started.says("worker started")
            yield started

    def import_people(self, text: str) -> dict[str, Any]:
        """The receipt of an import."""
        return self.program("leads", "import", self.program.write("people.csv", text), "--json").document

    def leads(self) -> list[dict[str, Any]]:
        """All leads."""
        found = self.program("leads", "list", "--limit", "10000", "--json").document["leads"]
        assert isinstance(found, list)
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        """What came of a job so far."""
        return self.program("jobs", "show", job_id, "--json").document

    def audit(self, *words: str) -> dict[str, Any]:
        """What the ledger adds up to."""
        return self.program("ledger", "audit", *words, "--json").document

    def set_providers(self, *words: str) -> None:
        """Configures all three alike."""
        for name in PROVIDERS:
            ended = self.program("providers", "set", name, *words)
            assert ended.code == 0, ended

    def temporal(self, *words: str) -> str:
        """What a command of the Temporal CLI prints."""
        program = str(Path(sys.executable).parent / "temporal")
        ended = subprocess.run(
            [program, *words, "--address", self.temporal_address],
            cwd=self.folder,
            env={**BARE, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, (words, ended.stdout, ended.stderr)
        return ended.stdout

    def start_workflow(self, kind: str, workflow_id: str, given: object = None) -> None:
        """Starts a workflow as a user of the Temporal CLI does."""
        words = [] if given is None else ["--input", json.dumps(given)]
        names = ["--type", kind, "--task-queue", self.queue, "--workflow-id", workflow_id]
        self.temporal("workflow", "start", *names, *words)

    def result_of(self, workflow_id: str) -> dict[str, Any]:
        """The result of a workflow, once it has ended."""
        printed = self.temporal("workflow", "result", "--workflow-id", workflow_id, "--output", "json")
        told = json.loads(printed)
        assert told["status"] == "COMPLETED", printed
        result = told["result"]
        assert isinstance(result, dict)
        return result


@contextmanager
def staged(
    warm: WarmStart, folder: Path, temporal_address: str, *flags: str, queue: str | None = None
) -> Iterator[Stage]:
    """A stage with a new database and a task queue of its own."""
    queue = queue or f"queue-{folder.name}"
    with world(folder, *flags) as there:
        settings = {"TEMPORAL_ADDRESS": temporal_address, "TASK_QUEUE": queue, **there.settings}
        program = Program(warm, folder, settings)
        assert program("db", "upgrade").code == 0
        yield Stage(program, there, temporal_address, queue, folder)


def processes_with(mark: str) -> list[str]:
    """The command lines of all processes that have this in their environment; nothing where /proc is not."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes() and int(place.name) != os.getpid():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # gone meanwhile, or somebody else's
    return found
