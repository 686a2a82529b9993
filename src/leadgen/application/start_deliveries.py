"""Starts what delivers webhooks: at once for what this process has written, else by upkeep."""

from __future__ import annotations

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.application.ports.webhook_runner import IWebhookRunner
from leadgen.domain.errors import ServiceUnavailable

_GATHER_SECONDS = 0.2
"""A job writes many deliveries one after the other: they start together."""


class StartDeliveries:
    """Wakes the carrier of every endpoint to which something may be sent."""

    def __init__(self, *, webhooks: IWebhookRepository, runner: IWebhookRunner, clock: IClock) -> None:
        self._webhooks = webhooks
        self._runner = runner
        self._clock = clock

    async def run(self) -> int:
        """How many were woken. Raises ServiceUnavailable."""
        endpoints = await self._webhooks.endpoints_due(self._clock.now())
        for endpoint_id in endpoints:
            await self._runner.deliver(endpoint_id)
        return len(endpoints)

    async def keep_starting(self) -> None:
        """Starts what this process writes as soon as it is written, until it is cancelled."""
        while True:
            await self._webhooks.written()
            await self._clock.sleep(_GATHER_SECONDS)
            try:
                await self.run()
            except ServiceUnavailable:
                continue  # upkeep finds it
