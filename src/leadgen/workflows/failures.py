"""Errors of the core as failures of activities: bounded, typed, and without personal data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError

from leadgen.domain.errors import LeadgenError, ServiceUnavailable
from leadgen.workflows.options import FAULT_ATTEMPTS_MAX

_TEXT_CHARACTERS_MAX = 500


@contextmanager
def as_failures() -> Iterator[None]:
    """Turns what the block raises into an ApplicationError that tells whether another attempt may help.

    A foreign exception's text may quote what it failed on, so only its type is told.
    """
    try:
        yield
    except (ApplicationError, asyncio.CancelledError):
        raise
    except LeadgenError as error:
        raise ApplicationError(
            str(error)[:_TEXT_CHARACTERS_MAX],
            type=type(error).__name__,
            non_retryable=not isinstance(error, ServiceUnavailable),
        ) from None
    except Exception as error:  # noqa: BLE001 - it becomes a failure without its text
        name = type(error).__name__
        activity.logger.warning("activity failed", extra={"fault": name, "place": _place(error)})
        raise ApplicationError(
            f"{name} at {_place(error)}",
            type=name,
            non_retryable=activity.info().attempt >= FAULT_ATTEMPTS_MAX,
        ) from None


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
