"""What a run of the suite has found, and the ratios that follow from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.benchmarks.throughput.bound import Bounds
from tests.benchmarks.throughput.files import Passage
from tests.benchmarks.throughput.jobs import Run
from tests.benchmarks.throughput.latency import Waits

T = TypeVar("T")

BARE = "bare"
PEER = "peer"
KINDS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no figure."""

    reason: str


Found = Run | Waits | Bounds | dict[str, Passage] | Failure


@dataclass(slots=True)
class Results:
    """By the name of the measurement: ``bare 1``, ``sqlite 1`` (workers), ``size 1000``, ``files sqlite``."""

    about: dict[str, Any]
    options: dict[str, Any]
    found: dict[str, Found] = field(default_factory=dict)

    def run(self, name: str) -> Run | None:
        """The run of this name, if it succeeded."""
        found = self.found.get(name)
        return found if isinstance(found, Run) else None

    def runs(self, prefix: str) -> dict[str, Run]:
        """All runs that succeeded and whose names begin like this."""
        return {
            name: found
            for name, found in self.found.items()
            if name.startswith(f"{prefix} ") and isinstance(found, Run)
        }

    def bare(self) -> Run | None:
        """The bare loop's median run."""
        runs = sorted(self.runs(BARE).values(), key=lambda run: run.leads_per_second)
        return runs[len(runs) // 2] if runs else None

    def passages(self, kind: str) -> dict[str, Passage]:
        """Imports and exports with a kind of database."""
        found = self.found.get(f"files {kind}")
        return found if isinstance(found, dict) else {}

    def waits(self) -> Waits | None:
        """The latencies."""
        found = self.found.get("latency")
        return found if isinstance(found, Waits) else None

    def bounds(self) -> Bounds | None:
        """The jobs under limits."""
        found = self.found.get("bound")
        return found if isinstance(found, Bounds) else None

    def failures(self) -> dict[str, str]:
        """What went wrong, by name."""
        return {name: each.reason for name, each in self.found.items() if isinstance(each, Failure)}

    def ratios(self) -> dict[str, float]:
        """All that has both its sides."""
        return {
            **self._run_ratios(),
            **self._size_ratios(),
            **self._passage_ratios(),
            **self._wait_ratios(),
            **self._bound_ratios(),
        }

    def document(self) -> dict[str, Any]:
        """Everything, unrounded."""
        return {
            "about": self.about,
            "options": self.options,
            "ratios": self.ratios(),
            "failures": self.failures(),
            "results": {
                name: _plain(each) for name, each in self.found.items() if not isinstance(each, Failure)
            },
        }

    def _run_ratios(self) -> dict[str, float]:
        ratios = {}
        others = {**self.runs("sqlite"), **self.runs("postgres"), PEER: self.run(PEER)}
        if base := self.bare():
            for name, run in others.items():
                if run:
                    ratios[f"leads/s, {name} to bare"] = run.leads_per_second / base.leads_per_second
                    if run.cpu_ms_all and base.cpu_ms_all:
                        ratios[f"CPU a lead, {name} to bare"] = run.cpu_ms_all / base.cpu_ms_all
        peer, ours = self.run(PEER), self.run("sqlite 1")
        if peer and ours:
            ratios["leads/s, sqlite 1 to peer"] = ours.leads_per_second / peer.leads_per_second
        return ratios

    def _size_ratios(self) -> dict[str, float]:
        ratios = {}
        runs = sorted(self.runs("size").values(), key=lambda run: run.leads)
        for run in runs[1:]:
            if run.memory_mb and runs[0].memory_mb:
                ratios[f"memory, {run.leads} to {runs[0].leads} leads"] = run.memory_mb / runs[0].memory_mb
            if run.cpu_ms_all and runs[0].cpu_ms_all:
                ratios[f"CPU a lead, {run.leads} to {runs[0].leads} leads"] = (
                    run.cpu_ms_all / runs[0].cpu_ms_all
                )
        return ratios

    def _passage_ratios(self) -> dict[str, float]:
        ratios = {}
        for kind in KINDS:
            found = self.passages(kind)
            for way, base in ((way, base) for way in ("import", "export") for base in ("raw", "COPY")):
                ours, theirs = found.get(f"leadgen {way}"), found.get(f"{base} {way}")
                if ours and theirs:
                    ratios[f"{way} {kind}, leadgen to {base}"] = ours.rows_per_second / theirs.rows_per_second
        return ratios

    def _bound_ratios(self) -> dict[str, float]:
        held = self.bounds()
        if held is None:
            return {}
        return {
            "seconds, wait to its bound": held.wait.seconds / held.wait.bound_seconds,
            "seconds, spill to its bound": held.spill.seconds / held.spill.bound_seconds,
            "seconds, wait to spill": held.wait.seconds / held.spill.seconds,
        }

    def _wait_ratios(self) -> dict[str, float]:
        waits = self.waits()
        return {"p95 of a lookup, busy to idle": waits.busy.p95_ms / waits.idle.p95_ms} if waits else {}


def _plain(found: Run | Waits | Bounds | dict[str, Passage]) -> dict[str, Any]:
    if isinstance(found, dict):
        return {
            name: {**dataclasses.asdict(each), "rows_per_second": each.rows_per_second}
            for name, each in found.items()
        }
    if isinstance(found, Bounds):
        return {
            name: {**dataclasses.asdict(held), "found": len(held.found)}
            for name, held in (("wait", found.wait), ("spill", found.spill))
        }
    return dataclasses.asdict(found)
