"""`leadgen up`, `leadgen worker`, `leadgen simulate`: the processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import typer

from leadgen.adapters.embedded.processes import SIMULATOR_KEY
from leadgen.composition import PROVIDERS
from leadgen.entrypoints.cli.running import out
from leadgen.settings import Settings, load_settings

_FOLDER = Path(".leadgen")
_UI_PORT_OFFSET = 1_000


def worker() -> None:
    """Run a worker until Ctrl-C."""
    from leadgen.entrypoints.worker import main

    raise typer.Exit(main())


def simulate(context: typer.Context) -> None:
    """Run the simulated providers until Ctrl-C; `leadgen simulate --help` lists their options."""
    command = [sys.executable, "-m", "leadgen_simulator", *context.args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                if " listening on " in line:
                    _tell_how_to_ask(line.split()[-1])
                sys.stdout.flush()
        except KeyboardInterrupt:
            process.wait()
    raise typer.Exit(process.returncode)


def _tell_how_to_ask(address: str) -> None:
    sys.stdout.write("To let leadgen ask it:\n")
    for name in PROVIDERS:
        sys.stdout.write(f"  export LEADGEN_{name.upper()}_URL={address}/{name}")
        sys.stdout.write(f" LEADGEN_{name.upper()}_API_KEY={SIMULATOR_KEY}\n")


def up() -> None:
    """Run everything on this machine until Ctrl-C: Temporal (unless one is set), the database, a worker."""
    import uvloop

    from leadgen.adapters.persistence.schema import upgrade
    from leadgen.adapters.telemetry.logs import configure_logs

    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    upgrade(settings.database_url)
    uvloop.run(_up(settings))


async def _up(settings: Settings) -> None:
    from leadgen.adapters.embedded.temporal import dev_server
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
        out.print("leadgen is up; Ctrl-C ends it. In another terminal:")
        for command in ("leads import FILE", "phones find", "leads export phones.csv"):
            out.print(f"  leadgen {command}")
        await run_worker(settings, stop)
