"""Changes an endpoint: gives it another secret, or lets it be told again."""

from __future__ import annotations

import dataclasses

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.secret_source import ISecretSource
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.domain.errors import UnknownId
from leadgen.domain.webhook import Endpoint, secret_of


class ChangeWebhook:
    """Enables an endpoint; where wanted, with a new secret beside which the old one signs for a day."""

    def __init__(self, *, webhooks: IWebhookRepository, secrets: ISecretSource, clock: IClock) -> None:
        self._webhooks = webhooks
        self._secrets = secrets
        self._clock = clock

    async def run(self, account: str, endpoint_id: str, *, new_secret: bool) -> Endpoint:
        """The endpoint as it is now. Raises UnknownId, ServiceUnavailable."""
        endpoint = await self._webhooks.endpoint(endpoint_id)
        if endpoint is None or endpoint.account != account:
            raise UnknownId("webhook", endpoint_id)
        changed = dataclasses.replace(endpoint, disabled_why=None)
        if new_secret:
            changed = dataclasses.replace(
                changed,
                secret=secret_of(bytes.fromhex(self._secrets.new())),
                previous_secret=endpoint.secret,
                rotated_at=self._clock.now(),
            )
        await self._webhooks.store(changed)
        return changed
