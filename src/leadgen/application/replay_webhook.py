"""Sends again what could not be delivered."""

from __future__ import annotations

from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.application.ports.webhook_runner import IWebhookRunner
from leadgen.domain.errors import NotPossible, ServiceUnavailable, UnknownId


class ReplayWebhook:
    """Lets a delivery, or all dead ones of an endpoint, begin anew under their ids."""

    def __init__(self, *, webhooks: IWebhookRepository, runner: IWebhookRunner) -> None:
        self._webhooks = webhooks
        self._runner = runner

    async def run(self, account: str, id_: str) -> int:
        """How many begin anew; none of an endpoint that has missed nothing.

        Raises NotPossible where the endpoint is disabled, UnknownId, ServiceUnavailable.
        """
        endpoints = await self._webhooks.replay(account, id_)
        if not endpoints:
            await self._require(account, id_)
        try:
            for endpoint_id in sorted(set(endpoints)):
                await self._runner.deliver(endpoint_id)
        except ServiceUnavailable:
            pass  # upkeep finds them within a minute of the server's return
        return len(endpoints)

    async def _require(self, account: str, id_: str) -> None:
        endpoint = next((each for each in await self._webhooks.endpoints(account) if each.id == id_), None)
        if endpoint is None:
            raise UnknownId("delivery", id_, "leadgen webhooks deliveries")
        if endpoint.disabled_why:
            raise NotPossible(
                f"it is disabled ({endpoint.disabled_why}): `leadgen webhooks enable {id_}` first"
            )
