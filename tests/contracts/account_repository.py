"""What every `IAccountRepository` must do.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import pytest

from leadgen.domain.errors import UnknownId
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
