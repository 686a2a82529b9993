"""One commit of the ledger: all that waits is read together, decided in order, and written together."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence import ledger_postgresql, ledger_sqlite
from leadgen.adapters.persistence.budgets import BudgetKey, locked, store
from leadgen.adapters.persistence.database import Database, now_micros
from leadgen.adapters.persistence.lead_changes import WHICHEVER, Person
from leadgen.adapters.persistence.records import Records
from leadgen.adapters.persistence.rows import (
    CLOSING,
    closing_values,
    day_of,
    lookup_columns,
    lookup_of,
    phone_columns,
)
from leadgen.adapters.persistence.tables import evidence, leads, lookups
from leadgen.application.ports.lookup_ledger import LeadValue
from leadgen.domain.budget import Budget, OverBudget
from leadgen.domain.errors import ChangedMeanwhile, StaleTicket
from leadgen.domain.lead import EndState
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import Outcome
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Intend:
    """A question about to be asked, under the epoch of its ticket."""

    lookup: Lookup
    epoch: int
    may_repeat: bool
    question_version: int = WHICHEVER


@value(frozen=True, slots=True)
class Close:
    """What came of a question, and the number for its lead."""

    lookup: Lookup
    value: LeadValue | None


@value(frozen=True, slots=True)
class Correct:
    """What a provider's report says of a lookup, which stands as ``before`` unless it has changed since."""

    before: Lookup
    lookup: Lookup
    source: str


Change = Intend | Close | Correct


@dataclass(slots=True)
class _Standing:
    """A row of the ledger as it is about to be."""

    lookup: Lookup
    intended_micros: int
    discarded: int
    is_new: bool = False
    is_changed: bool = False


_INTENT = (
    "key", "account_id", "lead_id", "job_id", "question", "provider", "n", "owner",
    "lease_until", "created_at", "held_micros", "position", "reason",
)  # fmt: skip
_NEW = {
    "state": "'intended'", "posted_micros": "0", "estimated_micros": "0", "repeats": "0", "discarded": "0",
    "intended_micros": ":now",
}  # fmt: skip
"""What is the same of all new intents."""

_CLOSED = ("key", "owner", *CLOSING)
_VALUE = ("phone", "phone_country", "phone_line", "phone_provider", "updated_at", "phone_status")
_FOUND = ("id", "account_id", "question_version", *_VALUE)
_IS_OURS = "lookups.owner = given.owner"
_IS_OPEN = f"{_IS_OURS} AND lookups.state = 'intended'"
_IS_NEW = f"{_IS_OPEN} AND lookups.repeats = 0"
_IS_CLOSED = (
    f"{_IS_OURS} AND lookups.state = given.state AND lookups.settled_at = given.settled_at"
    " AND COALESCE(lookups.outcome, '') = COALESCE(given.outcome, '')"
    " AND COALESCE(lookups.detail, '') = COALESCE(given.detail, '')"
)
_IS_WITHOUT = (
    "leads.account_id = given.account_id AND leads.question_version = given.question_version"
    " AND leads.phone IS NULL AND leads.deleted_at IS NULL"
)


