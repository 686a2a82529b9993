"""What is away is told as 503; what anybody sends is told to nobody."""

from pathlib import Path

import httpx2
import pytest

from leadgen.domain.api_key import token_of
from tests.http.fuzz import served
from tests.http.operations import is_problem, operations
from tests.http.service import Service, serving
from tests.servers.valkey import valkey_server

CANARY = "canary-7f3a"


async def test_database_is_away(service: Service, client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """Every operation is 503 with Retry-After; the process lives, but is not ready."""
    async with serving(f"sqlite:///{tmp_path}/without-tables.db") as broken:
        unlucky = broken.client(token_of("0" * 32, "0" * 64))
        for operation in await operations(client):
            answer = await operation.call(unlucky)
            assert is_problem(answer, 503, "unavailable"), operation.label
            assert int(answer.headers["retry-after"]) > 0
            assert str(tmp_path) not in answer.text
        ready = await unlucky.get("/readyz")
        assert is_problem(ready, 503)
        assert "the database" in ready.json()["detail"]
        assert (await unlucky.get("/healthz")).status_code == 200


async def test_temporal_is_away(service: Service, client: httpx2.AsyncClient) -> None:
    """A service whose Temporal does not answer is not ready, says so, and is ready when it is back."""
    assert (await client.get("/readyz")).json() == {"status": "ok"}
    service.runner.down = True
    away = await client.get("/readyz")
    assert is_problem(away, 503)
    assert "Temporal" in away.json()["detail"]
    assert int(away.headers["retry-after"]) > 0
    service.runner.down = False
    assert (await client.get("/readyz")).status_code == 200


async def test_redis_is_away(database_url: str) -> None:
    """A service goes on without Redis, and says that it does."""
    with valkey_server() as valkey:
        async with serving(database_url, redis_url=valkey.url) as service:
            client = service.client(None)
            assert (await client.get("/readyz")).json() == {"status": "ok"}
            valkey.kill()
            without = await client.get("/readyz")
            assert (without.status_code, without.json()["status"]) == (200, "degraded")
            assert "Redis" in without.json()["detail"]
            valkey.start()
            assert (await client.get("/readyz")).json() == {"status": "ok"}


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_nothing_personal_is_logged(tmp_path: Path, log_format: str) -> None:
    """Neither a key nor anything of a lead stands in a log, whatever becomes of the request."""
    settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": log_format}
    with served(tmp_path, "127.0.0.1:1", **settings) as there:
        headers = {"Authorization": f"Bearer {there.key}"}
        with httpx2.Client(base_url=there.address, headers=headers, trust_env=False) as client:
            lead = {
                "email": f"{CANARY}@fernhill.example",
                "first_name": CANARY,
                "phone_number": "+12025550177",
            }
            assert client.post("/v1/leads", json=lead).status_code == 201
            assert client.get("/v1/leads", params={"email": lead["email"]}).json()["leads"]
            csv = {"Content-Type": "text/csv"}
            client.post("/v1/leads/import", content=f"email\n{CANARY}@b.example\n{CANARY}\n", headers=csv)
            for body in ({"email": [CANARY]}, {CANARY: 1}, {"email": CANARY}):
                assert client.post("/v1/leads", json=body).status_code == 422
            assert client.get(f"/v1/leads/{CANARY}").status_code == 404
            assert client.post("/v1/phone-lookups", json={}).status_code == 503
            assert client.get("/v1/leads", headers={"Authorization": f"Bearer {CANARY}"}).status_code == 401
        assert there.process.stop() == 0
        for secret in (CANARY, there.key, there.key[-64:], "2025550177"):
            assert secret not in there.process.text
