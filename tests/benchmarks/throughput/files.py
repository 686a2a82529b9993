"""Import and export beside the raw driver, over the same finished rows in the same tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, insert, literal, select, update

from leadgen.adapters.persistence.rows import phone_columns
from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.persistence.tables import leads, lookups
from leadgen.domain.phone import LineType, PhoneNumber
from tests.benchmarks.throughput import raw
from tests.benchmarks.throughput.people import write_people
from tests.benchmarks.throughput.stage import POSTGRES, ROOT, SQLITE, database, engine_of, scratch
from tests.entrypoints.program import BARE

IMPORT = "import"
EXPORT = "export"
TURNS = 3
"""The speed of a machine changes within minutes: both sides go in turn, so often."""

_RAW_WRITES = {
    SQLITE: {"raw": raw.write_sqlite},
    POSTGRES: {"raw": raw.write_postgres, "COPY": raw.copy_postgres},
}
"""PostgreSQL takes many rows in two ways."""

_RAW_READS = {SQLITE: raw.read_sqlite, POSTGRES: raw.read_postgres}
_PHONE = phone_columns(PhoneNumber("+12025550123", "US", LineType.MOBILE_OR_LANDLINE))
"""A number that is reserved for fiction."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Rows into or out of the tables, without the start of a program."""

    rows: int
    seconds: float
    memory_mb: float | None = None
    cpu_us: float | None = None
    """Microseconds of our own user and system time a row; without a server's."""

    @property
    def rows_per_second(self) -> float:
        """What the table tells."""
        return self.rows / self.seconds


def passages(kind: str, rows: int, wanted: frozenset[str]) -> dict[str, Passage]:
    """Of each direction that is wanted: leadgen's, and the raw driver's, in turn; of each the median."""
    found = defaultdict[str, list[Passage]](list)
    with scratch() as folder:
        people = write_people(folder / "people.csv", rows)
        for _ in range(TURNS):
            for name, passage in _turn(kind, people, rows, wanted):
                found[name].append(passage)
    return {name: sorted(each, key=lambda one: one.seconds)[TURNS // 2] for name, each in found.items()}


def _turn(kind: str, people: Path, rows: int, wanted: frozenset[str]) -> Iterator[tuple[str, Passage]]:
    """Each of them once, over fresh databases."""
    with _tables(kind) as url:
        ours = _command(people.parent, url, rows, "leads", "import", people.name)
        if IMPORT in wanted:
            yield "leadgen import", ours
            for name, write in _RAW_WRITES[kind].items():
                with _tables(kind) as target:
                    yield f"{name} import", _passage(write(url, target), rows)
        if EXPORT in wanted:
            engine = engine_of(url)
            _finish(engine)
            engine.dispose()
            yield "leadgen export", _command(people.parent, url, rows, "leads", "export", "phones.csv")
            yield "raw export", _passage(_RAW_READS[kind](url), rows)


@contextmanager
def _tables(kind: str) -> Iterator[str]:
    """The URL of a database with leadgen's tables, gone afterwards."""
    with ExitStack() as stack:
        url = database(stack, kind, stack.enter_context(scratch()))
        upgrade(url)
        yield url


def _passage(counted: tuple[int, float], rows: int) -> Passage:
    count, seconds = counted
    assert count == rows, f"{count} of {rows} rows passed"
    return Passage(count, seconds)


def _command(folder: Path, url: str, rows: int, *arguments: str) -> Passage:
    """A command of leadgen in a process of its own."""
    out = folder / "told.json"
    environment: Mapping[str, str] = {**BARE, "PYTHONPATH": str(ROOT), "LEADGEN_DATABASE_URL": url}
    command = [sys.executable, "-m", "tests.benchmarks.throughput.command", str(out), *arguments, "--json"]
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr.strip()[-300:]}"
    receipt = json.loads(done.stdout)
    count = receipt.get("created", receipt.get("leads"))
    assert count == rows, f"{' '.join(arguments)}: {count} of {rows} rows"
    told = json.loads(out.read_text(encoding="utf-8"))
    return Passage(rows, told["seconds"], told["memory_mb"], told["cpu_seconds"] * 1e6 / rows)


def _finish(engine: Engine) -> None:
    """Leads as a job leaves them: each with a number, and one paid lookup on record."""
    lead = leads.c
    given = {
        "key": lead.id, "account_id": lead.account_id, "lead_id": lead.id, "question": lead.id,
        "provider": literal("orion"), "n": literal(1), "state": literal("settled"), "owner": literal("bench"),
        "lease_until": lead.created_at, "created_at": lead.created_at, "settled_at": lead.created_at,
        "intended_micros": literal(0), "held_micros": literal(0), "posted_micros": literal(20_000),
        "estimated_micros": literal(0), "repeats": literal(0), "outcome": literal("hit"),
        **{name: literal(value) for name, value in _PHONE.items()},
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(lookups).from_select(list(given), select(*given.values())))
        connection.execute(update(leads).values(**_PHONE, phone_provider="orion", phone_status="found"))
        written = connection.execute(select(func.count()).select_from(lookups)).scalar_one()
    assert written, "there is nothing to export"
    if engine.dialect.name == POSTGRES:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