class LedgerCommit:
    """Decides and writes a batch within one transaction; rows are locked in one order by all processes.

    Leads first, then epochs, lookups and budgets. Where two writers wait for each other all the same, over
    a row that both are about to insert, the database ends one, whose batch is written anew.
    """

    def __init__(self, conn: AsyncConnection, database: Database) -> None:
        self._conn = conn
        self._database = database
        self._intents, self._closed, self._found = _records(database.is_sqlite)
        self._now = 0
        self._epochs: dict[str, int] = {}
        self._gone: Collection[Person] = ()
        self._rows: dict[str, _Standing] = {}
        self._budgets: dict[BudgetKey, Budget] = {}
        self._moved: set[BudgetKey] = set()
        self._values: list[tuple[LeadValue, Lookup]] = []
        self._evidence: list[dict[str, Any]] = []

    async def run(self, batch: Sequence[Change]) -> list[Any]:
        """The result of each change, in order; an exception stands for itself."""
        await self._prepare(batch)
        results: dict[int, Any] = {} if self._budgets else await self._write_plain(batch)
        left = [place for place in range(len(batch)) if place not in results]
        if left:
            results |= await self._decide_all(batch, left)
        if self._values:
            await self._write_values()
        return [results[place] for place in range(len(batch))]

    async def _prepare(self, batch: Sequence[Change]) -> None:
        """Takes the locks in their order, and reads the clock after them."""
        conn = self._conn
        providers = {change.lookup.provider for change in batch if isinstance(change, Intend)}
        accounts, job_ids = _owners(change.lookup for change in batch)
        people = {_person_of(each) for each in batch if isinstance(each, Intend) or each.lookup.has_number}
        if not self._database.is_sqlite:
            changed = {change.value.lead_id for change in batch if isinstance(change, Close) and change.value}
            self._epochs, self._budgets, self._gone, self._now = await ledger_postgresql.locked(
                conn,
                lead_ids=changed,
                people=people,
                providers=providers,
                keys={change.lookup.key for change in batch},
                accounts=accounts,
                job_ids=job_ids,
            )
            return
        self._epochs, self._budgets, self._gone = await ledger_sqlite.standing(
            conn, people=people, providers=providers, accounts=accounts, job_ids=job_ids
        )
        self._now = await now_micros(conn, self._database)

    async def _write_plain(self, batch: Sequence[Change]) -> dict[int, Any]:
        """What needs no look at what stands: new intents, and answers to open ones that are still ours."""
        first = {change.lookup.key: place for place, change in reversed(list(enumerate(batch)))}
        intends, closes = dict[str, int](), dict[str, int]()
        for key, place in sorted(first.items()):
            change = batch[place]
            if isinstance(change, Intend) and self._may_begin(change):
                intends[key] = place
            elif isinstance(change, Close):
                closes[key] = place
        begun = [batch[place] for place in intends.values()]
        ended = [batch[place] for place in closes.values()]
        if self._database.is_sqlite:
            inserted = await self._insert_new([change.lookup for change in begun])
            closed = await self._close_open([change.lookup for change in ended])
            for key in closed:
                self._note_value(batch[closes[key]])
        else:
            inserted, closed = await self._write_at_once(begun, ended)
        return {intends[key]: batch[intends[key]].lookup for key in inserted} | {
            closes[key]: True for key in closed
        }

    async def _write_at_once(
        self, begun: Sequence[Change], ended: Sequence[Change]
    ) -> tuple[Sequence[str], Sequence[str]]:
        """The keys of the intents that stand and of the answers that do, whose numbers leads have then."""
        intents = [_intent_row(change.lookup) for change in begun]
        closed = [_closed_row(change.lookup) for change in ended]
        found = sorted(
            [*_value_row(change.value, change.lookup), change.lookup.key]
            for change in ended
            if isinstance(change, Close) and change.value
        )
        stand, end = await _plain_write().run(self._conn, intents, closed, found, now=self._now)
        keys, ends = [change.lookup.key for change in begun], [change.lookup.key for change in ended]
        if stand < len(keys):
            keys = await self._intents.tell(self._conn, self._intents.find(["key"], _IS_NEW), intents)
        if end < len(ends):
            ends = await self._closed.tell(self._conn, self._closed.find(["key"], _IS_CLOSED), closed)
        return keys, ends

    async def _insert_new(self, intents: Sequence[Lookup]) -> Sequence[str]:
        """The keys of those that are new; where one is not, which of them stand as ours."""
        if not intents:
            return []
        rows = [_intent_row(lookup) for lookup in intents]
        insert = self._intents.insert_or_skip("key", _NEW)
        if await self._intents.count(self._conn, insert, rows, now=self._now) == len(rows):
            return [lookup.key for lookup in intents]
        return await self._intents.tell(self._conn, self._intents.find(["key"], _IS_NEW), rows)

    async def _close_open(self, closed: Sequence[Lookup]) -> Sequence[str]:
        """The keys of those that were open; where one was not, which of them are closed like that."""
        if not closed:
            return []
        rows = [_closed_row(lookup) for lookup in closed]
        if await self._closed.count(self._conn, _closing(self._closed), rows) == len(rows):
            return [lookup.key for lookup in closed]
        return await self._closed.tell(self._conn, self._closed.find(["key"], _IS_CLOSED), rows)

    async def _decide_all(self, batch: Sequence[Change], left: Sequence[int]) -> dict[int, Any]:
        """The rest, one after the other over the rows that stand, which are locked."""
        await self._read_rows(sorted({batch[place].lookup.key for place in left}))
        await self._lock_budgets_of_rows(batch)
        results = {place: self._decide(batch[place]) for place in left}
        if lost := await self._write():
            await self._yield_to_others(batch, results, lost)
        await store(self._conn, {key: self._budgets[key] for key in sorted(self._moved)})
        return results

    async def _lock_budgets_of_rows(self, batch: Sequence[Change]) -> None:
        """The rows may be of other jobs, whose budgets their money leaves."""
        accounts, job_ids = _owners(change.lookup for change in batch)
        others = _owners(row.lookup for row in self._rows.values())
        if not (others[0] <= accounts and others[1] <= job_ids):
            self._budgets = await locked(self._conn, accounts | others[0], job_ids | others[1])

    def _may_begin(self, change: Intend) -> bool:
        return self._is_current(change) and _person_of(change) not in self._gone

    def _is_current(self, change: Intend) -> bool:
        return self._epochs.get(change.lookup.provider, change.epoch) == change.epoch

    def _note_value(self, change: Change) -> None:
        if isinstance(change, Close) and change.value:
            self._values.append((change.value, change.lookup))

    async def _read_rows(self, keys: Sequence[str]) -> None:
        standing = select(lookups).where(lookups.c.key.in_(keys)).order_by(lookups.c.key).with_for_update()
        for row in (await self._conn.execute(standing)).mappings():
            self._rows[row["key"]] = _Standing(lookup_of(row), row["intended_micros"], row["discarded"])

    def _decide(self, change: Change) -> Any:
        match change:
            case Intend():
                return self._intend(change)
            case Close():
                return self._close(change)
            case Correct():
                return self._correct(change)

    def _intend(self, change: Intend) -> Lookup | OverBudget | StaleTicket | ChangedMeanwhile:
        lookup, row = change.lookup, self._rows.get(change.lookup.key)
        if _person_of(change) in self._gone:
            return ChangedMeanwhile("lead")
        if row is not None and row.lookup.state is LookupState.INTENDED:
            return row.lookup
        if not self._is_current(change):
            return StaleTicket(lookup.provider)
        if row is not None:
            return self._reopen(row, change)
        if refusal := self._refusal(lookup):
            return refusal
        self._rows[lookup.key] = _Standing(lookup, self._now, 0, is_new=True)
        self._move(None, 0, lookup, self._now)
        return lookup

    def _reopen(self, row: _Standing, change: Intend) -> Lookup | OverBudget:
        standing, lookup = row.lookup, change.lookup
        is_repeat = standing.state is LookupState.UNKNOWN and change.may_repeat
        if is_repeat and standing.may_repeat(lookup.created_at):
            lookup = dataclasses.replace(lookup, created_at=standing.created_at, repeats=standing.repeats + 1)
        elif standing.state is not LookupState.NOT_SENT:
            return standing
        before, at = standing, row.intended_micros
        if refusal := self._refusal(lookup, before, at):
            return refusal
        row.lookup, row.intended_micros, row.is_changed = lookup, self._now, True
        row.discarded += standing.state is LookupState.NOT_SENT
        self._move(before, at, lookup, self._now)
        return lookup

    def _close(self, change: Close) -> bool:
        lookup, row = change.lookup, self._rows.get(change.lookup.key)
        if row is None:
            return False
        standing = row.lookup
        is_ours = standing.owner == lookup.owner
        if is_ours and lookup_columns(standing) == lookup_columns(lookup):
            return True
        if is_ours and standing.state is LookupState.INTENDED:
            self._put(row, lookup)
            self._note_value(change)
            return True
        is_applied = is_ours and standing.state is LookupState.UNKNOWN
        self._note_late(row, lookup, is_applied=is_applied)
        if is_applied:
            self._note_value(change)
        return False

    def _note_late(self, row: _Standing, lookup: Lookup, *, is_applied: bool) -> None:
        """What an owner that had been given up brings: booked where nobody has asked again, else evidence."""
        if lookup.state is LookupState.UNKNOWN:
            return
        before = row.lookup
        if is_applied:
            self._put(row, lookup.forgotten() if (lookup.lead_id, WHICHEVER) in self._gone else lookup)
        self._testify(f"late: {lookup.owner}", before, row.lookup, lookup.outcome)

    def _correct(self, change: Correct) -> bool:
        row = self._rows.get(change.lookup.key)
        if row is None or lookup_columns(row.lookup) != lookup_columns(change.before):
            return False
        self._put(row, change.lookup)
        self._testify(change.source, change.before, change.lookup, change.lookup.outcome)
        return True

    def _put(self, row: _Standing, lookup: Lookup) -> None:
        self._move(row.lookup, row.intended_micros, lookup, row.intended_micros)
        row.lookup, row.is_changed = lookup, True

    def _refusal(self, lookup: Lookup, before: Lookup | None = None, before_at: int = 0) -> OverBudget | None:
        """The first budget that does not cover a question; what is over for good comes first.

        What it had cost ``before``, its answer being lost, makes room for it.
        """
        day = day_of(self._now)
        budgets = [self._without(before, before_at, budget.on(day)) for budget in self._budgets.values()]
        refusals = [
            refusal
            for budget in budgets
            if budget.covers(lookup, day)
            if (refusal := budget.refusal(lookup.held_micros))
        ]
        return min(refusals, key=lambda refusal: not refusal.is_final, default=None)

    @staticmethod
    def _without(lookup: Lookup | None, intended_at: int, budget: Budget) -> Budget:
        if lookup is None or not budget.covers(lookup, day_of(intended_at)):
            return budget
        return budget.minus(lookup)

    def _move(self, before: Lookup | None, before_at: int, after: Lookup | None, after_at: int) -> None:
        """Takes the money of a lookup out of its budgets as it was, and puts it in as it is."""
        for key, standing in self._budgets.items():
            budget = self._without(before, before_at, standing.on(day_of(self._now)))
            if after is not None and budget.covers(after, day_of(after_at)):
                budget = budget.plus(after)
            if budget != standing:
                self._budgets[key] = budget
                self._moved.add(key)

    def _testify(self, source: str, before: Lookup, after: Lookup, said: Outcome | None) -> None:
        self._evidence.append(
            {
                "key": before.key,
                "source": source[:255],
                "received_at": datetime.fromtimestamp(self._now / 1_000_000, UTC),
                "state_before": before.state.value,
                "state_after": after.state.value,
                "cost_before_micros": before.cost_micros,
                "cost_after_micros": after.cost_micros,
                "detail": type(said).__name__.lower() if said else "",
            }
        )

    async def _write(self) -> set[str]:
        """Writes all but budgets; the keys that another process has taken in the meantime."""
        lost = await self._insert([row for row in self._rows.values() if row.is_new])
        changed = [row for row in self._rows.values() if row.is_changed and not row.is_new]
        if changed:
            columns = lookup_columns(changed[0].lookup)
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns if name != "key"}
            values |= {"intended_micros": bindparam("new_intended"), "discarded": bindparam("new_discarded")}
            written = update(lookups).where(lookups.c.key == bindparam("of_key")).values(values)
            await self._conn.execute(written, [_changed_row(row) for row in changed])
        if self._evidence:
            once = self._database.insert_or_skip(evidence, "key", "source")
            await self._conn.execute(once, self._evidence)
        return lost

    async def _insert(self, new: Sequence[_Standing]) -> set[str]:
        if not new:
            return set()
        rows = [
            lookup_columns(row.lookup) | {"intended_micros": row.intended_micros, "discarded": 0}
            for row in sorted(new, key=lambda row: row.lookup.key)
        ]
        insert = self._database.insert_or_skip(lookups, "key").returning(lookups.c.key)
        inserted = set((await self._conn.execute(insert, rows)).scalars())
        return {row.lookup.key for row in new} - inserted

    async def _write_values(self) -> None:
        rows = [_value_row(value, lookup) for value, lookup in self._values]
        await self._found.count(
            self._conn, self._found.update(["id"], _from_given(_VALUE), _IS_WITHOUT), rows
        )

    async def _yield_to_others(
        self, batch: Sequence[Change], results: dict[int, Any], lost: set[str]
    ) -> None:
        """Another process was faster: its lookup stands, and our money is not held."""
        for key in lost:
            self._move(self._rows[key].lookup, self._now, None, self._now)
        await self._read_rows(sorted(lost))
        for place in results:
            change = batch[place]
            if change.lookup.key in lost:
                results[place] = self._rows[change.lookup.key].lookup if isinstance(change, Intend) else False


