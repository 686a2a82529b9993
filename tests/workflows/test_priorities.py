"""Whose turn it is: what waits for somebody goes before bulk work, and accounts take turns by weight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from leadgen.adapters.persistence.accounts import SqlAccountRepository
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.tables import leads
from leadgen.adapters.system import SystemClock
from leadgen.adapters.temporal.job_runner import TemporalJobRunner
from leadgen.composition import Leadgen
from leadgen.domain.account import Account
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.provider import Miss
from leadgen.domain.tier import Tier
from leadgen.workflows.find_phone.payloads import SearchReport
from leadgen.workflows.options import interactive_queue
from leadgen.workflows.registry import WORKFLOWS, activities
from tests.builders import NOW
from tests.workflows.fakes import FakeJob, FakeSearch, events, until, working
from tests.workflows.test_activities import add_lead, composed

FOUND = SearchReport("found", "astra", "0.030000")
Turn = tuple[int, str, float, bool]


async def turns(handle: WorkflowHandle[Any, Any], queue: str) -> Mapping[str, Turn]:
    """Of each type of activity in a history: priority, account, weight, and whether it has the fast queue."""
    told = {}
    for event in await events(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED):
        scheduled = event.activity_task_scheduled_event_attributes
        priority = scheduled.priority
        turn = (priority.priority_key, priority.fairness_key, priority.fairness_weight)
        told[scheduled.activity_type.name] = (
            *turn,
            scheduled.task_queue.name == interactive_queue(queue),
        )
    return told


async def ended(client: Client, kind: str, given: object, queue: str) -> WorkflowHandle[Any, Any]:
    """A workflow that was started from plain JSON and has ended."""
    handle = await client.start_workflow(kind, given, id=str(uuid4()), task_queue=queue)
    await handle.result()
    return handle


async def test_a_single_lead(dev_server: WorkflowEnvironment) -> None:
    """Is searched before all bulk work, in its account's name, in slots that no chunk takes."""
    search = FakeSearch([FOUND])
    async with working(dev_server.client, search.search_lead) as queue:
        given = {"lead_id": "lead-1", "account": "acme"}
        handle = await ended(dev_server.client, "FindPhone", given, queue)
    assert await turns(handle, queue) == {"search_lead": (1, "acme", 0.0, True)}


@pytest.mark.parametrize(("scope", "chunk"), [(JobScope(), (4, False)), (JobScope("lead-Ada"), (1, True))])
async def test_a_job(
    dev_server: WorkflowEnvironment, tmp_path: Path, scope: JobScope, chunk: tuple[int, bool]
) -> None:
    """Chunks have the weight of the account's tier; those of a single lead go before the others."""
    async with composed(tmp_path, outcome=Miss()) as leadgen, _serving(dev_server.client, leadgen) as queue:
        await leadgen.accounts.set_tier("default", Tier.PRO)
        await add_lead(leadgen)
        await leadgen.jobs.add(Job("job-1", "default", scope, JobStatus.WAITING, NOW))
        handle = await ended(dev_server.client, "FindPhones", {"job_id": "job-1"}, queue)
    told = await turns(handle, queue)
    key, is_fast = chunk
    assert told["run_chunk"] == (key, "default", 2.0, is_fast)
    assert told["end_job"] == (1, "default", 2.0, True)
    assert told["plan_job"][3] is True


async def test_what_orders_a_job_names_its_account(dev_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """A workflow that leadgen starts has the account's turn itself."""
    client = dev_server.client

    async def connected() -> Client:
        return client

    async with composed(tmp_path):
        database = Database(f"sqlite:///{tmp_path / 'leadgen.db'}")
        accounts = SqlAccountRepository(database, SystemClock())
        await accounts.add(Account("acme", Tier.ENTERPRISE))
        runner = TemporalJobRunner(connected, f"queue-{uuid4()}", accounts)
        job = Job(str(uuid4()), "acme", JobScope(), JobStatus.WAITING, NOW)
        await runner.start(job)
        await database.close()
    handle = client.get_workflow_handle(f"find-phones-{job.id}")
    (begun,) = await events(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    priority = begun.workflow_execution_started_event_attributes.priority
    await handle.terminate()
    assert (priority.priority_key, priority.fairness_key, priority.fairness_weight) == (4, "acme", 4.0)


async def test_a_lookup_does_not_stand_behind_chunks(dev_server: WorkflowEnvironment) -> None:
    """While chunks that take long hold every slot of theirs, a single lead is searched at once."""
    client, queue = dev_server.client, f"queue-{uuid4()}"
    job, search = FakeJob(leads=300, held={0, 100, 200}), FakeSearch([FOUND])
    served = (*job.activities, search.search_lead)
    async with (
        Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=served, max_concurrent_activities=1),
        Worker(client, task_queue=interactive_queue(queue), activities=served),
    ):
        bulk = await client.start_workflow("FindPhones", {}, id=str(uuid4()), task_queue=queue)
        await until(lambda: job.in_flight == 1)
        await client.execute_workflow(
            "FindPhone",
            {"lead_id": "lead-1"},
            id=str(uuid4()),
            task_queue=queue,
            execution_timeout=timedelta(seconds=10),
        )
        assert (job.in_flight, len(job.chunks)) == (1, 1)
        job.release.set()
        await bulk.result()


async def test_a_row_that_fails_its_chunk(dev_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """The job goes on to its end: the row that cannot be read failed, all others were asked about once."""
    async with composed(tmp_path, outcome=Miss()) as leadgen, _serving(dev_server.client, leadgen) as queue:
        for name in ("Ada", "Bea", "Cyd"):
            await add_lead(leadgen, name)
        database = Database(f"sqlite:///{tmp_path / 'leadgen.db'}")
        async with database.write() as conn:
            await conn.execute(update(leads).where(leads.c.id == "lead-Bea").values(phone_status="odd"))
        await database.close()
        async with asyncio.timeout(60):
            handle = await ended(dev_server.client, "FindPhones", {}, queue)
        result = await handle.result()
        assert (result["status"], result["not_found"], result["failed"]) == ("done", 2, 1)
        (refusal,) = await leadgen.leads.unasked("default", "lead-Bea")
        assert refusal.reason == "failed: ValueError"
        assert (await leadgen.show_lead.run("default", "lead-Ada")).asked[0].n == 0


@asynccontextmanager
async def _serving(client: Client, leadgen: Leadgen) -> AsyncIterator[str]:
    """Both queues of a worker, over the use cases of this leadgen; the name of the first."""
    served = leadgen.activities
    bound = activities(served.find_phone, served.find_phones, served.upkeep, served.deliver_webhooks)
    async with working(client, *bound) as queue:
        yield queue
