"""Accounts in SQL."""

from __future__ import annotations

from sqlalchemy import select

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import accounts
from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.domain.errors import UnknownId
from leadgen.domain.tier import Tier


class SqlAccountRepository(IAccountRepository):
    """The table of accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tier(self, account: str) -> Tier:
        """See IAccountRepository."""
        async with self._database.read() as conn:
            found = (await conn.execute(select(accounts.c.tier).where(accounts.c.id == account))).scalar()
        if found is None:
            raise UnknownId("account", account)
        return Tier(found)
