"""The ledger as a whole, in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select, true

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.rows import Row, lookup_of
from leadgen.adapters.persistence.tables import evidence, lookups
from leadgen.application.ports.ledger_books import Evidence, ILedgerBooks, LedgerTotals, ProviderTotals
from leadgen.domain.lookup import Lookup, LookupState

_IS_INTENDED = lookups.c.state == LookupState.INTENDED.value
_IS_UNKNOWN = lookups.c.state == LookupState.UNKNOWN.value


class SqlLedgerBooks(ILedgerBooks):
    """Adds the table of lookups up; corrections go the way of all changes, through the one writer."""

    def __init__(self, database: Database, ledger: SqlLookupLedger) -> None:
        self._database = database
        self._ledger = ledger

    async def totals(self, account: str | None = None) -> LedgerTotals:
        """See ILedgerBooks."""
        is_covered = true() if account is None else lookups.c.account_id == account
        sums = _sums().where(is_covered)
        unknown = select(lookups.c.created_at).where(_IS_UNKNOWN, is_covered)
        oldest = unknown.order_by(lookups.c.created_at).limit(1)
        async with self._database.read() as conn:
            rows = (await conn.execute(sums)).mappings().all()
            oldest_unknown = (await conn.execute(oldest)).scalar()
        return LedgerTotals(
            intents_open=sum(row["intended"] for row in rows),
            unknown_open=sum(row["unknown"] for row in rows),
            oldest_unknown=oldest_unknown,
            providers={row["provider"]: _totals_in(row) for row in rows},
        )

    async def totals_of(
        self, account: str, *, since: datetime, until: datetime
    ) -> Mapping[str, ProviderTotals]:
        """See ILedgerBooks."""
        made = (lookups.c.created_at >= since) & (lookups.c.created_at < until)
        sums = _sums().where(lookups.c.account_id == account, made)
        async with self._database.read() as conn:
            return {row["provider"]: _totals_in(row) for row in (await conn.execute(sums)).mappings()}

    async def page(self, *, after: str, limit: int) -> Sequence[Lookup]:
        """See ILedgerBooks."""
        statement = select(lookups).where(lookups.c.key > after).order_by(lookups.c.key).limit(limit)
        async with self._database.read() as conn:
            return [lookup_of(row) for row in (await conn.execute(statement)).mappings()]

    async def correct(self, before: Lookup, after: Lookup, *, source: str) -> bool:
        """See ILedgerBooks."""
        return await self._ledger.correct(before, after, source)

    async def find(self, account: str, beginning: str) -> Lookup | None:
        """See ILedgerBooks."""
        begins_so = lookups.c.key.startswith(beginning, autoescape=True) & (lookups.c.account_id == account)
        async with self._database.read() as conn:
            rows = (await conn.execute(select(lookups).where(begins_so).limit(2))).mappings().all()
        return lookup_of(rows[0]) if len(rows) == 1 else None

    async def evidence(self, key: str) -> Sequence[Evidence]:
        """See ILedgerBooks."""
        columns = [column for column in evidence.c if column.name != "key"]
        statement = select(*columns).where(evidence.c.key == key).order_by(evidence.c.received_at)
        async with self._database.read() as conn:
            return [Evidence(**row) for row in (await conn.execute(statement)).mappings()]


def _sums() -> Select[Any]:
    amounts = ("posted_micros", "held_micros", "estimated_micros")
    return (
        select(
            lookups.c.provider,
            func.count().label("lookups"),
            *(func.sum(lookups.c[name]).label(name) for name in amounts),
            func.count(case((_IS_INTENDED, 1))).label("intended"),
            func.count(case((_IS_UNKNOWN, 1))).label("unknown"),
        )
        .group_by(lookups.c.provider)
        .order_by(lookups.c.provider)
    )


def _totals_in(row: Row) -> ProviderTotals:
    return ProviderTotals(
        lookups=row["lookups"],
        posted_micros=int(row["posted_micros"]),
        held_micros=int(row["held_micros"]),
        estimated_micros=int(row["estimated_micros"]),
    )
