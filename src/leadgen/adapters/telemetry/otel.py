"""Traces by OpenTelemetry: one from a request through its workflow and its activities to each provider."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, get_current_span
from starlette.types import ASGIApp
from temporalio import activity
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from leadgen.adapters.telemetry.discretion import DiscreetExporter
from leadgen.adapters.telemetry.metrics import OUTCOME_NAMES
from leadgen.adapters.telemetry.request_spans import TracedApp
from leadgen.adapters.telemetry.tracing import Tracing
from leadgen.domain.lead import Input, Question
from leadgen.domain.provider import IPhoneProvider, MaySend, Outcome, Rejected, Unknown
from leadgen.domain.value import value

_SEND_SECONDS = 3.0
_SEND_EVERY_MILLIS = 1_000
_CLOSE_SECONDS = 5.0
_PATH = "/v1/traces"
_KEY_CHARACTERS = 12
"""As many of a lookup's key as the log shows, and `leadgen ledger show` needs."""


@value(frozen=True, slots=True)
class _Work:
    """What an activity works at: which attempt, for which job, and whether it is one of many stretches."""

    attempt: int | None = None
    job_id: str | None = None
    is_bulk: bool = False


_work: ContextVar[_Work] = ContextVar("leadgen_work", default=_Work())  # noqa: B039 - it is frozen


class OtelTracing(Tracing):
    """Sends spans in batches by OTLP over HTTP, from a thread; what nobody takes is dropped."""

    def __init__(self, endpoint: str, *, ratio: float, bulk_ratio: float) -> None:
        self._bulk_ratio = bulk_ratio
        self._source = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create({SERVICE_NAME: "leadgen"}),
            shutdown_on_exit=False,
        )
        exporter = DiscreetExporter(OTLPSpanExporter(endpoint=_target(endpoint), timeout=_SEND_SECONDS))
        self._source.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=_SEND_EVERY_MILLIS)
        )
        self._tracer = self._source.get_tracer("leadgen")
        self.interceptors = (_Interceptor(self._tracer),)

    def providers(self, providers: Mapping[str, IPhoneProvider]) -> Mapping[str, IPhoneProvider]:
        """See Tracing."""
        return {
            name: TracedProvider(name, provider, self._tracer, self._bulk_ratio)
            for name, provider in providers.items()
        }

    def around(self, app: ASGIApp) -> ASGIApp:
        """See Tracing."""
        return TracedApp(app, self._tracer)

    async def close(self) -> None:
        """See Tracing."""
        closing = threading.Thread(target=self._source.shutdown, daemon=True)  # nobody waits longer for it
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSE_SECONDS)


class TracedProvider(IPhoneProvider):
    """A provider whose calls are traced; of those of bulk work, the share that ``bulk_ratio`` says."""

    def __init__(self, name: str, provider: IPhoneProvider, tracer: Tracer, bulk_ratio: float) -> None:
        self._name = name
        self._provider = provider
        self._tracer = tracer
        self._bulk_ratio = bulk_ratio

    @property
    def needs(self) -> frozenset[Input]:
        """See IPhoneProvider."""
        return self._provider.needs

    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        """See IPhoneProvider."""
        work = _work.get()
        if work.is_bulk and not _is_chosen(reference, self._bulk_ratio):
            return await self._provider.ask(
                question, reference=reference, timeout_seconds=timeout_seconds, may_send=may_send
            )
        about: dict[str, str | int] = {
            "leadgen.provider": self._name,
            "leadgen.lookup_id": reference[:_KEY_CHARACTERS],
        }
        with self._tracer.start_as_current_span(
            f"ask {self._name}",
            kind=SpanKind.CLIENT,
            attributes=about | _about(work),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            async def may_send_now() -> bool:
                is_allowed = await may_send()
                span.add_event("sent" if is_allowed else "not sent")
                return is_allowed

            outcome = await self._provider.ask(
                question, reference=reference, timeout_seconds=timeout_seconds, may_send=may_send_now
            )
            span.set_attribute("leadgen.outcome", OUTCOME_NAMES[type(outcome)])
            if isinstance(outcome, Unknown | Rejected):
                span.set_status(Status(StatusCode.ERROR))
            return outcome

    async def recall(self, question: Question, *, reference: str, timeout_seconds: float) -> Outcome | None:
        """See IPhoneProvider."""
        return await self._provider.recall(question, reference=reference, timeout_seconds=timeout_seconds)

    async def is_reachable(self, *, timeout_seconds: float) -> bool:
        """See IPhoneProvider."""
        return await self._provider.is_reachable(timeout_seconds=timeout_seconds)


class _Interceptor(TracingInterceptor):
    """Temporal's own, and for activities which attempt they are and which job they are of."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the name of temporalio
        """See Interceptor."""
        return super().intercept_activity(_Described(next))


class _Described(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - see above
        work = _Work(
            attempt=activity.info().attempt,
            job_id=next((job for each in input.args if (job := getattr(each, "job_id", None))), None),
            is_bulk=any(getattr(each, "size", 0) > 1 for each in input.args),
        )
        get_current_span().set_attributes(_about(work))
        token = _work.set(work)
        try:
            return await super().execute_activity(input)
        finally:
            _work.reset(token)


def _about(work: _Work) -> dict[str, str | int]:
    known = {"leadgen.attempt": work.attempt, "leadgen.job_id": work.job_id}
    return {name: value for name, value in known.items() if value is not None}


def _is_chosen(reference: str, ratio: float) -> bool:
    """Whether a lookup is of this share: the same ones at every attempt, by their keys, which are hashes."""
    return int(reference[:8], 16) < ratio * 2**32


def _target(endpoint: str) -> str:
    """The whole address: that of a collector alone gets the path at which all of them take traces."""
    return endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _PATH
