"""Heartbeats of long activities."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from leadgen.domain.errors import ServiceUnavailable
from leadgen.workflows.failures import as_failures
from leadgen.workflows.options import HEARTBEAT_EVERY

_DETAILS = 3


@asynccontextmanager
async def heartbeats(faults: int = 0) -> AsyncIterator[Callable[[int], None]]:
    """Beats while the block runs; what is given to the yielded function is carried along as progress.

    ``faults`` and whether this attempt is one more, should nothing more be heard of it, are carried along
    too: the server keeps them when the worker dies. An outage, or a worker that is stopped, is no fault.
    """
    progress = 0

    def report(done: int) -> None:
        nonlocal progress
        progress = done

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY.total_seconds())
            activity.heartbeat(progress, faults, True)  # noqa: FBT003 - details have no names

    activity.heartbeat(progress, faults, True)  # noqa: FBT003 - see above
    beating = asyncio.create_task(beat())
    try:
        yield report
    except (ServiceUnavailable, asyncio.CancelledError):
        activity.heartbeat(progress, faults, False)  # noqa: FBT003 - see above
        raise
    finally:
        beating.cancel()


@asynccontextmanager
async def attempt() -> AsyncIterator[Callable[[int], None]]:
    """Beats while the block runs, and turns what it raises into failures; an outage uses up no attempt."""
    faults = faults_before()
    with as_failures(faults + 1):
        async with heartbeats(faults) as progress:
            yield progress


def faults_before() -> int:
    """How many earlier attempts of this activity died or failed, other than for want of a server."""
    info = activity.info()
    if info.attempt == 1:
        return 0
    if not info.heartbeat_details:
        return info.attempt - 1
    if len(info.heartbeat_details) < _DETAILS:  # of before faults were carried along
        return 0
    _, faults, is_one_more = info.heartbeat_details
    return int(faults) + bool(is_one_more)
