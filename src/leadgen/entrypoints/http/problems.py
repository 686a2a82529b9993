"""Problem documents (RFC 9457): what every request that fails is answered with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Route

from leadgen.domain.errors import (
    ChangedMeanwhile,
    InvalidInput,
    LeadgenError,
    NotAllowed,
    NotAuthenticated,
    NotConfigured,
    NotPossible,
    ServiceUnavailable,
    TooMany,
    UnknownId,
    UnreadableFile,
)

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = 5
_KINDS: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request cannot be read"),
    401: ("not-authenticated", "An API key is needed"),
    403: ("not-allowed", "The API key does not allow this"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "This cannot be done here"),
    409: ("conflict", "This does not go with the state that things are in"),
    412: ("changed-meanwhile", "Somebody else has changed it"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body is of another content type than this takes"),
    422: ("invalid-input", "What was given cannot be used"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal-error", "leadgen has failed"),
    503: ("unavailable", "A server that leadgen needs does not answer"),
}
"""Each status with the name of its type and its title."""


_STATUSES: Sequence[tuple[type[LeadgenError], int]] = (
    (NotAllowed, 403),
    (ChangedMeanwhile, 412),
    (NotPossible, 409),
    (InvalidInput, 422),
)
"""The status of an error whose text is all that there is to tell; the first that fits."""


class Complaint(BaseModel):
    """What is wrong with one value of a request; the value itself is not repeated."""

    where: str = Field(description="Its place, such as `body.email` or `query.limit`.")
    problem: str


class Problem(BaseModel):
    """A problem document by RFC 9457."""

    type: str = Field(description="`urn:leadgen:problem:` and a name, see docs/api.md.")
    title: str
    status: int
    detail: str | None = None
    errors: list[Complaint] | None = None


def answer(
    status: int,
    detail: str | None = None,
    *,
    errors: Sequence[Complaint] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A response with a problem document."""
    name, title = _KINDS.get(status, _KINDS[500 if status >= 500 else 400])
    problem = Problem(
        type=f"urn:leadgen:problem:{name}",
        title=title,
        status=status,
        detail=detail,
        errors=list(errors) or None,
    )
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def of_error(error: LeadgenError) -> JSONResponse:
    """The response to an error of leadgen; texts name no address and repeat nothing of the request."""
    match error:
        case NotAuthenticated():
            return answer(401, str(error), headers={"WWW-Authenticate": 'Bearer realm="leadgen"'})
        case UnknownId():
            return answer(404, f"no {error.kind} of this account has this id")
        case UnreadableFile():
            return answer(422, f"the file {error.problem}")
        case TooMany():
            wait = str(math.ceil(error.retry_after_seconds))
            return answer(429, str(error), headers={"Retry-After": wait})
        case ServiceUnavailable() | NotConfigured():
            return answer(503, _why_unavailable(error), headers={"Retry-After": str(_RETRY_SECONDS)})
        case _:
            status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
            return answer(status, None if status == 500 else str(error))


def _why_unavailable(error: ServiceUnavailable | NotConfigured) -> str:
    if isinstance(error, NotConfigured):
        return str(error)
    return f"{error.service} does not answer; the request may be sent again"


def install(app: FastAPI) -> None:
    """Has every failure of the app answered with a problem document."""

    @app.exception_handler(LeadgenError)
    async def _leadgen(_request: Request, error: LeadgenError) -> JSONResponse:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        complaints = [_complaint(each) for each in error.errors()]
        return answer(
            422, "; ".join(f"{each.where}: {each.problem}" for each in complaints[:3]), errors=complaints
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(sorted(_methods(request)))
        return answer(error.status_code, headers=headers)

    @app.exception_handler(Exception)
    async def _bug(_request: Request, _error: Exception) -> JSONResponse:
        return answer(500)


def _complaint(error: Mapping[str, Any]) -> Complaint:
    where = ".".join(str(part) for part in error["loc"])
    return Complaint(where=where, problem="is no JSON" if error["type"] == "json_invalid" else error["msg"])


def _methods(request: Request) -> set[str]:
    """All methods that are taken at this path; one that is written out goes before one with a parameter."""
    routes = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    exact = [route for route in routes if route.path == request.url.path]
    return set().union(*(route.methods or set() for route in exact or routes))


def title_of(status: int) -> str:
    """What a status means."""
    return _KINDS[status][1]
