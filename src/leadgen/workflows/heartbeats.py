"""Heartbeats of long activities."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from leadgen.workflows.options import HEARTBEAT_EVERY


@asynccontextmanager
async def heartbeats() -> AsyncIterator[Callable[[int], None]]:
    """Beats while the block runs; what is given to the yielded function is carried along as progress."""
    progress = 0

    def report(done: int) -> None:
        nonlocal progress
        progress = done

    async def beat() -> None:
        while True:
            activity.heartbeat(progress)
            await asyncio.sleep(HEARTBEAT_EVERY.total_seconds())

    beating = asyncio.create_task(beat())
    try:
        yield report
    finally:
        beating.cancel()
