"""Bad input: a problem document, never a 500, never anything half done."""

import json

import httpx2
import pytest

from tests.http.operations import BODIES, is_problem, operations
from tests.http.service import Service

DEEP = b"[" * 100_000


async def test_unknown_fields(client: httpx2.AsyncClient) -> None:
    """Every body refuses a field that it does not know, and names it."""
    refused = 0
    for operation in await operations(client):
        if operation.has_body and not operation.is_csv:
            path = (
                operation.path.replace("{name}", "orion").replace("{lead_id}", "x").replace("{job_id}", "x")
            )
            body = {**BODIES.get(operation.path, {}), "colour": "red"}  # type: ignore[dict-item]  # they are objects
            answer = await client.request(operation.method, path, json=body)
            assert answer.status_code in {404, 422}, operation.label
            if answer.status_code == 422:
                assert "colour" in answer.json()["errors"][0]["where"]
                refused += 1
    assert refused >= 4


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"email":', DEEP, b'{"email": NaN}', b"{}{}"]
)
async def test_no_json(client: httpx2.AsyncClient, body: bytes) -> None:
    """What is no JSON object is refused, however it is wrong."""
    answer = await client.post("/v1/leads", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert is_problem(answer, answer.status_code)


@pytest.mark.parametrize("kind", ["text/plain", "text/csv", "application/xml", "multipart/form-data", "x"])
async def test_wrong_content_type(client: httpx2.AsyncClient, kind: str) -> None:
    """JSON that is said to be something else is not read."""
    for path in ("/v1/leads", "/v1/phone-lookups", "/v1/api-keys"):
        answer = await client.post(path, content=b"{}", headers={"Content-Type": kind})
        assert is_problem(answer, 415, "unsupported-media-type")


async def test_too_large(client: httpx2.AsyncClient) -> None:
    """A body of more than a megabyte is not read, whether its size is told or not."""
    body = json.dumps({"email": "a@b.example", "job_title": "x" * 1_000_000}).encode()

    async def chunks() -> object:
        yield body[:600_000]
        yield body[600_000:]

    headers = {"Content-Type": "application/json"}
    for content in (body, chunks()):
        answer = await client.post("/v1/leads", content=content, headers=headers)  # type: ignore[arg-type]  # an async generator is what it takes
        assert is_problem(answer, 413, "too-large")


async def test_values_that_databases_do_not_take(client: httpx2.AsyncClient) -> None:
    """NUL and the like are cleaned away, halves of characters refused; never is it a server error."""
    lead = {"email": "ada@fernhill.example", "first_name": "A\u0000da", "extra": {"a\u0000b": "\u0000"}}
    answer = await client.post("/v1/leads", json=lead)
    assert (answer.status_code, answer.json()["first_name"]) == (201, "Ada")
    raw = b'{"email": "bob@fernhill.example", "last_name": "\\ud800x", "extra": {"\\udfff": "\\ud800"}}'
    answer = await client.post("/v1/leads", content=raw, headers={"Content-Type": "application/json"})
    assert is_problem(answer, 422)
    answer = await client.post(
        "/v1/api-keys", json={"name": "\u0000☎\ud800".encode("utf-8", "replace").decode()}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/leads", {"limit": 0}),
        ("/v1/leads", {"limit": 501}),
        ("/v1/leads", {"limit": "many"}),
        ("/v1/leads", {"status": "lost"}),
        ("/v1/jobs", {"status": "lost"}),
        ("/v1/jobs", {"limit": -1}),
        ("/v1/usage", {"month": "2026-13"}),
        ("/v1/usage", {"month": "soon"}),
    ],
)
async def test_bad_parameters(client: httpx2.AsyncClient, path: str, params: dict[str, str]) -> None:
    """A parameter that cannot be used is named, its value is not repeated."""
    answer = await client.get(path, params=params)
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["where"] == f"query.{next(iter(params))}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/phone-lookups", {"again": "yes"}),
        ("/v1/phone-lookups", {"again": 1}),
        ("/v1/phone-lookups", {"budget_usd": -1}),
        ("/v1/phone-lookups", {"budget_usd": "5"}),
        ("/v1/phone-lookups", {"budget_usd": 1e300}),
        ("/v1/phone-lookups", {"when_held": "never"}),
        ("/v1/leads", {"email": 5}),
        ("/v1/leads", {"email": "a@b.example", "extra": {"a": 1}}),
        ("/v1/leads", {"email": "a@b.example", "job_title": "x" * 10_001}),
        ("/v1/api-keys", {"scopes": []}),
        ("/v1/api-keys", {"scopes": ["everything"]}),
        ("/v1/api-keys", {"expires_in_days": 0}),
        ("/v1/api-keys", {"name": "x" * 201}),
    ],
)
async def test_wrong_types(
    service: Service, client: httpx2.AsyncClient, path: str, body: dict[str, object]
) -> None:
    """Nothing is taken for something else, and nothing is done."""
    assert is_problem(await client.post(path, json=body), 422)
    assert service.runner.started == []
    assert (await client.get("/v1/leads")).json()["leads"] == []


async def test_other_methods(client: httpx2.AsyncClient) -> None:
    """A method that a path does not take is 405, with those that it does."""
    answer = await client.put("/v1/leads/x", json={})
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, PATCH"
    assert is_problem(await client.get("/v1/nothing"), 404)


async def test_complaints_repeat_nothing(client: httpx2.AsyncClient) -> None:
    """What somebody sends does not come back in problems, where it would end in logs."""
    canary = "canary@fernhill.example"
    for body in (
        {"email": [canary]},
        {"again": canary},
        {"scopes": [canary]},
        {"email": canary, "extra": canary},
    ):
        for path in ("/v1/leads", "/v1/phone-lookups", "/v1/api-keys"):
            answer = await client.post(path, json=body)
            assert answer.status_code in {201, 422}
            assert answer.status_code == 201 or canary not in answer.text
    assert canary not in (await client.get("/v1/leads", params={"cursor": canary})).text
