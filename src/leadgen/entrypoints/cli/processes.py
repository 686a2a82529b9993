"""`leadgen up`, `leadgen worker`, `leadgen simulate`: the processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from leadgen.adapters.embedded.processes import SIMULATOR_KEY
from leadgen.composition import PROVIDERS
from leadgen.entrypoints.cli.running import out
from leadgen.entrypoints.cli.service import HTTP_PORT, LOOPBACK, tell_where
from leadgen.settings import Settings, load_settings

_FOLDER = Path(".leadgen")
_UI_PORT_OFFSET = 1_000


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_534, help="Serve metrics at this port, and Temporal's at the next one."),
    ] = None,
) -> None:
    """Run a worker until Ctrl-C."""
    from leadgen.entrypoints.worker import main

    raise typer.Exit(main(metrics_port))


def simulate(context: typer.Context) -> None:
    """Run the simulated providers until Ctrl-C; `leadgen simulate --help` lists their options."""
    command = [sys.executable, "-m", "leadgen_simulator", "--parent", str(os.getpid()), *context.args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                if " listening on " in line:
                    _tell_how_to_ask(line.split()[-1])
                sys.stdout.flush()
        except KeyboardInterrupt:  # a terminal tells both, `kill -INT` this one alone
            process.terminate()
    raise typer.Exit(process.returncode)


def _tell_how_to_ask(address: str) -> None:
    sys.stdout.write("To let leadgen ask it:\n")
    for name in PROVIDERS:
        sys.stdout.write(f"  export LEADGEN_{name.upper()}_URL={address}/{name}")
        sys.stdout.write(f" LEADGEN_{name.upper()}_API_KEY={SIMULATOR_KEY}\n")


def up(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the HTTP service.")] = HTTP_PORT,
) -> None:
    """Run everything here until Ctrl-C: Temporal (unless one is set), a worker, the HTTP service."""
    import uvloop

    from leadgen.adapters.persistence.schema import upgrade
    from leadgen.adapters.persistence.seal import make_key
    from leadgen.adapters.telemetry.logs import configure_logs
    from leadgen.entrypoints.http.server import listen

    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    if not settings.secrets_keys and settings.database_url.startswith("sqlite"):  # else others need it too
        make_key(settings.secrets_key_file)
    upgrade(settings.database_url)
    with listen(LOOPBACK, port) as listener:
        uvloop.run(_up(settings, listener))


async def _up(settings: Settings, listener: socket.socket) -> None:
    from leadgen.adapters.embedded.temporal import dev_server
    from leadgen.entrypoints.http.server import run_service
    from leadgen.entrypoints.worker import run_worker, stop_on_signals

    stop: asyncio.Event = stop_on_signals()
    async with AsyncExitStack() as stack:
        if not settings.has_own_temporal:
            port = int(settings.temporal_address.rpartition(":")[2])
            server = dev_server(
                port=port,
                ui_port=port + _UI_PORT_OFFSET,
                file=_FOLDER / "temporal.db",
                log=_FOLDER / "temporal.log",
            )
            running = await stack.enter_async_context(server)
            out.print(f"Temporal is at {running.address}, its web page at {running.ui_url}")
        await tell_where(settings, listener)
        out.print("leadgen is up; Ctrl-C ends it. In another terminal:")
        for command in ("leads import FILE", "phones find", "leads export phones.csv"):
            out.print(f"  leadgen {command}")
        service = asyncio.create_task(run_service(settings, listener, stop))
        try:
            await run_worker(settings, stop)
        finally:
            stop.set()
            await service
