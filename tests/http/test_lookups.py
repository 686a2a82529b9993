"""Searches: ordered once, however often they are asked for, and told truly when that is not possible."""

import asyncio
import json

import httpx2
import pytest

from leadgen.application.fail_search import FailSearch
from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.job import JobScope
from leadgen.domain.lead import EndState
from leadgen.domain.ordering import Order
from leadgen.domain.phone import WantedLine
from leadgen.domain.search_options import SearchOptions, Strategy
from leadgen.domain.waterfall import Reused, Verdict
from leadgen.entrypoints.cli import render
from tests.http.operations import is_problem
from tests.http.service import Service, serving

CLIENTS = 50


async def test_order(service: Service, client: httpx2.AsyncClient) -> None:
    """An empty order is a job over all leads that have no number: 202, with its place."""
    await service.add_lead(client)
    answer = await client.post("/v1/phone-lookups", json={})
    assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
    assert service.runner.started == [answer.json()["job_id"]]
    job = (await client.get(answer.headers["location"])).json()
    assert (job["job_id"], job["budget_usd"]) == (answer.json()["job_id"], None)


async def test_order_with_a_budget(service: Service, client: httpx2.AsyncClient) -> None:
    """A budget and a single lead are part of the order."""
    lead = await service.add_lead(client)
    order = {"lead_id": lead["id"], "budget_usd": 0.5, "again": True, "when_held": "spill"}
    assert (await client.post("/v1/phone-lookups", json=order)).json()["budget_usd"] == 0.5


async def test_order_with_all_words(service: Service, client: httpx2.AsyncClient) -> None:
    """Whatever `phones find` takes is part of an order, and read as the command reads it."""
    words = {"strategy": "hedged", "hedge_after": "300ms", "grace": "0.1s", "line": "mobile", "fresh": True}
    order = {**words, "max_price_usd": 0.05, "order": "cost", "panel": "1%", "when_held": "skip"}
    answer = await client.post("/v1/phone-lookups", json=order)
    assert (answer.status_code, answer.json()["strategy"]) == (202, "hedged")
    job = await service.leadgen.jobs.get(answer.json()["job_id"])
    assert job is not None
    assert (job.order, job.panel, job.scope.again) == (Order.COST, 0.01, True)
    assert job.options == SearchOptions(Strategy.HEDGED, 0.3, 0.1, WantedLine.MOBILE, 50_000, fresh=True)


async def test_order_of_what_failed(service: Service, client: httpx2.AsyncClient) -> None:
    """A job can be confined to the leads that ended badly, in all or in one earlier job."""
    earlier = await service.order(client)
    answer = await client.post("/v1/phone-lookups", json={"only": "failed", "job_id": earlier})
    job = await service.leadgen.jobs.get(answer.json()["job_id"])
    assert job is not None
    assert job.scope == JobScope(only=EndState.FAILED, of_job=earlier)
    unknown = {"only": "failed", "job_id": "nothing"}
    assert is_problem(await client.post("/v1/phone-lookups", json=unknown), 404)


@pytest.mark.parametrize(
    "order",
    [
        {"job_id": "x"},
        {"only": "failed", "again": True},
        {"only": "failed", "fresh": True},
        {"only": "failed", "lead_id": "x"},
        {"only": "found"},
        {"strategy": "fastest"},
        {"hedge_after": "soon"},
        {"grace": "5"},
        {"line": "fax"},
        {"panel": "101%"},
        {"max_price_usd": -1},
    ],
)
async def test_orders_that_make_no_sense(
    service: Service, client: httpx2.AsyncClient, order: dict[str, object]
) -> None:
    """What `phones find` refuses is refused, and nothing is ordered."""
    assert is_problem(await client.post("/v1/phone-lookups", json=order), 422)
    assert service.runner.started == []


async def test_one_lead_with_words(service: Service, client: httpx2.AsyncClient) -> None:
    """The search for one lead takes the words of how to search."""
    lead = await service.add_lead(client)
    path = f"/v1/leads/{lead['id']}/phone-lookup"
    assert (await client.post(path, json={"strategy": "parallel", "line": "mobile"})).status_code == 200
    assert service.searcher.options == [SearchOptions(Strategy.PARALLEL, line=WantedLine.MOBILE)]
    assert is_problem(await client.post(path, json={"hedge_after": "soon"}), 422)
    assert is_problem(await client.post(path, json={"budget_usd": 1}), 422)


