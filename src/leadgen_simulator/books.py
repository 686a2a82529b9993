"""The books: what each provider received, answered, refused and charged: counters, one bounded list."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from leadgen_simulator.config import FAULT_KINDS, SHAPE

CALLS_KEPT = 1_000_000
REFUSALS = {"bad_method": 400, "bad_key": 401, "bad_json": 400, "missing_field": 400}
"""Refusals that are the caller's mistake, with their HTTP status."""
ANSWERS = ("hit", "miss", "garbage")

Call = tuple[int, str, bytes | None, int, str, int]
"""Arrival in monotonic ns, provider, digest of the question, HTTP status, outcome, micro-USD charged."""


class CallLog:
    """The last calls of all providers, in the order in which they were decided."""

    def __init__(self) -> None:
        self.count = 0
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)

    def add(self, call: Call) -> None:
        """Keeps one call; the oldest goes when the list is full."""
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
    log: CallLog
    calls: int = 0
    refused_limits: int = 0
    calls_charged: int = 0
    charged_micros: int = 0
    answers: dict[str, int] = field(default_factory=lambda: _zeros(*ANSWERS))
    refused: dict[str, int] = field(default_factory=lambda: _zeros(*REFUSALS))
    faults: dict[str, int] = field(default_factory=lambda: _zeros(*FAULT_KINDS, SHAPE))

    def answered(self, arrival: int, digest: bytes, outcome: str, charged: int | None) -> None:
        """Books a 2xx at acceptance; `charged` is None when the call is free."""
        self.answers[outcome] += 1
        if charged is not None:
            self.calls_charged += 1
            self.charged_micros += charged
        self._received(arrival, digest, 200, outcome, charged or 0)

    def failed(self, arrival: int, digest: bytes, status: int, kind: str) -> None:
        """Books a call that a fault ended without an answer."""
        self._received(arrival, digest, status, kind, 0)

    def over_limit(self, arrival: int, digest: bytes | None, reason: str) -> None:
        """Books a 429 of the strict limits."""
        self.refused_limits += 1
        self._received(arrival, digest, 429, reason, 0)

    def turned_away(self, arrival: int, kind: str) -> None:
        """Books a 4xx that is the caller's mistake."""
        self.refused[kind] += 1
        self._received(arrival, None, REFUSALS[kind], kind, 0)

    def _received(self, arrival: int, digest: bytes | None, status: int, outcome: str, charged: int) -> None:
        self.calls += 1
        self.log.add((arrival, self.name, digest, status, outcome, charged))

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
            "calls_charged": self.calls_charged,
            "charged_micros": self.charged_micros,
            "charged_usd": usd(self.charged_micros),
        }


def usd(micros: int) -> str:
    """Micro-USD as dollars with six decimals."""
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def total(books: list[ProviderBook]) -> ProviderBook:
    """One book that adds up the others."""
    whole = ProviderBook("total", CallLog())
    for book in books:
        for name in ("calls", "refused_limits", "calls_charged", "charged_micros"):
            setattr(whole, name, getattr(whole, name) + getattr(book, name))
        for mine, theirs in _pairs(whole, book):
            for kind, count in theirs.items():
                mine[kind] += count
    return whole


def _pairs(one: ProviderBook, other: ProviderBook) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    yield one.answers, other.answers
    yield one.refused, other.refused
    yield one.faults, other.faults
