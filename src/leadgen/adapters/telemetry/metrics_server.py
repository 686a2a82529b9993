"""The page that Prometheus scrapes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from leadgen.adapters.telemetry.metrics import Metrics
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.condition_gauge import Condition, IConditionGauge
from leadgen.domain.errors import InvalidSetting, ServiceUnavailable

SETTING = "LEADGEN_METRICS_ADDRESS"
FRESH_SECONDS = 5.0
_READ_SECONDS = 5.0


class MetricsPage:
    """The metrics as they are, with gauges that are a few seconds old at most."""

    def __init__(self, metrics: Metrics, gauge: IConditionGauge, clock: IClock) -> None:
        self._metrics = metrics
        self._gauge = gauge
        self._clock = clock
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def text(self) -> bytes:
        """The page."""
        async with self._reading:
            if self._clock.monotonic() - self._read_at >= FRESH_SECONDS:
                self._metrics.show(await self._condition())
                self._read_at = self._clock.monotonic()
        return self._metrics.text()

    async def _condition(self) -> Condition | None:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._gauge.read()
        except (ServiceUnavailable, TimeoutError):
            return None


@asynccontextmanager
async def metrics_served(page: MetricsPage, address: str) -> AsyncIterator[None]:
    """Serves ``/metrics`` at ``host:port`` while the block runs; raises InvalidSetting."""
    host, _, port = address.rpartition(":")
    app = web.Application()

    async def get(_request: web.Request) -> web.Response:
        return web.Response(body=await page.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/metrics", get)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, int(port)).start()
        except (OSError, OverflowError):
            raise InvalidSetting(SETTING, address, "an address of this machine that is free") from None
        yield
    finally:
        await runner.cleanup()
