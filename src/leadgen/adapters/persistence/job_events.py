"""What happened in jobs, recorded within the commits that make it happen.

The row of the job gives out the numbers and is locked by that until the commit: so they appear in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.records import Records
from leadgen.adapters.persistence.tables import UtcDateTime, job_events, job_items, jobs
from leadgen.domain.job import JobStatus
from leadgen.domain.lead import EndState

_COLUMNS = ("job_id", "number", "lead_id", "status", "created_at")


async def reserve(conn: AsyncConnection, job_id: str, count: int) -> int:
    """The first of so many numbers that nobody else gets; those that are not used stay a gap."""
    more = update(jobs).where(jobs.c.id == job_id).values(events=jobs.c.events + count)
    last = (await conn.execute(more.returning(jobs.c.events))).scalar()
    return int(last or 0) - count + 1


async def tell_job(conn: AsyncConnection, job_id: str, status: JobStatus, now: datetime) -> None:
    """Records that a job has come to a status."""
    row = {"job_id": job_id, "number": await reserve(conn, job_id, 1), "lead_id": None}
    await conn.execute(insert(job_events).values(row | {"status": status.value, "created_at": now}))


async def tell_leads(
    conn: AsyncConnection,
    database: Database,
    job_id: str,
    *,
    first: int,
    states: Mapping[str, str],
    now: datetime,
) -> None:
    """Records how leads ended in a job, under numbers that were reserved."""
    if states:
        records = Records(job_events, _COLUMNS, is_sqlite=database.is_sqlite)
        rows = [[job_id, number, *end, now] for number, end in enumerate(states.items(), first)]
        await records.count(conn, records.insert_or_skip("job_id, number"), rows)


async def tell_open_leads(conn: AsyncConnection, job_id: str, state: EndState, now: datetime) -> None:
    """Records that all leads that are still open in a job end so."""
    is_open = (job_items.c.job_id == job_id) & job_items.c.state.is_(None)
    count = int((await conn.execute(select(func.count()).where(is_open))).scalar_one())
    if not count:
        return
    before = await reserve(conn, job_id, count) - 1
    number = before + func.row_number().over(order_by=job_items.c.seq)
    told = select(
        literal(job_id), number, job_items.c.lead_id, literal(state.value), literal(now, UtcDateTime)
    ).where(is_open)
    await conn.execute(insert(job_events).from_select(list(_COLUMNS), told))
