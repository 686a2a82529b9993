"""The named time-outs, retry policies and priorities."""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy

HEARTBEAT_EVERY = timedelta(seconds=3)
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
"""So long after its worker died an activity is given to another one."""

QUERY_TIMEOUT = timedelta(seconds=30)
"""For activities that only talk to the database or to Temporal."""

SETTLE_TIMEOUT = timedelta(minutes=15)
"""For activities that wait for calls to end, and for providers that are asked what became of one."""

PLAN_TIMEOUT = timedelta(minutes=10)
SEARCH_TIMEOUT = timedelta(hours=12)
"""For activities that queue for providers, whose life is watched by heartbeats."""

UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)
"""For ever while something that is needed does not answer; what cannot succeed says so itself."""

FAULT_ATTEMPTS_MAX = 5
"""A fault of our own is tried this often."""

FAULTS_UNTIL_CAREFUL = 3
"""After so many attempts that failed or died a chunk is run lead by lead, to find the one to blame."""

_INTERACTIVE_KEY = 1
_BULK_KEY = 4


def interactive(account: str, weight: float | None = None) -> Priority:
    """For what somebody waits for: before all bulk work, and fair between accounts."""
    return Priority(priority_key=_INTERACTIVE_KEY, fairness_key=account, fairness_weight=weight)


def bulk(account: str, weight: float | None = None) -> Priority:
    """For the chunks of jobs: turns go round the accounts by their weight."""
    return Priority(priority_key=_BULK_KEY, fairness_key=account, fairness_weight=weight)


def interactive_queue(task_queue: str) -> str:
    """The queue of activities that are short, or that somebody waits for: workers keep slots for it alone."""
    return f"{task_queue}-interactive"
