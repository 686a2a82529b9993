"""The connection to a Temporal server."""

from __future__ import annotations

import asyncio

from temporalio.client import Client
from temporalio.service import RPCError

from leadgen.domain.errors import ServiceUnavailable

_CONNECT_SECONDS = 5.0
REMEDY = "start one with `leadgen up`, or set LEADGEN_TEMPORAL_ADDRESS"


async def connect(address: str, namespace: str) -> Client:
    """A client of the server at ``host:port``; raises ServiceUnavailable."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await Client.connect(address, namespace=namespace)
    except (RuntimeError, RPCError, TimeoutError, ValueError) as error:
        raise ServiceUnavailable("Temporal", address, REMEDY) from error
