"""Which activity of which workflow a line of the log belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import NotSent, Rejected, Unknown

_IDS = ("job_id", "lead_id", "endpoint_id")
_KEY_CHARACTERS = 12
_calls = structlog.stdlib.get_logger("leadgen.calls")


class CorrelationInterceptor(Interceptor):
    """Gives every line that is written in an activity the ids of its workflow and of what it is about."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the name of temporalio
        """See Interceptor."""
        return _Bound(next)


class _Bound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - see above
        about = activity.info()
        ids = {name: value for name in _IDS for each in input.args if (value := getattr(each, name, None))}
        with structlog.contextvars.bound_contextvars(
            workflow_id=about.workflow_id,
            run_id=about.workflow_run_id,
            activity=about.activity_type,
            attempt=about.attempt,
            **ids,
        ):
            return await super().execute_activity(input)


def log_calls(lookups: Sequence[Lookup]) -> None:
    """A line for each call that brought no answer, with the key under which it went out; none for others.

    The words of ``detail`` are our own. What a late ticket costs is told by the metrics.
    """
    for lookup in lookups:
        match lookup.outcome:
            case Unknown(detail=detail):
                tell = _calls.warning
            case Rejected(detail=detail) | NotSent(detail=detail, late=False):
                tell = _calls.info
            case _:
                continue
        tell(
            "no answer",
            provider=lookup.provider,
            why=detail,
            lookup=lookup.key[:_KEY_CHARACTERS],
            lead_id=lookup.lead_id,
            job_id=lookup.job_id,
        )
