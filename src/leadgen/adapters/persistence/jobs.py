"""Jobs in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.budgets import budget_of_job, cap_job
from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.leads import conclude
from leadgen.adapters.persistence.records import Records
from leadgen.adapters.persistence.rows import job_of
from leadgen.adapters.persistence.tables import job_items, jobs, leads, lookups
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.job import Job, JobReport, JobStatus, ProviderSpend, Wanted
from leadgen.domain.lead import EndState
from leadgen.domain.lookup import LookupState

_IS_OPEN_ITEM = "job_items.job_id = :job AND job_items.lead_id = given.lead_id AND job_items.state IS NULL"
_SENT = [LookupState.SETTLED.value, LookupState.UNKNOWN.value]
_ENDS = [status.value for status in JobStatus if status.is_end]


class SqlJobRepository(IJobRepository):
    """The tables of jobs and of the leads they cover."""

    def __init__(self, database: Database, clock: IClock) -> None:
        self._database = database
        self._clock = clock

    @uninterrupted
    async def add(self, job: Job, *, budget_micros: int | None = None) -> Job:
        """See IJobRepository."""
        row = {
            "id": job.id,
            "account_id": job.account,
            "lead_id": job.scope.lead_id,
            "again": job.scope.again,
            "status": job.status.value,
            "created_at": job.created_at,
            "ended_at": job.ended_at,
            "carrier": job.carrier,
            "when_held": job.when_held.value,
            "is_over_budget": False,
            "wanted": job.wanted.value,
            "wanted_at": job.wanted_at,
        }
        async with self._database.write() as conn:
            new = self._database.insert_or_skip(jobs, "id").values(row).returning(jobs.c.id)
            is_new = (await conn.execute(new)).scalar() is not None
            if is_new and budget_micros is not None:
                await cap_job(conn, self._database, job.id, budget_micros)
            return await _get(conn, job.id) or job

    @uninterrupted
    async def plan(self, job: Job, carrier: str) -> int:
        """See IJobRepository."""
        is_waiting = (jobs.c.id == job.id) & (jobs.c.status == JobStatus.WAITING.value)
        seq = cast(func.row_number().over(order_by=leads.c.id) - 1, Integer)
        covered = select(literal(job.id), seq, leads.c.id).where(*_scope(job))
        async with self._database.write() as conn:
            started = await conn.execute(
                update(jobs).where(is_waiting).values(status=JobStatus.RUNNING.value, carrier=carrier)
            )
            if started.rowcount:
                await conn.execute(insert(job_items).from_select(["job_id", "seq", "lead_id"], covered))
            count = select(func.count()).where(job_items.c.job_id == job.id)
            return int((await conn.execute(count)).scalar_one())

    async def get(self, job_id: str) -> Job | None:
        """See IJobRepository."""
        async with self._database.read() as conn:
            return await _get(conn, job_id)

    async def open_leads(self, job_id: str, *, start: int, size: int) -> Sequence[str]:
        """See IJobRepository."""
        statement = (
            select(job_items.c.lead_id)
            .where(job_items.c.job_id == job_id, job_items.c.seq >= start, job_items.c.seq < start + size)
            .where(job_items.c.state.is_(None))
            .order_by(job_items.c.seq)
        )
        async with self._database.read() as conn:
            return list((await conn.execute(statement)).scalars())

    @uninterrupted
    async def conclude(self, job: Job, conclusions: Sequence[Conclusion]) -> None:
        """See IJobRepository."""
        if not conclusions:
            return
        records = Records(job_items, ("lead_id", "state"), is_sqlite=self._database.is_sqlite)
        states = [[each.lead_id, each.verdict.state.value] for each in conclusions]
        async with self._database.write() as conn:
            await conclude(conn, self._database, job.account, conclusions, self._clock.now())
            await records.run(
                conn, records.update({"state": "given.state"}, _IS_OPEN_ITEM), states, job=job.id
            )
            if any(conclusion.verdict.is_over_budget for conclusion in conclusions):
                await conn.execute(update(jobs).where(jobs.c.id == job.id).values(is_over_budget=True))

    @uninterrupted
    async def end(self, job_id: str, status: JobStatus) -> None:
        """See IJobRepository."""
        is_unended = (jobs.c.id == job_id) & jobs.c.status.not_in(_ENDS)
        is_open = (job_items.c.job_id == job_id) & job_items.c.state.is_(None)
        is_cancelled = jobs.c.wanted == Wanted.CANCEL.value
        ends = [(is_cancelled, JobStatus.CANCELLED.value)]
        if status is JobStatus.DONE:
            ends.append((jobs.c.is_over_budget, JobStatus.BUDGET_REACHED.value))
        end = (
            update(jobs)
            .where(is_unended)
            .values(status=case(*ends, else_=status.value), ended_at=self._clock.now())
        )
        async with self._database.write() as conn:
            ended = (await conn.execute(end.returning(jobs.c.status))).scalar()
            if ended is not None:
                is_done = ended in {JobStatus.DONE.value, JobStatus.BUDGET_REACHED.value}
                left = EndState.FAILED if is_done else EndState.INCOMPLETE
                await conn.execute(update(job_items).where(is_open).values(state=left.value))

    @uninterrupted
    async def want(self, job_id: str, wanted: Wanted, *, budget_micros: int | None = None) -> Job | None:
        """See IJobRepository."""
        is_free = jobs.c.status.not_in(_ENDS) & jobs.c.wanted.not_in([wanted.value, Wanted.CANCEL.value])
        change = update(jobs).where(jobs.c.id == job_id, is_free)
        async with self._database.write() as conn:
            await conn.execute(change.values(wanted=wanted.value, wanted_at=self._clock.now()))
            job = await _get(conn, job_id)
            is_granted = job is not None and not job.status.is_end and job.wanted is wanted
            if is_granted and budget_micros is not None:
                await cap_job(conn, self._database, job_id, budget_micros)
            return job

    @uninterrupted
    async def reopen(self, job_id: str, *, carrier: str, budget_micros: int | None) -> bool:
        """See IJobRepository."""
        is_reached = (jobs.c.id == job_id) & (jobs.c.status == JobStatus.BUDGET_REACHED.value)
        is_incomplete = (job_items.c.job_id == job_id) & (job_items.c.state == EndState.INCOMPLETE.value)
        running: dict[str, Any] = {"status": JobStatus.RUNNING.value, "carrier": carrier}
        running |= {"ended_at": None, "is_over_budget": False, "wanted": Wanted.RUN.value}
        async with self._database.write() as conn:
            opened = await conn.execute(update(jobs).where(is_reached).values(running))
            if not opened.rowcount:
                return False
            await conn.execute(update(job_items).where(is_incomplete).values(state=None))
            if budget_micros is not None:
                await cap_job(conn, self._database, job_id, budget_micros)
        return True

    async def report(self, job_id: str) -> JobReport | None:
        """See IJobRepository."""
        async with self._database.read() as conn:
            job = await _get(conn, job_id)
            return await _report(conn, job) if job else None

    async def asked(self, job_id: str) -> int:
        """See IJobRepository."""
        statement = select(func.count(lookups.c.lead_id.distinct())).where(
            lookups.c.job_id == job_id, lookups.c.state.in_(_SENT)
        )
        async with self._database.read() as conn:
            return int((await conn.execute(statement)).scalar_one())

    async def latest(self, account: str, limit: int) -> Sequence[JobReport]:
        """See IJobRepository."""
        statement = (
            select(jobs)
            .where(jobs.c.account_id == account)
            .order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
            .limit(limit)
        )
        async with self._database.read() as conn:
            found = [job_of(row) for row in (await conn.execute(statement)).mappings()]
            return [await _report(conn, job) for job in found]

    async def unended(self) -> Sequence[Job]:
        """See IJobRepository."""
        statement = select(jobs).where(jobs.c.status.not_in(_ENDS)).order_by(jobs.c.id)
        async with self._database.read() as conn:
            return [job_of(row) for row in (await conn.execute(statement)).mappings()]


def _scope(job: Job) -> list[ColumnElement[bool]]:
    is_ours = leads.c.account_id == job.account
    if job.scope.lead_id:
        return [is_ours, leads.c.id == job.scope.lead_id]
    passed_over = [] if job.scope.again else [EndState.NOT_FOUND.value]
    is_wanted = leads.c.phone_status.is_(None) | leads.c.phone_status.not_in(passed_over)
    return [is_ours, leads.c.phone.is_(None), is_wanted]


async def _get(conn: AsyncConnection, job_id: str) -> Job | None:
    row = (await conn.execute(select(jobs).where(jobs.c.id == job_id))).mappings().first()
    return job_of(row) if row else None


async def _report(conn: AsyncConnection, job: Job) -> JobReport:
    counted = (
        select(job_items.c.state, func.count().label("leads"))
        .where(job_items.c.job_id == job.id)
        .group_by(job_items.c.state)
    )
    counts: dict[Any, int] = {row.state: row.leads for row in await conn.execute(counted)}
    return JobReport(
        job=job,
        leads=sum(counts.values()),
        found=counts.get(EndState.FOUND.value, 0),
        not_found=counts.get(EndState.NOT_FOUND.value, 0),
        incomplete=counts.get(EndState.INCOMPLETE.value, 0),
        failed=counts.get(EndState.FAILED.value, 0),
        providers=await _spend(conn, job.id),
        budget=await budget_of_job(conn, job.id),
    )


async def _spend(conn: AsyncConnection, job_id: str) -> dict[str, ProviderSpend]:
    spent = (
        select(
            lookups.c.provider,
            func.count(case((lookups.c.state.in_(_SENT), 1))),
            func.count(case((lookups.c.outcome == "hit", lookups.c.phone))),
            func.sum(lookups.c.posted_micros + lookups.c.estimated_micros),
            func.avg(lookups.c.took_millis),
        )
        .where(lookups.c.job_id == job_id)
        .group_by(lookups.c.provider)
        .order_by(func.min(lookups.c.created_at))
    )
    return {
        provider: ProviderSpend(calls, hits, int(micros), None if millis is None else float(millis) / 1_000)
        for provider, calls, hits, micros, millis in await conn.execute(spent)
    }
