"""Deliveries as Temporal workflows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio.client import Client
from temporalio.service import RPCError

from leadgen.adapters.temporal.connection import REMEDY
from leadgen.application.ports.webhook_runner import IWebhookRunner
from leadgen.domain.errors import ServiceUnavailable


class TemporalWebhookRunner(IWebhookRunner):
    """One workflow of type ``DeliverWebhooks`` per endpoint, as long as something waits for it."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], task_queue: str) -> None:
        self._connect = connect
        self._task_queue = task_queue

    async def deliver(self, endpoint_id: str) -> None:
        """See IWebhookRunner."""
        client = await self._connect()
        try:
            await client.start_workflow(
                "DeliverWebhooks",
                {"endpoint_id": endpoint_id},
                id=f"deliver-webhooks-{endpoint_id}",
                task_queue=self._task_queue,
                start_signal="wake",
            )
        except RPCError as error:
            address = client.service_client.config.target_host
            raise ServiceUnavailable("Temporal", address, REMEDY) from error
