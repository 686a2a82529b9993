"""`/v1/webhooks`."""

import httpx2
import pytest

from tests.http.operations import is_problem
from tests.http.service import Service

URL = "https://lovelace.example/hook"


async def test_add_list_and_remove(client: httpx2.AsyncClient) -> None:
    """The secret is shown once and kept by nobody on the way; what is removed is gone."""
    added = await client.post("/v1/webhooks", json={"url": URL, "events": ["job.finished"]})
    assert (added.status_code, added.headers["cache-control"]) == (201, "no-store")
    document = added.json()
    assert document.pop("secret").startswith("whsec_")
    assert (await client.get("/v1/webhooks")).json() == {"webhooks": [document]}
    assert (document["url"], document["events"], document["disabled"]) == (URL, ["job.finished"], None)
    assert (await client.delete(f"/v1/webhooks/{document['id']}")).status_code == 204
    assert is_problem(await client.delete(f"/v1/webhooks/{document['id']}"), 404, "not-found")
    assert (await client.get("/v1/webhooks")).json() == {"webhooks": []}


async def test_once(client: httpx2.AsyncClient) -> None:
    """A request that is sent again makes no second webhook, and its answer has no secret any more."""
    first, second = [
        await client.post("/v1/webhooks", json={"url": URL}, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["secret"]
    assert second.json()["secret"] is None
    assert len((await client.get("/v1/webhooks")).json()["webhooks"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": "http://lovelace.example/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://[::ffff:169.254.169.254]/"},
        {"url": "https://user@lovelace.example/"},
        {"url": URL, "events": []},
        {"url": URL, "events": ["lead.lost"]},
        {"url": URL, "secret": "whsec_AAAA"},
    ],
)
async def test_bad_input(client: httpx2.AsyncClient, body: dict[str, object]) -> None:
    """What is never called, an unknown event or field: a problem, and nothing is kept."""
    answer = await client.post("/v1/webhooks", json=body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/v1/webhooks")).json() == {"webhooks": []}


async def test_of_somebody_else(
    service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient
) -> None:
    """A stranger sees and removes nothing."""
    added = (await client.post("/v1/webhooks", json={"url": URL})).json()
    assert (await stranger.get("/v1/webhooks")).json() == {"webhooks": []}
    assert is_problem(await stranger.delete(f"/v1/webhooks/{added['id']}"), 404, "not-found")
    assert len((await client.get("/v1/webhooks")).json()["webhooks"]) == 1
