"""Says of every provider whether it is configured and reachable, without asking anything that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.domain.ordering import by_priority
from leadgen.domain.provider import IPhoneProvider, ProviderConfig
from leadgen.domain.standing import Standing
from leadgen.domain.value import value

_TIMEOUT_SECONDS = 3.0


@value(frozen=True, slots=True)
class ProviderHealth:
    """A provider's configuration, whether it has a key, and whether its host accepts connections."""

    config: ProviderConfig
    has_key: bool
    is_reachable: bool


class CheckProviders:
    """Looks at every provider, in the order in which they are asked."""

    def __init__(self, *, catalog: IProviderCatalog, providers: Mapping[str, IPhoneProvider]) -> None:
        self._catalog = catalog
        self._providers = providers

    async def run(self, *, reach: bool) -> Sequence[ProviderHealth]:
        """The health of all; without ``reach`` nothing is connected to. Raises ServiceUnavailable."""
        configs = await self._catalog.configs()
        ordered = [standing.config for standing in by_priority(Standing(c, None) for c in configs.values())]
        return await asyncio.gather(*(self._look(config, reach=reach) for config in ordered))

    async def _look(self, config: ProviderConfig, *, reach: bool) -> ProviderHealth:
        provider = self._providers.get(config.name)
        if provider is None or not reach:
            return ProviderHealth(config, provider is not None, is_reachable=False)
        return ProviderHealth(
            config, has_key=True, is_reachable=await provider.is_reachable(timeout_seconds=_TIMEOUT_SECONDS)
        )
