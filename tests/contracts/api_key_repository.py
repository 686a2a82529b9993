"""What every `IApiKeyRepository` must do.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.domain.api_key import ApiKey, Scope, digest_of
from leadgen.domain.errors import UnknownId
from tests.builders import ACCOUNT, NOW
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores

LATER = NOW + timedelta(hours=1)


def api_key(number: int = 1, *, account: str = ACCOUNT) -> ApiKey:
    """The key with this number."""
    scopes = frozenset({Scope.LEADS_READ, Scope.JOBS_RUN})
    return ApiKey(f"{number:032x}", account, f"key {number}", scopes, digest_of(str(number)), NOW)


class ApiKeyRepositoryContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    async def test_add(self, stores: Stores) -> None:
        """The key stands there as it was given, with and without an end."""
        for given in (api_key(1), replace(api_key(2), expires_at=LATER, name="für ☎")):
            assert await stores.api_keys.add(given) == given
            assert await stores.api_keys.get(given.id) == given

    async def test_add_twice(self, stores: Stores) -> None:
        """Of a known id the key that stands is given back, and nothing is changed."""
        await stores.api_keys.add(api_key())
        assert await stores.api_keys.add(replace(api_key(), digest=digest_of("another"))) == api_key()
        assert await stores.api_keys.get(api_key().id) == api_key()

    async def test_add_for_nobody(self, stores: Stores) -> None:
        """An account that does not exist gets no key."""
        with pytest.raises(UnknownId, match="nobody"):
            await stores.api_keys.add(api_key(account="nobody"))
        assert await stores.api_keys.get(api_key().id) is None

    async def test_page(self, stores: Stores) -> None:
        """An account sees its own keys that are not revoked, in order, page by page."""
        keys = [await stores.api_keys.add(api_key(number)) for number in range(5)]
        await stores.api_keys.add(api_key(9, account=OTHER_ACCOUNT))
        await stores.api_keys.revoke(ACCOUNT, keys[3].id, LATER)
        left = [*keys[:3], keys[4]]
        assert await stores.api_keys.page(ACCOUNT, after="", limit=10) == left
        assert await stores.api_keys.page(ACCOUNT, after=keys[0].id, limit=2) == left[1:3]

    async def test_revoke(self, open_stores: OpenStores) -> None:
        """A key is revoked once, by its own account, and every process sees it."""
        stores, elsewhere = open_stores(), open_stores()
        key = await stores.api_keys.add(api_key())
        assert not await stores.api_keys.revoke(OTHER_ACCOUNT, key.id, LATER)
        assert await stores.api_keys.revoke(ACCOUNT, key.id, LATER)
        assert not await elsewhere.api_keys.revoke(ACCOUNT, key.id, LATER)
        assert await elsewhere.api_keys.get(key.id) == replace(key, revoked_at=LATER)
