"""Where a measurement takes place: a simulated world, Temporal, a database, workers; all ended at its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from sqlalchemy import Row, Select, create_engine
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from leadgen.adapters.embedded.temporal import dev_server, free_port
from leadgen.adapters.persistence.database import parse_url
from tests.benchmarks.throughput.durable import durable_postgres
from tests.benchmarks.throughput.usage import children
from tests.e2e.processes import NO_LIMITS, PROVIDERS, SEED, Running, World, running
from tests.entrypoints.program import BARE, Program, WarmStart
from tests.servers.valkey import valkey_server

T = TypeVar("T")

ROOT = Path(__file__).parents[3]
INSTANT = ("--profile", "instant", *NO_LIMITS)
WIDE = ("rate=20000/1s,1000000/1h", "concurrency=400")
"""Limits that are kept like any others, and never reached."""

POSTGRES = "postgres"
SQLITE = "sqlite"
_PRIORITY = -10
_START_SECONDS = 60.0


class OutOfTimeError(Exception):
    """A measurement took longer than it may."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises OutOfTimeError in the block when the time is over."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTimeError(f"not within {seconds:,.0f} s")

    former = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="leadgen-bench-") as folder:
        yield Path(folder)


@contextmanager
def simulator(folder: Path, *flags: str) -> Iterator[World]:
    """A fresh world, ahead of all others on the processors where that is allowed: it is not measured."""
    command = [sys.executable, "-m", "leadgen_simulator", "--seed", str(SEED), "--parent", str(os.getpid())]
    with running("simulator", [*command, *flags], folder, BARE) as started:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, started.process.pid, _PRIORITY)
        started.says("listening on ")
        there = World(started.text.split()[-1])
        with there.client:
            yield there


@contextmanager
def temporal(folder: Path) -> Iterator[str]:
    """The address of a Temporal dev server in memory."""
    with asyncio.Runner() as runner:
        server = dev_server(port=free_port(), ui_port=free_port(), file=None, log=folder / "temporal.log")
        started = runner.run(server.__aenter__())
        try:
            yield started.address
        finally:
            runner.run(server.__aexit__(None, None, None))


@dataclass
class Stage:
    """leadgen over a world, a Temporal server and a database; ``parts`` are the processes of each part."""

    folder: Path
    program: Program
    world: World
    engine: Engine
    temporal_address: str
    parts: dict[str, set[int]] = field(default_factory=dict)

    def command(self, *arguments: str) -> dict[str, Any]:
        """Runs a leadgen command with ``--json``."""
        return self.program(*arguments, "--json").document

    def rows(self, statement: Select[Any]) -> list[Row[Any]]:
        """Reads the database."""
        with self.engine.connect() as connection:
            return list(connection.execute(statement))

    @contextmanager
    def worker(self, profile: Path | None = None) -> Iterator[Running]:
        """A worker that has started; at its end it writes a profile of its event loop to the file."""
        words = ["-m", "cProfile", "-o", str(profile.absolute())] if profile else []
        command = [sys.executable, *words, "-m", "leadgen.entrypoints.worker"]
        known = self.parts.setdefault("worker", set())
        name = f"worker-{len(known) + 1}"
        with running(name, command, self.folder, self.program.environment()) as started:
            started.says("worker started", _START_SECONDS)
            known.add(started.process.pid)
            yield started


@contextmanager
def stage(
    warm: WarmStart, kind: str, *, world: tuple[str, ...] = INSTANT, limits: tuple[str, ...] = WIDE
) -> Iterator[Stage]:
    """A stage with an empty database, its providers limited alike, or as leadgen comes."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        parts: dict[str, set[int]] = {}
        there = stack.enter_context(simulator(folder, *world))
        settings = {**there.settings, **_stores(stack, kind, folder, parts)}
        settings["TEMPORAL_ADDRESS"] = _counted(stack, temporal(folder), parts, "Temporal")
        program = Program(warm, folder, settings)
        assert program("db", "upgrade").code == 0
        for name in PROVIDERS if limits else ():
            ended = program("providers", "set", name, *limits)
            assert ended.code == 0, ended
        engine = engine_of(settings["DATABASE_URL"])
        stack.callback(engine.dispose)
        yield Stage(folder, program, there, engine, settings["TEMPORAL_ADDRESS"], parts)


def engine_of(url: str) -> Engine:
    """The database as this program reads it, without a connection that stays."""
    parsed = parse_url(url)
    driver = "sqlite" if parsed.drivername == "sqlite" else "postgresql+psycopg"
    return create_engine(parsed.set(drivername=driver), poolclass=NullPool if driver == "sqlite" else None)


def database(stack: ExitStack, kind: str, folder: Path) -> str:
    """The URL of an empty database without tables."""
    if kind == SQLITE:
        return f"sqlite:///{folder / 'leadgen.db'}"
    return stack.enter_context(durable_postgres()).create_database("leadgen")


def child(
    module: str, *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A program of this folder in a process of its own; end it with ``ended``."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.throughput.{module}", *arguments],
        cwd=folder,
        env={**BARE, "PYTHONPATH": str(ROOT), **(settings or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed should it not have ended by itself."""
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def told(process: subprocess.Popen[str], words: str = "") -> dict[str, Any]:
    """The JSON object that a child prints at its end; ``words`` go to its stdin."""
    text, _ = process.communicate(words)
    if process.returncode:
        raise RuntimeError(f"a program of the benchmark ended with {process.returncode}")
    document: dict[str, Any] = json.loads(text)
    return document


def _stores(stack: ExitStack, kind: str, folder: Path, parts: dict[str, set[int]]) -> dict[str, str]:
    if kind == SQLITE:
        return {"DATABASE_URL": database(stack, kind, folder)}
    server = _counted(stack, durable_postgres(), parts, "PostgreSQL")
    valkey = _counted(stack, valkey_server(), parts, "Valkey")
    return {"DATABASE_URL": server.create_database("leadgen"), "REDIS_URL": valkey.url}


def _counted(stack: ExitStack, server: AbstractContextManager[T], parts: dict[str, set[int]], part: str) -> T:
    """Starts a server; the processes that this starts are the part's."""
    before = children(os.getpid())
    started = stack.enter_context(server)
    parts[part] = children(os.getpid()) - before
    return started
