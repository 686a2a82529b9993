"""Accounts."""

from __future__ import annotations

from abc import ABC, abstractmethod

from leadgen.domain.tier import Tier


class IAccountRepository(ABC):
    """Whose leads and whose money. Raises ServiceUnavailable when the database does not answer."""

    @abstractmethod
    async def tier(self, account: str) -> Tier:
        """The tier of an account; raises UnknownId."""