async def test_progress_of_a_job(client: httpx2.AsyncClient, service: Service) -> None:
    """A job's document has what `jobs show --json` has."""
    lead = await service.add_lead(client)
    job_id = await service.order(client)
    job = await service.leadgen.jobs.get(job_id)
    assert job is not None
    assert await service.leadgen.jobs.plan(job, "carrier") == 1
    running = (await client.get(f"/v1/jobs/{job_id}")).json()
    assert (running["leads"], running["settled"], running["leads_per_second"]) == (1, 0, 0)
    verdict = Verdict(EndState.NOT_FOUND, reused=Reused(2, 30_000))
    await service.leadgen.jobs.conclude(job, [Conclusion(lead["id"], verdict)])
    story = render.job_story_document(await service.leadgen.show_job.run("default", job_id))
    shown = (await client.get(f"/v1/jobs/{job_id}")).json()
    assert {name for name in story if name not in shown} == set()
    assert shown["reused"] == {"calls": 2, "saved_usd": 0.03}
    assert (shown["settled"], shown["not_found"], shown["seconds_left"]) == (1, 1, 0)


async def test_fifty_clients_with_one_key(service: Service, client: httpx2.AsyncClient) -> None:
    """Of fifty that order at once under one Idempotency-Key, all that get a job get the same one."""
    token = client.headers["authorization"].removeprefix("Bearer ")
    clients = [service.client(token) for _ in range(CLIENTS)]
    headers = {"Idempotency-Key": "order-1"}

    async def order(each: httpx2.AsyncClient) -> str:
        while True:
            answer = await each.post("/v1/phone-lookups", json={}, headers=headers)
            if answer.status_code == 202:
                return str(answer.json()["job_id"])
            assert is_problem(answer, 409, "conflict")

    ids = await asyncio.gather(*(order(each) for each in clients))
    assert len(set(ids)) == 1
    assert [job["job_id"] for job in (await client.get("/v1/jobs")).json()["jobs"]] == ids[:1]
    assert service.runner.started == ids[:1]


async def test_a_key_for_something_else(service: Service, client: httpx2.AsyncClient) -> None:
    """Under a key that was used for another body, or another path, nothing is done."""
    headers = {"Idempotency-Key": "one"}
    await client.post("/v1/phone-lookups", json={}, headers=headers)
    for path, body in (("/v1/phone-lookups", {"again": True}), ("/v1/leads", {"email": "a@b.example"})):
        assert is_problem(await client.post(path, json=body, headers=headers), 422)
    assert len(service.runner.started) == 1
    assert (await client.get("/v1/leads")).json()["leads"] == []


