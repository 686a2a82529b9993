"""Accounts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from leadgen.domain.account import Account
from leadgen.domain.tier import Tier


class IAccountRepository(ABC):
    """Whose leads and whose money. Raises ServiceUnavailable when the database does not answer."""

    @abstractmethod
    async def tier(self, account: str) -> Tier:
        """The tier of an account; raises UnknownId."""

    @abstractmethod
    async def add(self, account: Account) -> bool:
        """Records an account; False, and nothing is changed, where there is one of this name."""

    @abstractmethod
    async def set_tier(self, account: str, tier: Tier) -> None:
        """Gives an account another tier, which searches heed from their next round on; raises UnknownId."""

    @abstractmethod
    async def all(self) -> Sequence[Account]:
        """All accounts, by name."""
