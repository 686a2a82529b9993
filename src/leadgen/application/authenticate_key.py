"""Tells whose an API key is."""

from __future__ import annotations

import asyncio
import functools

from leadgen.application.background import heard
from leadgen.application.ports.api_key_repository import IApiKeyRepository
from leadgen.application.ports.clock import IClock
from leadgen.domain.api_key import ApiKey, digest_of, read_token
from leadgen.domain.errors import NotAuthenticated

TRUST_SECONDS = 2.0
"""So long a key that was found good is not looked up again, and may be used after it was revoked."""

_FRESH_SECONDS = TRUST_SECONDS / 2
"""Then it is looked up again, for which nobody who uses it meanwhile has to wait."""

_REMEMBERED_MAX = 10_000


class AuthenticateKey:
    """Looks keys up, and remembers good ones for a moment; many who ask at once share one look."""

    def __init__(self, *, keys: IApiKeyRepository, clock: IClock) -> None:
        self._keys = keys
        self._clock = clock
        self._good: dict[str, tuple[float, ApiKey]] = {}
        self._looks: dict[str, asyncio.Task[ApiKey]] = {}

    async def run(self, token: str) -> ApiKey:
        """The key; raises NotAuthenticated for whatever is none, or none any more, and ServiceUnavailable."""
        place = digest_of(token)
        seen_at, key = self._good.get(place, (float("-inf"), None))
        age_seconds = self._clock.monotonic() - seen_at
        if age_seconds >= _FRESH_SECONDS and place not in self._looks:
            self._looks[place] = asyncio.create_task(self._look(place, token))
            self._looks[place].add_done_callback(functools.partial(self._looked, place))
        if key is None or age_seconds >= TRUST_SECONDS:
            key = await asyncio.shield(self._looks[place])
        if not key.is_valid(self._clock.now()):
            raise NotAuthenticated("this API key has expired or was revoked")
        return key

    async def _look(self, place: str, token: str) -> ApiKey:
        read = read_token(token)
        if read is None:
            raise NotAuthenticated("this is no API key: it reads lg_<id>_<secret>")
        key_id, secret = read
        begun = self._clock.monotonic()
        key = await self._keys.get(key_id)
        if key is None or not key.fits(secret):
            self._good.pop(place, None)
            raise NotAuthenticated("there is no such API key")
        if len(self._good) >= _REMEMBERED_MAX:
            self._good.clear()
        self._good[place] = (begun, key)
        return key

    def _looked(self, place: str, look: asyncio.Task[ApiKey]) -> None:
        del self._looks[place]
        heard(look)
