"""What is configured of the providers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from leadgen.domain.provider import ProviderConfig


class IProviderCatalog(ABC):
    """The configuration of every provider, by name.

    Raises ServiceUnavailable when the database does not answer.
    """

    @abstractmethod
    async def configs(self) -> Mapping[str, ProviderConfig]:
        """All configurations, as they were at most one second ago."""

    @abstractmethod
    async def save(self, config: ProviderConfig) -> None:
        """Replaces a provider's configuration; every process follows within a second."""
