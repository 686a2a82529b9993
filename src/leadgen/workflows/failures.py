"""What fails an activity or a workflow: bounded, typed, and without personal data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar, cast, get_type_hints

from temporalio import activity
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError

from leadgen.domain.errors import LeadgenError, ServiceUnavailable
from leadgen.workflows.options import FAULT_ATTEMPTS_MAX

_TEXT_CHARACTERS_MAX = 500

_PayloadT = TypeVar("_PayloadT")


@contextmanager
def as_failures(attempt: int | None = None) -> Iterator[None]:
    """Turns what the block raises into an ApplicationError that tells whether another attempt may help.

    ``attempt``: which one this is where not all count; None for all.
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
            non_retryable=(attempt or activity.info().attempt) >= FAULT_ATTEMPTS_MAX,
        ) from None


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"


def fitting(payload: type[_PayloadT], given: Any, *others: Any) -> _PayloadT:
    """The input of a workflow as its dataclass, without any input one of defaults; what does not fit fails
    the workflow and names the field, never its value. ``others``: what was given beside it.

    Declare the inputs as ``Payload | Any, *others: Any``: what comes is plain JSON then, however much it is.
    If they were declared as ``Payload`` alone, Temporal could not decode another type, or call the workflow
    with more than one, and would try again for ever.
    """
    text = f"one input is taken, not {1 + len(others)}" if others else ""
    if not text and isinstance(given, payload):
        return given
    if not text and given is None:
        return payload()
    if text := text or _misfit(payload, given):
        raise ApplicationError(text, type="InvalidInput", non_retryable=True)
    return cast("_PayloadT", value_to_type(payload, given))


def _misfit(payload: type[Any], given: Any) -> str:
    if not isinstance(given, dict):
        names = ", ".join(field.name for field in fields(payload))
        return f"the input must be a JSON object (of {names}), not of type {type(given).__name__}"
    hints = get_type_hints(payload)
    return "; ".join(
        f"{field.name} must be of type {field.type}"
        for field in fields(payload)
        if field.name in given and not _fits(hints[field.name], given[field.name])
    )


def _fits(hint: Any, value: Any) -> bool:
    try:
        value_to_type(hint, value)
    except Exception:  # noqa: BLE001 - a converter may raise anything, and its text may quote the value
        return False
    return True
