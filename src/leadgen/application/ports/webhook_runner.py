"""What makes deliveries durable."""

from __future__ import annotations

from abc import ABC, abstractmethod


class IWebhookRunner(ABC):
    """Carries deliveries through crashes to their end. Raises ServiceUnavailable."""

    @abstractmethod
    async def deliver(self, endpoint_id: str) -> None:
        """Has what waits for an endpoint sent; where that is under way, it looks again."""
