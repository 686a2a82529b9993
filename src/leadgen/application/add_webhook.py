"""Adds an endpoint that is told of events."""

from __future__ import annotations

from collections.abc import Collection

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.secret_source import ISecretSource
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.domain.egress import Egress
from leadgen.domain.errors import InvalidSetting
from leadgen.domain.webhook import Endpoint, EventType, secret_of


class AddWebhook:
    """Records a URL with a new secret, which its receiver needs to know what comes from us."""

    def __init__(
        self,
        *,
        webhooks: IWebhookRepository,
        egress: Egress,
        ids: IIdSource,
        secrets: ISecretSource,
        clock: IClock,
    ) -> None:
        self._webhooks = webhooks
        self._egress = egress
        self._ids = ids
        self._secrets = secrets
        self._clock = clock

    async def run(
        self, account: str, url: str, events: Collection[str] = (), *, endpoint_id: str | None = None
    ) -> Endpoint:
        """The new endpoint; without ``events`` it is told of all. Raises InvalidSetting, ServiceUnavailable.

        ``endpoint_id`` is its id where the caller has one: a repeat replaces it, with another secret.
        """
        if refusal := self._egress.refusal_of_url(url):
            raise InvalidSetting("url", "(not usable)", f"another one: {refusal}")
        endpoint = Endpoint(
            id=endpoint_id or self._ids.new(),
            account=account,
            url=url,
            events=frozenset(map(_event, events)) or frozenset(EventType),
            secret=secret_of(bytes.fromhex(self._secrets.new())),
            created_at=self._clock.now(),
        )
        await self._webhooks.add(endpoint)
        return endpoint


def _event(name: str) -> EventType:
    try:
        return EventType(name)
    except ValueError:
        raise InvalidSetting("events", name, f"of {', '.join(EventType)}") from None
