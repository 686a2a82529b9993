"""One lead's row: looking at it, changing it and emptying it, within somebody's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.rows import (
    Row,
    identity_of,
    lead_of,
    phone_columns,
    profile_columns,
    refusals_column,
)
from leadgen.adapters.persistence.tables import job_items, jobs, leads, lookups
from leadgen.application.ports.lead_repository import LeadFilter, LeadLine, LeadRecord
from leadgen.domain.errors import NotPossible
from leadgen.domain.job import JobStatus
from leadgen.domain.lead import FROM_FILE, EndState, Profile
from leadgen.domain.lead_row import FIELD_HEADERS
from leadgen.domain.lookup import LookupState
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.selection import OURSELVES, Refusal

Person = tuple[str, int]
"""A lead's id, and the version of the question that is about to be asked about it."""

WHICHEVER = -1
"""In the place of such a version: any."""

IS_THERE = leads.c.deleted_at.is_(None)
_LEFT_OVER = Refusal(OURSELVES, "its job could not search it: the worker's log says why")
_ENDS = [status.value for status in JobStatus if status.is_end]


def is_lead(
    account: str | BindParameter[Any], lead_id: str | BindParameter[Any]
) -> tuple[ColumnElement[bool], ...]:
    """The conditions for one lead of an account."""
    return leads.c.account_id == account, leads.c.id == lead_id, IS_THERE


def filtered(only: LeadFilter) -> Sequence[ColumnElement[bool]]:
    """What a filter asks for."""
    wanted: list[ColumnElement[bool]] = []
    if only.statuses:
        is_new = [leads.c.phone_status.is_(None)] if None in only.statuses else []
        ends = [status.value for status in only.statuses if status]
        wanted.append(or_(*is_new, leads.c.phone_status.in_(ends)))
    if only.email is not None:
        wanted.append(leads.c.identity == identity_of(Profile(email=only.email)))
    return wanted


_COST = (
    select(func.sum(lookups.c.posted_micros + lookups.c.estimated_micros))
    .where(lookups.c.lead_id == leads.c.id)
    .scalar_subquery()
)


def with_cost() -> Select[Any]:
    """Leads, and what their lookups cost."""
    return select(leads, _COST.label("cost_micros"))


ALL_RECORDS = (
    select(
        leads.c.id, cast(leads.c.extra, Text), leads.c.phone, leads.c.phone_provider, leads.c.phone_status,
        _COST, leads.c.second_best["phone"].as_string(), *(leads.c[name] for name in FIELD_HEADERS),
    )
    .where(leads.c.account_id == bindparam("account"), IS_THERE, leads.c.id > bindparam("after"))
    .order_by(leads.c.id)
    .limit(bindparam("limit", type_=Integer))
)  # fmt: skip
"""What an export tells of an account's leads: nothing that it would only have to leave out."""


def record_of(row: Sequence[Any]) -> LeadRecord:
    """The record in a row of ``ALL_RECORDS``."""
    lead_id, extra, phone, provider, status, cost, second, *known = row
    others = {} if extra == "{}" else json.loads(extra)
    return LeadRecord(lead_id, known, others, phone, provider, status, int(cost or 0), second)


def line_of(row: Row) -> LeadLine:
    """The lead and its cost in a row."""
    return LeadLine(lead_of(row), int(row["cost_micros"] or 0))


def lock_leads(*columns: ColumnElement[Any]) -> Select[Any]:
    """Leads to be changed, locked in the order of their ids, so that no two writers wait for each other."""
    return select(*(columns or leads.c)).order_by(leads.c.id).with_for_update(key_share=True)


async def replace_lead(
    conn: AsyncConnection,
    account: str,
    before: LeadLine,
    *,
    profile: Profile,
    phone: PhoneNumber | None,
    now: datetime,
) -> bool:
    """Gives a lead another profile, if it still is as ``before``."""
    if not await _stands(conn, account, before):
        return False
    lead = before.lead
    changes: dict[str, Any] = {**profile_columns(profile), "updated_at": now}
    if lead.phone is None and profile.question != lead.profile.question:
        changes |= another_question(lead.question_version)
    if lead.phone is None and phone is not None:
        from_file = {"phone_provider": FROM_FILE, "phone_status": EndState.FOUND.value}
        changes |= {**phone_columns(phone), **from_file, "second_best": None}
    try:
        await conn.execute(update(leads).where(*is_lead(account, lead.id)).values(changes))
    except IntegrityError as error:
        raise NotPossible("another lead of this account is that person") from error
    return True


def another_question(version: int) -> dict[str, Any]:
    """What changes where a lead without a number is asked about otherwise than under this version."""
    return {"phone_status": None, "second_best": None, "question_version": version + 1}


async def fail_leads(conn: AsyncConnection, lead_ids: Select[Any], now: datetime) -> None:
    """Ends leads as failed; one that has a number stays, as does one of whom nobody has one."""
    is_known = leads.c.phone.is_not(None) | (leads.c.phone_status == EndState.NOT_FOUND.value).is_(True)
    failed = {"phone_status": EndState.FAILED.value, "unasked": refusals_column([_LEFT_OVER])}
    of_these = update(leads).where(leads.c.id.in_(lead_ids), IS_THERE, not_(is_known))
    await conn.execute(of_these.values(failed | {"updated_at": now}))


async def remove_lead(conn: AsyncConnection, account: str, before: LeadLine, now: datetime) -> bool:
    """Empties a lead and its lookups of all that tells who it was, if it still is as ``before``.

    Intents under way for it are waited for, and those to come wait: they find that it is gone. What another
    lead was asked about this person goes too.
    """
    await conn.execute(select(leads.c.id).where(*is_lead(account, before.lead.id)).with_for_update())
    if not await _stands(conn, account, before):
        return False
    lead_id = before.lead.id
    question = before.lead.profile.question.digest
    is_about = or_(
        lookups.c.lead_id == lead_id, (lookups.c.account_id == account) & (lookups.c.question == question)
    )
    if (await conn.execute(select(_is_searched(lead_id, is_about)))).scalar():
        raise NotPossible("this lead is being searched: try again when that has ended")
    nothing = {
        **profile_columns(Profile()),
        **phone_columns(None),
        "identity": f"deleted:{lead_id}",
        "phone_provider": None,
        "phone_status": None,
        "unasked": [],
        "second_best": None,
        "updated_at": now,
        "deleted_at": now,
    }
    await conn.execute(update(leads).where(*is_lead(account, lead_id)).values(nothing))
    asked = update(lookups).where(is_about)
    await conn.execute(asked.values(phone_columns(None)))
    await conn.execute(asked.where(lookups.c.raw.is_not(None)).values(raw=""))
    return True


async def _stands(conn: AsyncConnection, account: str, before: LeadLine) -> bool:
    """Whether the lead is as somebody has seen it; locks it."""
    await conn.execute(lock_leads(leads.c.id).where(*is_lead(account, before.lead.id)))
    row = (await conn.execute(with_cost().where(*is_lead(account, before.lead.id)))).mappings().first()
    return row is not None and line_of(row) == before


def _is_searched(lead_id: str, is_about: ColumnElement[bool]) -> ColumnElement[bool]:
    is_asked = exists().where(is_about, lookups.c.state == LookupState.INTENDED.value)
    is_planned = exists().where(
        job_items.c.lead_id == lead_id,
        job_items.c.state.is_(None),
        jobs.c.id == job_items.c.job_id,
        jobs.c.status.not_in(_ENDS),
    )
    return or_(is_asked, is_planned)
