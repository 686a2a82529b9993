"""The search for a single lead's number, for somebody who waits."""

from __future__ import annotations

from abc import ABC, abstractmethod

from leadgen.domain.search_options import AS_USUAL, SearchOptions


class ILeadSearcher(ABC):
    """Starts durable searches of single leads. Raises ServiceUnavailable when the server does not answer."""

    @abstractmethod
    async def search(
        self, account: str, lead_id: str, *, wait_seconds: float, options: SearchOptions = AS_USUAL
    ) -> bool:
        """Starts the search, or joins the one under way as that one was ordered; whether it has ended within
        ``wait_seconds``, be it that it failed.

        It goes on though nobody waits for it.
        """

    @abstractmethod
    async def goes_on(self, lead_id: str) -> bool:
        """Whether a search for this lead is under way."""
