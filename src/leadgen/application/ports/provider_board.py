"""The breakers of all providers, which all processes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

from leadgen.domain.breaker import Breaker


class IProviderBoard(ABC):
    """One breaker a provider; a closed one where nothing is on record.

    Raises ServiceUnavailable when the database does not answer.
    """

    @abstractmethod
    async def breakers(self) -> Mapping[str, Breaker]:
        """All that are on record, as they stand now."""

    @abstractmethod
    async def save(self, breakers: Collection[Breaker]) -> set[str]:
        """Replaces breakers in one commit; the names of those that nobody else has changed meanwhile.

        The others stay as they are: each carries the version it was read with, and is stored with the next.
        """
