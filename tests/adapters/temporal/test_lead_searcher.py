"""Searches of single leads over a real server: whether one goes on, has ended or has failed."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.temporal.lead_searcher import TemporalLeadSearcher
from leadgen.application.look_at_search import LookAtSearch
from leadgen.application.ports.lead_repository import Arrival
from leadgen.composition import Overrides, compose
from leadgen.domain.lead import EndState
from leadgen.settings import Settings
from leadgen.workflows.find_phone.payloads import SearchReport
from tests.builders import profile
from tests.workflows.fakes import HOUR, FakeSearch, gone_for_good, working

WAIT_SECONDS = 9


def searcher(client: Client, queue: str) -> TemporalLeadSearcher:
    """What orders searches of the workers of a queue."""

    async def connected() -> Client:
        return client

    return TemporalLeadSearcher(connected, queue)


async def test_search_under_way(dev_server: WorkflowEnvironment) -> None:
    """A search goes on from its order to its end, whether somebody waits for it or not."""
    lead_id = str(uuid4())
    async with working(dev_server.client, FakeSearch([HOUR]).search_lead) as queue:
        search = searcher(dev_server.client, queue)
        assert not await search.goes_on(lead_id)
        assert not await search.search("acme", lead_id, wait_seconds=0)
        assert not await search.search("acme", lead_id, wait_seconds=0.1)
        assert await search.goes_on(lead_id)
        await dev_server.client.get_workflow_handle(f"find-phone-{lead_id}").terminate()
        assert not await search.goes_on(lead_id)


@pytest.mark.parametrize("last", [SearchReport("found", "astra", "0.030000"), gone_for_good()])
async def test_search_that_is_over(dev_server: WorkflowEnvironment, last: SearchReport) -> None:
    """One that has failed has ended as well, for who waits and for who looks later."""
    lead_id = str(uuid4())
    async with working(dev_server.client, FakeSearch([last]).search_lead) as queue:
        search = searcher(dev_server.client, queue)
        assert await search.search("acme", lead_id, wait_seconds=WAIT_SECONDS)
        assert not await search.goes_on(lead_id)


async def test_search_on_a_worker_without_keys(dev_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """The lead has failed, and says what to set, when its workflow has failed."""
    lead_id = str(uuid4())
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'leadgen.db'}")
    upgrade(settings.database_url)
    async with (
        compose(settings, Overrides(providers={})) as leadgen,
        working(dev_server.client, leadgen.activities.find_phone.search_lead) as queue,
    ):
        await leadgen.leads.merge("default", [Arrival(lead_id, profile(), None)])
        search = searcher(dev_server.client, queue)
        assert await search.search("default", lead_id, wait_seconds=WAIT_SECONDS)
        found = await LookAtSearch(leads=leadgen.leads, searcher=search).run("default", lead_id)
    assert found.line.lead.phone_status is found.status is EndState.FAILED
    assert found.reason is not None
    assert "no provider has a key on this worker: set LEADGEN_<NAME>_URL" in found.reason
