"""Listening to a job as a program does that has no browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2


async def listen(
    client: httpx2.AsyncClient, job_id: str, last: int | None = None, **params: str
) -> AsyncIterator[dict[str, Any]]:
    """The events behind ``last`` until the service ends the stream; their ids must grow."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    path = f"/v1/jobs/{job_id}/events"
    async with client.stream("GET", path, headers=headers, params=params) as answer:
        if answer.status_code == 204:
            return
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        given: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                given[name] = value
            elif "data" in given:
                event = json.loads(given["data"])
                assert (str(event["id"]), event["kind"]) == (given["id"], given["event"])
                assert last is None or event["id"] > last
                last = event["id"]
                yield event
                given = {}


async def listen_with_drops(
    client: httpx2.AsyncClient, job_id: str, drops: list[int]
) -> list[dict[str, Any]]:
    """All events of a job to its end; the connection is dropped after so many of them, and opened again."""
    seen: list[dict[str, Any]] = []
    for drop in [*drops, None]:
        last = seen[-1]["id"] if seen else None
        events = listen(client, job_id, last)
        async for event in events:
            seen.append(event)
            if len(seen) == drop:
                await events.aclose()  # type: ignore[attr-defined]  # it is a generator
                break
    return seen