def _intent_row(lookup: Lookup) -> list[Any]:
    return [
        lookup.key, lookup.account, lookup.lead_id, lookup.job_id, lookup.question, lookup.provider, lookup.n,
        lookup.owner, lookup.lease_until, lookup.created_at, lookup.held_micros,
        lookup.position, lookup.reason or None,
    ]  # fmt: skip


def _closed_row(lookup: Lookup) -> list[Any]:
    return [lookup.key, lookup.owner, *closing_values(lookup)]


def _closing(closed: Records) -> str:
    return closed.update(["key"], {**_from_given(CLOSING), "held_micros": "0"}, _IS_OPEN)


def _owners(involved: Iterable[Lookup]) -> tuple[set[str], set[str]]:
    """The accounts and the jobs whose budgets they fall under."""
    each = list(involved)
    return {lookup.account for lookup in each}, {lookup.job_id for lookup in each if lookup.job_id}


def _person_of(change: Change) -> Person:
    return change.lookup.lead_id, change.question_version if isinstance(change, Intend) else WHICHEVER


def _value_row(value: LeadValue, lookup: Lookup) -> list[Any]:
    phone, provider = phone_columns(value.phone), value.provider
    return [
        value.lead_id,
        value.account,
        value.question_version,
        *phone.values(),
        provider,
        lookup.settled_at,
        EndState.FOUND.value,
    ]


