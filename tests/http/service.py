"""The real app on a socket of this machine, over a real database; nothing carries its jobs out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from sqlalchemy import create_engine, insert

from leadgen.adapters.persistence.tables import accounts
from leadgen.adapters.system import SystemClock
from leadgen.composition import Leadgen, Overrides, compose
from leadgen.domain.api_key import Scope
from leadgen.entrypoints.http.app import create_app
from leadgen.entrypoints.http.server import listen, serve_app
from leadgen.settings import Settings
from tests.fakes.job_runner import RecordingJobRunner
from tests.fakes.lead_searcher import RecordingLeadSearcher
from tests.fakes.phone_provider import ScriptedProvider

ACCOUNT = "default"
OTHER = "umbrella"
AMPLE = "100000/1s"


@dataclass
class Service:
    """A running service, the leadgen behind it, and clients with keys."""

    address: str
    leadgen: Leadgen
    runner: RecordingJobRunner
    searcher: RecordingLeadSearcher
    _clients: list[httpx2.AsyncClient] = field(default_factory=list)

    async def key(self, account: str = ACCOUNT, scopes: Collection[Scope] | None = None) -> str:
        """A new key, which allows everything unless scopes are named."""
        return (await self.leadgen.keys.create.run(account, scopes=scopes)).token

    def client(self, token: str | None) -> httpx2.AsyncClient:
        """A client that sends this key, or none."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        limits = httpx2.Limits(max_connections=250)
        client = httpx2.AsyncClient(
            base_url=self.address, headers=headers, timeout=30, trust_env=False, limits=limits
        )
        self._clients.append(client)
        return client

    async def add_lead(self, client: httpx2.AsyncClient, number: int = 1) -> dict[str, Any]:
        """A new lead of whoever the client is."""
        answer = await client.post("/v1/leads", json={"email": f"person{number}@fernhill.example"})
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def order(self, client: httpx2.AsyncClient) -> str:
        """The id of a new job of whoever the client is."""
        answer = await client.post("/v1/phone-lookups", json={})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    async def close(self) -> None:
        """Closes all clients."""
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def serving(
    database_url: str, api_rate: str = AMPLE, redis_url: str | None = None, *, has_key: bool = True
) -> AsyncIterator[Service]:
    """A service on a free port, over a migrated database; ``has_key``: whether one provider has a key."""
    settings = Settings(database_url=database_url, api_rate=api_rate, redis_url=redis_url)
    runner, searcher = RecordingJobRunner(), RecordingLeadSearcher()
    stop = asyncio.Event()
    providers = {"orion": ScriptedProvider(SystemClock())} if has_key else {}
    overrides = Overrides(providers=providers, runner=runner, searcher=searcher)
    with listen("127.0.0.1", 0) as listener:
        async with compose(settings, overrides) as leadgen:
            serving = asyncio.create_task(serve_app(create_app(leadgen, settings), listener, stop))
            service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}", leadgen, runner, searcher)
            try:
                yield service
            finally:
                await service.close()
                stop.set()
                await serving


def add_account(database_url: str, name: str = OTHER, tier: str = "free") -> None:
    """One more account."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        row = {"id": name, "tier": tier, "created_at": datetime.now(UTC)}
        connection.execute(insert(accounts).values(row))
    engine.dispose()
