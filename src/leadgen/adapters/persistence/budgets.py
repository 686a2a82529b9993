"""Budgets in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database, now_micros, uninterrupted
from leadgen.adapters.persistence.rows import Row, day_of
from leadgen.adapters.persistence.tables import budgets, lookups
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.domain.budget import LOOKUP_MICROS, Budget, Span
from leadgen.domain.limits import MICROS_PER_SECOND
from leadgen.domain.lookup import LookupState

_DAY_MICROS = 86_400 * MICROS_PER_SECOND
OF_ACCOUNT = (Span.ACCOUNT.value, Span.DAY.value, Span.LOOKUP.value, Span.MONTH.value)
"""The budgets that an account owns."""

BudgetKey = tuple[str, str]
"""Span and owner."""


_THESE = (
    select(budgets)
    .where(
        or_(
            and_(budgets.c.span.in_(OF_ACCOUNT), budgets.c.owner.in_(bindparam("accounts", expanding=True))),
            and_(budgets.c.span == Span.JOB.value, budgets.c.owner.in_(bindparam("jobs", expanding=True))),
        )
    )
    .order_by(budgets.c.span, budgets.c.owner)
)
_OF_JOBS = select(budgets).where(
    budgets.c.span == Span.JOB.value, budgets.c.owner.in_(bindparam("jobs", expanding=True))
)
_LOCKED = _THESE.with_for_update()


class SqlBudgetRepository(IBudgetRepository):
    """The table of budgets; the ledger moves their money within its own commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def cap(self, span: Span, owner: str, cap_micros: int | None) -> None:
        """See IBudgetRepository."""
        async with self._database.write() as conn:
            if cap_micros is None:
                await conn.execute(budgets.delete().where(_is_this(span, owner)))
            else:
                await _cap(conn, self._database, span, owner, cap_micros)

    async def all_of(self, account: str, job_id: str | None = None) -> Sequence[Budget]:
        """See IBudgetRepository."""
        async with self._database.read() as conn:
            today = day_of(await now_micros(conn, self._database))
            owners = _owners([account], [job_id] if job_id else [])
            rows = (await conn.execute(_THESE, owners)).mappings()
            return [budget_of(row).on(today) for row in rows]


async def cap_job(conn: AsyncConnection, database: Database, job_id: str, cap_micros: int) -> None:
    """Sets the budget of a job within somebody's transaction."""
    await _cap(conn, database, Span.JOB, job_id, cap_micros)


async def budgets_of_jobs(conn: AsyncConnection, job_ids: Collection[str]) -> dict[str, Budget]:
    """The budgets of those of these jobs that have one, by the ids of the jobs."""
    rows = (await conn.execute(_OF_JOBS, {"jobs": list(job_ids)})).mappings()
    return {row["owner"]: budget_of(row) for row in rows}


async def locked(
    conn: AsyncConnection, accounts: Collection[str], job_ids: Collection[str]
) -> dict[BudgetKey, Budget]:
    """The budgets of these accounts and jobs, locked in one order until the commit."""
    rows = (await conn.execute(_LOCKED, _owners(accounts, job_ids))).mappings()
    return {(row["span"], row["owner"]): budget_of(row) for row in rows}


async def store(conn: AsyncConnection, changed: Mapping[BudgetKey, Budget]) -> None:
    """Writes the money of budgets that are locked."""
    if not changed:
        return
    is_this = (budgets.c.span == bindparam("of_span")) & (budgets.c.owner == bindparam("of_owner"))
    moved = update(budgets).where(is_this).values(
        used_micros=bindparam("new_used"), held_micros=bindparam("new_held"), day=bindparam("new_day")
    )  # fmt: skip
    rows = [
        {
            "of_span": span,
            "of_owner": owner,
            "new_used": budget.used_micros,
            "new_held": budget.held_micros,
            "new_day": budget.day,
        }
        for (span, owner), budget in changed.items()
    ]
    await conn.execute(moved, rows)


async def _cap(conn: AsyncConnection, database: Database, span: Span, owner: str, cap_micros: int) -> None:
    """A new budget begins with what was spent and is held already."""
    if not database.is_sqlite:  # commits that saw no budget yet must be through, or not begun
        await conn.execute(text("LOCK TABLE budgets IN EXCLUSIVE MODE"))
    now = await now_micros(conn, database)
    used, held = (0, 0) if span is Span.LOOKUP else await _spent(conn, span, owner, now)
    row = {"span": span.value, "owner": owner, "cap_micros": cap_micros, "day": day_of(now)}
    new = database.insert_or_skip(budgets, "span", "owner")
    await conn.execute(new.values({**row, "used_micros": used, "held_micros": held}))
    await conn.execute(update(budgets).where(_is_this(span, owner)).values(cap_micros=cap_micros))


async def _spent(conn: AsyncConnection, span: Span, owner: str, now: int) -> tuple[int, int]:
    gone = _counted() if span is Span.MONTH else _paid()
    spent = select(*(func.coalesce(func.sum(each), 0) for each in gone)).where(_is_covered(span, owner, now))
    used, held = (await conn.execute(spent)).one()
    return int(used), int(held)


def _paid() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return lookups.c.posted_micros + lookups.c.estimated_micros, lookups.c.held_micros


def _counted() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """What `Budget` counts of a lookup in a month, used and held."""
    is_sent = lookups.c.state.in_([LookupState.SETTLED.value, LookupState.UNKNOWN.value])
    is_used = and_(is_sent, lookups.c.outcome != "rejected")
    is_held = lookups.c.state == LookupState.INTENDED.value
    return case((is_used, LOOKUP_MICROS), else_=0), case((is_held, LOOKUP_MICROS), else_=0)


def budget_of(row: Row) -> Budget:
    """The budget in a row."""
    return Budget(
        span=Span(row["span"]),
        owner=row["owner"],
        cap_micros=row["cap_micros"],
        used_micros=row["used_micros"],
        held_micros=row["held_micros"],
        day=row["day"],
    )


def _is_this(span: Span, owner: str) -> ColumnElement[bool]:
    return (budgets.c.span == span.value) & (budgets.c.owner == owner)


def _owners(accounts: Collection[str], job_ids: Collection[str]) -> dict[str, list[str]]:
    return {"accounts": sorted(accounts), "jobs": sorted(job_ids)}


def _is_covered(span: Span, owner: str, now: int) -> ColumnElement[bool]:
    if span is Span.JOB:
        return lookups.c.job_id == owner
    is_account = lookups.c.account_id == owner
    if span is Span.ACCOUNT:
        return is_account
    midnight = now - now % _DAY_MICROS
    if span is Span.MONTH:
        midnight -= (day_of(now).day - 1) * _DAY_MICROS
    return and_(is_account, lookups.c.intended_micros >= midnight)
