"""A bulk job: which leads it covers, where it stands, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from leadgen.domain.bound import Crowd, Pace, calls_per_second, spilling_bound, waiting_bound
from leadgen.domain.budget import Budget, Span
from leadgen.domain.lead import EndState
from leadgen.domain.limits import Limits
from leadgen.domain.ordering import Order
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.value import value
from leadgen.domain.waterfall import NOTHING_REUSED, Reused, WhenHeld

LATELY = timedelta(seconds=30)
"""Over so long it is measured how fast a job goes."""


class Wanted(StrEnum):
    """What whoever ordered a job wants of it from now on."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"
    """For good: it cannot be taken back."""


class JobStatus(StrEnum):
    """Where a job stands; the last four are ends."""

    WAITING = "waiting"
    """It is recorded; its workflow has not planned it yet."""
    RUNNING = "running"
    PAUSED = "paused"
    """Nothing more is asked until it is resumed."""
    DONE = "done"
    BUDGET_REACHED = "budget_reached"
    """It has ended with leads that its budgets did not cover; with more money it can be continued."""
    CANCELLED = "cancelled"
    """Whoever ordered it did not want it any more; what is settled stays."""
    STOPPED = "stopped"
    """Its workflow was terminated, cancelled or failed; what is settled stays."""

    @property
    def is_end(self) -> bool:
        """Whether nothing will happen any more."""
        return self not in {JobStatus.WAITING, JobStatus.RUNNING, JobStatus.PAUSED}

    def under(self, wanted: Wanted) -> JobStatus:
        """How a job shows that stands here and of which this is wanted."""
        return JobStatus.PAUSED if wanted is Wanted.PAUSE and not self.is_end else self


@value(frozen=True, slots=True)
class JobScope:
    """Which leads a job covers: one, or all that have no number.

    All means new, incomplete and failed ones; ``again`` adds those for which nothing was found. ``only``
    leaves those in one state: in the job ``of_job``, or without one of the account.
    """

    lead_id: str | None = None
    again: bool = False
    only: EndState | None = None
    of_job: str | None = None


@value(frozen=True, slots=True)
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
    wanted: Wanted = Wanted.RUN
    wanted_at: datetime | None = None
    """Since when that is wanted; None when nothing else ever was."""
    idle_seconds: float = 0.0
    """How long it stood still before it was last continued: it was paused, or its budget was reached."""
    order: Order = Order.PRIORITY
    """By what the order of its providers is chosen."""
    panel: float = 0.0
    """The share of its leads about which everybody is asked, so that any order can be judged by them."""
    options: SearchOptions = AS_USUAL

    @property
    def course(self) -> Wanted:
        """What whoever carries it out has to do: nothing more about one that has ended."""
        return Wanted.CANCEL if self.status.is_end else self.wanted

    def seconds(self, now: datetime) -> float:
        """How long it took from its order to its end, or has taken so far, less the time it stood still."""
        until = self.ended_at or now
        paused_at = self.wanted_at if self.wanted is Wanted.PAUSE else None
        return ((paused_at or until) - self.created_at).total_seconds() - self.idle_seconds

    def idle(self, until: datetime) -> float:
        """For how many seconds of those from its order to then it stood still."""
        return (until - self.created_at).total_seconds() - self.seconds(until)


@value(frozen=True, slots=True)
class JobEvent:
    """Something that happened in a job: a lead came to an end in it, or (no ``lead_id``) the job to a status.

    ``number`` grows from event to event of a job, with gaps; who has seen a number has seen all before it.
    """

    number: int
    at: datetime
    status: JobStatus | EndState
    lead_id: str | None = None


@value(frozen=True, slots=True)
class ProviderSpend:
    """What one provider did in a job: sent questions, numbers, and money (posted and estimated).

    ``took_seconds``: how long its calls took on average; None where that is not on record. ``first_choices``:
    about how many leads it was preferred. ``reason``: why it had its place, of one of these calls; whether
    all of them had the same one says ``has_one_reason``.
    """

    calls: int
    hits: int
    cost_micros: int
    took_seconds: float | None = None
    first_choices: int = 0
    reason: str = ""
    has_one_reason: bool = True

    def pace(self, provider: str, limits: Limits, leads: int) -> Pace:
        """How fast it could be asked about these leads under these limits, and how many searches that ends.

        A lead that took several calls counts once: a repeat takes time, and nobody else is asked for it.
        """
        fastest = calls_per_second(limits, self.took_seconds or 0.0, self.calls)
        return Pace(provider, fastest * leads / self.calls, self.hits / leads)


@value(frozen=True, slots=True)
class Asked:
    """About how many leads a job has asked anybody, and each provider."""

    leads: int = 0
    by_provider: Mapping[str, int] = field(default_factory=dict)


NOBODY_ASKED = Asked()


@value(frozen=True, slots=True)
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
    ended_lately: int = 0
    """How many of its leads came to an end within the last ``LATELY``."""
    reused: Reused = NOTHING_REUSED
    """Answers that were there already, or that another job paid for."""

    @classmethod
    def of_new(cls, job: Job, budget_micros: int | None) -> JobReport:
        """The report of a job that was just ordered: it has no leads yet, and has asked nobody."""
        cap = None if budget_micros is None else Budget(Span.JOB, job.id, budget_micros)
        return cls(job, leads=0, found=0, not_found=0, incomplete=0, failed=0, budget=cap)

    @property
    def settled(self) -> int:
        """How many leads have come to an end."""
        return self.found + self.not_found + self.incomplete + self.failed

    @property
    def cost_micros(self) -> int:
        """What all providers cost together: posted and estimated."""
        return sum(spend.cost_micros for spend in self.providers.values())

    def bound_seconds(self, limits: Mapping[str, Limits], asked: Asked) -> float | None:
        """The seconds that the providers' limits need at least for this job; None where it asked nobody.

        ``asked`` matters only while it spills. Its leads count as one crowd then that all its providers could
        be asked about, though some may lack an input: hence never more than its calls need in any order.
        """
        sent = {name: each for name, each in self.providers.items() if each.calls and name in limits}
        if not sent:
            return None
        leads = {name: asked.by_provider.get(name, spend.calls) for name, spend in sent.items()}
        paces = [spend.pace(name, limits[name], leads[name]) for name, spend in sent.items()]
        bound = waiting_bound(paces, leads)
        if self.job.when_held is not WhenHeld.SPILL:
            return bound
        return min(bound, spilling_bound(paces, [Crowd(asked.leads, frozenset(sent))]))
