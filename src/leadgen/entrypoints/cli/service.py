"""`leadgen serve`: the HTTP service."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from leadgen.composition import compose
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, out
from leadgen.settings import Settings, load_settings

LOOPBACK = "127.0.0.1"
HTTP_PORT = 8_000


def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = HTTP_PORT,
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for all.")] = LOOPBACK,
) -> None:
    """Run the HTTP service until Ctrl-C."""
    import uvloop

    from leadgen.adapters.telemetry.logs import configure_logs
    from leadgen.entrypoints.http.server import listen

    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    with listen(host, port) as listener:
        uvloop.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    from leadgen.entrypoints.http.server import run_service
    from leadgen.entrypoints.worker import stop_on_signals

    stop = stop_on_signals()
    out.print(f"leadgen listens at {address_of(listener)}", soft_wrap=True)
    await run_service(settings, listener, stop)


def address_of(listener: socket.socket) -> str:
    """Where the service is to be found."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def tell_where(settings: Settings, listener: socket.socket) -> None:
    """Says where the service listens, and makes a first key where there is none, which is shown once."""
    out.print(f"The HTTP service is at {address_of(listener)}, its documentation at /docs", soft_wrap=True)
    async with compose(settings) as leadgen:
        if await leadgen.keys.store.page(DEFAULT_ACCOUNT, after="", limit=1):
            return
        new = await leadgen.keys.create.run(DEFAULT_ACCOUNT, name="local")
    out.print(f"Its first key, shown this once:\n  {new.token}", soft_wrap=True)
