"""Logs: structured lines on stderr, of leadgen and of the libraries alike."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import structlog

_QUIET = ("httpx2", "httpcore2", "alembic", "sqlalchemy", "asyncio", "aiosqlite", "urllib3")
"""Libraries whose chatter tells addresses or nothing."""


def configure_logs(level: str, style: str) -> None:
    """Lets every line go to stderr as text for people (``console``) or as one JSON object (``json``)."""
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=("fault", "place", "start", "provider", "seconds")),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_fault,
    ]
    renderer: structlog.typing.Processor
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _name_fault(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Tells an exception by its type and place: its text and its variables may hold personal data."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error and not isinstance(error, BaseException):
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["fault"] = type(error).__name__
        event["place"] = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    return event
