"""Requests that are carried out once, in SQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import idempotency_keys
from leadgen.application.ports.idempotency_store import Answer, Claim, IIdempotencyStore


class SqlIdempotencyStore(IIdempotencyStore):
    """The table of idempotency keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def claim(
        self, account: str, key: str, new: Claim, *, now: datetime, until: datetime, since: datetime
    ) -> Claim:
        """See IIdempotencyStore."""
        table, is_this = idempotency_keys, _is_this(account, key)
        row = {
            "account_id": account,
            "key": key,
            "fingerprint": new.fingerprint,
            "subject": new.subject,
            "created_at": now,
            "held_until": until,
        }
        insert = self._database.insert_or_skip(table, "account_id", "key").values(row)
        is_free = table.c.status.is_(None) & or_(table.c.held_until.is_(None), table.c.held_until <= now)
        is_same = table.c.fingerprint == new.fingerprint
        async with self._database.write() as conn:
            await conn.execute(delete(table).where(table.c.created_at < since))
            is_new = (await conn.execute(insert.returning(table.c.key))).scalar() is not None
            taken = await conn.execute(
                update(table).where(is_this, is_free, is_same).values(held_until=until).returning(table.c.key)
            )
            is_ours = is_new or taken.scalar() is not None
            return _claim_of(
                (await conn.execute(select(table).where(is_this))).mappings().one(), is_ours=is_ours
            )

    @uninterrupted
    async def settle(self, account: str, key: str, answer: Answer) -> None:
        """See IIdempotencyStore."""
        told = {"status": answer.status, "body": answer.body, "location": answer.location}
        async with self._database.write() as conn:
            await conn.execute(update(idempotency_keys).where(_is_this(account, key)).values(told))

    @uninterrupted
    async def let_go(self, account: str, key: str, *, forget: bool) -> None:
        """See IIdempotencyStore."""
        is_open = _is_this(account, key) & idempotency_keys.c.status.is_(None)
        async with self._database.write() as conn:
            if forget:
                await conn.execute(delete(idempotency_keys).where(is_open))
            else:
                await conn.execute(update(idempotency_keys).where(is_open).values(held_until=None))


def _is_this(account: str, key: str) -> ColumnElement[bool]:
    return (idempotency_keys.c.account_id == account) & (idempotency_keys.c.key == key)


def _claim_of(row: Row, *, is_ours: bool) -> Claim:
    is_answered = row["status"] is not None
    answer = Answer(row["status"], row["body"], row["location"]) if is_answered else None
    return Claim(row["fingerprint"], row["subject"], answer, is_ours and not is_answered)
