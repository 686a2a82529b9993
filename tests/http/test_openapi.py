"""The OpenAPI document is true."""

import httpx2

from leadgen.domain.api_key import Scope
from tests.http.operations import operations

PUBLISHED = {
    "GET /v1/leads", "POST /v1/leads", "GET /v1/leads/{lead_id}", "PATCH /v1/leads/{lead_id}",
    "DELETE /v1/leads/{lead_id}", "POST /v1/leads/import", "GET /v1/leads/export",
    "POST /v1/leads/{lead_id}/phone-lookup", "POST /v1/phone-lookups", "GET /v1/jobs",
    "GET /v1/jobs/{job_id}",
    "POST /v1/jobs/{job_id}/pause", "POST /v1/jobs/{job_id}/resume", "POST /v1/jobs/{job_id}/cancel",
    "GET /v1/jobs/{job_id}/events", "GET /v1/providers", "PATCH /v1/providers/{name}", "GET /v1/usage",
    "GET /v1/api-keys", "POST /v1/api-keys", "DELETE /v1/api-keys/{key_id}",
}  # fmt: skip


async def test_operations(client: httpx2.AsyncClient) -> None:
    """Everything that is published is there, and each operation names the one scope that it needs."""
    found = await operations(client)
    assert {operation.label for operation in found} >= PUBLISHED
    assert all(len(operation.scopes) == 1 for operation in found)
    assert {scope for operation in found for scope in operation.scopes} <= set(Scope)


async def test_problems(client: httpx2.AsyncClient) -> None:
    """Each operation tells the problems that it may answer with, all in the media type of problems."""
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1.")
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]
            if path.startswith("/v1"):
                assert set(operation["responses"]) >= {"401", "403", "422", "429", "503"}
            if "requestBody" in operation:
                assert set(operation["responses"]) >= {"413", "415"}
