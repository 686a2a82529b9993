"""The table on stdout: 80 columns, every figure with its unit, ratios with two digits."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from tests.benchmarks.throughput.files import TURNS, Passage
from tests.benchmarks.throughput.jobs import WIDE_AT_ONCE, Run
from tests.benchmarks.throughput.latency import LIMITS, PROVIDER_MS, Wait
from tests.benchmarks.throughput.raw import PAGE
from tests.benchmarks.throughput.results import KINDS, PEER, Results
from tests.benchmarks.throughput.stage import WIDE

WIDTH = 80
_NAME = 32
_LABELS = {
    "sqlite 1": "leadgen, SQLite, memory limiter",
    "postgres 1": "leadgen, PostgreSQL, Valkey",
    "postgres 2": "leadgen, the same, 2 workers",
    PEER: "Temporal, workflow per lead",
}
_PARTS = ("worker", "Temporal", "PostgreSQL", "Valkey")
_NOTES = f"""
CPU: user and system time of everything but the simulator. MB: the most that one process of the worker, or
the command, held at once. Times run from the first call to the last record; programs start before.

Unsent: intents a call that were recorded and called off because their tickets had run out.

The bare loop asks {WIDE_AT_ONCE} at once with leadgen's HTTP client on uvloop and records nothing. leadgen's
limits are on ({WIDE[0]} {WIDE[1]} per provider) and never reached. Temporal's server keeps its histories in
memory, for the workflow per lead too. PostgreSQL and SQLite sync each commit.

