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

INTERACTIVE = Priority(priority_key=1)
BULK = Priority(priority_key=4)
