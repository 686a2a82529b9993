"""Accounts in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.tables import accounts
from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.clock import IClock
from leadgen.domain.account import Account
from leadgen.domain.errors import UnknownId
from leadgen.domain.tier import Tier

_TIER = select(accounts.c.tier).where(accounts.c.id == bindparam("account"))


class SqlAccountRepository(IAccountRepository):
    """The table of accounts."""

    def __init__(self, database: Database, clock: IClock) -> None:
        self._database = database
        self._clock = clock

    async def tier(self, account: str) -> Tier:
        """See IAccountRepository."""
        found = await self._database.look(_TIER, {"account": account})
        if not found:
            raise UnknownId("account", account)
        return Tier(found[0]["tier"])

    @uninterrupted
    async def add(self, account: Account) -> bool:
        """See IAccountRepository."""
        row = {"id": account.name, "tier": account.tier.value, "created_at": self._clock.now()}
        new = self._database.insert_or_skip(accounts, "id").values(row).returning(accounts.c.id)
        async with self._database.write() as conn:
            return (await conn.execute(new)).scalar() is not None

    @uninterrupted
    async def set_tier(self, account: str, tier: Tier) -> None:
        """See IAccountRepository."""
        change = update(accounts).where(accounts.c.id == account).values(tier=tier.value)
        async with self._database.write() as conn:
            changed = (await conn.execute(change)).rowcount
        if not changed:
            raise UnknownId("account", account)

    async def all(self) -> Sequence[Account]:
        """See IAccountRepository."""
        async with self._database.read() as conn:
            rows = await conn.execute(select(accounts.c.id, accounts.c.tier).order_by(accounts.c.id))
            return [Account(name, Tier(tier)) for name, tier in rows]
