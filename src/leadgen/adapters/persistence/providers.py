"""The configuration of providers in SQL, over the defaults that leadgen comes with."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import provider_configs
from leadgen.application.fresh_copy import FreshCopy
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.domain.limits import Limits, parse_rules
from leadgen.domain.provider import Charges, OnUnknown, ProviderConfig
from leadgen.domain.tier import Tier

_AGE_SECONDS_MAX = 1.0


class SqlProviderCatalog(IProviderCatalog):
    """What was set, else the default; read again when it is a second old."""

    def __init__(self, database: Database, clock: IClock, defaults: Mapping[str, ProviderConfig]) -> None:
        self._database = database
        self._clock = clock
        self._defaults = defaults
        self._configs = FreshCopy(self._read, clock, seconds_max=_AGE_SECONDS_MAX)

    async def configs(self) -> Mapping[str, ProviderConfig]:
        """See IProviderCatalog."""
        return await self._configs.get()

    @uninterrupted
    async def save(self, config: ProviderConfig) -> None:
        """See IProviderCatalog."""
        statement = self._database.insert_or_replace(provider_configs, "name")
        async with self._database.write() as conn:
            await conn.execute(statement.values(_columns(config) | {"updated_at": self._clock.now()}))
        self._configs.forget()

    async def _read(self) -> Mapping[str, ProviderConfig]:
        rows = await self._database.look(select(provider_configs))
        known = {row["name"]: _config_of(row) for row in rows if row["name"] in self._defaults}
        return {**self._defaults, **known}


def _columns(config: ProviderConfig) -> dict[str, object]:
    return {
        "name": config.name,
        "priority": config.priority,
        "rules": ",".join(str(rule) for rule in config.limits.rules),
        "concurrency": config.limits.concurrency,
        "price_micros": config.price_micros,
        "charges": config.charges.value,
        "enabled": config.enabled,
        "tier": config.tier.value,
        "timeout_seconds": config.timeout_seconds,
        "on_unknown": config.on_unknown.value,
    }


def _config_of(row: Row) -> ProviderConfig:
    return ProviderConfig(
        name=row["name"],
        priority=row["priority"],
        limits=Limits(parse_rules(row["rules"], "rate"), row["concurrency"]),
        price_micros=row["price_micros"],
        charges=Charges(row["charges"]),
        enabled=row["enabled"],
        tier=Tier(row["tier"]),
        timeout_seconds=row["timeout_seconds"],
        on_unknown=OnUnknown(row["on_unknown"]),
    )
