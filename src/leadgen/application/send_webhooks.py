"""Sends what is due to one endpoint."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import datetime

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.application.ports.webhook_sender import IWebhookSender, Reply
from leadgen.domain.value import value
from leadgen.domain.webhook import Delivery, DeliveryState, Endpoint, pause_before

_BATCH = 100
_AT_ONCE = 10


@value(frozen=True, slots=True)
class Sent:
    """How many deliveries arrived, how many were given up, and when the next one is due."""

    delivered: int = 0
    dead: int = 0
    resume_at: datetime | None = None


class SendWebhooks:
    """Tries every delivery that is due once; whoever calls it comes back for the rest."""

    def __init__(self, *, webhooks: IWebhookRepository, sender: IWebhookSender, clock: IClock) -> None:
        self._webhooks = webhooks
        self._sender = sender
        self._clock = clock

    async def run(
        self, endpoint_id: str, *, now: datetime, progress: Callable[[int], None] = lambda _: None
    ) -> Sent:
        """What was sent. ``now`` is the time by which tries are due. Raises ServiceUnavailable.

        At least once: a try whose record is lost with its process is repeated under the same id.
        """
        endpoint = await self._webhooks.endpoint(endpoint_id)
        if endpoint is None or endpoint.disabled_why is not None:
            return Sent()
        places = asyncio.Semaphore(_AT_ONCE)
        states: list[DeliveryState] = []

        async def send(delivery: Delivery) -> None:
            async with places:
                states.append(await self._try(endpoint, delivery, now))
                progress(len(states))

        due = await self._webhooks.due(endpoint_id, now, limit=_BATCH)
        tries = await asyncio.gather(*map(send, due), return_exceptions=True)
        for error in filter(None, tries):
            raise error
        return Sent(
            delivered=states.count(DeliveryState.DELIVERED),
            dead=states.count(DeliveryState.DEAD),
            resume_at=await self._webhooks.next_at(endpoint_id),
        )

    async def _try(self, endpoint: Endpoint, delivery: Delivery, now: datetime) -> DeliveryState:
        at = self._clock.now()
        headers = delivery.headers(endpoint.secrets_at(at), at)
        reply = await self._sender.send(endpoint.url, headers, delivery.body)
        after = _after(delivery, reply, now)
        await self._webhooks.record(after)
        if reply.is_gone:
            await self._webhooks.disable(endpoint.id, "its receiver said: gone")
        return after.state


def _after(delivery: Delivery, reply: Reply, now: datetime) -> Delivery:
    tries = delivery.tries + 1
    tried = dataclasses.replace(delivery, tries=tries, answer=reply.told, next_at=None)
    if reply.is_taken:
        return dataclasses.replace(tried, state=DeliveryState.DELIVERED)
    pause = None if reply.is_gone else pause_before(tries, delivery.id)
    if pause is None:
        return dataclasses.replace(tried, state=DeliveryState.DEAD)
    return dataclasses.replace(tried, next_at=now + pause)