async def test_keys_of_accounts(
    service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """The same Idempotency-Key of another account is another one."""
    headers = {"Idempotency-Key": "one"}
    answers = [await each.post("/v1/phone-lookups", json={}, headers=headers) for each in (client, stranger)]
    assert len({answer.json()["job_id"] for answer in answers}) == 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ü"])
async def test_a_bad_key(client: httpx2.AsyncClient, key: str) -> None:
    """What is no Idempotency-Key is refused."""
    headers = {"Idempotency-Key": key.encode()}
    answer = await client.post("/v1/phone-lookups", json={}, headers=headers)  # type: ignore[arg-type]  # bytes as they are sent
    assert is_problem(answer, 422)


async def test_temporal_is_away(service: Service, client: httpx2.AsyncClient) -> None:
    """503 with Retry-After, nothing is recorded, and the same request succeeds once it is back."""
    lead = await service.add_lead(client)
    service.runner.down = service.searcher.down = True
    headers = {"Idempotency-Key": "one"}
    for path in ("/v1/phone-lookups", f"/v1/leads/{lead['id']}/phone-lookup"):
        for given in ({}, headers):
            answer = await client.post(path, json={}, headers=given)
            assert is_problem(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert "nowhere" not in answer.text
        headers = {"Idempotency-Key": "two"}
    assert is_problem(await client.get("/readyz"), 503)
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/v1/jobs")).json()["jobs"] == []
    service.runner.down = False
    again = await client.post("/v1/phone-lookups", json={}, headers={"Idempotency-Key": "one"})
    assert (again.status_code, len(service.runner.started)) == (202, 1)


async def test_one_lead(service: Service, client: httpx2.AsyncClient) -> None:
    """A search that ends in time is 200, one that does not 202 with where to look; Prefer tells how long."""
    lead = await service.add_lead(client)
    path = f"/v1/leads/{lead['id']}/phone-lookup"
    done = await client.post(path, headers={"Prefer": "respond-async, wait=7"})
    assert (done.status_code, done.headers["preference-applied"]) == (200, "wait=7")
    service.searcher.has_ended = False
    later = await client.post(path, params={"wait_seconds": 3})
    assert (later.status_code, later.json()["status"]) == (202, None)
    assert later.headers["location"] == f"/v1/leads/{lead['id']}"
    assert (await client.post(path)).status_code == 202
    assert [each[1:] for each in service.searcher.searched] == [(lead["id"], wait) for wait in (7, 3, 0)]
    assert is_problem(await client.post(path, params={"wait_seconds": 61}), 422)


async def test_one_lead_once_more(service: Service, client: httpx2.AsyncClient) -> None:
    """Sent again, the order of a search is not carried out again, and tells how the search stands by then."""
    lead_id = (await service.add_lead(client))["id"]
    path, headers = f"/v1/leads/{lead_id}/phone-lookup", {"Idempotency-Key": "one"}
    service.searcher.has_ended = False
    first = await client.post(path, headers=headers)
    assert (first.status_code, "idempotency-replayed" in first.headers) == (202, False)
    under_way = await client.post(path, headers=headers)
    service.searcher.has_ended = True
    verdict = Verdict(EndState.NOT_FOUND)
    await service.leadgen.leads.conclude("default", Conclusion(lead_id, verdict))
    over = await client.post(path, headers=headers)
    told = [(each.status_code, each.json()["status"]) for each in (first, under_way, over)]
    assert told == [(202, None), (202, None), (200, "not_found")]
    for each in (under_way, over):
        assert each.headers["idempotency-replayed"] == "true"
        assert each.headers["location"] == first.headers["location"]
    assert len(service.searcher.searched) == 1


async def test_one_lead_once_more_after_a_failure(service: Service, client: httpx2.AsyncClient) -> None:
    """A search that failed meanwhile is told as failed, with the reason."""
    lead_id = (await service.add_lead(client))["id"]
    path, headers = f"/v1/leads/{lead_id}/phone-lookup", {"Idempotency-Key": "one"}
    service.searcher.has_ended = False
    assert (await client.post(path, headers=headers)).status_code == 202
    service.searcher.has_ended = True
    await FailSearch(leads=service.leadgen.leads).run("default", lead_id, "set a key")
    over = await client.post(path, headers=headers)
    assert (over.status_code, over.json()["status"], over.json()["reason"]) == (200, "failed", "set a key")


async def test_an_end_stays_an_end(service: Service, client: httpx2.AsyncClient) -> None:
    """An order whose search had ended is told so, whatever is searched by then, and without Temporal."""
    lead_id = (await service.add_lead(client))["id"]
    path, headers = f"/v1/leads/{lead_id}/phone-lookup", {"Idempotency-Key": "one"}
    assert (await client.post(path, headers=headers)).status_code == 200
    service.searcher.has_ended, service.searcher.down = False, True
    assert (await client.post(path, headers=headers)).status_code == 200
    service.searcher.down = False
    assert (await client.post(path, headers={"Idempotency-Key": "two"})).status_code == 202
    service.searcher.down = True
    assert is_problem(await client.post(path, headers={"Idempotency-Key": "two"}), 503, "unavailable")


async def test_a_search_that_failed(service: Service, client: httpx2.AsyncClient) -> None:
    """Who waits for it and who looks at the lead later are told that it failed, why, and what to do."""
    lead_id = (await service.add_lead(client))["id"]
    assert (await client.get(f"/v1/leads/{lead_id}")).json()["phone_reason"] is None
    await FailSearch(leads=service.leadgen.leads).run("default", lead_id, "set a key")
    waited = await client.post(f"/v1/leads/{lead_id}/phone-lookup", params={"wait_seconds": 9})
    told = waited.json()
    assert (waited.status_code, told["status"], told["reason"]) == (200, "failed", "set a key")
    looked = (await client.get(waited.headers["location"])).json()
    assert (looked["phone_status"], looked["phone_reason"]) == ("failed", "set a key")


async def test_a_search_that_was_broken_off(service: Service, client: httpx2.AsyncClient) -> None:
    """A search that has ended and left nothing behind has failed: it is not told as going on."""
    lead_id = (await service.add_lead(client))["id"]
    ended = await client.post(f"/v1/leads/{lead_id}/phone-lookup", params={"wait_seconds": 9})
    assert (ended.status_code, ended.json()["status"]) == (200, "failed")
    assert "order it again" in ended.json()["reason"]


async def test_no_provider_has_a_key(database_url: str) -> None:
    """Nothing is ordered that could ask nobody, and the problem says what to set."""
    async with serving(database_url, has_key=False) as service:
        client = service.client(await service.key())
        lead = await service.add_lead(client)
        for path in ("/v1/phone-lookups", f"/v1/leads/{lead['id']}/phone-lookup", "/v1/jobs/x/resume"):
            answer = await client.post(path, json={})
            assert is_problem(answer, 503, "unavailable")
            assert "LEADGEN_ORION_API_KEY" in answer.json()["detail"]
        assert (service.runner.started, service.searcher.searched) == ([], [])
        assert (await client.get("/v1/jobs")).json()["jobs"] == []


async def test_a_lead_that_has_a_number(service: Service, client: httpx2.AsyncClient) -> None:
    """Nobody is asked about it."""
    lead = {"email": "ada@fernhill.example", "phone_number": "+12025550123"}
    lead_id = (await client.post("/v1/leads", json=lead)).json()["id"]
    found = await client.post(f"/v1/leads/{lead_id}/phone-lookup")
    assert (found.status_code, found.json()["phone"], found.json()["status"]) == (
        200,
        "+12025550123",
        "found",
    )
    assert service.searcher.searched == []


async def test_wishes(service: Service, client: httpx2.AsyncClient) -> None:
    """A job is paused, resumed and cancelled, each as often as one likes; then it stays as it is."""
    job_id = await service.order(client)
    for wish, status, wanted in (
        ("pause", "paused", "pause"),
        ("pause", "paused", "pause"),
        ("resume", "waiting", "run"),
        ("cancel", "waiting", "cancel"),
    ):
        answer = await client.post(f"/v1/jobs/{job_id}/{wish}")
        document = answer.json()
        assert (answer.status_code, document["status"], document["wanted"]) == (200, status, wanted)
    assert is_problem(await client.post(f"/v1/jobs/{job_id}/pause"), 409, "conflict")
    body = {"budget_usd": 3}
    assert is_problem(await client.post(f"/v1/jobs/{job_id}/resume", json=body), 409)


async def test_jobs(service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    """An account sees its own jobs, newest first, page by page and by status."""
    ids = [await service.order(client) for _ in range(5)]
    await client.post(f"/v1/jobs/{ids[0]}/pause")
    first = (await client.get("/v1/jobs", params={"limit": 3})).json()
    rest = (await client.get("/v1/jobs", params={"limit": 3, "cursor": first["next"]})).json()
    assert [job["job_id"] for job in first["jobs"] + rest["jobs"]] == ids[::-1]
    assert rest["next"] is None
    paused = (await client.get("/v1/jobs", params={"status": "paused"})).json()["jobs"]
    assert [job["job_id"] for job in paused] == ids[:1]
    assert (await stranger.get("/v1/jobs")).json() == {"jobs": [], "next": None}


async def test_usage(client: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    """An account sees its tier, what is left of its quota, and what it has spent."""
    own = (await client.get("/v1/usage")).json()
    assert (own["tier"], own["quota"], own["cost_usd"]) == ("enterprise", None, 0)
    free = (await stranger.get("/v1/usage", params={"month": "2026-03"})).json()
    assert free["quota"] == {"lookups": 100, "used": 0, "left": 100}
    assert (free["month"], free["providers"]) == ("2026-03", {})


async def test_providers(client: httpx2.AsyncClient) -> None:
    """Providers are listed in their order and changed by the keys of the command line."""
    names = [each["name"] for each in (await client.get("/v1/providers")).json()["providers"]]
    assert names == ["orion", "astra", "nimbus"]
    change = {"rate": "7/1s,100/1h", "price": 0.0125, "enabled": False, "timeout": "2s", "priority": 9}
    changed = (await client.patch("/v1/providers/orion", json=change)).json()
    assert {key: changed[key] for key in change} == change
    assert is_problem(await client.patch("/v1/providers/orion", json={"rate": "fast"}), 422)
    listed = (await client.get("/v1/providers")).json()["providers"]
    assert json.dumps(changed) == json.dumps(listed[-1])
