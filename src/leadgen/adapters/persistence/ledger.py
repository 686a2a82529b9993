"""The ledger of lookups, written by one writer per process in group commits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.lead_changes import WHICHEVER
from leadgen.adapters.persistence.ledger_commit import Change, Close, Correct, Intend, LedgerCommit
from leadgen.adapters.persistence.rows import lookup_of
from leadgen.adapters.persistence.tables import lookups
from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.domain.budget import OverBudget
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.value import value

log = logging.getLogger("leadgen.ledger")

_BATCH_MAX = 500
_TRIES = 4
_WOKEN_AT_ONCE = 24
"""Those who wait go on some in a turn of the event loop: calls whose time has come leave between turns."""

_IS_INTENDED = lookups.c.state == LookupState.INTENDED.value
_IS_UNKNOWN = lookups.c.state == LookupState.UNKNOWN.value


@value(frozen=True, slots=True)
class _Entry:
    """A change that waits for the next commit, and who waits for it."""

    change: Change
    waiter: asyncio.Future[Any]


class SqlLookupLedger(ILookupLedger):
    """While one commit is on its way, all that arrives gathers for the next one."""

    def __init__(
        self, database: Database, on_closed: Sequence[Callable[[Sequence[Lookup]], None]] = ()
    ) -> None:
        """Each of ``on_closed`` is told what a commit has closed."""
        self._database = database
        self._on_closed = on_closed
        self._entries: list[_Entry] = []
        self._writer: asyncio.Task[None] | None = None
        self._waking = set[asyncio.Task[None]]()

    async def intend(
        self,
        lookup: Lookup,
        epoch: int = 0,
        *,
        may_repeat: bool = False,
        question_version: int | None = None,
    ) -> Lookup | OverBudget:
        """See ILookupLedger."""
        version = WHICHEVER if question_version is None else question_version
        standing: Lookup | OverBudget = await self._write(Intend(lookup, epoch, may_repeat, version))
        return standing

    async def close(self, lookup: Lookup, value: LeadValue | None) -> bool:
        """See ILookupLedger."""
        return bool(await self._write(Close(lookup, value)))

    async def correct(self, before: Lookup, after: Lookup, source: str) -> bool:
        """Books what a provider's report says; False where the lookup has changed since it was ``before``."""
        return bool(await self._write(Correct(before, after, source)))

    async def get(self, key: str) -> Lookup | None:
        """See ILookupLedger."""
        found = await self._read(select(lookups).where(lookups.c.key == key))
        return found[0] if found else None

    async def history(self, account: str, questions: Sequence[str]) -> Sequence[Lookup]:
        """See ILookupLedger."""
        return await self._read(
            select(lookups)
            .where(lookups.c.account_id == account, lookups.c.question.in_(questions))
            .order_by(lookups.c.n, lookups.c.provider)
        )

    async def of_lead(self, account: str, lead_id: str) -> Sequence[Lookup]:
        """See ILookupLedger."""
        return await self._read(
            select(lookups)
            .where(lookups.c.account_id == account, lookups.c.lead_id == lead_id)
            .order_by(lookups.c.created_at, lookups.c.n)
        )

    async def intended(self, job_id: str) -> Sequence[Lookup]:
        """See ILookupLedger."""
        of_job = select(lookups).where(lookups.c.job_id == job_id, _IS_INTENDED)
        return await self._read(of_job.order_by(lookups.c.lease_until))

    async def abandoned(self, now: datetime, *, limit: int) -> Sequence[Lookup]:
        """See ILookupLedger."""
        over = select(lookups).where(_IS_INTENDED, lookups.c.lease_until <= now)
        return await self._read(over.order_by(lookups.c.lease_until).limit(limit))

    async def unknown(self, since: datetime, *, after: str, limit: int) -> Sequence[Lookup]:
        """See ILookupLedger."""
        recent = select(lookups).where(_IS_UNKNOWN, lookups.c.created_at > since, lookups.c.key > after)
        return await self._read(recent.order_by(lookups.c.key).limit(limit))

    async def _read(self, statement: Select[Any]) -> Sequence[Lookup]:
        return [lookup_of(row) for row in await self._database.look(statement)]

    async def _write(self, change: Change) -> Any:
        waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._entries.append(_Entry(change, waiter))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(
                self._flush(), context=Context()
            )  # it is nobody's in particular
        return await waiter

    async def _flush(self) -> None:
        while self._entries:
            batch, self._entries = self._entries[:_BATCH_MAX], self._entries[_BATCH_MAX:]
            results = await self._commit_safely(batch)
            waking = asyncio.create_task(_wake(batch, results), context=Context())
            self._waking.add(waking)
            waking.add_done_callback(self._waking.discard)
            if self._on_closed:
                self._tell(batch, results)

    def _tell(self, batch: Sequence[_Entry], results: Sequence[Any]) -> None:
        """An observer that fails keeps nobody's answer back."""
        ended = zip(batch, results, strict=True)
        changes = [entry.change for entry, result in ended if result is True]
        closed = [change.lookup for change in changes if isinstance(change, Close)]
        for tell in self._on_closed:
            try:
                tell(closed)
            except Exception:
                log.exception("what a commit has closed was not told")

    async def _commit_safely(self, batch: Sequence[_Entry]) -> list[Any]:
        """The results; where one change cannot be made, each gets a commit of its own, that one its error."""
        try:
            return await self._commit(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            if len(batch) == 1 or isinstance(error, ServiceUnavailable):
                return [error] * len(batch)
        return [(await self._commit_safely([entry]))[0] for entry in batch]

    @uninterrupted
    async def _commit(self, batch: Sequence[_Entry]) -> list[Any]:
        """One commit for all; one whose reply was lost is repeated, and finds what it has done."""
        results: list[Any] = []
        changes = [entry.change for entry in batch]
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ServiceUnavailable),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.05, max=1.0),
            reraise=True,
        ):
            with attempt:
                results = await self._database.transact(
                    lambda conn: LedgerCommit(conn, self._database).run(changes)
                )
        return results


async def _wake(batch: Sequence[_Entry], results: Sequence[Any]) -> None:
    for number, (entry, result) in enumerate(zip(batch, results, strict=True), 1):
        if entry.waiter.done():
            continue
        if isinstance(result, Exception):
            entry.waiter.set_exception(result)
        else:
            entry.waiter.set_result(result)
        if number % _WOKEN_AT_ONCE == 0:
            await asyncio.sleep(0)
