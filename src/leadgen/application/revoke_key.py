"""Revokes an API key."""

from __future__ import annotations

from leadgen.application.ports.api_key_repository import IApiKeyRepository
from leadgen.application.ports.clock import IClock
from leadgen.domain.api_key import ApiKey
from leadgen.domain.errors import NotPossible, UnknownId


class RevokeKey:
    """Ends a key for good; whoever uses it is refused within seconds."""

    def __init__(self, *, keys: IApiKeyRepository, clock: IClock) -> None:
        self._keys = keys
        self._clock = clock

    async def run(self, account: str, key_id: str, *, by: ApiKey | None = None) -> None:
        """Raises UnknownId, NotPossible where a key would revoke itself, and ServiceUnavailable."""
        if by is not None and by.id == key_id:
            raise NotPossible("a key cannot delete itself: use another one, or `leadgen keys revoke`")
        if not await self._keys.revoke(account, key_id, self._clock.now()):
            raise UnknownId("key", key_id)
