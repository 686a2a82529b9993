"""`/v1/jobs/{id}/events` and `.../ws`: what happens in a job, each event once, also over reconnects.

Events come from the database, under numbers that it gave them: whoever tells the last number that arrived
goes on behind it, at whichever process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect

from leadgen.composition import Leadgen
from leadgen.domain.api_key import ApiKey
from leadgen.domain.errors import LeadgenError, ServiceUnavailable, UnknownId
from leadgen.domain.job import JobEvent
from leadgen.entrypoints.http import problems
from leadgen.entrypoints.http.access import JobsReader, bearer
from leadgen.entrypoints.http.documents import EventDocument
from leadgen.entrypoints.http.requests import Composed, JobId, checked

router = APIRouter(prefix="/v1", tags=["jobs"])

LOOK_SECONDS = 0.5
_BEAT_SECONDS = 5.0
"""How often an idle stream shows that it lives, and whether its key still does."""

_PAGE_EVENTS = 500
_TEXT = {"type": "string"}
_EVENT = {
    "type": "object",
    "description": "An event of the stream; `data` is the JSON text of an EventDocument.",
    "properties": {"id": _TEXT, "event": {"enum": ["lead", "job"]}, "data": _TEXT},
    "required": ["id", "event", "data"],
}
_STREAM = {"text/event-stream": {"schema": _EVENT}}
Number = Annotated[int, Query(ge=0, le=2**53, description="Go on behind the event with this id.")]


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"description": "Server-sent events, whose data are JSON.", "content": _STREAM},
        204: {"description": "The job has ended, and no event is left. With follow=false: none yet."},
    },
)
async def follow_job(
    *,
    request: Request,
    key: JobsReader,
    leadgen: Composed,
    job_id: JobId,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^[0-9]{1,15}$", description="Go on behind this event.")
    ] = None,
    after: Number = 0,
    follow: Annotated[bool, Query(description="false: end when there are no more events yet.")] = True,
) -> Response:
    """Follow a job: one server-sent event for each lead that ends and each change of the job."""
    seen = after if last_event_id is None else int(last_event_id)
    await _require(leadgen, key, job_id)
    batches = _batches(leadgen, bearer(request.headers), job_id, seen, follow=follow)
    first = await anext(batches, None)
    if first is None:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(job_id, first, batches), headers=headers, media_type="text/event-stream")


@router.websocket("/jobs/{job_id}/ws")
async def follow_job_by_websocket(
    websocket: WebSocket, key: JobsReader, leadgen: Composed, job_id: str, after: Number = 0
) -> None:
    """The same over a WebSocket: a JSON text for each event, closed with 1000 when the job has ended."""
    try:
        await _require(leadgen, key, checked("job", job_id))
    except LeadgenError as error:
        await websocket.send_denial_response(problems.of_error(error))
        return
    await websocket.accept()
    sending = asyncio.create_task(_send(websocket, leadgen, job_id, after))
    leaving = asyncio.create_task(_left(websocket))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await websocket.close(code=1000 if sending.result() else 1013)
    finally:
        for task in (sending, leaving):
            task.cancel()


async def _send(websocket: WebSocket, leadgen: Leadgen, job_id: str, after: int) -> bool:
    """Sends all events; whether the job has ended, rather than that they cannot be read any more."""
    try:
        async for events in _batches(leadgen, bearer(websocket.headers), job_id, after, follow=True):
            for event in events:
                await websocket.send_text(EventDocument.of(job_id, event).model_dump_json())
    except (LeadgenError, WebSocketDisconnect):
        return False
    return True


async def _left(websocket: WebSocket) -> None:
    """Returns when the client is gone; what it sends is not read."""
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()


async def _require(leadgen: Leadgen, key: ApiKey, job_id: str) -> None:
    job = await leadgen.jobs.get(job_id)
    if job is None or job.account != key.account:
        raise UnknownId("job", job_id)


async def _stream(
    job_id: str, first: Sequence[JobEvent], batches: AsyncIterator[Sequence[JobEvent]]
) -> AsyncIterator[str]:
    yield "retry: 1000\n\n" + "".join(_written(job_id, event) for event in first)
    with suppress(LeadgenError):  # the client comes back, and goes on where it was or learns why not
        async for events in batches:
            yield "".join(_written(job_id, event) for event in events) or ": still here\n\n"


def _written(job_id: str, event: JobEvent) -> str:
    document = EventDocument.of(job_id, event)
    return f"id: {document.id}\nevent: {document.kind}\ndata: {document.model_dump_json()}\n\n"


async def _batches(
    leadgen: Leadgen, token: str, job_id: str, seen: int, *, follow: bool
) -> AsyncIterator[Sequence[JobEvent]]:
    """The events behind ``seen`` as they come, an empty batch now and then, until the job has ended.

    Raises NotAuthenticated when the key has ended, and ServiceUnavailable.
    """
    beat_at, is_first = leadgen.clock.monotonic() + _BEAT_SECONDS, True
    while True:
        job = await leadgen.jobs.get(job_id)  # before its events: once it has ended, none is missing
        if job is None:
            raise ServiceUnavailable("the job", job_id, "look again")
        is_due = is_first or leadgen.clock.monotonic() >= beat_at
        if is_due:
            beat_at = leadgen.clock.monotonic() + _BEAT_SECONDS
            await leadgen.keys.authenticate.run(token)
        events = await leadgen.jobs.events(job_id, after=seen, limit=_PAGE_EVENTS)
        if events:
            seen = events[-1].number
            yield events
        elif job.status.is_end or not follow:
            return
        elif is_due:
            yield events
        is_first = False
        if len(events) < _PAGE_EVENTS and follow:
            await leadgen.clock.sleep(LOOK_SECONDS)
