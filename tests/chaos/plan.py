"""All faults by name, in the order in which a run of all of them does them, each with its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.chaos.faults import commit, drain, kill, mixed, points, postgres, provider, redis, stop, temporal
from tests.chaos.house import House
from tests.chaos.stage import Figures
from tests.chaos.verdict import Line


@dataclass(frozen=True)
class Fault:
    """One kind of harm, done to a world of its own."""

    run: Callable[[House, str, Any], list[Line]]
    short: Figures
    """Its figures in a run of minutes, for every day."""
    full: Figures
    """Those of the fault plan."""


FAULTS: Mapping[str, Fault] = {
    "kill": Fault(kill.run, kill.SHORT, kill.FULL),
    "points": Fault(points.run, points.SHORT, points.FULL),
    "drain": Fault(drain.run, drain.SHORT, drain.FULL),
    "redis": Fault(redis.run, redis.SHORT, redis.FULL),
    "postgres": Fault(postgres.run, postgres.SHORT, postgres.FULL),
    "commit": Fault(commit.run, commit.SHORT, commit.FULL),
    "kill-sqlite": Fault(
        kill.run,
        replace(kill.SHORT, database="sqlite", kills=10, every_seconds_min=3.0, every_seconds_max=6.0),
        replace(kill.FULL, database="sqlite", kills=50, every_seconds_min=3.0, every_seconds_max=6.0),
    ),
    "kill-repeat": Fault(
        kill.run,
        replace(kill.SHORT, idempotency=True, unknown="repeat", settle_seconds=100.0),
        replace(kill.FULL, idempotency=True, unknown="repeat", settle_seconds=100.0),
    ),
    "kill-recall": Fault(
        kill.run,
        replace(kill.SHORT, recall=True, unknown="recall", settle_seconds=100.0),
        replace(kill.FULL, recall=True, unknown="recall", settle_seconds=100.0),
    ),
    "drain-kill": Fault(
        drain.run,
        replace(drain.SHORT, drains=4, killed_after_seconds=1.0),
        replace(drain.FULL, drains=20, killed_after_seconds=5.0, latency="6s", timeout="10s"),
    ),
    "stop": Fault(stop.run, stop.SHORT, stop.FULL),
    "temporal": Fault(temporal.run, temporal.SHORT, temporal.FULL),
    "provider": Fault(provider.run, provider.SHORT, provider.FULL),
    "mixed": Fault(mixed.run, mixed.SHORT, mixed.FULL),
}
SHORT_CUT = ("kill", "drain", "commit")
"""What a run of minutes does."""
