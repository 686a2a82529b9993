"""Ids of other accounts, and ids of nobody: for every route that takes one, by the OpenAPI document."""

import httpx2

from tests.http.operations import is_problem, operations
from tests.http.service import Service


async def test_foreign_ids(
    service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """All routes × foreign ids: 404, as if there were no such thing, and nothing is changed."""
    lead = await service.add_lead(client)
    job_id = await service.order(client)
    key_id = (await client.get("/v1/api-keys")).json()["keys"][0]["id"]
    before = [await client.get(f"/v1/{each}") for each in ("leads", "jobs", "api-keys")]
    called = 0
    for operation in await operations(client):
        if "{" in operation.path and "{name}" not in operation.path:
            foreign = await operation.call(stranger, lead_id=lead["id"], job_id=job_id, key_id=key_id)
            assert is_problem(foreign, 404, "not-found"), operation.label
            for nobody in ("x", "0" * 64, "%00", "a%00b", "%F0%9F%93%9E", "..%2F..", "'--", "a" * 300):
                ids = dict.fromkeys(("lead_id", "job_id", "key_id", "webhook_id"), nobody)
                answer = await operation.call(client, **ids)
                assert is_problem(answer, 404, "not-found"), (operation.label, nobody)
                assert nobody not in (answer.json().get("detail") or "") or nobody == "x"
            called += 1
    assert called >= 10
    after = [await client.get(f"/v1/{each}") for each in ("leads", "jobs", "api-keys")]
    assert [each.json() for each in after] == [each.json() for each in before]


async def test_a_foreign_lead_in_a_body(
    service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """Nobody orders a search for somebody else's lead."""
    lead = await service.add_lead(client)
    assert is_problem(await stranger.post("/v1/phone-lookups", json={"lead_id": lead["id"]}), 404)
    assert (await stranger.get("/v1/jobs")).json()["jobs"] == []


async def test_unknown_provider(client: httpx2.AsyncClient) -> None:
    """A provider that there is not is 404."""
    for name in ("nobody", "%00", "orion%2F"):
        assert is_problem(await client.patch(f"/v1/providers/{name}", json={}), 404)
