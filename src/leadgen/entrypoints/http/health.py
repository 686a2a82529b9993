"""`/healthz` and `/readyz`: whether the process lives, and whether it can work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter
from starlette.responses import JSONResponse

from leadgen.domain.errors import ServiceUnavailable
from leadgen.entrypoints.http import problems
from leadgen.entrypoints.http.documents import Health
from leadgen.entrypoints.http.requests import Composed

router = APIRouter(tags=["health"])

_PATIENCE_SECONDS = 4.0
_NO_KEY = "0" * 32
_WITHOUT_REDIS = "Redis does not answer: the database carries the limits"


@router.get("/healthz", response_model_exclude_none=True)
async def is_alive() -> Health:
    """Tell that the process lives."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, response_model_exclude_none=True)
async def is_ready(leadgen: Composed) -> Health | JSONResponse:
    """Tell whether the database, Temporal and Redis answer; without Redis all goes on, only slower."""
    *reasons, has_redis = await asyncio.gather(
        _trouble("the database", leadgen.keys.store.get(_NO_KEY)),
        _trouble("Temporal", leadgen.runner.check()),
        leadgen.telemetry.redis_answers(),
    )
    if troubles := [reason for reason in reasons if reason]:
        return problems.answer(503, "; ".join(troubles), headers={"Retry-After": "5"})
    if has_redis is False:
        return Health(status="degraded", detail=_WITHOUT_REDIS)
    return Health(status="ok")


async def _trouble(service: str, asked: Awaitable[object]) -> str | None:
    try:
        await asyncio.wait_for(asked, _PATIENCE_SECONDS)
    except (ServiceUnavailable, TimeoutError):
        return f"{service} does not answer"
    return None
