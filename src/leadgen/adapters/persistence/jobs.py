"""Jobs in SQL."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.budgets import cap_job
from leadgen.adapters.persistence.database import Database, uninterrupted
from leadgen.adapters.persistence.job_events import reserve, tell_job, tell_leads, tell_open_leads
from leadgen.adapters.persistence.job_reports import SENT, reports
from leadgen.adapters.persistence.lead_changes import IS_THERE, fail_leads, lock_leads
from leadgen.adapters.persistence.leads import conclude
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.records import Records
from leadgen.adapters.persistence.rows import event_of, job_of, options_column
from leadgen.adapters.persistence.tables import job_events, job_items, jobs, leads, lookups
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.job import Asked, Job, JobEvent, JobReport, JobStatus, Wanted
from leadgen.domain.lead import EndState
from leadgen.domain.value import value

_ENDED = ("state", "ended_at", "reused_calls", "saved_micros")
_ENDS = [status.value for status in JobStatus if status.is_end]
_ONE = select(jobs).where(jobs.c.id == bindparam("job"))
_EVENTS = (
    select(job_events)
    .where(job_events.c.job_id == bindparam("job"), job_events.c.number > bindparam("seen"))
    .order_by(job_events.c.number)
    .limit(bindparam("most"))
)


@value(frozen=True, slots=True)
class _Ends:
    """How some searches of a job ended, and who waits for that to be written."""

    conclusions: Sequence[Conclusion]
    written: asyncio.Future[frozenset[str]]


class SqlJobRepository(IJobRepository):
    """The tables of jobs and of the leads they cover."""

    def __init__(self, database: Database, clock: IClock, outbox: Outbox | None = None) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox or Outbox(database)
        self._together: dict[str, list[_Ends]] = {}
        self._one_at_a_time = asyncio.Lock()

    @uninterrupted
    async def add(self, job: Job, *, budget_micros: int | None = None) -> Job:
        """See IJobRepository."""
        row = {
            "id": job.id,
            "account_id": job.account,
            "lead_id": job.scope.lead_id,
            "again": job.scope.again,
            "only_state": job.scope.only.value if job.scope.only else None,
            "of_job_id": job.scope.of_job,
            "status": job.status.value,
            "created_at": job.created_at,
            "ended_at": job.ended_at,
            "carrier": job.carrier,
            "when_held": job.when_held.value,
            "is_over_budget": False,
            "wanted": job.wanted.value,
            "wanted_at": job.wanted_at,
            "ordering": job.order.value,
            "panel": job.panel,
            "options": options_column(job.options),
        }
        new = self._database.insert_or_skip(jobs, "id").returning(jobs)
        if budget_micros is None:
            added = await self._database.put(new, row)
            return job_of(added[0]) if added else await self.get(job.id) or job
        async with self._database.write() as conn:
            if (await conn.execute(new, row)).first() is not None:
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
                await tell_job(conn, job.id, JobStatus.RUNNING, self._clock.now())
                await conn.execute(insert(job_items).from_select(["job_id", "seq", "lead_id"], covered))
            count = select(func.count()).where(job_items.c.job_id == job.id)
            return int((await conn.execute(count)).scalar_one())

    async def get(self, job_id: str) -> Job | None:
        """See IJobRepository."""
        found = await self._database.look(_ONE, {"job": job_id})
        return job_of(found[0]) if found else None

    async def open_leads(self, job_id: str, *, start: int, size: int) -> Sequence[str]:
        """See IJobRepository."""
        statement = (
            select(job_items.c.lead_id)
            .where(job_items.c.job_id == job_id, job_items.c.seq >= start, job_items.c.seq < start + size)
            .where(job_items.c.state.is_(None))
            .order_by(job_items.c.seq)
        )
        return [row["lead_id"] for row in await self._database.look(statement)]

    @uninterrupted
    async def suspect(self, job_id: str, lead_id: str) -> int:
        """See IJobRepository."""
        noted = update(job_items).where(_is_item(job_id, lead_id)).values(deaths=job_items.c.deaths + 1)
        async with self._database.write() as conn:
            await _locked(conn, job_id)  # as who concludes does: an end that had to wait would be lost
            return int((await conn.execute(noted.returning(job_items.c.deaths))).scalar() or 1) - 1

    @uninterrupted
    async def clear(self, job_id: str, lead_id: str) -> None:
        """See IJobRepository."""
        async with self._database.write() as conn:
            await _locked(conn, job_id)
            await conn.execute(update(job_items).where(_is_item(job_id, lead_id)).values(deaths=0))

    @uninterrupted
    async def conclude(self, job: Job, conclusions: Sequence[Conclusion]) -> frozenset[str]:
        """See IJobRepository; what comes for a job in one turn, or during a commit, is one commit."""
        if not conclusions:
            return frozenset()
        together = self._together.setdefault(job.id, [])
        mine = _Ends(conclusions, asyncio.get_running_loop().create_future())
        together.append(mine)
        if together[0] is mine:
            async with self._one_at_a_time:
                await asyncio.sleep(0)
                await self._conclude_together(job, self._together.pop(job.id))
        return await mine.written

    async def _conclude_together(self, job: Job, together: Sequence[_Ends]) -> None:
        """Where one of them cannot be written, each gets a commit of its own, that one its error."""
        try:
            changed = await self._conclude(job, [each for ends in together for each in ends.conclusions])
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            if len(together) == 1 or isinstance(error, ServiceUnavailable):
                for ends in together:
                    ends.written.set_exception(error)
                return
            for ends in together:
                await self._conclude_together(job, [ends])
        else:
            for ends in together:
                ends.written.set_result(changed & {each.lead_id for each in ends.conclusions})

    async def _conclude(self, job: Job, conclusions: Sequence[Conclusion]) -> frozenset[str]:
        now = self._clock.now()
        records = Records(job_items, ("job_id", "lead_id", *_ENDED), is_sqlite=self._database.is_sqlite)
        ending = records.update(
            ["job_id", "lead_id"], {name: f"given.{name}" for name in _ENDED}, "job_items.state IS NULL"
        )
        still_open = records.find(["job_id", "lead_id"], "job_items.state IS NULL")

        async def work(conn: AsyncConnection) -> tuple[bool, frozenset[str]]:
            changed = await conclude(conn, self._database, job.account, conclusions, now)
            ended = [each for each in conclusions if each.lead_id not in changed]
            ends = [_item_end(job.id, each, now) for each in ended]
            first = await reserve(conn, job.id, len(ends))  # which keeps others out until the commit
            open_now = set(await records.tell(conn, still_open, ends))
            await records.count(conn, ending, ends)
            news = {each[1]: each[2] for each in ends if each[1] in open_now}
            await tell_leads(conn, self._database, job.id, first=first, states=news, now=now)
            if any(each.verdict.is_over_budget for each in ended):
                await conn.execute(update(jobs).where(jobs.c.id == job.id).values(is_over_budget=True))
            return await self._outbox.note_found(conn, job.account, job.id, ended, now), changed

        is_told, changed = await self._database.transact(work)
        if is_told:
            self._outbox.ring()
        return changed

    @uninterrupted
    async def end(self, job_id: str, status: JobStatus, *, carrier: str | None = None) -> bool:
        """See IJobRepository."""
        is_unended = (jobs.c.id == job_id) & jobs.c.status.not_in(_ENDS)
        if carrier is not None:
            is_unended &= jobs.c.carrier == carrier
        is_open = (job_items.c.job_id == job_id) & job_items.c.state.is_(None)
        is_cancelled = jobs.c.wanted == Wanted.CANCEL.value
        ends = [(is_cancelled, JobStatus.CANCELLED.value)]
        if status is JobStatus.DONE:
            ends.append((jobs.c.is_over_budget, JobStatus.BUDGET_REACHED.value))
        now = self._clock.now()
        end = update(jobs).where(is_unended).values(status=case(*ends, else_=status.value), ended_at=now)
        left_over = select(job_items.c.lead_id).where(is_open)
        async with self._database.write() as conn:
            if status is JobStatus.DONE:
                may_fail = left_over.where(job_items.c.job_id == jobs.c.id, ~is_cancelled)
                await conn.execute(lock_leads(leads.c.id).where(leads.c.id.in_(may_fail)))
            ended = (await conn.execute(end.returning(jobs.c.status))).scalar()
            if ended is None:
                return False
            is_done = ended in {JobStatus.DONE.value, JobStatus.BUDGET_REACHED.value}
            left = EndState.FAILED if is_done else EndState.INCOMPLETE
            if is_done:
                await fail_leads(conn, left_over, now)
            await tell_open_leads(conn, job_id, left, now)
            await tell_job(conn, job_id, JobStatus(ended), now)
            await conn.execute(update(job_items).where(is_open).values(state=left.value))
            is_told = await self._tell_end(conn, job_id)
        if is_told:
            self._outbox.ring()
        return True

    async def _tell_end(self, conn: AsyncConnection, job_id: str) -> bool:
        job = await _get(conn, job_id)
        listening = await self._outbox.listening_to_jobs(conn, job.account) if job else ()
        if job is None or not listening:
            return False
        now = self._clock.now()
        (report,) = await reports(conn, [job], now)
        return await self._outbox.note_end(conn, listening, report, now)

    @uninterrupted
    async def want(self, job_id: str, wanted: Wanted, *, budget_micros: int | None = None) -> Job | None:
        """See IJobRepository."""
        is_free = jobs.c.status.not_in(_ENDS) & jobs.c.wanted.not_in([wanted.value, Wanted.CANCEL.value])
        change = update(jobs).where(jobs.c.id == job_id, is_free)
        async with self._database.write() as conn:
            now = self._clock.now()
            before = await _locked(conn, job_id)
            if before is None:
                return None
            standing = {"wanted": wanted.value, "wanted_at": now, "idle_seconds": before.idle(now)}
            changed = await conn.execute(change.values(standing))
            job = await _get(conn, job_id)
            if changed.rowcount and job is not None and wanted is not Wanted.CANCEL:
                await tell_job(conn, job_id, job.status, now)
            is_granted = job is not None and not job.status.is_end and job.wanted is wanted
            if is_granted and budget_micros is not None:
                await cap_job(conn, self._database, job_id, budget_micros)
            return job

    @uninterrupted
    async def reopen(self, job_id: str, *, carrier: str, budget_micros: int | None) -> bool:
        """See IJobRepository."""
        is_incomplete = (job_items.c.job_id == job_id) & (job_items.c.state == EndState.INCOMPLETE.value)
        is_incomplete &= exists().where(leads.c.id == job_items.c.lead_id, IS_THERE)
        running: dict[str, Any] = {"status": JobStatus.RUNNING.value, "carrier": carrier}
        running |= {"ended_at": None, "is_over_budget": False, "wanted": Wanted.RUN.value}
        async with self._database.write() as conn:
            before = await _locked(conn, job_id)
            if before is None or before.status is not JobStatus.BUDGET_REACHED:
                return False
            running["idle_seconds"] = before.idle(self._clock.now())
            await conn.execute(update(jobs).where(jobs.c.id == job_id).values(running))
            await conn.execute(update(job_items).where(is_incomplete).values(state=None, ended_at=None))
            await tell_job(conn, job_id, JobStatus.RUNNING, self._clock.now())
            if budget_micros is not None:
                await cap_job(conn, self._database, job_id, budget_micros)
        return True

    async def report(self, job_id: str) -> JobReport | None:
        """See IJobRepository."""
        async with self._database.read() as conn:
            job = await _get(conn, job_id)
            return (await reports(conn, [job], self._clock.now()))[0] if job else None

    async def asked(self, job_id: str) -> Asked:
        """See IJobRepository."""
        count = func.count(lookups.c.lead_id.distinct()).label("leads")
        is_counted = (lookups.c.job_id == job_id) & lookups.c.state.in_(SENT)
        by_provider = select(lookups.c.provider, count).where(is_counted).group_by(lookups.c.provider)
        everybody = select(null().label("provider"), count).where(is_counted)
        rows = await self._database.look(union_all(everybody, by_provider))
        leads = {row["provider"]: int(row["leads"]) for row in rows}
        return Asked(leads.pop(None), leads)

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
            return await reports(conn, found, self._clock.now())

    async def page(
        self, account: str, *, after: str, limit: int, status: JobStatus | None = None
    ) -> Sequence[JobReport]:
        """See IJobRepository."""
        place = tuple_(jobs.c.created_at, jobs.c.id)
        wanted = [jobs.c.account_id == account]
        if after:
            last = jobs.alias()
            beyond = select(last.c.created_at, last.c.id).where(last.c.account_id == account)
            wanted.append(place < beyond.where(last.c.id == after).scalar_subquery())
        if status is not None:
            wanted += _shown_as(status)
        statement = select(jobs).where(*wanted).order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        async with self._database.read() as conn:
            found = [job_of(row) for row in (await conn.execute(statement.limit(limit))).mappings()]
            return await reports(conn, found, self._clock.now())

    async def events(self, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
        """See IJobRepository."""
        known = {"job": job_id, "seen": after, "most": limit}
        return [event_of(row) for row in await self._database.look(_EVENTS, known)]

    async def unended(self) -> Sequence[Job]:
        """See IJobRepository."""
        statement = select(jobs).where(jobs.c.status.not_in(_ENDS)).order_by(jobs.c.id)
        async with self._database.read() as conn:
            return [job_of(row) for row in (await conn.execute(statement)).mappings()]


def _shown_as(status: JobStatus) -> list[ColumnElement[bool]]:
    """What is in the rows of jobs that show so, see ``JobStatus.under``."""
    is_paused = jobs.c.wanted == Wanted.PAUSE.value
    if status is JobStatus.PAUSED:
        return [is_paused, jobs.c.status.not_in(_ENDS)]
    return [jobs.c.status == status.value, *([] if status.is_end else [not_(is_paused)])]


def _scope(job: Job) -> list[ColumnElement[bool]]:
    is_ours: ColumnElement[bool] = (leads.c.account_id == job.account) & IS_THERE
    if job.scope.lead_id:
        return [is_ours, leads.c.id == job.scope.lead_id]
    if job.scope.only is not None and job.scope.of_job is None:
        return [is_ours, leads.c.phone.is_(None), leads.c.phone_status == job.scope.only.value]
    passed_over = [] if job.scope.again else [EndState.NOT_FOUND.value]
    is_wanted = leads.c.phone_status.is_(None) | leads.c.phone_status.not_in(passed_over)
    conditions = [is_ours, leads.c.phone.is_(None), is_wanted]
    if job.scope.of_job is not None:
        state = job.scope.only.value if job.scope.only else None
        ended_so = (job_items.c.job_id == job.scope.of_job) & (job_items.c.state == state)
        conditions.append(leads.c.id.in_(select(job_items.c.lead_id).where(ended_so)))
    return conditions


def _item_end(job_id: str, conclusion: Conclusion, now: datetime) -> list[Any]:
    verdict = conclusion.verdict
    return [job_id, conclusion.lead_id, verdict.state.value, now, *dataclasses.astuple(verdict.reused)]


def _is_item(job_id: str, lead_id: str) -> ColumnElement[bool]:
    return (job_items.c.job_id == job_id) & (job_items.c.lead_id == lead_id)


async def _get(conn: AsyncConnection, job_id: str) -> Job | None:
    row = (await conn.execute(_ONE, {"job": job_id})).mappings().first()
    return job_of(row) if row else None


async def _locked(conn: AsyncConnection, job_id: str) -> Job | None:
    """The job as it stays until this transaction ends; lookups and items that refer to it may come."""
    row = (await conn.execute(_ONE.with_for_update(key_share=True), {"job": job_id})).mappings().first()
    return job_of(row) if row else None
