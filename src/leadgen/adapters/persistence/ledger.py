"""The ledger of lookups, written by one writer per process in group commits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from leadgen.adapters.persistence.database import Database, now_micros
from leadgen.adapters.persistence.leads import lock_leads
from leadgen.adapters.persistence.rows import lookup_columns, lookup_of, phone_columns
from leadgen.adapters.persistence.tables import leads, limiters, lookups
from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.domain.errors import ServiceUnavailable, StaleTicket
from leadgen.domain.lead import EndState
from leadgen.domain.lookup import Lookup, LookupState

_BATCH_MAX = 500
_TRIES = 4
_COUNTED = {"preserve_rowcount": True}  # else the count of an insert is lost, and -1 reads as "inserted"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A change that waits for the next commit, and who waits for it."""

    key: str
    lead_id: str | None
    """The lead that it may change too."""
    write: Callable[[AsyncConnection], Awaitable[Any]]
    waiter: asyncio.Future[Any]


class SqlLookupLedger(ILookupLedger):
    """While one commit is on its way, all that arrives gathers for the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: list[_Entry] = []
        self._writer: asyncio.Task[None] | None = None

    async def intend(self, lookup: Lookup, epoch: int = 0) -> Lookup | None:
        """See ILookupLedger."""
        standing: Lookup | None = await self._write(
            lookup.key, None, lambda conn: self._intend(conn, lookup, epoch)
        )
        return standing

    async def close(self, lookup: Lookup, value: LeadValue | None) -> bool:
        """See ILookupLedger."""
        lead_id = value.lead_id if value else None
        return bool(await self._write(lookup.key, lead_id, lambda conn: _close(conn, lookup, value)))

    async def get(self, key: str) -> Lookup | None:
        """See ILookupLedger."""
        async with self._database.read() as conn:
            return await _get(conn, key)

    async def history(self, account: str, questions: Sequence[str]) -> Sequence[Lookup]:
        """See ILookupLedger."""
        statement = (
            select(lookups)
            .where(lookups.c.account_id == account, lookups.c.question.in_(questions))
            .order_by(lookups.c.n, lookups.c.provider)
        )
        async with self._database.read() as conn:
            return [lookup_of(row) for row in (await conn.execute(statement)).mappings()]

    async def of_lead(self, account: str, lead_id: str) -> Sequence[Lookup]:
        """See ILookupLedger."""
        statement = (
            select(lookups)
            .where(lookups.c.account_id == account, lookups.c.lead_id == lead_id)
            .order_by(lookups.c.created_at, lookups.c.n)
        )
        async with self._database.read() as conn:
            return [lookup_of(row) for row in (await conn.execute(statement)).mappings()]

    async def _write(
        self, key: str, lead_id: str | None, write: Callable[[AsyncConnection], Awaitable[Any]]
    ) -> Any:
        waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._entries.append(_Entry(key, lead_id, write, waiter))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._flush())
        return await waiter

    async def _flush(self) -> None:
        while self._entries:
            batch, self._entries = self._entries[:_BATCH_MAX], self._entries[_BATCH_MAX:]
            results = await self._commit_safely(batch)
            for entry, result in zip(batch, results, strict=True):
                if entry.waiter.done():
                    continue
                if isinstance(result, Exception):
                    entry.waiter.set_exception(result)
                else:
                    entry.waiter.set_result(result)

    async def _commit_safely(self, batch: Sequence[_Entry]) -> list[Any]:
        """The results; where one change cannot be made, each gets a commit of its own, that one its error."""
        try:
            return await self._commit(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            if len(batch) == 1 or isinstance(error, ServiceUnavailable):
                return [error] * len(batch)
        return [(await self._commit_safely([entry]))[0] for entry in batch]

    async def _commit(self, batch: Sequence[_Entry]) -> list[Any]:
        """One commit for all: leads first, then in order of keys, so that writers never wait in a ring."""
        lead_ids = {entry.lead_id for entry in batch if entry.lead_id}
        ordered = sorted(range(len(batch)), key=lambda place: batch[place].key)
        results: list[Any] = [None] * len(batch)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ServiceUnavailable),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.05, max=1.0),
            reraise=True,
        ):
            with attempt:
                async with self._database.write() as conn:
                    if lead_ids:
                        await conn.execute(lock_leads().where(leads.c.id.in_(lead_ids)))
                    for place in ordered:
                        results[place] = await batch[place].write(conn)
        return results

    async def _intend(self, conn: AsyncConnection, lookup: Lookup, epoch: int) -> Lookup | StaleTicket | None:
        current = select(limiters.c.epoch).where(limiters.c.credential == lookup.provider)
        if (await conn.execute(current.with_for_update(read=True))).scalar() not in {None, epoch}:
            return StaleTicket(lookup.provider)
        columns = {**lookup_columns(lookup), "intended_micros": await now_micros(conn, self._database)}
        insert = self._database.insert_or_skip(lookups, "key").values(columns)
        inserted = await conn.execute(insert, execution_options=_COUNTED)
        if inserted.rowcount:
            return None
        is_unsent = (lookups.c.key == lookup.key) & (lookups.c.state == LookupState.NOT_SENT.value)
        again = {**columns, "discarded": lookups.c.discarded + 1}
        reopened = await conn.execute(update(lookups).where(is_unsent).values(again))
        if reopened.rowcount:
            return None
        standing = await _get(conn, lookup.key)
        return None if _is_recorded(standing, lookup) else standing


async def _close(conn: AsyncConnection, lookup: Lookup, value: LeadValue | None) -> bool:
    is_ours = (lookups.c.key == lookup.key) & (lookups.c.owner == lookup.owner)
    is_open = lookups.c.state == LookupState.INTENDED.value
    closed = await conn.execute(update(lookups).where(is_ours & is_open).values(lookup_columns(lookup)))
    if not closed.rowcount:
        return _is_recorded(await _get(conn, lookup.key), lookup)
    if value:
        is_lead = (leads.c.id == value.lead_id) & (leads.c.account_id == value.account)
        found = {"phone_provider": value.provider, "phone_status": EndState.FOUND.value}
        await conn.execute(
            update(leads)
            .where(is_lead & leads.c.phone.is_(None))
            .values(**phone_columns(value.phone), **found, updated_at=lookup.settled_at)
        )
    return True


def _is_recorded(standing: Lookup | None, lookup: Lookup) -> bool:
    """Whether this very change stands there, as far as columns hold it: they lack some of an outcome."""
    return standing is not None and lookup_columns(standing) == lookup_columns(lookup)


async def _get(conn: AsyncConnection, key: str) -> Lookup | None:
    row = (await conn.execute(select(lookups).where(lookups.c.key == key))).mappings().first()
    return lookup_of(row) if row else None