Raw driver: the same finished rows into the same tables with the same indexes, as durable, {PAGE:,} a
statement and commit, from memory: it reads no file, looks nobody up and shares its process with nothing.
Out of the tables: the same rows with what each lead has cost, into memory. leadgen's is the whole command,
from file to table and from table to file. Both in turn, {TURNS} times; of each the median.
"""
_WAIT_NOTE = f"""
Lookups one after the other, providers that take {PROVIDER_MS} ms, limits {LIMITS[0]} {LIMITS[1]}; the job
waits for its limits. Added: each lookup less what the same questions take a bare loop.
"""


def table(results: Results) -> str:
    """All that was measured, and what was not."""
    blocks = [list(block) for block in (_runs(results), _cpu(results), _sizes(results), *_files(results))]
    blocks += [list(_waits(results)), list(_bounds(results)), list(_failures(results)), list(_words(results))]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block)


def _runs(results: Results) -> Iterator[str]:
    base = results.bare()
    rows = [(label, results.run(name)) for name, label in _LABELS.items()]
    known = [(label, run) for label, run in rows if run]
    if not known and not base:
        return
    yield from _head(
        "instant providers", ("leads", 8), ("leads/s", 9), ("x bare", 8), ("CPU ms/lead", 13), ("x bare", 10)
    )
    if base:
        yield _run_line(f"bare loop, median of {len(results.runs('bare'))}", base, base)
    for label, run in known:
        yield _run_line(label, run, base)
    yield from _opened(known)
    peer, ours = results.run(PEER), results.run("sqlite 1")
    if peer and ours:
        ratio = _ratio(ours.leads_per_second, peer.leads_per_second)
        yield f"{'leadgen, SQLite, to workflow per lead':<40}{ratio:>17}"
    if base:
        speeds = sorted(run.leads_per_second for run in results.runs("bare").values())
        calls = base.calls / base.leads
        yield f"bare loop: {speeds[0]:,.0f} to {speeds[-1]:,.0f} leads/s, {calls:.2f} calls a lead"


def _opened(runs: Iterable[tuple[str, Run]]) -> Iterator[str]:
    """Which of them waited for a provider."""
    for label, run in runs:
        if run.opened:
            yield f"{label}: breaker open for a while ({', '.join(run.opened)})"


def _run_line(label: str, run: Run, base: Run | None) -> str:
    speed = _ratio(run.leads_per_second, base.leads_per_second if base else None)
    cpu = _ratio(run.cpu_ms_all, base.cpu_ms_all if base else None)
    cells = f"{label:<{_NAME}}{run.leads:>8,}{_speed(run.leads_per_second):>9}{speed:>8}"
    return cells + f"{_number(run.cpu_ms_all):>13}{cpu:>10}"


def _cpu(results: Results) -> Iterator[str]:
    rows = [(label, run) for name, label in _LABELS.items() if (run := results.run(name))]
    if rows:
        yield from _head(
            "CPU, ms a lead", *((part, 11) for part in _PARTS[:3]), (_PARTS[3], 7), ("unsent", 8)
        )
    for label, run in rows:
        cells = (_number(run.cpu_ms[part]) if part in run.cpu_ms else "" for part in _PARTS)
        worker, temporal, postgres, valkey = cells
        unsent = "" if run.unsent is None else f"{run.unsent / run.calls:.2f}"
        yield f"{label:<{_NAME}}{worker:>11}{temporal:>11}{postgres:>11}{valkey:>7}{unsent:>8}"


def _sizes(results: Results) -> Iterator[str]:
    runs = sorted(results.runs("size").values(), key=lambda run: run.leads)
    if runs:
        yield from _head(
            "one job, SQLite",
            ("leads/s", 9),
            ("CPU ms/lead", 13),
            ("ratio", 8),
            ("peak MB", 10),
            ("ratio", 8),
        )
    for run in runs:
        speed, memory = _speed(run.leads_per_second), _number(run.memory_mb, 0)
        cells = f"{f'{run.leads:,} leads':<{_NAME}}{speed:>9}{_number(run.cpu_ms_all):>13}"
        cells += f"{_ratio(run.cpu_ms_all, runs[0].cpu_ms_all):>8}{memory:>10}"
        yield cells + f"{_ratio(run.memory_mb, runs[0].memory_mb):>8}"
    yield from _opened((f"{run.leads:,} leads", run) for run in runs)


def _files(results: Results) -> Iterator[Iterator[str]]:
    return (_passages(results, way) for way in ("import", "export"))


def _passages(results: Results, way: str) -> Iterator[str]:
    is_first = True
    for kind, label in KINDS.items():
        found = results.passages(kind)
        ours = found.get(f"leadgen {way}")
        if ours is None:
            continue
        if is_first:
            yield from _head(
                f"{way} of {ours.rows:,} rows",
                ("rows/s", 10),
                ("to raw", 9),
                ("CPU us/row", 13),
                ("peak MB", 11),
            )
            is_first = False
        first = found[f"raw {way}"].rows_per_second
        yield _passage_line(f"{label}, leadgen", ours, first)
        yield _passage_line(f"{label}, raw driver", found[f"raw {way}"], first)
        if copied := found.get(f"COPY {way}"):
            yield _passage_line(f"{label}, raw driver's COPY", copied, first)
            ratio = _ratio(ours.rows_per_second, copied.rows_per_second)
            yield f"{f'{label}, leadgen to COPY':<{_NAME}}{ratio:>19}"


def _passage_line(label: str, passage: Passage, first: float) -> str:
    speed = passage.rows_per_second
    cells = f"{label:<{_NAME}}{_speed(speed):>10}{_ratio(speed, first):>9}"
    if passage.memory_mb is None:
        return cells
    return cells + f"{_number(passage.cpu_us, 0):>13}{_number(passage.memory_mb, 0):>11}"


def _waits(results: Results) -> Iterator[str]:
    waits = results.waits()
    if waits is None:
        return
    yield from _head(
        "one lookup, ms", ("lookups", 8), ("p50", 7), ("p95", 8), ("added p50", 11), ("added p95", 11)
    )
    idle = waits.idle
    own = (f"{idle.own_p50_ms:,.0f}", f"{idle.own_p95_ms:,.0f}")
    yield f"{'the providers themselves':<{_NAME}}{idle.lookups:>8}{own[0]:>7}{own[1]:>8}"
    yield _wait_line("idle system", idle)
    yield _wait_line(f"beside a job of {waits.job_leads:,}", waits.busy)
    yield f"{'p95, busy to idle':<{_NAME}}{_ratio(waits.busy.p95_ms, idle.p95_ms):>23}"
    if waits.busy.lookups < waits.busy.wanted:
        yield f"of {waits.busy.wanted} lookups beside the job, {waits.busy.lookups} ended in time"


def _wait_line(label: str, wait: Wait) -> str:
    cells = f"{label:<{_NAME}}{wait.lookups:>8}{wait.p50_ms:>7,.0f}{wait.p95_ms:>8,.0f}"
    return cells + f"{wait.added_p50_ms:>11,.0f}{wait.added_p95_ms:>11,.0f}"


def _bounds(results: Results) -> Iterator[str]:
    held = results.bounds()
    if held is None:
        return
    yield from _head("under limits", ("leads", 8), ("found", 8), ("seconds", 10), ("bound", 10), ("ratio", 8))
    for name, job in (("wait", held.wait), ("spill", held.spill)):
        cells = f"{job.leads:>8,}{len(job.found):>8,}{job.seconds:>10,.1f}{job.bound_seconds:>10,.1f}"
        yield f"{name:<{_NAME}}{cells}{_ratio(job.seconds, job.bound_seconds):>8}"
    same = "the same leads" if held.wait.found == held.spill.found else "other leads"
    yield f"wait to spill: {_ratio(held.wait.seconds, held.spill.seconds)}, {same} found"


def _failures(results: Results) -> Iterator[str]:
    for name, reason in results.failures().items():
        yield from textwrap.wrap(f"FAILED {name}: {reason}", WIDTH, subsequent_indent="  ")


def _words(results: Results) -> Iterator[str]:
    about = results.about
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    machine = (
        f"{about['date']}, commit {about['commit']}, {about['system']}, {about['cores']} cores, load"
        f" {about['load']} at the start; took {about['seconds']:,.0f} s. {versions}."
    )
    notes = f"{_NOTES}\n{_WAIT_NOTE if results.waits() else ''}\n{machine}"
    if results.options.get("profile"):
        yield "The worker of `sqlite` ran under cProfile: its figures measure nothing.\n"
    yield "\n\n".join(
        textwrap.fill(" ".join(note.split()), WIDTH) for note in re.split(r"\n\n+", notes.strip())
    )


def _head(title: str, *columns: tuple[str, int]) -> Iterator[str]:
    yield f"{title:<{_NAME}}" + "".join(f"{name:>{width}}" for name, width in columns)
    yield "-" * WIDTH


def _speed(each_second: float) -> str:
    return f"{each_second:,.0f}" if each_second >= 100 else f"{each_second:,.1f}"


def _number(figure: float | None, digits: int = 2) -> str:
    return "-" if figure is None else f"{figure:,.{digits}f}"


def _ratio(figure: float | None, base: float | None) -> str:
    return f"{figure / base:,.2f}x" if figure is not None and base else "-"
