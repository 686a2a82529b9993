"""The books: what each provider received, answered, refused and charged: counters, one bounded list."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

from leadgen_simulator.faults import FAULT_KINDS, SHAPE
from leadgen_simulator.idempotency import Kept

CALLS_KEPT = 1_000_000
REFUSALS = {
    "bad_method": 400,
    "bad_key": 401,
    "bad_json": 400,
    "missing_field": 400,
    "bad_reference": 400,
    "idempotency_mismatch": 422,
    "in_progress": 409,
}
"""Refusals that are the caller's mistake, with their HTTP status."""
LIMITS = ("rate_limit", "concurrency")
ANSWERS = ("hit", "miss", "garbage")
HANDLED = frozenset({*ANSWERS, "error", "busy", "lost"})
"""Outcomes of calls whose question was handled: they count as receptions and stand in the usage report."""
REPLAY = "replay"


class Call(NamedTuple):
    """One call as received; `charged` is in micro-USD, None when the call is free."""

    at_ns: int
    wall_ns: int
    provider: str
    question: str | None
    reference: str | None
    status: int
    outcome: str
    fault: str | None = None
    second_shape: bool = False
    charged: int | None = None


class Record(Protocol):
    """Where calls are written down for good; it returns when a kill can no longer undo it."""

    def write_call(self, seq: int, call: Call, kept: Kept | None) -> None:
        """Appends one call, and what its reference keeps."""


class CallLog:
    """The last calls of all providers, in the order in which they were decided."""

    def __init__(self, record: Record | None = None) -> None:
        self.count = 0
        self._record = record
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)

    def add(self, call: Call, kept: Kept | None = None) -> None:
        """Writes one call down, then keeps it; the oldest goes when the list is full."""
        if self._record is not None:
            self._record.write_call(self.count + 1, call, kept)
        self.restore(call)

    def restore(self, call: Call) -> None:
        """Keeps a call that is written down already."""
        self.count += 1
        self._calls.append(call)

    @property
    def dropped(self) -> int:
        """How many old calls the list no longer holds."""
        return self.count - len(self._calls)

    def numbered(self, after: int, limit: int | None) -> list[tuple[int, Call]]:
        """Up to `limit` calls with a sequence number above `after`; the first call ever is number 1."""
        start = max(0, after - self.dropped)
        stop = None if limit is None else start + limit
        return list(enumerate(islice(self._calls, start, stop), start=self.dropped + start + 1))


def _zeros(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 0)


@dataclass(slots=True)
class ProviderBook:
    """The counters of one provider."""

    name: str
    calls: int = 0
    refused_limits: int = 0
    replays: int = 0
    lookups: int = 0
    calls_charged: int = 0
    charged_micros: int = 0
    answers: dict[str, int] = field(default_factory=lambda: _zeros(*ANSWERS))
    refused: dict[str, int] = field(default_factory=lambda: _zeros(*REFUSALS))
    faults: dict[str, int] = field(default_factory=lambda: _zeros(*FAULT_KINDS, SHAPE))

    def count(self, call: Call) -> None:
        """Adds one call of this provider."""
        self.calls += 1
        outcome = call.outcome
        if outcome in self.answers:
            self.answers[outcome] += 1
        elif outcome in self.refused:
            self.refused[outcome] += 1
        elif outcome in LIMITS:
            self.refused_limits += 1
        elif outcome == REPLAY:
            self.replays += 1
        if call.fault is not None:
            self.faults[call.fault] += 1
        if call.second_shape:
            self.faults[SHAPE] += 1
        if call.charged is not None:
            self.calls_charged += 1
            self.charged_micros += call.charged

    def summary(self) -> dict[str, object]:
        """The counters as JSON."""
        return {
            "calls": self.calls,
            "answered": sum(self.answers.values()),
            "hits": self.answers["hit"],
            "misses": self.answers["miss"],
            "garbage": self.answers["garbage"],
            "refused_limits": self.refused_limits,
            "refused": dict(self.refused),
            "faults": dict(self.faults),
            "replays": self.replays,
            "lookups": self.lookups,
            "calls_charged": self.calls_charged,
            "charged_micros": self.charged_micros,
            "charged_usd": usd(self.charged_micros),
        }


def usd(micros: int) -> str:
    """Micro-USD as dollars with six decimals."""
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def total(books: list[ProviderBook]) -> ProviderBook:
    """One book that adds up the others."""
    whole = ProviderBook("total")
    numbers = ("calls", "refused_limits", "replays", "lookups", "calls_charged", "charged_micros")
    for book in books:
        for name in numbers:
            setattr(whole, name, getattr(whole, name) + getattr(book, name))
        for mine, theirs in _pairs(whole, book):
            for kind, count in theirs.items():
                mine[kind] += count
    return whole


def _pairs(one: ProviderBook, other: ProviderBook) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    yield one.answers, other.answers
    yield one.refused, other.refused
    yield one.faults, other.faults
