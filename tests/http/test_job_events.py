"""What happens in a job, as events: each once and in order, over reconnects, by either protocol."""

import asyncio
import json
from contextlib import suppress

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.job import Job, JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.waterfall import Verdict
from tests.http.listening import listen, listen_with_drops
from tests.http.operations import is_problem
from tests.http.service import Service

LEADS = 60


async def carry_out(service: Service, client: httpx2.AsyncClient, count: int = LEADS) -> Job:
    """A job over so many leads, whose first events are there; ``finish`` does the rest."""
    text = "email\n" + "".join(f"person{number}@fernhill.example\n" for number in range(count))
    await client.post("/v1/leads/import", content=text, headers={"Content-Type": "text/csv"})
    job = await service.leadgen.jobs.get(await service.order(client))
    assert job is not None
    await service.leadgen.jobs.plan(job, "carrier")
    return job


async def finish(service: Service, job: Job, pause_seconds: float = 0.0) -> None:
    """Lets all leads of a job end, some at a time, and then the job."""
    while ids := list(await service.leadgen.jobs.open_leads(job.id, start=0, size=10_000))[:7]:
        await service.leadgen.jobs.conclude(
            job, [Conclusion(each, Verdict(EndState.NOT_FOUND)) for each in ids]
        )
        await service.leadgen.clock.sleep(pause_seconds)
    await service.leadgen.jobs.end(job.id, JobStatus.DONE)


async def test_the_whole_story(service: Service, client: httpx2.AsyncClient) -> None:
    """A job that runs, its leads one after the other, its end; then the stream ends: 204 says so."""
    job = await carry_out(service, client, 3)
    await finish(service, job)
    events = [event async for event in listen(client, job.id)]
    assert [(event["kind"], event["status"]) for event in events] == [
        ("job", "running"), *[("lead", "not_found")] * 3, ("job", "done"),
    ]  # fmt: skip
    assert len({event["lead_id"] for event in events}) == 4
    last = {"Last-Event-ID": str(events[-1]["id"])}
    assert (await client.get(f"/v1/jobs/{job.id}/events", headers=last)).status_code == 204


async def test_three_drops(service: Service, client: httpx2.AsyncClient) -> None:
    """A client that loses its connection three times while the job runs sees every event once."""
    job = await carry_out(service, client)
    working = asyncio.create_task(finish(service, job, 0.05))
    seen = await listen_with_drops(client, job.id, [1, 20, 45])
    await working
    assert len(seen) == LEADS + 2
    assert len({event["id"] for event in seen}) == LEADS + 2
    assert len({event["lead_id"] for event in seen if event["kind"] == "lead"}) == LEADS


async def test_to_the_last_so_far(service: Service, client: httpx2.AsyncClient) -> None:
    """Who does not want to follow gets what there is, from where it likes."""
    job = await carry_out(service, client, 2)
    so_far = [event async for event in listen(client, job.id, follow="false")]
    assert [event["status"] for event in so_far] == ["running"]
    path = f"/v1/jobs/{job.id}/events"
    rest = await client.get(path, params={"follow": "false", "after": so_far[0]["id"]})
    assert rest.status_code == 204


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 16, ""])
async def test_bad_event_ids(service: Service, client: httpx2.AsyncClient, last: str) -> None:
    """A Last-Event-ID that was never given is refused, not guessed at."""
    job = await carry_out(service, client, 1)
    answer = await client.get(f"/v1/jobs/{job.id}/events", headers={"Last-Event-ID": last})
    assert is_problem(answer, 422)


async def test_a_key_that_ends(service: Service, client: httpx2.AsyncClient) -> None:
    """A stream ends soon after its key was revoked, though its job goes on."""
    job = await carry_out(service, client, 1)
    token = await service.key()
    events = listen(service.client(token), job.id)
    await anext(events)
    await client.delete(f"/v1/api-keys/{token.split('_')[1]}")
    async with asyncio.timeout(20):
        assert [event async for event in events] == []
    report = await service.leadgen.jobs.report(job.id)
    assert report is not None
    assert not report.job.status.is_end


async def test_a_key_that_ends_while_much_happens(service: Service, client: httpx2.AsyncClient) -> None:
    """A stream that has something to tell all the time ends as soon."""
    job = await carry_out(service, client, 350)
    working = asyncio.create_task(finish(service, job, 0.3))
    token = await service.key()
    events = listen(service.client(token), job.id)
    await anext(events)
    await client.delete(f"/v1/api-keys/{token.split('_')[1]}")
    async with asyncio.timeout(25):
        seen = [event async for event in events]
    assert 0 < len(seen) < 300
    working.cancel()


async def test_websocket(service: Service, client: httpx2.AsyncClient) -> None:
    """The same events come over a WebSocket, also from where one likes, and it is closed at the end."""
    job = await carry_out(service, client, 20)
    working = asyncio.create_task(finish(service, job, 0.05))
    async with socket(service, client, job.id) as first:
        seen = [json.loads(await first.recv()) for _ in range(5)]
    async with socket(service, client, job.id, after=seen[-1]["id"]) as second:
        with suppress(ConnectionClosedOK):
            while True:
                seen.append(json.loads(await second.recv()))
        assert second.close_code == 1000
    await working
    assert seen == [event async for event in listen(client, job.id)]


async def test_websocket_of_nobody(
    service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """Without a key, or of another account, it is never opened."""
    job = await carry_out(service, client, 1)
    for who, job_id, status in ((None, job.id, 401), (stranger, job.id, 404), (client, "x", 404)):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(service, who, job_id):
                pass
        assert refused.value.response.status_code == status


def socket(service: Service, client: httpx2.AsyncClient | None, job_id: str, after: int = 0) -> connect:
    """A WebSocket with the key of a client."""
    address = service.address.replace("http://", "ws://")
    headers = {"Authorization": client.headers["authorization"]} if client else {}
    return connect(f"{address}/v1/jobs/{job_id}/ws?after={after}", additional_headers=headers, proxy=None)
