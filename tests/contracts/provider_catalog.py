"""What every `IProviderCatalog` must do: tell what is configured, and follow a change within a second.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``, whose catalogs have ``DEFAULTS``.
"""

import asyncio
from dataclasses import replace

import pytest

from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Rule
from leadgen.domain.provider import Charges, OnUnknown, ProviderConfig
from leadgen.domain.tier import Tier
from tests.contracts.stores import DEFAULTS, OpenStores, Stores

CHANGED = ProviderConfig(
    name="orion",
    priority=7,
    limits=Limits((Rule(5, MICROS_PER_SECOND), Rule(100, 3_600 * MICROS_PER_SECOND)), concurrency=2),
    price_micros=1_234_567,
    charges=Charges.HIT,
    enabled=False,
    tier=Tier.ENTERPRISE,
    timeout_seconds=2.5,
    on_unknown=OnUnknown.RETRY,
)


class ProviderCatalogContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    async def test_configs_before_any_change(self, stores: Stores) -> None:
        """Are the ones that leadgen comes with, by name."""
        assert await stores.catalog.configs() == DEFAULTS

    async def test_save(self, stores: Stores) -> None:
        """Replaces every part of one configuration, at once for whoever saved, and no other one."""
        await stores.catalog.configs()
        await stores.catalog.save(CHANGED)
        assert await stores.catalog.configs() == {**DEFAULTS, "orion": CHANGED}

    async def test_save_again(self, stores: Stores) -> None:
        """The last one counts, also when it is the first again."""
        for saved in (CHANGED, replace(CHANGED, enabled=True), DEFAULTS["orion"]):
            await stores.catalog.save(saved)
            assert (await stores.catalog.configs())["orion"] == saved

    async def test_save_two_at_once(self, open_stores: OpenStores) -> None:
        """Two processes that change two providers both succeed."""
        one, two = open_stores(), open_stores()
        astra = replace(DEFAULTS["astra"], price_micros=0)
        await asyncio.gather(one.catalog.save(CHANGED), two.catalog.save(astra))
        assert await one.catalog.configs() == {"orion": CHANGED, "astra": astra}

    async def test_other_processes_follow(self, open_stores: OpenStores) -> None:
        """A second after a change every process knows of it, however often it asked before."""
        one, two = open_stores(), open_stores()
        await two.catalog.configs()
        await one.clock.advance(0.9)
        await two.catalog.configs()
        await one.catalog.save(CHANGED)
        await one.clock.advance(1.0)
        assert (await two.catalog.configs())["orion"] == CHANGED

    async def test_a_new_process_knows(self, open_stores: OpenStores) -> None:
        """What was saved outlives the process that saved it."""
        await open_stores().catalog.save(CHANGED)
        assert (await open_stores().catalog.configs())["orion"] == CHANGED

    async def test_many_ask_at_once(self, stores: Stores) -> None:
        """All get the same."""
        await stores.catalog.save(CHANGED)
        answers = await asyncio.gather(*(stores.catalog.configs() for _ in range(20)))
        assert all(answer == answers[0] for answer in answers)
