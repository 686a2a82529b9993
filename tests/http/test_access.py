"""Who may do what."""

import asyncio
import time
from datetime import timedelta

import httpx2
import pytest
from fastapi import APIRouter

from leadgen.application.authenticate_key import TRUST_SECONDS
from leadgen.domain.api_key import Scope
from leadgen.entrypoints.http.access import unguarded
from leadgen.entrypoints.http.app import create_app
from leadgen.settings import Settings
from tests.http.operations import is_problem, operations
from tests.http.service import Service, serving


async def test_without_a_key(service: Service, client: httpx2.AsyncClient) -> None:
    """Nothing but the public paths is reached without a key, also nothing that there is not."""
    nobody = service.client(None)
    for operation in await operations(client):
        answer = await operation.call(nobody)
        assert is_problem(answer, 401, "not-authenticated"), operation.label
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert is_problem(await nobody.get("/v1/nothing"), 401)
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert (await nobody.get(path)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Basic YTpi",
        "Bearer nonsense",
        "Bearer lg_1_2",
        f"Bearer lg_{'0' * 32}_{'0' * 64}",
    ],
)
async def test_a_bad_key(service: Service, header: str) -> None:
    """What is no key, or nobody's, is refused, and not repeated."""
    answer = await service.client(None).get("/v1/leads", headers={"Authorization": header})
    assert is_problem(answer, 401)
    assert "nonsense" not in answer.text


async def test_a_wrong_secret(service: Service) -> None:
    """The id of a key alone opens nothing."""
    token = await service.key()
    other = service.client(token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert is_problem(await other.get("/v1/leads"), 401)


async def test_an_expired_key(service: Service) -> None:
    """A key ends at its moment, also one that was just found good."""
    ends_at = service.leadgen.clock.now() + timedelta(seconds=0.5)
    new = await service.leadgen.keys.create.run("default", expires_at=ends_at)
    client = service.client(new.token)
    assert (await client.get("/v1/leads")).status_code == 200
    await service.leadgen.clock.sleep(0.6)
    assert is_problem(await client.get("/v1/leads"), 401)


async def test_a_revoked_key(service: Service, client: httpx2.AsyncClient) -> None:
    """Who has used a key until it was revoked is refused within seconds."""
    token = await service.key()
    other = service.client(token)
    assert (await other.get("/v1/leads")).status_code == 200
    assert (await client.delete(f"/v1/api-keys/{token.split('_')[1]}")).status_code == 204
    deadline = time.monotonic() + TRUST_SECONDS + 1
    while (await other.get("/v1/leads")).status_code == 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    assert is_problem(await other.get("/v1/leads"), 401)


async def test_scopes(service: Service, client: httpx2.AsyncClient) -> None:
    """Every operation needs its scope: a key with all others is refused, one with it alone is not."""
    for operation in await operations(client):
        (scope,) = operation.scopes
        without = service.client(await service.key(scopes=set(Scope) - {Scope(scope)}))
        refused = await operation.call(without)
        assert is_problem(refused, 403, "not-allowed"), operation.label
        assert scope in refused.json()["detail"]
        alone = service.client(await service.key(scopes={Scope(scope)}))
        assert (await operation.call(alone)).status_code != 403, operation.label


async def test_a_route_without_a_scope(service: Service) -> None:
    """Is refused when the app is made, so that nobody forgets one."""
    app = create_app(service.leadgen, Settings())
    assert unguarded(app) == []
    router = APIRouter(prefix="/v1")

    @router.get("/secrets")
    async def secrets() -> None:
        """Tell everything to everybody."""

    app.router.routes.extend(router.routes)
    assert unguarded(app) == ["/v1/secrets"]


async def test_rate_limit(database_url: str) -> None:
    """A key gets as many requests as its limit allows, another one is not concerned."""
    async with serving(database_url, api_rate="5/1h") as service:
        busy, other = service.client(await service.key()), service.client(await service.key())
        answers = [await busy.get("/v1/leads") for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
        assert is_problem(answers[-1], 429, "too-many-requests")
        assert 3_590 <= int(answers[-1].headers["retry-after"]) <= 3_600
        assert (await other.get("/v1/leads")).status_code == 200


async def test_keys(service: Service, client: httpx2.AsyncClient) -> None:
    """A key makes others with no more than it may itself, shows them once, and cannot delete itself."""
    made = await client.post(
        "/v1/api-keys", json={"name": "ci", "scopes": ["leads:read"], "expires_in_days": 1}
    )
    assert (made.status_code, made.json()["scopes"]) == (201, ["leads:read"])
    reader = service.client(made.json()["key"])
    assert (await reader.get("/v1/leads")).status_code == 200
    listed = (await client.get("/v1/api-keys")).json()
    assert {each["name"] for each in listed["keys"]} == {"", "ci"}
    assert made.json()["key"] not in (await client.get("/v1/api-keys")).text
    own = next(each["id"] for each in listed["keys"] if each["name"] == "")
    assert is_problem(await client.delete(f"/v1/api-keys/{own}"), 409)
    admin = service.client(await service.key(scopes={Scope.KEYS_ADMIN}))
    assert is_problem(await admin.post("/v1/api-keys", json={"scopes": ["jobs:run"]}), 403)
    inherited = await admin.post("/v1/api-keys", json={})
    assert inherited.json()["scopes"] == ["keys:admin"]


async def test_providers_belong_to_the_operator(service: Service, stranger: httpx2.AsyncClient) -> None:
    """A key of another account cannot change what all accounts share."""
    assert is_problem(await stranger.patch("/v1/providers/orion", json={"enabled": False}), 403)
    assert is_problem(await stranger.post("/v1/api-keys", json={"scopes": ["providers:write"]}), 403)


async def test_a_key_is_made_once(service: Service, client: httpx2.AsyncClient) -> None:
    """With an Idempotency-Key the same key comes back, without its secret, which is kept nowhere."""
    headers = {"Idempotency-Key": "one"}
    first, second = [await client.post("/v1/api-keys", json={}, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["idempotency-replayed"] == "true"
    assert {**first.json(), "key": None} == second.json()
