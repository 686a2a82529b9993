"""The connection to a Temporal server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from temporalio.client import Client, Interceptor
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError

from leadgen.domain.errors import InvalidSetting, ServiceUnavailable

_CONNECT_SECONDS = 5.0
REMEDY = "start one with `leadgen up`, or set LEADGEN_TEMPORAL_ADDRESS"

INTERACTIVE, BULK = 1, 4
"""The keys of priority of workflows: who has a single lead searched waits for it."""


async def connect(
    address: str, namespace: str, runtime: Runtime | None = None, interceptors: Sequence[Interceptor] = ()
) -> Client:
    """A client of the server at ``host:port``; raises ServiceUnavailable."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await Client.connect(
                address, namespace=namespace, runtime=runtime, interceptors=interceptors
            )
    except (RuntimeError, RPCError, TimeoutError, ValueError) as error:
        raise ServiceUnavailable("Temporal", address, REMEDY) from error


def connector(
    address: str, namespace: str, interceptors: Sequence[Interceptor]
) -> Callable[[], Awaitable[Client]]:
    """Connects when it is first called, and gives the same client ever after."""
    clients: list[Client] = []

    async def connected() -> Client:
        if not clients:
            clients.append(await connect(address, namespace, interceptors=interceptors))
        return clients[0]

    return connected


def metered_runtime(address: str) -> Runtime:
    """A runtime that serves Temporal's own metrics at ``host:port``; one a process, made before it connects.

    Raises InvalidSetting where nothing can be served there.
    """
    try:
        config = PrometheusConfig(bind_address=address, durations_as_seconds=True)
        return Runtime(telemetry=TelemetryConfig(metrics=config))
    except (RuntimeError, ValueError):
        raise InvalidSetting(
            "LEADGEN_METRICS_ADDRESS", address, "a free address, and the port after it"
        ) from None
