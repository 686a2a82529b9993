"""Leads in SQL."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.lead_changes import (
    ALL_RECORDS,
    IS_THERE,
    filtered,
    is_lead,
    line_of,
    lock_leads,
    record_of,
    remove_lead,
    replace_lead,
    with_cost,
)
from leadgen.adapters.persistence.lead_merge import LeadMerge
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.records import Records
from leadgen.adapters.persistence.rows import (
    find_column,
    identity_of,
    lead_of,
    phone_columns,
    refusals_column,
)
from leadgen.adapters.persistence.tables import accounts, lead_columns, leads
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.lead_repository import (
    EVERY_LEAD,
    Arrival,
    Conclusion,
    ILeadRepository,
    LeadFilter,
    LeadLine,
    LeadRecord,
)
from leadgen.domain.budget import Span
from leadgen.domain.lead import EndState, Lead, Profile
from leadgen.domain.lead_row import Column, new_columns
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.selection import Refusal

_ONE = with_cost().where(*is_lead(bindparam("account"), bindparam("lead")))
_PAGE = (
    with_cost()
    .where(leads.c.account_id == bindparam("account"), IS_THERE, leads.c.id > bindparam("after"))
    .order_by(leads.c.id)
    .limit(bindparam("most"))
)
_COLUMNS = (
    select(lead_columns.c.header, lead_columns.c.field)
    .where(lead_columns.c.account_id == bindparam("account"))
    .order_by(lead_columns.c.place)
)


class SqlLeadRepository(ILeadRepository):
    """The table of leads."""

    def __init__(self, database: Database, clock: IClock, outbox: Outbox | None = None) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox or Outbox(database)

    @uninterrupted
    async def merge(self, account: str, arrivals: Sequence[Arrival]) -> int:
        """See ILeadRepository."""
        if not arrivals:
            return 0
        merge = LeadMerge(account, arrivals, self._clock.now(), is_sqlite=self._database.is_sqlite)

        async def work(conn: AsyncConnection) -> int:
            await _lock(conn, account)
            return await merge.write(conn)

        return await self._database.transact(work)

    @uninterrupted
    async def add_columns(self, account: str, columns: Sequence[Column]) -> None:
        """See ILeadRepository."""
        async with self._database.write() as conn:
            await _lock(conn, account)
            rows = (await conn.execute(_COLUMNS, {"account": account})).mappings()
            known = [_column_of(row) for row in rows]
            if new := new_columns(known, columns):
                places = range(len(known), len(known) + len(new))
                await conn.execute(
                    lead_columns.insert(),
                    [
                        {
                            "account_id": account,
                            "place": place,
                            "header": column.header,
                            "field": column.field,
                        }
                        for place, column in zip(places, new, strict=True)
                    ],
                )

    async def columns(self, account: str) -> Sequence[Column]:
        """See ILeadRepository."""
        return [_column_of(row) for row in await self._database.look(_COLUMNS, {"account": account})]

    async def get(self, account: str, lead_id: str) -> LeadLine | None:
        """See ILeadRepository."""
        found = await self._database.look(_ONE, {"account": account, "lead": lead_id})
        return line_of(found[0]) if found else None

    async def unasked(self, account: str, lead_id: str) -> Sequence[Refusal]:
        """See ILeadRepository."""
        statement = select(leads.c.unasked).where(*is_lead(account, lead_id))
        async with self._database.read() as conn:
            return [_refusal_of(**refusal) for refusal in (await conn.execute(statement)).scalar() or ()]

    async def many(self, account: str, lead_ids: Sequence[str]) -> Sequence[Lead]:
        """See ILeadRepository."""
        statement = select(leads).where(leads.c.account_id == account, IS_THERE, leads.c.id.in_(lead_ids))
        return [lead_of(row) for row in await self._database.look(statement.order_by(leads.c.id))]

    async def page(
        self, account: str, *, after: str, limit: int, only: LeadFilter = EVERY_LEAD
    ) -> Sequence[LeadLine]:
        """See ILeadRepository."""
        statement = _PAGE if only == EVERY_LEAD else _PAGE.where(*filtered(only))
        return await self._lines(statement, {"account": account, "after": after, "most": limit})

    async def records(self, account: str, *, after: str, limit: int) -> Sequence[LeadRecord]:
        """See ILeadRepository."""
        async with self._database.read() as conn:
            if not self._database.is_sqlite:
                # Where nobody has looked at the table since an import, each page would sort all of it.
                await conn.exec_driver_sql("SET LOCAL enable_sort = off")
            given = {"account": account, "after": after, "limit": limit}
            return [record_of(row) for row in await conn.execute(ALL_RECORDS, given)]

    async def find(self, account: str, profile: Profile) -> LeadLine | None:
        """See ILeadRepository."""
        is_same = leads.c.identity == identity_of(profile)
        lines = await self._lines(with_cost().where(leads.c.account_id == account, is_same))
        return lines[0] if lines else None

    @uninterrupted
    async def replace(
        self, account: str, before: LeadLine, profile: Profile, phone: PhoneNumber | None
    ) -> bool:
        """See ILeadRepository."""
        async with self._database.write() as conn:
            return await replace_lead(
                conn, account, before, profile=profile, phone=phone, now=self._clock.now()
            )

    @uninterrupted
    async def remove(self, account: str, before: LeadLine) -> bool:
        """See ILeadRepository."""
        async with self._database.write() as conn:
            return await remove_lead(conn, account, before, self._clock.now())

    @uninterrupted
    async def conclude(self, account: str, conclusion: Conclusion) -> bool:
        """See ILeadRepository."""
        async with self._database.write() as conn:
            now = self._clock.now()
            changed = await conclude(conn, self._database, account, [conclusion], now)
            is_there = select(leads.c.id).where(*is_lead(account, conclusion.lead_id))
            if changed or (await conn.execute(is_there)).first() is None:
                return False
            is_told = await self._outbox.note_found(conn, account, None, [conclusion], now)
        if is_told:
            self._outbox.ring()
        return True

    async def _lines(
        self, statement: Select[Any], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[LeadLine]:
        return [line_of(row) for row in await self._database.look(statement, parameters)]


async def conclude(
    conn: AsyncConnection, database: Database, account: str, conclusions: Sequence[Conclusion], now: datetime
) -> frozenset[str]:
    """Writes how searches ended; a number that is there stays, and is what counts.

    One that failed says nothing of numbers: the second best that there was stays, too.

    The ids of leads whose question has become another one: to those nothing is written.
    """
    ordered = sorted(conclusions, key=attrgetter("lead_id"))
    if not database.is_sqlite:
        ids = [conclusion.lead_id for conclusion in ordered]
        await conn.execute(lock_leads(leads.c.id).where(leads.c.id.in_(ids)))
    records = _ends(database.is_sqlite)
    statement = records.update(
        ["id"],
        {
            "phone": "COALESCE(leads.phone, given.phone)",
            **{name: _unless_known(name, f"leads.{name}") for name in _FOUND},
            "phone_status": _unless_known("phone_status", f"'{EndState.FOUND.value}'"),
            "unasked": "given.unasked",
            "second_best": f"CASE WHEN given.phone_status = '{EndState.FAILED.value}' "
            "THEN leads.second_best ELSE given.second_best END",
            "updated_at": "given.updated_at",
        },
        f"leads.account_id = :account AND leads.deleted_at IS NULL AND NOT {_HAS_CHANGED}",
    )
    rows = [_end_row(each, now) for each in ordered]
    if await records.count(conn, statement, rows, account=account) == len(rows):
        return frozenset()
    return frozenset(await records.tell(conn, records.find(["id"], _HAS_CHANGED), rows))


_FOUND = ("phone_country", "phone_line", "phone_provider")
_HAS_CHANGED = "leads.question_version <> COALESCE(given.question_version, leads.question_version)"


@functools.cache
def _ends(is_sqlite: bool) -> Records:  # noqa: FBT001 - a key of the cache
    ends = ("phone", *_FOUND, "phone_status", "unasked", "second_best", "updated_at")
    columns = ("id", "question_version", *ends)
    return Records(leads, columns, is_sqlite=is_sqlite)


def _unless_known(name: str, known: str) -> str:
    return f"CASE WHEN leads.phone IS NULL THEN given.{name} ELSE {known} END"


def _end_row(conclusion: Conclusion, now: datetime) -> list[Any]:
    verdict = conclusion.verdict
    unasked = refusals_column(verdict.unasked)
    phone, state = phone_columns(verdict.phone), verdict.state.value
    second = find_column(verdict.second_best)
    which = (conclusion.lead_id, conclusion.question_version)
    return [*which, *phone.values(), verdict.provider, state, unasked, second, now]


def _refusal_of(provider: str, reason: str, *, prevents: bool, over: str | None = None) -> Refusal:
    return Refusal(provider, reason, prevents, Span(over) if over else None)


async def _lock(conn: AsyncConnection, account: str) -> None:
    """Lets others import into this account only after the commit; lookups are recorded meanwhile."""
    await conn.execute(select(accounts.c.id).where(accounts.c.id == account).with_for_update(key_share=True))


def _column_of(row: RowMapping) -> Column:
    return Column(row["header"], row["field"])
