"""What every `IAccountRepository` must do.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import pytest

from leadgen.domain.account import Account
from leadgen.domain.errors import UnknownId
from leadgen.domain.tier import Tier
from tests.contracts.stores import ACCOUNTS, OpenStores, Stores


class AccountRepositoryContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    async def test_tier(self, stores: Stores) -> None:
        """Every account has the tier that it booked."""
        assert {name: await stores.accounts.tier(name) for name in ACCOUNTS} == ACCOUNTS

    async def test_tier_of_nobody(self, stores: Stores) -> None:
        """An account that does not exist has none, and the error names it."""
        with pytest.raises(UnknownId, match="nobody"):
            await stores.accounts.tier("nobody")

    async def test_add(self, stores: Stores) -> None:
        """A new account has its tier, and stands among all, by name; a second one of its name is refused."""
        new = Account("anvil", Tier.ENTERPRISE)
        assert await stores.accounts.add(new) is True
        assert await stores.accounts.add(Account("anvil", Tier.FREE)) is False
        assert await stores.accounts.tier("anvil") is Tier.ENTERPRISE
        known = [each for each in await stores.accounts.all() if each.name in {*ACCOUNTS, "anvil"}]
        given = [new, *(Account(name, tier) for name, tier in ACCOUNTS.items())]
        assert known == sorted(given, key=lambda account: account.name)

    async def test_set_tier(self, stores: Stores) -> None:
        """An account gets another tier, the others keep theirs; nobody has none to set."""
        first, second = ACCOUNTS
        await stores.accounts.set_tier(first, Tier.ENTERPRISE)
        assert await stores.accounts.tier(first) is Tier.ENTERPRISE
        assert await stores.accounts.tier(second) is ACCOUNTS[second]
        await stores.accounts.set_tier(first, ACCOUNTS[first])
        with pytest.raises(UnknownId, match="nobody"):
            await stores.accounts.set_tier("nobody", Tier.FREE)
