"""Sends again what could not be delivered."""

from __future__ import annotations

from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.application.ports.webhook_runner import IWebhookRunner
from leadgen.domain.errors import ServiceUnavailable, UnknownId


class ReplayWebhook:
    """Lets a delivery, or all dead ones of an endpoint, begin anew under their ids."""

    def __init__(self, *, webhooks: IWebhookRepository, runner: IWebhookRunner) -> None:
        self._webhooks = webhooks
        self._runner = runner

    async def run(self, account: str, id_: str) -> int:
        """How many begin anew. Raises UnknownId where there are none, ServiceUnavailable."""
        endpoints = await self._webhooks.replay(account, id_)
        if not endpoints:
            raise UnknownId("delivery", id_, "leadgen webhooks deliveries")
        try:
            for endpoint_id in sorted(set(endpoints)):
                await self._runner.deliver(endpoint_id)
        except ServiceUnavailable:
            pass  # upkeep finds them within a minute of the server's return
        return len(endpoints)
