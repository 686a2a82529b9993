"""Many people into the table of leads, in somebody's transaction: who is there changes, the rest is new."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Select, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.lead_changes import another_question, lock_leads
from leadgen.adapters.persistence.new_rows import NewRows
from leadgen.adapters.persistence.records import Records, moment
from leadgen.adapters.persistence.rows import identity_of, phone_columns, profile_columns, profile_of
from leadgen.adapters.persistence.tables import leads
from leadgen.application.ports.lead_repository import Arrival
from leadgen.domain.lead import FROM_FILE, EndState
from leadgen.domain.lead_row import FIELD_HEADERS

_FROM_FILE = {"phone_provider": FROM_FILE, "phone_status": EndState.FOUND.value}
_PHONE = ("phone", "phone_country", "phone_line", *_FROM_FILE)
_NO_PHONE = (None,) * len(_PHONE)
_PROFILE = (*FIELD_HEADERS, "extra")
_profile_values = attrgetter(*FIELD_HEADERS)
_NEW = ("id", "account_id", "identity", *_PROFILE, *_PHONE, "unasked", "created_at", "updated_at")
"""What a new lead has; its other columns are NULL."""

_CHANGED = ("id", *_PROFILE, *_PHONE, "second_best", "question_version", "updated_at")
"""What a merge changes, by id. Not the identity, nor to itself: that would lock out lookups of the lead."""

_Row = dict[str, Any]
_Identity = str | None
"""None where there is none, which the table refuses."""


class LeadMerge:
    """A batch of people on its way into an account; two rows of one person are one person.

    All that can be made ready is ready before the transaction: its thread then leaves Python to others.
    """

    def __init__(self, account: str, arrivals: Sequence[Arrival], now: datetime, *, is_sqlite: bool) -> None:
        self._account = account
        self._now = now
        self._is_sqlite = is_sqlite
        self._people: dict[_Identity, Arrival] = {}
        for arrival in arrivals:
            identity = identity_of(arrival.profile)
            first = self._people.get(identity)
            self._people[identity] = _joined(first, arrival) if first else arrival
        at = moment(now, is_sqlite=is_sqlite)
        # In the order of an index, each of whose pages is then gone to once.
        self._identities = sorted(self._people, key=str)
        self._rows = [_new_row(account, each, self._people[each], at) for each in self._identities]

    async def write(self, conn: AsyncConnection) -> int:
        """Writes them all, while nobody else imports into the account; how many of them are new."""
        known = await self._known(conn)
        changes = [_changed(row, self._people[identity], self._now) for identity, row in known.items()]
        if changed := [row for row in changes if row]:
            records, statement = _changes(self._is_sqlite)
            await records.count(conn, statement, [[row[name] for name in _CHANGED] for row in changed])
        new = self._rows
        if known:
            places = zip(self._identities, self._rows, strict=True)
            new = [row for identity, row in places if identity not in known]
        await _new_leads(self._is_sqlite).insert(conn, new)
        return len(new)

    async def _known(self, conn: AsyncConnection) -> dict[_Identity, _Row]:
        identities = json.dumps(self._identities) if self._is_sqlite else self._identities
        found = await conn.execute(
            same_people(self._is_sqlite), {"account": self._account, "identities": identities}
        )
        return {row["identity"]: dict(row) for row in found.mappings()}


def _joined(first: Arrival, later: Arrival) -> Arrival:
    """Two rows of one person."""
    return Arrival(first.id, first.profile.merged_with(later.profile), first.phone or later.phone)


def _changed(standing: _Row, arrival: Arrival, now: datetime) -> _Row | None:
    """The row of somebody who is there, with what has arrived; None where that is nothing new."""
    before = profile_of(standing)
    profile = before.merged_with(arrival.profile)
    if profile == before and (standing["phone"] or not arrival.phone):
        return None
    row = {**standing, **profile_columns(profile), "updated_at": now}
    if row["phone"]:
        return row
    if profile.question != before.question:
        row |= another_question(row["question_version"])
    if arrival.phone:
        row |= {**phone_columns(arrival.phone), **_FROM_FILE, "second_best": None}
    return row


def _new_row(account: str, identity: _Identity, arrival: Arrival, at: str) -> tuple[Any, ...]:
    """The values of ``_NEW``."""
    extra, phone = arrival.profile.extra, arrival.phone
    others = json.dumps(dict(extra)) if extra else "{}"
    found = (*phone_columns(phone).values(), *_FROM_FILE.values()) if phone else _NO_PHONE
    return (arrival.id, account, identity, *_profile_values(arrival.profile), others, *found, "[]", at, at)


@functools.cache
def same_people(is_sqlite: bool) -> Select[Any]:  # noqa: FBT001 - a key of the cache
    """Those of an account who are one of many; who they are travels as one parameter."""
    is_ours = leads.c.account_id == bindparam("account")
    if is_sqlite:  # without an order, for which it would walk through all leads of the account
        return select(leads).where(
            is_ours, text("leads.identity IN (SELECT value FROM json_each(:identities))")
        )
    return lock_leads().where(is_ours, text("leads.identity = ANY(:identities)"))


@functools.cache
def _new_leads(is_sqlite: bool) -> NewRows:  # noqa: FBT001 - a key of the cache
    return NewRows(leads, _NEW, is_sqlite=is_sqlite)


@functools.cache
def _changes(is_sqlite: bool) -> tuple[Records, str]:  # noqa: FBT001 - a key of the cache
    records = Records(leads, _CHANGED, is_sqlite=is_sqlite)
    return records, records.update(["id"], {name: f"given.{name}" for name in _CHANGED[1:]})
