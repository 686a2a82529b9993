"""Requests that are carried out once, in SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, delete, or_, select, update

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import idempotency_keys
from leadgen.application.ports.idempotency_store import Answer, Claim, IIdempotencyStore

_FORGET_EVERY = timedelta(minutes=1)


class SqlIdempotencyStore(IIdempotencyStore):
    """The table of idempotency keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = _claims(database)
        self._forgot_at: datetime | None = None

    @uninterrupted
    async def claim(
        self, account: str, key: str, new: Claim, *, now: datetime, until: datetime, since: datetime
    ) -> Claim:
        """See IIdempotencyStore."""
        row = {
            "account_id": account,
            "key": key,
            "fingerprint": new.fingerprint,
            "subject": new.subject,
            "created_at": now,
            "held_until": until,
        }
        await self._forget(now, since)
        while True:
            ours = await self._database.put(self._claims, row | {"at": now, "since": since})
            if ours:
                return _claim_of(ours[0], is_ours=True)
            standing = await self._database.look(select(idempotency_keys).where(_is_this(account, key)))
            if standing and standing[0]["created_at"] >= since:
                return _claim_of(standing[0], is_ours=False)
            await self._database.put(delete(idempotency_keys).where(_is_this(account, key), _is_old(since)))

    async def _forget(self, now: datetime, since: datetime) -> None:
        """Deletes what is old, now and then: whoever orders waits for it."""
        if not self._forgot_at or now - self._forgot_at >= _FORGET_EVERY:
            self._forgot_at = now
            await self._database.put(delete(idempotency_keys).where(_is_old(since)))

    @uninterrupted
    async def settle(self, account: str, key: str, answer: Answer) -> None:
        """See IIdempotencyStore."""
        told = {"status": answer.status, "body": answer.body, "location": answer.location}
        await self._database.put(update(idempotency_keys).where(_is_this(account, key)).values(told))

    @uninterrupted
    async def let_go(self, account: str, key: str, *, forget: bool) -> None:
        """See IIdempotencyStore."""
        is_open = _is_this(account, key) & idempotency_keys.c.status.is_(None)
        async with self._database.write() as conn:
            if forget:
                await conn.execute(delete(idempotency_keys).where(is_open))
            else:
                await conn.execute(update(idempotency_keys).where(is_open).values(held_until=None))


def _claims(database: Database) -> Any:
    """Takes a key that is new, or free, or that this very claim has taken already."""
    table = idempotency_keys
    insert = database.insert(table)
    is_free = or_(table.c.held_until.is_(None), table.c.held_until <= bindparam("at"))
    is_ours = or_(is_free, table.c.subject == insert.excluded.subject)
    is_same = table.c.fingerprint == insert.excluded.fingerprint
    return insert.on_conflict_do_update(
        index_elements=["account_id", "key"],
        set_={"held_until": insert.excluded.held_until},
        where=table.c.status.is_(None) & ~_is_old(bindparam("since")) & is_same & is_ours,
    ).returning(table)


def _is_old(since: datetime | BindParameter[Any]) -> ColumnElement[bool]:
    return idempotency_keys.c.created_at < since


def _is_this(account: str, key: str) -> ColumnElement[bool]:
    return (idempotency_keys.c.account_id == account) & (idempotency_keys.c.key == key)


def _claim_of(row: Row, *, is_ours: bool) -> Claim:
    is_answered = row["status"] is not None
    answer = Answer(row["status"], row["body"], row["location"]) if is_answered else None
    return Claim(row["fingerprint"], row["subject"], answer, is_ours and not is_answered)
