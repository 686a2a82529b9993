"""What of a span may leave this process: an allow-list, whatever a library may put on it."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

ATTRIBUTES = frozenset(
    {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "leadgen.attempt",
        "leadgen.job_id",
        "leadgen.lookup_id",
        "leadgen.outcome",
        "leadgen.provider",
        "temporalRunID",
        "temporalWorkflowID",
    }
)
_OF_EVENTS = frozenset({"exception.type"})


class DiscreetExporter(SpanExporter):
    """Passes spans on without the words of errors, and with no attribute that is not listed.

    The text of an exception may quote what it failed on, and its trace names the folders of the machine.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        return self._exporter.export([_bare(span) for span in spans])

    def shutdown(self) -> None:
        """See SpanExporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See SpanExporter."""
        return self._exporter.force_flush(timeout_millis)


def _bare(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ATTRIBUTES},
        events=[_bare_event(event) for event in span.events],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _bare_event(event: Event) -> Event:
    kept = {name: value for name, value in (event.attributes or {}).items() if name in _OF_EVENTS}
    return Event(event.name, kept, event.timestamp)
