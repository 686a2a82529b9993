"""Metrics through which something has gone, and what their page says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leadgen.adapters.telemetry.metrics import Metrics
from leadgen.application.ports.condition_gauge import Condition
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import NOW, lookup, us_phone

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:]\w*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
Sample = tuple[str, frozenset[tuple[str, str]]]
OUTCOMES: tuple[Outcome, ...] = (
    Hit(us_phone(1), "202-555-0101"),
    Miss(),
    Unknown("timed out"),
    NotSent("no route"),
    Rejected(Fault.BUSY, "429"),
    Rejected(Fault.BROKEN, "500"),
)
CONDITION = Condition(
    jobs={"running": 2, "done": 5},
    deliveries={"waiting": 3, "dead": 0},
    modes={"orion": "redis"},
    breakers={"orion": "open", "astra": "half_open"},
    intents_open=4,
    unknown_open=1,
    oldest_unknown_seconds=90.5,
)


def samples(text: str) -> Mapping[Sample, float]:
    """All samples of a page, by name and labels, under the names that stand there."""
    lines = [_SAMPLE.fullmatch(line) for line in text.splitlines() if line and not line.startswith("#")]
    return {
        (line["name"], frozenset(_LABEL.findall(line["labels"] or ""))): float(line["value"])
        for line in lines
        if line is not None
    }


def sample(name: str, **labels: str) -> Sample:
    """One of them."""
    return name, frozenset(labels.items())


def used_metrics() -> Metrics:
    """Each outcome once at orion, some tickets, a wait, and a condition."""
    metrics = Metrics()
    intended = lookup(held_micros=20_000)
    metrics.note_closed([intended.closed(each, Charges.REQUEST, NOW, took_seconds=0.2) for each in OUTCOMES])
    ticket = Ticket("orion", 0.0, 1.0, 1)
    metrics.note_tickets("orion", Tickets([ticket, ticket], None))
    metrics.note_tickets("orion", Tickets((), 0.75))
    metrics.show(CONDITION)
    return metrics
