"""What came of jobs so far: of all that are asked for at once, within somebody's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.budgets import budgets_of_jobs
from leadgen.adapters.persistence.rows import Row
from leadgen.adapters.persistence.tables import job_items, lookups
from leadgen.domain.job import LATELY, Job, JobReport, JobStatus, ProviderSpend
from leadgen.domain.lead import EndState
from leadgen.domain.lookup import LookupState
from leadgen.domain.waterfall import Reused

SENT = [LookupState.SETTLED.value, LookupState.UNKNOWN.value]
"""The states of questions that left, or may have."""

_THESE: BindParameter[Any] = bindparam("jobs", expanding=True)
_ENDED = (
    select(
        job_items.c.job_id,
        job_items.c.state,
        func.count().label("leads"),
        func.count(case((job_items.c.ended_at > bindparam("lately"), 1))).label("late"),
        func.coalesce(func.sum(job_items.c.reused_calls), 0).label("calls"),
        func.coalesce(func.sum(job_items.c.saved_micros), 0).label("micros"),
    )
    .where(job_items.c.job_id.in_(_THESE))
    .group_by(job_items.c.job_id, job_items.c.state)
)
_SPENT = (
    select(
        lookups.c.job_id,
        lookups.c.provider,
        func.count(case((lookups.c.state.in_(SENT), 1))).label("calls"),
        func.count(case((lookups.c.outcome == "hit", lookups.c.phone))).label("hits"),
        func.sum(lookups.c.posted_micros + lookups.c.estimated_micros).label("micros"),
        func.avg(lookups.c.took_millis).label("millis"),
        func.count(case((lookups.c.state.in_(SENT) & (lookups.c.position == 1), 1))).label("first"),
        func.min(lookups.c.reason).label("reason"),
        func.max(lookups.c.reason).label("other"),
    )
    .where(lookups.c.job_id.in_(_THESE))
    .group_by(lookups.c.job_id, lookups.c.provider)
    .order_by(func.min(lookups.c.created_at))
)


async def reports(conn: AsyncConnection, jobs: Sequence[Job], now: datetime) -> list[JobReport]:
    """Their reports, in the same order; one that waits has no leads yet, and has asked nobody."""
    budgets = await budgets_of_jobs(conn, [job.id for job in jobs]) if jobs else {}
    begun = [job.id for job in jobs if job.status is not JobStatus.WAITING]
    ended: dict[str, list[Row]] = defaultdict(list)
    spent: dict[str, dict[str, ProviderSpend]] = defaultdict(dict)
    if begun:
        for row in (await conn.execute(_ENDED, {"jobs": begun, "lately": now - LATELY})).mappings():
            ended[row["job_id"]].append(row)
        for row in (await conn.execute(_SPENT, {"jobs": begun})).mappings():
            spent[row["job_id"]][row["provider"]] = _spend_of(row)
    return [
        JobReport(job=job, providers=spent[job.id], budget=budgets.get(job.id), **_counted(ended[job.id]))
        for job in jobs
    ]


def _counted(rows: Sequence[Row]) -> Mapping[str, Any]:
    counts = {row["state"]: row["leads"] for row in rows}
    return {
        "leads": sum(counts.values()),
        **{state.value: counts.get(state.value, 0) for state in EndState},
        "ended_lately": sum(row["late"] for row in rows),
        "reused": Reused(sum(int(row["calls"]) for row in rows), sum(int(row["micros"]) for row in rows)),
    }


def _spend_of(row: Row) -> ProviderSpend:
    millis = row["millis"]
    return ProviderSpend(
        row["calls"],
        row["hits"],
        int(row["micros"]),
        None if millis is None else float(millis) / 1_000,
        first_choices=row["first"],
        reason=row["reason"] or "",
        has_one_reason=row["reason"] == row["other"],
    )
