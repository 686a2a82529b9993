"""The use cases of webhooks, over a real store, a runner and a sender that remember."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from standardwebhooks import Webhook

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.seal import Seal
from leadgen.adapters.persistence.tables import webhook_deliveries
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.adapters.system import SystemClock
from leadgen.application.add_webhook import AddWebhook
from leadgen.application.change_webhook import ChangeWebhook
from leadgen.application.prune_deliveries import BATCH_MAX, BATCHES_MAX, PruneDeliveries
from leadgen.application.replay_webhook import ReplayWebhook
from leadgen.application.send_webhooks import SendWebhooks, Sent
from leadgen.application.start_deliveries import StartDeliveries
from leadgen.domain.egress import Egress
from leadgen.domain.errors import InvalidSetting, NotPossible, UnknownId
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.webhook import TRIES_MAX, Delivery, DeliveryState, Endpoint, EventType
from tests.builders import ACCOUNT
from tests.fake_clock import FakeClock
from tests.fakes.id_source import CountingIdSource
from tests.fakes.secret_source import CountingSecretSource
from tests.fakes.webhooks import (
    DOWN,
    GONE,
    TAKEN,
    RecordingWebhookRunner,
    ScriptedWebhookSender,
)
from tests.workflows.fakes import until

URL = "https://lovelace.example/hook"


@dataclass
class Post:
    """All of it on one database."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    runner: RecordingWebhookRunner = field(default_factory=RecordingWebhookRunner)
    sender: ScriptedWebhookSender = field(default_factory=ScriptedWebhookSender)

    def __post_init__(self) -> None:
        outbox, secrets = Outbox(self.database), CountingSecretSource()
        self.store = SqlWebhookRepository(self.database, outbox, Seal())
        self.jobs = SqlJobRepository(self.database, self.clock, outbox)
        ids = CountingIdSource()
        self.add = AddWebhook(
            webhooks=self.store, egress=Egress(), ids=ids, secrets=secrets, clock=self.clock
        )
        self.change = ChangeWebhook(webhooks=self.store, secrets=secrets, clock=self.clock)
        self.replay = ReplayWebhook(webhooks=self.store, runner=self.runner)
        self.start = StartDeliveries(webhooks=self.store, runner=self.runner, clock=self.clock)
        self.prune = PruneDeliveries(webhooks=self.store, clock=self.clock)
        self.send = SendWebhooks(webhooks=self.store, sender=self.sender, clock=self.clock)

    async def end_job(self, number: int = 1) -> None:
        """A job of nobody that ends, which its endpoints are told."""
        job = Job(f"job-{number}", ACCOUNT, JobScope(), JobStatus.RUNNING, self.clock.now(), carrier="x")
        await self.jobs.add(job)
        await self.jobs.end(job.id, JobStatus.DONE)

    async def deliveries(self) -> list[Delivery]:
        """All of them."""
        return list(await self.store.deliveries(ACCOUNT, failed=False, limit=1_000))

    async def send_for(self, endpoint: Endpoint) -> Sent:
        """One round at the clock's time."""
        return await self.send.run(endpoint.id, now=self.clock.now())


@pytest.fixture
async def post(migrated: Path, tmp_path: Path) -> AsyncIterator[Post]:
    """Nobody is told of anything yet."""
    shutil.copy(migrated, tmp_path / "leadgen.db")
    database = Database(f"sqlite:///{tmp_path / 'leadgen.db'}")
    yield Post(database)
    await database.close()


async def test_add(post: Post) -> None:
    """A new endpoint has a secret of its own, and is told of everything unless somebody says of what."""
    one = await post.add.run(ACCOUNT, URL)
    two = await post.add.run(ACCOUNT, URL, ["lead.found"])
    assert (one.events, two.events) == (frozenset(EventType), frozenset({EventType.LEAD_FOUND}))
    assert one.secret != two.secret
    assert list(await post.store.endpoints(ACCOUNT)) == [one, two]
    again = await post.add.run(ACCOUNT, URL, endpoint_id=one.id)
    assert again.secret != one.secret
    assert await post.store.endpoint(one.id) == again
    assert len(await post.store.endpoints(ACCOUNT)) == 2


@pytest.mark.parametrize(
    ("url", "events"), [("http://lovelace.example", []), ("https://127.0.0.1/", []), (URL, ["job.begun"])]
)
async def test_add_what_cannot_be(post: Post, url: str, events: list[str]) -> None:
    """A URL that is never called, or an event that never comes, is refused, and nothing is kept."""
    with pytest.raises(InvalidSetting):
        await post.add.run(ACCOUNT, url, events)
    assert await post.store.endpoints(ACCOUNT) == []


