"""Serves the app over HTTP until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from leadgen.composition import compose
from leadgen.domain.errors import NotConfigured
from leadgen.entrypoints.http.app import create_app
from leadgen.settings import Settings

_CONNECTIONS_WAITING_MAX = 2_048
_GRACE_SECONDS = 5

log = structlog.get_logger("leadgen.http")


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See uvicorn."""
        yield


async def run_service(settings: Settings, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serves until ``stop`` is set, then lets requests end for a few seconds. Raises LeadgenError."""
    async with compose(settings) as leadgen:
        await serve_app(create_app(leadgen, settings), listener, stop)


async def serve_app(app: FastAPI, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serves an app on a socket until ``stop`` is set."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,  # a path may hold what somebody looks for
        server_header=False,
        lifespan="off",
        ws="websockets-sansio",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    host, port = listener.getsockname()[:2]
    await log.ainfo("http service started", host=host, port=port)
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving
    await log.ainfo("http service stopped")


def listen(host: str, port: int) -> socket.socket:
    """A socket on which the service listens (port 0: any free one); raises NotConfigured if it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        is_taken = error.errno == errno.EADDRINUSE
        end = "if leadgen is up already, use that one; else end what listens there, or " if is_taken else ""
        raise NotConfigured(
            f"cannot listen at {host}:{port} ({error.strerror}): {end}name another --port"
        ) from None
    listener.listen(_CONNECTIONS_WAITING_MAX)
    return listener
