"""A catalog in memory."""

from __future__ import annotations

from collections.abc import Mapping

from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.domain.provider import ProviderConfig


class InMemoryProviderCatalog(IProviderCatalog):
    """Has the configurations it was made with, until others are saved."""

    def __init__(self, *configs: ProviderConfig) -> None:
        self._configs = {config.name: config for config in configs}

    async def configs(self) -> Mapping[str, ProviderConfig]:
        return dict(self._configs)

    async def save(self, config: ProviderConfig) -> None:
        self._configs[config.name] = config
