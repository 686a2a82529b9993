"""Traces, as far as they need no OpenTelemetry: nothing at all, unless somebody sets where they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp
from temporalio.client import Interceptor

from leadgen.domain.errors import NotConfigured
from leadgen.domain.provider import IPhoneProvider

SETTING = "LEADGEN_TRACES_ENDPOINT"


class Tracing:
    """Hands everything back as it was given: no call costs more than without it."""

    interceptors: Sequence[Interceptor] = ()
    """Of clients of Temporal, and of the workers that use those."""

    def providers(self, providers: Mapping[str, IPhoneProvider]) -> Mapping[str, IPhoneProvider]:
        """The providers, each call of which is traced."""
        return providers

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, each request of which is traced."""
        return app

    async def close(self) -> None:
        """Sends what has been traced, as far as it is taken within a few seconds."""


def open_tracing(endpoint: str | None, *, ratio: float, bulk_ratio: float) -> Tracing:
    """What traces to ``endpoint``, or does nothing; raises NotConfigured where OpenTelemetry is missing.

    ``ratio``: which share of requests and runs is traced; ``bulk_ratio``: which share of the calls in them
    that belong to a stretch of a job.
    """
    if endpoint is None:
        return Tracing()
    try:
        from leadgen.adapters.telemetry.otel import OtelTracing  # noqa: PLC0415 - an extra brings what it needs
    except ModuleNotFoundError:
        raise NotConfigured(
            f'{SETTING} is set, but OpenTelemetry is not installed: pip install "leadgen[otel]"'
        ) from None
    return OtelTracing(endpoint, ratio=ratio, bulk_ratio=bulk_ratio)