def _changed_row(row: _Standing) -> dict[str, Any]:
    columns = lookup_columns(row.lookup)
    key = columns.pop("key")
    return {
        "of_key": key,
        "new_intended": row.intended_micros,
        "new_discarded": row.discarded,
        **{f"new_{name}": value for name, value in columns.items()},
    }


@functools.cache
def _records(is_sqlite: bool) -> tuple[Records, Records, Records]:  # noqa: FBT001 - a key of the cache
    """Intents, what closes them, and what is found for leads."""
    return (
        Records(lookups, _INTENT, is_sqlite=is_sqlite),
        Records(lookups, _CLOSED, is_sqlite=is_sqlite),
        Records(leads, _FOUND, is_sqlite=is_sqlite),
    )


@functools.cache
def _plain_write() -> ledger_postgresql.PlainWrite:
    """With PostgreSQL all that needs no look at what stands is one statement."""
    intents = Records(lookups, _INTENT, is_sqlite=False, parameter="intents")
    closed = Records(lookups, _CLOSED, is_sqlite=False, parameter="closed")
    found = Records(leads, (*_FOUND, "lookup"), is_sqlite=False, parameter="found")
    is_ended = "EXISTS (SELECT FROM ended WHERE ended.key = given.lookup)"
    return ledger_postgresql.PlainWrite(
        intents,
        closed,
        found,
        begin=intents.insert_or_skip("key", _NEW),
        close=_closing(closed),
        tell=found.update(["id"], _from_given(_VALUE), f"{_IS_WITHOUT} AND {is_ended}"),
    )


def _from_given(columns: Sequence[str]) -> dict[str, str]:
    return {name: f"given.{name}" for name in columns}
