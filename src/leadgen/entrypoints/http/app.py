"""The app: all routers, behind the gate."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI

from leadgen.application.request_limit import RequestLimit
from leadgen.composition import Leadgen
from leadgen.domain.limits import parse_rules
from leadgen.entrypoints.http import (
    health,
    job_events,
    jobs,
    keys,
    lead_files,
    leads,
    lookups,
    openapi,
    problems,
    providers,
    usage,
    webhooks,
)
from leadgen.entrypoints.http.access import Gate, unguarded
from leadgen.settings import Settings

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    lead_files.router,  # before /leads/{lead_id}, which its paths would fit
    leads.router,
    lookups.router,
    jobs.router,
    job_events.router,
    providers.router,
    usage.router,
    keys.router,
    webhooks.router,
)
"""Every router; a route without a scope is refused, unless its path is public."""


class _Service(FastAPI):
    """The app, with an OpenAPI document that tells of problems."""

    def openapi(self) -> dict[str, Any]:
        """See FastAPI."""
        return openapi.document(self)


def create_app(leadgen: Leadgen, settings: Settings) -> FastAPI:
    """The service over a composed leadgen."""
    app = _Service(
        title="leadgen", redoc_url=None, swagger_ui_oauth2_redirect_url=None, redirect_slashes=False
    )
    app.state.leadgen = leadgen
    for router in ROUTERS:
        app.router.routes.extend(
            router.routes
        )  # as they are: a route of a router that is included is hidden in it
    problems.install(app)
    limit = RequestLimit(rules=parse_rules(settings.api_rate, "LEADGEN_API_RATE"), clock=leadgen.clock)
    app.add_middleware(Gate, authenticate=leadgen.keys.authenticate, limit=limit)
    app.add_middleware(leadgen.telemetry.tracing.around)
    if open_paths := unguarded(app):
        raise RuntimeError(f"routes without a scope: {', '.join(open_paths)}")
    return app
