"""A bulk job: which leads it covers, where it stands, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from leadgen.domain.budget import Budget
from leadgen.domain.waterfall import WhenHeld


class JobStatus(StrEnum):
    """Where a job stands; the last three are ends."""

    WAITING = "waiting"
    """It is recorded; its workflow has not planned it yet."""
    RUNNING = "running"
    DONE = "done"
    BUDGET_REACHED = "budget_reached"
    """It has ended with leads that its budgets did not cover; with more money it can be continued."""
    STOPPED = "stopped"
    """Its workflow was terminated, cancelled or failed; what is settled stays."""

    @property
    def is_end(self) -> bool:
        """Whether nothing will happen any more."""
        return self in {JobStatus.DONE, JobStatus.BUDGET_REACHED, JobStatus.STOPPED}


@dataclass(frozen=True, slots=True)
class JobScope:
    """Which leads a job covers: one, or all that have no number.

    All means new, incomplete and failed ones; ``again`` adds those for which nothing was found.
    """

    lead_id: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A job of an account; times in UTC."""

    id: str
    account: str
    scope: JobScope
    status: JobStatus
    created_at: datetime
    ended_at: datetime | None = None
    when_held: WhenHeld = WhenHeld.WAIT
    carrier: str = ""
    """Under which name its runner carries it; empty until it is planned."""


@dataclass(frozen=True, slots=True)
class ProviderSpend:
    """What one provider did in a job: sent questions, numbers, and money (posted and estimated)."""

    calls: int
    hits: int
    cost_micros: int


@dataclass(frozen=True, slots=True)
class JobReport:
    """What came of a job so far; ``leads`` less the four counts are still open."""

    job: Job
    leads: int
    found: int
    not_found: int
    incomplete: int
    failed: int
    providers: Mapping[str, ProviderSpend] = field(default_factory=dict)
    budget: Budget | None = None

    @property
    def settled(self) -> int:
        """How many leads have come to an end."""
        return self.found + self.not_found + self.incomplete + self.failed

    @property
    def cost_micros(self) -> int:
        """What all providers cost together: posted and estimated."""
        return sum(spend.cost_micros for spend in self.providers.values())
