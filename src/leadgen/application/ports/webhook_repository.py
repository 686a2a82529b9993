"""Webhooks: endpoints, and what is on its way to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from leadgen.domain.webhook import Delivery, Endpoint


class IWebhookRepository(ABC):
    """Endpoints and deliveries; a delivery is written in the commit of the event that it tells of.

    An account sees no other's. Secrets are stored encrypted where there is a key to them: what reads or
    writes an endpoint raises NotConfigured where that key is missing. Raises ServiceUnavailable.
    """

    @abstractmethod
    async def add(self, endpoint: Endpoint) -> None:
        """Records an endpoint, in the place of one with its id: it is told of what happens from now on."""

    @abstractmethod
    async def store(self, endpoint: Endpoint) -> None:
        """Replaces an endpoint; one that has been removed stays away."""

    @abstractmethod
    async def disable(self, endpoint_id: str, why: str) -> None:
        """Has an endpoint get no new deliveries; those that wait for it are dead, its secrets stay."""

    @abstractmethod
    async def remove(self, account: str, endpoint_id: str) -> bool:
        """Removes an endpoint with all its deliveries; False where there is none."""

    @abstractmethod
    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """One endpoint, of any account."""

    @abstractmethod
    async def endpoints(self, account: str) -> Sequence[Endpoint]:
        """The endpoints of an account, oldest first."""

    @abstractmethod
    async def due(self, endpoint_id: str, now: datetime, *, limit: int) -> Sequence[Delivery]:
        """What may be sent to an endpoint now, oldest first."""

    @abstractmethod
    async def next_at(self, endpoint_id: str) -> datetime | None:
        """When the next delivery to an endpoint is due: long ago for one that may go at once.

        None where nothing waits.
        """

    @abstractmethod
    async def record(self, delivery: Delivery) -> None:
        """Records what came of a try; one that has been removed or replayed meanwhile stays as it is."""

    @abstractmethod
    async def endpoints_due(self, now: datetime) -> Sequence[str]:
        """The ids of all endpoints, of all accounts, to which something may be sent now."""

    @abstractmethod
    async def deliveries(self, account: str, *, failed: bool, limit: int) -> Sequence[Delivery]:
        """The newest deliveries of an account, newest first; ``failed``: only dead ones."""

    @abstractmethod
    async def replay(self, account: str, id_: str) -> Sequence[str]:
        """Lets a delivery, or all dead ones of an endpoint, begin anew; the ids of their endpoints."""

    @abstractmethod
    async def prune(self, *, delivered_before: datetime, dead_before: datetime, limit: int) -> int:
        """Removes deliveries of any account that arrived, or are dead, and whose events are older than that.

        ``limit`` at most; how many it were.
        """

    @abstractmethod
    async def reseal(self) -> int:
        """Encrypts the secrets of all endpoints anew, with the newest key; of how many."""

    @abstractmethod
    async def written(self) -> None:
        """Returns when this process has written deliveries since the last time."""
