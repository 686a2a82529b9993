"""A collector of traces on loopback: takes OTLP over HTTP, and keeps the spans."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it arrived, its ids in hexadecimal; ``parent`` is empty for the first of a trace."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, str | int]
    events: tuple[str, ...]


@dataclass
class Collector:
    """Where it listens, and what it has been sent."""

    address: str = ""
    spans: list[Span] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def take(self, path: str, body: bytes) -> None:
        """Keeps what one request brings."""
        request = ExportTraceServiceRequest.FromString(body)
        self.paths.add(path)
        self.texts.append(str(request))
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        name=each.name,
                        trace=each.trace_id.hex(),
                        id=each.span_id.hex(),
                        parent=each.parent_span_id.hex(),
                        attributes={
                            one.key: one.value.string_value or one.value.int_value for one in each.attributes
                        },
                        events=tuple(event.name for event in each.events),
                    )
                    for each in scope.spans
                ]

    def named(self, beginning: str) -> list[Span]:
        """The spans whose names begin so."""
        return [span for span in list(self.spans) if span.name.startswith(beginning)]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Stays silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
