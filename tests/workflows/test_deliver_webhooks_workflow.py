"""Deliveries as workflows: days of trying, in seconds on a server whose time jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.schema import upgrade
from leadgen.adapters.persistence.seal import Seal
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.adapters.system import SystemClock
from leadgen.adapters.temporal.webhook_runner import TemporalWebhookRunner
from leadgen.adapters.webhooks.sender import HttpWebhookSender
from leadgen.application.ports.lead_repository import Arrival
from leadgen.application.send_webhooks import SendWebhooks
from leadgen.application.start_deliveries import StartDeliveries
from leadgen.domain.egress import Egress, parse_networks
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.webhook import DeliveryState, Endpoint, EventType, secret_of
from leadgen.workflows.deliver_webhooks.activities import DeliverWebhooksActivities
from leadgen.workflows.deliver_webhooks.payloads import DeliverWebhooksResult
from leadgen.workflows.deliver_webhooks.workflow import ROUNDS_PER_RUN
from tests.builders import NOW, profile, us_phone
from tests.contracts.stores import found
from tests.workflows.fakes import FakeDeliveries, failure_of, until, working
from tests.workflows.receiver import Receiver, receiving

ACCOUNT = "default"
SECRET = secret_of(b"s" * 32)
LEADS = 3


class Office:
    """A database in which a job ends, and what sends the news of it."""

    def __init__(self, database: Database) -> None:
        clock, outbox = SystemClock(), Outbox(database)
        self.webhooks = SqlWebhookRepository(database, outbox, Seal())
        self.leads = SqlLeadRepository(database, clock, outbox)
        self.jobs = SqlJobRepository(database, clock, outbox)
        sender = HttpWebhookSender(Egress(parse_networks("127.0.0.0/8", "X")), timeout_seconds=0.3)
        self.send = SendWebhooks(webhooks=self.webhooks, sender=sender, clock=clock)
        self.activities = DeliverWebhooksActivities(self.send)

    async def listen(self, receiver: Receiver) -> None:
        """Has the receiver told of everything."""
        receiver.secret = SECRET
        await self.webhooks.add(Endpoint("hook", ACCOUNT, receiver.url, frozenset(EventType), SECRET, NOW))

    async def work(self) -> None:
        """A job that finds all its leads and ends: one event each."""
        people = [
            Arrival(f"lead-{number}", profile(email=f"person{number}@lovelace.example"), None)
            for number in range(LEADS)
        ]
        await self.leads.merge(ACCOUNT, people)
        job = Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW)
        await self.jobs.add(job)
        await self.jobs.plan(job, "carrier")
        await self.jobs.conclude(job, [found(each.id, us_phone(7)) for each in people])
        await self.jobs.end(job.id, JobStatus.DONE)

    async def states(self) -> list[DeliveryState]:
        """Of all deliveries."""
        return [each.state for each in await self.webhooks.deliveries(ACCOUNT, failed=False, limit=99)]


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    """An office of its own."""
    url = f"sqlite:///{folder / 'leadgen.db'}"
    upgrade(url)
    database = Database(url)
    yield Office(database)
    await database.close()


async def deliver(client: Client, queue: str, **given: object) -> DeliverWebhooksResult:
    """The result of a workflow for the one endpoint."""
    result: DeliverWebhooksResult = await client.execute_workflow(
        "DeliverWebhooks",
        {"endpoint_id": "hook", **given},
        id=str(uuid4()),
        task_queue=queue,
        result_type=DeliverWebhooksResult,
    )
    return result


@pytest.mark.parametrize(
    "receiver",
    [Receiver(), Receiver(down=10), Receiver(hangs=1), Receiver(down=10, hangs=2)],
    ids=["well", "down", "hanging", "down-then-hanging"],
)
async def test_every_event_is_delivered(
    skipping_server: WorkflowEnvironment, tmp_path: Path, receiver: Receiver
) -> None:
    """A receiver that is down for ten tries, hangs, or hears a thing twice has every event in the end.

    Each of them is verified by the library of Standard Webhooks, and known by its id.
    """
    async with office(tmp_path) as there, receiving(receiver):
        await there.listen(receiver)
        await there.work()
        async with working(skipping_server.client, there.activities.send_webhooks) as queue:
            result = await deliver(skipping_server.client, queue)
        assert result == DeliverWebhooksResult(delivered=LEADS + 1, dead=0)
        assert set(await there.states()) == {DeliveryState.DELIVERED}
    kinds = sorted(str(event["type"]) for event in receiver.kept.values())
    assert kinds == ["job.finished", *["lead.found"] * LEADS]
    assert {event["data"].get("lead_id") for event in receiver.kept.values()} == {
        None,
        *(f"lead-{number}" for number in range(LEADS)),
    }
    assert receiver.doubles == receiver.hangs * (LEADS + 1)
    assert set(receiver.tries.values()) == {receiver.down + receiver.hangs + 1}
    assert us_phone(7).e164 not in str(receiver.kept)


async def test_given_up(skipping_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """A receiver that never comes back is given up after five days; a replay then delivers everything."""
    receiver = Receiver(down=1_000)
    async with office(tmp_path) as there, receiving(receiver):
        await there.listen(receiver)
        await there.work()
        async with working(skipping_server.client, there.activities.send_webhooks) as queue:
            result = await deliver(skipping_server.client, queue)
            assert result == DeliverWebhooksResult(delivered=0, dead=LEADS + 1)
            receiver.down = 0
            assert len(await there.webhooks.replay(ACCOUNT, "hook")) == LEADS + 1
            assert (await deliver(skipping_server.client, queue)).delivered == LEADS + 1
    assert len(receiver.kept) == LEADS + 1


async def test_started_by_whoever_writes(dev_server: WorkflowEnvironment, tmp_path: Path) -> None:
    """What a process writes is on its way within moments; what comes later wakes the same workflow."""
    receiver = Receiver()
    async with office(tmp_path) as there, receiving(receiver):
        await there.listen(receiver)
        client = dev_server.client

        async def connected() -> Client:
            return client

        async with working(client, there.activities.send_webhooks) as queue:
            start = StartDeliveries(
                webhooks=there.webhooks, runner=TemporalWebhookRunner(connected, queue), clock=SystemClock()
            )
            starting = asyncio.create_task(start.keep_starting())
            await there.work()
            await until(lambda: len(receiver.kept) == LEADS + 1)
            starting.cancel()
            again = await client.get_workflow_handle("deliver-webhooks-hook").result()
        assert again["dead"] == 0
        assert set(await there.states()) == {DeliveryState.DELIVERED}


async def test_woken(dev_server: WorkflowEnvironment) -> None:
    """A workflow that waits for its next try looks at once when it is woken."""
    fake = FakeDeliveries([timedelta(hours=9), None])
    client = dev_server.client
    async with working(client, *fake.activities) as queue:
        handle = await client.start_workflow(
            "DeliverWebhooks", {"endpoint_id": "hook"}, id=str(uuid4()), task_queue=queue
        )
        await until(lambda: len(fake.orders) == 1)
        await handle.signal("wake")
        assert await handle.result() == {"delivered": 2, "dead": 0}


async def test_many_rounds(skipping_server: WorkflowEnvironment) -> None:
    """After many rounds it goes on in a new run, and counts on."""
    rounds = ROUNDS_PER_RUN + 5
    fake = FakeDeliveries([timedelta(minutes=1)] * (rounds - 1) + [None])
    async with working(skipping_server.client, *fake.activities) as queue:
        result = await deliver(skipping_server.client, queue)
    assert result == DeliverWebhooksResult(delivered=rounds, dead=0)


@pytest.mark.parametrize("given", [None, {}, {"endpoint_id": 7}, [1], "hook"], ids=str)
async def test_bad_input(dev_server: WorkflowEnvironment, given: object) -> None:
    """An input without an endpoint, or of a wrong type, fails at once and names what is missing."""
    async with working(dev_server.client, *FakeDeliveries([]).activities) as queue:
        failure = await failure_of(dev_server.client, "DeliverWebhooks", given, queue)
    assert "endpoint_id" in str(failure)
