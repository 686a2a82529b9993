"""Sending a webhook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Reply:
    """What came of a try: an HTTP status, or (None) none; ``told`` says it in words of our own."""

    status: int | None
    told: str

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == 410


class IWebhookSender(ABC):
    """Posts to addresses that users gave, but to none that ``Egress`` refuses."""

    @abstractmethod
    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Posts once, within 10 seconds; follows no redirect and raises nothing."""
