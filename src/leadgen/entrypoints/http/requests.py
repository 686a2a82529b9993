"""What routes have in common: the composed leadgen, ids, bodies, and requests that are carried out once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from leadgen.application.ports.idempotency_store import Answer
from leadgen.composition import Leadgen
from leadgen.domain.api_key import ApiKey
from leadgen.domain.errors import UnknownId

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}", re.ASCII)
_JSON = frozenset({"application/json", "application/merge-patch+json"})


class Given(BaseModel):
    """A body: nothing is taken for something else, and an unknown field is refused."""

    model_config = ConfigDict(extra="forbid")


def leadgen_of(connection: HTTPConnection) -> Leadgen:
    """The leadgen that the app serves."""
    leadgen: Leadgen = connection.app.state.leadgen
    return leadgen


# Dependencies are async though they await nothing: FastAPI would run each in a thread.


async def _composed(connection: HTTPConnection) -> Leadgen:
    return leadgen_of(connection)


Composed = Annotated[Leadgen, Depends(_composed)]


def checked(kind: str, given: str) -> str:
    """An id as it may stand in a database; raises UnknownId for what cannot be one."""
    if not _ID.fullmatch(given):
        raise UnknownId(kind, "")
    return given


def as_amount(usd: float) -> str:
    """An amount as it is written elsewhere, to the micro-dollar."""
    return f"{usd:.6f}"


async def _lead_id(lead_id: Annotated[str, Path()]) -> str:
    return checked("lead", lead_id)


async def _job_id(job_id: Annotated[str, Path()]) -> str:
    return checked("job", job_id)


LeadId = Annotated[str, Depends(_lead_id)]
JobId = Annotated[str, Depends(_job_id)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="Any text of your own: sent again with it, the request is carried out once (24 hours).",
    ),
]


class JsonRoute(APIRoute):
    """A route whose body, if it takes one, is JSON and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.body_field is not None and kind not in _JSON and (kind or _has_body(request)):
                raise HTTPException(415)
            return await handle(request)

        return handled


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def fingerprint(request: Request, body: str) -> str:
    """Tells this request from all others of its account."""
    parts = (request.method, request.url.path, request.url.query, body)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


async def once(
    request: Request,
    key: ApiKey,
    idempotency_key: str | None,
    body: str,
    work: Callable[[str | None], Awaitable[Answer]],
    *,
    shown: Callable[[str], Awaitable[str]] | None = None,
    renewed: Callable[[Answer], Awaitable[Answer]] | None = None,
) -> Response:
    """The response to a request that creates or spends; ``work`` gets the id of what it makes, if any.

    ``shown`` makes the body that is sent of the one that is kept: nothing of a person is kept there.
    ``renewed``: what has become of an answer that is given again.
    """
    answer, is_replayed = await _answered(request, key, idempotency_key, body, work)
    if is_replayed and renewed is not None:
        answer = await renewed(answer)
    text = answer.body if shown is None else await shown(answer.body)
    headers = {"Location": answer.location} if answer.location else {}
    if is_replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(text, answer.status, headers, media_type="application/json")


async def once_with_secret(
    request: Request,
    key: ApiKey,
    idempotency_key: str | None,
    body: str,
    make: Callable[[str | None], Awaitable[tuple[BaseModel, str]]],
    *,
    field: str,
) -> Response:
    """As `once`, for what has a secret: its ``field`` is shown in the first response, and kept nowhere."""
    shown: list[str] = []

    async def work(subject: str | None) -> Answer:
        kept, told = await make(subject)
        shown.append(kept.model_copy(update={field: told}).model_dump_json())
        return Answer(201, kept.model_dump_json(), request.url.path)

    response = await once(request, key, idempotency_key, body, work)
    if not shown:
        return response
    headers = {"Location": request.url.path, "Cache-Control": "no-store"}
    return Response(shown[0], 201, headers, media_type="application/json")


async def _answered(
    request: Request,
    key: ApiKey,
    idempotency_key: str | None,
    body: str,
    work: Callable[[str | None], Awaitable[Answer]],
) -> tuple[Answer, bool]:
    if idempotency_key is None:
        return await work(None), False
    mark = fingerprint(request, body)
    return await leadgen_of(request).run_once.run(key.account, idempotency_key, mark, work)