async def test_a_new_secret(post: Post) -> None:
    """The old secret signs beside the new one for a day; only the account's own endpoints are changed."""
    added = await post.add.run(ACCOUNT, URL)
    changed = await post.change.run(ACCOUNT, added.id, new_secret=True)
    assert (changed.previous_secret, changed.rotated_at) == (added.secret, post.clock.now())
    await post.end_job()
    await post.send_for(added)
    ((_, headers, body),) = post.sender.sent
    assert len(headers["webhook-signature"].split()) == 2
    assert body == (await post.deliveries())[0].body
    for account, id_ in (("umbrella", added.id), (ACCOUNT, "nothing")):
        with pytest.raises(UnknownId):
            await post.change.run(account, id_, new_secret=True)


async def test_send(post: Post) -> None:
    """What is due is sent once, signed; nothing waits afterwards."""
    added = await post.add.run(ACCOUNT, URL)
    await post.end_job()
    progress: list[int] = []
    sent = await post.send.run(added.id, now=post.clock.now(), progress=progress.append)
    assert (sent, progress) == (Sent(delivered=1), [1])
    ((url, headers, body),) = post.sender.sent
    (told,) = await post.deliveries()
    assert (url, headers["webhook-id"], body) == (URL, told.id, told.body)
    assert (told.state, told.tries, told.answer) == (DeliveryState.DELIVERED, 1, "HTTP 204")
    assert await post.send_for(added) == Sent()
    verifier = Webhook(added.secret)
    signed = verifier.sign(told.id, post.clock.now(), body.decode())
    assert headers["webhook-signature"] == signed


async def test_a_receiver_that_is_down(post: Post) -> None:
    """A try that failed is repeated after its pause and not before, with the same id and body."""
    added = await post.add.run(ACCOUNT, URL)
    await post.end_job()
    post.sender.answer = lambda number: DOWN if number < 3 else TAKEN
    sent = await post.send_for(added)
    for _ in range(3):
        assert sent.resume_at is not None
        assert await post.send.run(added.id, now=sent.resume_at - timedelta(seconds=1)) == sent
        sent = await post.send.run(added.id, now=sent.resume_at)
    assert sent == Sent(delivered=1)
    assert len(post.sender.sent) == 4
    assert len({(headers["webhook-id"], body) for _, headers, body in post.sender.sent}) == 1


async def test_a_receiver_that_never_comes_back(post: Post) -> None:
    """After five days a delivery is dead; a replay lets it begin anew under its id."""
    added = await post.add.run(ACCOUNT, URL)
    await post.end_job()
    post.sender.answer = lambda _: DOWN
    sent, tries = await post.send_for(added), 1
    while sent.resume_at is not None:
        sent, tries = await post.send.run(added.id, now=sent.resume_at), tries + 1
    assert (tries, sent) == (TRIES_MAX, Sent(dead=1))
    (dead,) = await post.store.deliveries(ACCOUNT, failed=True, limit=10)
    assert (dead.state, dead.answer) == (DeliveryState.DEAD, "no connection")
    post.sender.answer = lambda _: TAKEN
    assert await post.replay.run(ACCOUNT, added.id) == 1
    assert post.runner.woken == [added.id]
    assert await post.send_for(added) == Sent(delivered=1)
    assert {headers["webhook-id"] for _, headers, _ in post.sender.sent} == {dead.id}


async def test_a_receiver_that_is_gone(post: Post) -> None:
    """After a 410 nothing more is sent, what waits is dead; enabled again it is told of what comes."""
    added = await post.add.run(ACCOUNT, URL)
    for number in range(3):
        await post.end_job(number)
    post.sender.answer = lambda _: GONE
    sent = await post.send_for(added)
    assert (sent.delivered, sent.resume_at) == (0, None)
    (disabled,) = await post.store.endpoints(ACCOUNT)
    assert disabled.disabled_why == "its receiver said: gone"
    assert {each.state for each in await post.deliveries()} == {DeliveryState.DEAD}
    await post.end_job(7)
    assert len(await post.deliveries()) == 3
    assert await post.send_for(added) == Sent()
    with pytest.raises(NotPossible, match=f"leadgen webhooks enable {added.id}"):
        await post.replay.run(ACCOUNT, added.id)
    assert (await post.change.run(ACCOUNT, added.id, new_secret=False)).disabled_why is None
    assert await post.replay.run(ACCOUNT, added.id) == 3


