"""Creates an API key."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from leadgen.application.ports.api_key_repository import IApiKeyRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.secret_source import ISecretSource
from leadgen.domain.api_key import NAME_CHARACTERS_MAX, ApiKey, Scope, digest_of, scopes_for, token_of
from leadgen.domain.errors import InvalidSetting, NotAllowed, NotPossible
from leadgen.domain.text import clean
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class NewKey:
    """A key, and the text that its holder gives; nobody can tell that text again."""

    key: ApiKey
    token: str


class CreateKey:
    """Makes a key of an account, which is shown once."""

    def __init__(
        self, *, keys: IApiKeyRepository, ids: IIdSource, secrets: ISecretSource, clock: IClock
    ) -> None:
        self._keys = keys
        self._ids = ids
        self._secrets = secrets
        self._clock = clock

    async def run(
        self,
        account: str,
        *,
        name: str = "",
        scopes: Collection[Scope] | None = None,
        expires_at: datetime | None = None,
        by: ApiKey | None = None,
        key_id: str | None = None,
    ) -> NewKey:
        """The key, with all scopes that the account (or the key ``by`` which it is made) has, or with fewer.

        Raises NotAllowed for a scope that neither has, InvalidSetting, UnknownId, ServiceUnavailable, and
        NotPossible where a key of this ``key_id`` was made before, whose secret nobody can tell.
        """
        now = self._clock.now()
        grantable = by.scopes if by else scopes_for(account)
        wanted = frozenset(grantable if scopes is None else scopes)
        if missing := sorted(wanted - grantable):
            raise NotAllowed(f"a key with these scopes cannot be made here: {', '.join(missing)}")
        if not wanted:
            raise InvalidSetting("scopes", "", f"at least one of {', '.join(Scope)}")
        if expires_at is not None and expires_at <= now:
            raise InvalidSetting("expires", expires_at.isoformat(), "a moment that is still to come")
        if len(name) > NAME_CHARACTERS_MAX:
            raise InvalidSetting("name", "(long)", f"at most {NAME_CHARACTERS_MAX} characters")
        secret = self._secrets.new()
        key_id = (key_id or self._ids.new()).replace("-", "")
        key = ApiKey(key_id, account, clean(name), wanted, digest_of(secret), now, expires_at)
        standing = await self._keys.add(key)
        if not standing.fits(secret):
            raise NotPossible(f"key {key_id} was made before: revoke it, and make another one")
        return NewKey(standing, token_of(key_id, secret))
