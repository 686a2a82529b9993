"""API keys: made, used for a while, and revoked."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from leadgen.adapters.persistence.api_keys import SqlApiKeyRepository
from leadgen.application.authenticate_key import TRUST_SECONDS, AuthenticateKey
from leadgen.application.create_key import CreateKey
from leadgen.application.revoke_key import RevokeKey
from leadgen.domain.api_key import Scope, scopes_for, token_of
from leadgen.domain.errors import InvalidSetting, NotAllowed, NotAuthenticated, NotPossible, UnknownId
from tests.builders import ACCOUNT
from tests.fake_clock import FakeClock
from tests.fakes.id_source import CountingIdSource
from tests.fakes.secret_source import CountingSecretSource
from tests.unit.application.world import World


class Ids(CountingIdSource):
    """Ids as keys have them."""

    def new(self) -> str:
        return f"{int(super().new().removeprefix('id-')):032x}"


@dataclass
class Keys:
    """The use cases over one database, and a clock of their own."""

    create: CreateKey
    revoke: RevokeKey
    authenticate: AuthenticateKey
    clock: FakeClock


@pytest.fixture
async def keys(world: World) -> Keys:
    """The use cases over the world's database."""
    clock, repository = FakeClock(), SqlApiKeyRepository(world.database)
    return Keys(
        CreateKey(keys=repository, ids=Ids(), secrets=CountingSecretSource(), clock=clock),
        RevokeKey(keys=repository, clock=clock),
        AuthenticateKey(keys=repository, clock=clock),
        clock,
    )


async def test_create(keys: Keys) -> None:
    """A key has all scopes of its account unless fewer are wanted, and opens with its token alone."""
    new = await keys.create.run(ACCOUNT, name=" for\tCI ")
    assert (new.key.name, new.key.scopes) == ("for CI", scopes_for(ACCOUNT))
    assert await keys.authenticate.run(new.token) == new.key
    few = await keys.create.run(ACCOUNT, scopes=[Scope.LEADS_READ])
    assert few.key.scopes == {Scope.LEADS_READ}
    for token in (token_of(new.key.id, few.token[-64:]), "", new.token[:-1], token_of("f" * 32, "f" * 64)):
        with pytest.raises(NotAuthenticated):
            await keys.authenticate.run(token)


async def test_create_what_cannot_be(keys: Keys) -> None:
    """No scope beyond one's own, no end in the past, no endless name, no account that there is not."""
    reader = (await keys.create.run(ACCOUNT, scopes=[Scope.LEADS_READ, Scope.KEYS_ADMIN])).key
    with pytest.raises(NotAllowed, match="jobs:run"):
        await keys.create.run(ACCOUNT, scopes=[Scope.JOBS_RUN, Scope.LEADS_READ], by=reader)
    with pytest.raises(NotAllowed, match="providers:write"):
        await keys.create.run(ACCOUNT, scopes=[Scope.PROVIDERS_WRITE])
    with pytest.raises(InvalidSetting, match="scopes"):
        await keys.create.run(ACCOUNT, scopes=[])
    with pytest.raises(InvalidSetting, match="expires"):
        await keys.create.run(ACCOUNT, expires_at=keys.clock.now())
    with pytest.raises(InvalidSetting, match="name"):
        await keys.create.run(ACCOUNT, name="x" * 201)
    with pytest.raises(UnknownId):
        await keys.create.run("nobody")


async def test_create_under_a_known_id(keys: Keys) -> None:
    """A key that was made before is not made again, since nobody can tell its secret."""
    await keys.create.run(ACCOUNT, key_id="0" * 32)
    with pytest.raises(NotPossible, match="made before"):
        await keys.create.run(ACCOUNT, key_id="0" * 32)


async def test_a_revoked_key_is_refused_within_seconds(keys: Keys) -> None:
    """Until then it may still be used where it was used a moment ago, and nowhere else."""
    key = await keys.create.run(ACCOUNT)
    await keys.authenticate.run(key.token)
    await keys.revoke.run(ACCOUNT, key.key.id)
    await keys.clock.advance(TRUST_SECONDS - 0.001)
    await keys.authenticate.run(key.token)
    await keys.clock.advance(0.001)
    with pytest.raises(NotAuthenticated, match="revoked"):
        await keys.authenticate.run(key.token)


async def test_an_expired_key_is_refused_at_once(keys: Keys) -> None:
    """Its end is known, so it needs no look."""
    key = await keys.create.run(ACCOUNT, expires_at=keys.clock.now() + timedelta(seconds=1))
    await keys.authenticate.run(key.token)
    await keys.clock.advance(1)
    with pytest.raises(NotAuthenticated, match="expired"):
        await keys.authenticate.run(key.token)


async def test_revoke(keys: Keys) -> None:
    """A key is revoked once, by its own account, and never by itself."""
    key = (await keys.create.run(ACCOUNT)).key
    with pytest.raises(NotPossible, match="itself"):
        await keys.revoke.run(ACCOUNT, key.id, by=key)
    with pytest.raises(UnknownId):
        await keys.revoke.run("umbrella", key.id)
    await keys.revoke.run(ACCOUNT, key.id)
    with pytest.raises(UnknownId):
        await keys.revoke.run(ACCOUNT, key.id)
