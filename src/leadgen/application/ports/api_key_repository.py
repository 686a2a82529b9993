"""API keys."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from leadgen.domain.api_key import ApiKey


class IApiKeyRepository(ABC):
    """The API keys of all accounts. Raises ServiceUnavailable when the database does not answer."""

    @abstractmethod
    async def add(self, key: ApiKey) -> ApiKey:
        """Records a key; the one that stands there where its id is known. Raises UnknownId for an account
        that there is not.
        """

    @abstractmethod
    async def get(self, key_id: str) -> ApiKey | None:
        """One key, whosever it is, revoked and expired ones too."""

    @abstractmethod
    async def page(self, account: str, *, after: str, limit: int) -> Sequence[ApiKey]:
        """Up to ``limit`` keys of an account that are not revoked, in order of id, from behind ``after``."""

    @abstractmethod
    async def revoke(self, account: str, key_id: str, at: datetime) -> bool:
        """Revokes a key for good; False where the account has none of this id that is not revoked."""
