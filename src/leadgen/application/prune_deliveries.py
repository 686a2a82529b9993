"""Removes deliveries that nobody asks for any more."""

from __future__ import annotations

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.domain.webhook import DEAD_KEPT, DELIVERED_KEPT

BATCH_MAX = 500
"""So many in one commit: nobody who writes waits longer than for these."""

BATCHES_MAX = 20
"""What is left then is the next run's."""


class PruneDeliveries:
    """Forgets what arrived a month ago, and what was given up and not replayed for three."""

    def __init__(self, *, webhooks: IWebhookRepository, clock: IClock) -> None:
        self._webhooks = webhooks
        self._clock = clock

    async def run(self) -> int:
        """How many were removed. Raises ServiceUnavailable."""
        now, removed = self._clock.now(), 0
        for _ in range(BATCHES_MAX):
            batch = await self._webhooks.prune(
                delivered_before=now - DELIVERED_KEPT, dead_before=now - DEAD_KEPT, limit=BATCH_MAX
            )
            removed += batch
            if batch < BATCH_MAX:
                break
        return removed