async def test_a_secret_that_is_changed_while_a_receiver_says_gone(post: Post) -> None:
    """Is the endpoint's from then on: the one that its owner was told."""
    added = await post.add.run(ACCOUNT, URL)
    await post.end_job()
    told: list[str] = []

    async def change() -> None:
        told.append((await post.change.run(ACCOUNT, added.id, new_secret=True)).secret)

    post.sender.answer = lambda _: GONE
    post.sender.meanwhile = change
    await post.send_for(added)
    (left,) = await post.store.endpoints(ACCOUNT)
    assert (left.secret, left.disabled_why) == (told[0], "its receiver said: gone")


async def test_replay_of_one(post: Post) -> None:
    """A single delivery can be sent again, also one that arrived; a runner that is down does not matter."""
    added = await post.add.run(ACCOUNT, URL)
    await post.end_job()
    await post.send_for(added)
    (told,) = await post.deliveries()
    post.runner.down = True
    assert await post.replay.run(ACCOUNT, told.id) == 1
    assert await post.send_for(added) == Sent(delivered=1)
    assert await post.replay.run(ACCOUNT, added.id) == 0
    for account, id_ in (("umbrella", told.id), (ACCOUNT, "nothing"), ("umbrella", added.id)):
        with pytest.raises(UnknownId):
            await post.replay.run(account, id_)


async def test_start(post: Post) -> None:
    """Every endpoint for which something is due is woken, and no other."""
    added = await post.add.run(ACCOUNT, URL)
    await post.add.run(ACCOUNT, URL, ["lead.found"])
    assert await post.start.run() == 0
    await post.end_job()
    assert await post.start.run() == 1
    post.sender.answer = lambda _: DOWN
    await post.send_for(added)
    assert await post.start.run() == 0
    await post.clock.advance(6)
    assert await post.start.run() == 1
    assert post.runner.woken == [added.id] * 2


async def test_start_at_once(post: Post) -> None:
    """What this process writes is started within a moment, again after a time without the runner."""
    added = await post.add.run(ACCOUNT, URL)
    start = StartDeliveries(webhooks=post.store, runner=post.runner, clock=SystemClock())
    starting = asyncio.create_task(start.keep_starting())
    post.runner.down = True
    await post.end_job(1)
    await until(lambda: post.runner.refused == 1)
    post.runner.down = False
    await post.end_job(2)
    await until(lambda: bool(post.runner.woken))
    starting.cancel()
    assert post.runner.woken == [added.id]


async def test_nobody_is_told(post: Post) -> None:
    """Without endpoints nothing is written."""
    await post.end_job()
    assert await post.deliveries() == []
    assert await post.send.run("nothing", now=post.clock.now()) == Sent()


async def test_prune(post: Post) -> None:
    """What arrived is kept for 30 days, what was given up for 90, from the event on."""
    arrives, dies = await post.add.run(ACCOUNT, URL), await post.add.run(ACCOUNT, URL)
    post.sender.answer = lambda number: GONE if number else TAKEN
    await post.end_job()
    for each in (arrives, dies):
        await post.send_for(each)
    for days, left in ((30, 2), (1, 1), (59, 1), (1, 0)):
        await post.clock.advance(timedelta(days=days).total_seconds())
        assert await post.prune.run() in {0, 1}
        assert len(await post.deliveries()) == left, days


async def test_prune_a_mountain(post: Post) -> None:
    """A run removes so many and leaves the rest to the next one: nobody waits behind a mountain."""
    endpoint = await post.add.run(ACCOUNT, URL)
    rows = [
        {
            "id": f"msg-{number}",
            "endpoint_id": endpoint.id,
            "event": EventType.LEAD_FOUND.value,
            "data": {},
            "created_at": post.clock.now(),
            "state": DeliveryState.DELIVERED.value,
            "tries": 1,
        }
        for number in range(BATCH_MAX * BATCHES_MAX + 1)
    ]
    async with post.database.write() as conn:
        await conn.execute(insert(webhook_deliveries), rows)
    await post.clock.advance(timedelta(days=31).total_seconds())
    assert [await post.prune.run() for _ in range(3)] == [BATCH_MAX * BATCHES_MAX, 1, 0]
