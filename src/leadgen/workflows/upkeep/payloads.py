"""What comes out; fields are only ever added, with defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class UpkeepResult:
    """How many jobs were started, closed and woken, and what the ledger was rid of."""

    jobs_started: int = 0
    jobs_closed: int = 0
    lookups_abandoned: int = 0
    answers_found: int = 0
    jobs_woken: int = 0
    endpoints_woken: int = 0
    deliveries_pruned: int = 0


@dataclass
class SettleResult:
    """How many intents of dead workers were closed, and how many lost answers were found."""

    abandoned: int = 0
    found: int = 0


@dataclass
class StartResult:
    """For how many endpoints webhooks wait that may be sent."""

    endpoints: int = 0


@dataclass
class PruneResult:
    """How many old deliveries were removed."""

    deliveries: int = 0
