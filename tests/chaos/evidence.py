"""What there is to judge by: the database by plain SQL, the providers' books, the workers' logs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import psycopg
import psycopg.rows

from tests.chaos.people import HOST, Person

PROVIDERS = ("orion", "astra", "nimbus")
_LOOKUPS = """SELECT * FROM lookups ORDER BY key"""
_LEADS = "SELECT id, email, phone, phone_provider, phone_status, unasked FROM leads ORDER BY id"
_ITEMS = "SELECT job_id, lead_id, state FROM job_items ORDER BY job_id, seq"
_JOBS = "SELECT id, status FROM jobs ORDER BY created_at"


@dataclass(frozen=True)
class Lookup:
    """A row of the ledger; times in seconds since 1970."""

    key: str
    lead_id: str
    provider: str
    state: str
    owner: str
    created_at: float
    lease_until: float
    settled_at: float | None
    held_micros: int
    posted_micros: int
    estimated_micros: int
    outcome: str | None = None
    phone: str | None = None
    repeats: int = 0


@dataclass(frozen=True)
class Lead:
    """A row of the leads."""

    id: str
    email: str
    phone: str | None
    phone_provider: str | None
    phone_status: str | None
    unasked: object = ()
    """Who was not asked, and why: for a failure of our own, which error it was."""


@dataclass(frozen=True)
class Item:
    """A lead in a job."""

    job_id: str
    lead_id: str
    state: str | None


@dataclass(frozen=True)
class Call:
    """A line of the books; ``at`` in seconds since 1970."""

    at: float
    provider: str
    question: str | None
    reference: str | None
    status: int
    outcome: str
    charged_micros: int


@dataclass(frozen=True)
class Records:
    """What the database holds at one moment."""

    leads: Sequence[Lead]
    items: Sequence[Item]
    lookups: Sequence[Lookup]
    job_statuses: Mapping[str, str]
    budgets: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Evidence:
    """All that a verdict is about."""

    people: Sequence[Person]
    records: Records
    """Before the ledger was audited."""
    audited: Records | None
    """After the audit; None where there is no audit."""
    calls: Sequence[Call]
    books: Mapping[str, Any]
    questions: Mapping[tuple[str, str], str]
    """By provider and the books' name of a question: the e-mail of whom it is about."""
    truths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By e-mail: what each provider knows."""
    ended_seconds: float | None = 0.0
    """How long after the last fault the last job ended; None when it did not."""
    bound_seconds: float = 1.0
    leaks: Mapping[str, int] = field(default_factory=dict)
    """By place: how often a canary was found there."""
    keys_without_end: int = 0
    """Keys in Redis without a time to live."""
    now: float = 0.0


class Sql:
    """Reads a database without a line of leadgen."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._server: psycopg.Connection[dict[str, Any]] | None = None

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """The rows; raises sqlite3.Error or psycopg.Error."""
        with self._lock:
            if self._url.startswith("sqlite:///"):
                return self._sqlite_rows(statement)
            try:
                return self._postgres_rows(statement)
            except psycopg.Error:
                self._forget()
                raise

    def close(self) -> None:
        """Ends the connection."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _sqlite_rows(self, statement: str) -> list[dict[str, Any]]:
        path = self._url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as file:
            file.row_factory = sqlite3.Row
            return [dict(row) for row in file.execute(statement)]

    def _postgres_rows(self, statement: str) -> list[dict[str, Any]]:
        if self._server is None:
            self._server = psycopg.connect(
                self._url, row_factory=psycopg.rows.dict_row, connect_timeout=5, autocommit=True
            )
        return list(self._server.execute(statement.encode()))

    def records(self) -> Records:
        """All that is judged."""
        return Records(
            leads=[Lead(**row) for row in self.rows(_LEADS)],
            items=[Item(**row) for row in self.rows(_ITEMS)],
            lookups=[_lookup(row) for row in self.rows(_LOOKUPS)],
            job_statuses={row["id"]: row["status"] for row in self.rows(_JOBS)},
            budgets=self.rows("SELECT * FROM budgets") if self._has("budgets") else (),
        )

    def _has(self, table: str) -> bool:
        try:
            self.rows(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608 - a name of our own
        except (sqlite3.Error, psycopg.Error):
            return False
        return True


def read_calls(file: Path) -> list[Call]:
    """The books, line by line."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [
        Call(
            at=row["wall_ns"] / 1e9,
            provider=row["provider"],
            question=row["question"],
            reference=row["reference"],
            status=row["status"],
            outcome=row["outcome"],
            charged_micros=row["charged_micros"],
        )
        for row in map(json.loads, lines)
        if row["type"] == "call"
    ]


def question_names(seed: int, people: Iterable[Person]) -> dict[tuple[str, str], str]:
    """By provider and the books' name of a question: the e-mail of whom it is about."""
    names = {}
    for person in people:
        for provider in PROVIDERS:
            name = f"{' '.join(person.name.casefold().split())}\x1f{HOST}"
            identity = name if provider == "orion" else person.email
            digest = blake2b(f"{seed}\x1f{provider}\x1f{identity}".encode(), digest_size=40).digest()
            names[provider, digest[:8].hex()] = person.email
    return names


def count_leaks(places: Iterable[Path], canaries: Iterable[str]) -> dict[str, int]:
    """By name of file: how often a canary is in it."""
    found: dict[str, int] = {}
    words = [word.encode() for word in canaries]
    for place in places:
        if place.is_file():
            data = place.read_bytes()
            if hits := sum(data.count(word) for word in words):
                found[place.name] = hits
    return found


def _lookup(row: Mapping[str, Any]) -> Lookup:
    names = Lookup.__dataclass_fields__
    values = {name: row[name] for name in names if name in row}
    moments = {name: _seconds(row[name]) for name in ("created_at", "lease_until", "settled_at")}
    return replace(Lookup(**values), **moments)


def _seconds(moment: object) -> Any:
    if moment is None:
        return None
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    assert isinstance(parsed, datetime)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
