"""The worker: carries out workflows and activities until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.worker import Worker
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from leadgen.adapters.telemetry.correlation import CorrelationInterceptor
from leadgen.adapters.telemetry.logs import configure_logs
from leadgen.adapters.telemetry.metrics_server import metrics_served
from leadgen.adapters.temporal.connection import connect, metered_runtime
from leadgen.composition import Leadgen, compose
from leadgen.domain.errors import InvalidInput, LeadgenError, ServiceUnavailable
from leadgen.entrypoints.memory import keep_trimming, share_the_heap, spare_the_collector
from leadgen.settings import Settings, load_settings
from leadgen.workflows.options import interactive_queue
from leadgen.workflows.registry import WORKFLOWS, activities

ACTIVITIES_MAX = 32
"""Four jobs fit in with all the chunks that they run at once; of more, accounts take turns."""

INTERACTIVE_MAX = 50
"""Slots that no chunk takes: for lookups that somebody waits for, and for what is short."""
_START_SECONDS = 60.0
_GRACE = timedelta(milliseconds=250)
"""How long an activity may go on after the stop; one that is interrupted goes on elsewhere."""
_TURN_SECONDS = 0.001
"""How long the event loop and the thread that writes wait for each other: both have work all the time."""

log = structlog.get_logger("leadgen.worker")


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Works until ``stop`` is set, then books the calls under way. Raises ServiceUnavailable."""
    async with compose(settings) as leadgen, _watched(settings, leadgen) as runtime:
        client = await _ready_unless(stop, settings, leadgen, runtime)
        if client is None:
            return
        queue = settings.task_queue
        main = _worker(client, leadgen, queue, WORKFLOWS, ACTIVITIES_MAX)
        interactive = _worker(client, leadgen, interactive_queue(queue), (), INTERACTIVE_MAX)
        spare_the_collector()
        sys.setswitchinterval(_TURN_SECONDS)
        starting = leadgen.webhooks.start.keep_starting()
        async with main, interactive, _beside(starting), _beside(keep_trimming()):
            await log.ainfo(
                "worker started", task_queue=settings.task_queue, temporal=settings.temporal_address
            )
            await stop.wait()
            await log.ainfo("worker stopping")
    await log.ainfo("worker stopped")


def _worker(
    client: Client, leadgen: Leadgen, task_queue: str, workflows: Sequence[type], activities_max: int
) -> Worker:
    served = leadgen.activities
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities(served.find_phone, served.find_phones, served.upkeep, served.deliver_webhooks),
        interceptors=[CorrelationInterceptor()],
        max_concurrent_activities=activities_max,
        graceful_shutdown_timeout=_GRACE,
        default_heartbeat_throttle_interval=timedelta(seconds=1),
        max_heartbeat_throttle_interval=timedelta(seconds=2),
        disable_eager_activity_execution=True,
    )


@asynccontextmanager
async def _watched(settings: Settings, leadgen: Leadgen) -> AsyncIterator[Runtime | None]:
    """Serves metrics where that is set: leadgen's own, and Temporal's at the port after it."""
    if settings.metrics_address is None or leadgen.telemetry.metrics_page is None:
        yield None
        return
    host, _, port = settings.metrics_address.rpartition(":")
    async with metrics_served(leadgen.telemetry.metrics_page, settings.metrics_address):
        yield metered_runtime(f"{host}:{int(port) + 1}")


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on as long as the block does."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _ready_unless(
    stop: asyncio.Event, settings: Settings, leadgen: Leadgen, runtime: Runtime | None
) -> Client | None:
    """A client as soon as all is ready, or None when the stop comes first."""
    ready, stopping = (
        asyncio.create_task(_ready(settings, leadgen, runtime)),
        asyncio.create_task(stop.wait()),
    )
    try:
        await asyncio.wait((ready, stopping), return_when=asyncio.FIRST_COMPLETED)
        return await ready if ready.done() else None
    finally:
        ready.cancel()
        stopping.cancel()


async def _ready(settings: Settings, leadgen: Leadgen, runtime: Runtime | None) -> Client:
    """A client, once the database and Temporal answer; servers that start together come up in any order."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(ServiceUnavailable),
        stop=stop_after_delay(_START_SECONDS),
        wait=wait_exponential(multiplier=0.5, max=5.0),
        before_sleep=lambda state: log.warning(
            "waiting", reason=str(state.outcome and state.outcome.exception())
        ),
        reraise=True,
    ):
        with attempt:
            await leadgen.catalog.configs()
            await leadgen.runner.keep_up()
            return await connect(
                settings.temporal_address,
                settings.temporal_namespace,
                runtime,
                leadgen.telemetry.tracing.interceptors,
            )
    raise AssertionError("unreachable: the last attempt raises")  # pragma: no cover


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, and SIGHUP of a terminal that is closed, unless under nohup."""
    stop = asyncio.Event()
    hung_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for number in (signal.SIGTERM, signal.SIGINT, *hung_up):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _main(settings: Settings) -> None:
    await run_worker(settings, stop_on_signals())


def main(metrics_port: int | None = None) -> int:
    """Runs a worker in this process; the exit status is 0, 1 when it failed, 2 for a malformed setting."""
    share_the_heap()
    try:
        settings = load_settings()
        if metrics_port is not None:
            settings = settings.model_copy(update={"metrics_address": f"127.0.0.1:{metrics_port}"})
        configure_logs(settings.log_level, settings.log_format)
        uvloop.run(_main(settings))
    except LeadgenError as error:
        sys.stderr.write(f"leadgen worker: {error}\n")
        return 2 if isinstance(error, InvalidInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
