"""The operations of the service, as its own OpenAPI document tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

PUBLIC = {"/healthz", "/readyz"}
BODIES: Mapping[str, object] = {
    "/v1/leads": {"email": "ada@fernhill.example"},
    "/v1/leads/{lead_id}": {"job_title": "CTO"},
    "/v1/webhooks": {"url": "https://fernhill.example/hook"},
    "/v1/providers/{name}": {"enabled": True},
}


@dataclass(frozen=True)
class Operation:
    """A method of a path, and what it needs."""

    method: str
    path: str
    scopes: Sequence[str]
    has_body: bool
    is_csv: bool

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.method.upper()} {self.path}"

    async def call(self, client: httpx2.AsyncClient, **ids: str) -> httpx2.Response:
        """The response to a well-formed request with these ids in its path, ``x`` for others."""
        path = self.path
        for name in ("lead_id", "job_id", "key_id", "webhook_id", "name"):
            path = path.replace(f"{{{name}}}", ids.get(name, "x"))
        if self.is_csv:
            headers = {"Content-Type": "text/csv"}
            return await client.request(self.method, path, content="email\na@b.example\n", headers=headers)
        body = BODIES.get(self.path, {}) if self.has_body else None
        return await client.request(self.method, path, json=body)


async def operations(client: httpx2.AsyncClient) -> list[Operation]:
    """All operations that need a key."""
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    return [
        Operation(
            method,
            path,
            [scope for each in operation.get("security", []) for scope in each["ApiKey"]],
            "requestBody" in operation,
            "text/csv" in operation.get("requestBody", {}).get("content", {}),
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path not in PUBLIC
    ]


def is_problem(answer: httpx2.Response, status: int, name: str = "") -> bool:
    """Whether this is a problem document of a status, and of a type if one is named."""
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text)
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"].startswith("urn:leadgen:problem:")
    assert document["title"]
    is_that = name in document["type"] and answer.status_code == status
    assert is_that, (status, name, document)
    return True
