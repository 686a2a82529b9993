"""API keys in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import accounts, api_keys
from leadgen.application.ports.api_key_repository import IApiKeyRepository
from leadgen.domain.api_key import ApiKey, Scope
from leadgen.domain.errors import UnknownId

_ONE = select(api_keys).where(api_keys.c.id == bindparam("key"))


class SqlApiKeyRepository(IApiKeyRepository):
    """The table of API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def add(self, key: ApiKey) -> ApiKey:
        """See IApiKeyRepository."""
        row = {
            "id": key.id,
            "account_id": key.account,
            "name": key.name,
            "scopes": sorted(key.scopes),
            "digest": key.digest,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        async with self._database.write() as conn:
            known = await conn.execute(select(accounts.c.id).where(accounts.c.id == key.account))
            if known.scalar() is None:
                raise UnknownId("account", key.account)
            await conn.execute(self._database.insert_or_skip(api_keys, "id").values(row))
            standing = await conn.execute(select(api_keys).where(api_keys.c.id == key.id))
            return _key_of(standing.mappings().one())

    async def get(self, key_id: str) -> ApiKey | None:
        """See IApiKeyRepository."""
        found = await self._database.look(_ONE, {"key": key_id})
        return _key_of(found[0]) if found else None

    async def page(self, account: str, *, after: str, limit: int) -> Sequence[ApiKey]:
        """See IApiKeyRepository."""
        statement = (
            select(api_keys)
            .where(api_keys.c.account_id == account, api_keys.c.revoked_at.is_(None), api_keys.c.id > after)
            .order_by(api_keys.c.id)
            .limit(limit)
        )
        async with self._database.read() as conn:
            return [_key_of(row) for row in (await conn.execute(statement)).mappings()]

    @uninterrupted
    async def revoke(self, account: str, key_id: str, at: datetime) -> bool:
        """See IApiKeyRepository."""
        is_this = (api_keys.c.id == key_id) & (api_keys.c.account_id == account)
        statement = update(api_keys).where(is_this, api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
        async with self._database.write() as conn:
            return bool((await conn.execute(statement)).rowcount)


def _key_of(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        account=row["account_id"],
        name=row["name"],
        scopes=frozenset(map(Scope, row["scopes"])),
        digest=row["digest"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
