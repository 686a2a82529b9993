"""Endpoints and deliveries on SQLite and PostgreSQL, and what is written beside leads and jobs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.seal import Seal
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lead import EndState
from leadgen.domain.webhook import Delivery, DeliveryState, Endpoint, EventType
from tests.builders import ACCOUNT, NOW, us_phone
from tests.contracts.stores import OTHER_ACCOUNT, arrival, ended, found
from tests.fake_clock import FakeClock

SOON = NOW + timedelta(hours=1)
JOB = Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW)


def endpoint(
    number: int = 1, *, account: str = ACCOUNT, events: frozenset[EventType] | None = None
) -> Endpoint:
    """One of an account's endpoints."""
    url, told = f"https://lovelace.example/{number}", events or frozenset(EventType)
    return Endpoint(f"hook-{number}", account, url, told, "whsec_AAAA", NOW + timedelta(seconds=number))


class Office:
    """The stores of one process."""

    def __init__(self, database: Database) -> None:
        self.clock, self.outbox = FakeClock(), Outbox(database)
        self.webhooks = SqlWebhookRepository(database, self.outbox, Seal())
        self.leads = SqlLeadRepository(database, self.clock, self.outbox)
        self.jobs = SqlJobRepository(database, self.clock, self.outbox)

    async def run_job(self, leads: int = 3) -> None:
        """A planned job over so many new leads."""
        await self.leads.merge(ACCOUNT, [arrival(number) for number in range(leads)])
        await self.jobs.add(JOB)
        await self.jobs.plan(JOB, "carrier-1")

    async def all(self) -> list[Delivery]:
        """All deliveries of the account, in order of event and id."""
        listed = await self.webhooks.deliveries(ACCOUNT, failed=False, limit=100)
        return sorted(listed, key=lambda each: (each.event, str(each.data.get("lead_id"))))


@pytest.fixture
def office(database: Database) -> Office:
    """Stores without an endpoint."""
    return Office(database)


async def test_endpoints(office: Office) -> None:
    """They come back as they were recorded and changed, oldest first, to their own account alone."""
    one, two, other = (
        endpoint(1),
        endpoint(2, events=frozenset({EventType.LEAD_FOUND})),
        endpoint(3, account=OTHER_ACCOUNT),
    )
    for each in (two, one, other):
        await office.webhooks.add(each)
    assert list(await office.webhooks.endpoints(ACCOUNT)) == [one, two]
    assert await office.webhooks.endpoint("hook-3") == other
    assert await office.webhooks.endpoint("nothing") is None
    rotated = replace(one, secret="whsec_BBBB", previous_secret=one.secret, rotated_at=SOON)
    await office.webhooks.store(rotated)
    assert await office.webhooks.endpoint("hook-1") == rotated
    await office.webhooks.store(endpoint(9))
    assert await office.webhooks.endpoint("hook-9") is None


async def test_remove(office: Office) -> None:
    """Endpoint and deliveries go together; nobody removes another account's."""
    await office.webhooks.add(endpoint())
    await office.run_job()
    await office.jobs.end(JOB.id, JobStatus.DONE)
    assert len(await office.all()) == 1
    assert not await office.webhooks.remove(OTHER_ACCOUNT, "hook-1")
    assert len(await office.all()) == 1
    assert await office.webhooks.remove(ACCOUNT, "hook-1")
    assert not await office.webhooks.remove(ACCOUNT, "hook-1")
    assert await office.all() == []


async def test_found_leads(office: Office) -> None:
    """A lead that is found is told of once, by ids alone; one that is not found is not."""
    await office.webhooks.add(endpoint())
    await office.run_job()
    ends = [found("lead-000", us_phone(1)), ended("lead-001", EndState.NOT_FOUND)]
    for _ in range(2):
        await office.jobs.conclude(JOB, ends)
    await office.leads.conclude(ACCOUNT, found("lead-000", us_phone(1)))
    await office.leads.conclude(ACCOUNT, found("lead-002", us_phone(2), "astra"))
    one, two = await office.all()
    assert one.event is two.event is EventType.LEAD_FOUND
    assert one.data == {"lead_id": "lead-000", "job_id": "job-1", "provider": "orion"}
    assert two.data == {"lead_id": "lead-002", "job_id": None, "provider": "astra"}
    assert (one.state, one.tries, one.created_at) == (DeliveryState.WAITING, 0, office.clock.now())


async def test_job_that_ends(office: Office) -> None:
    """Its end is told once, with what came of it; when it was resumed, its next end as well."""
    await office.webhooks.add(endpoint(events=frozenset({EventType.JOB_FINISHED})))
    await office.run_job()
    await office.jobs.conclude(JOB, [found("lead-000", us_phone(1))])
    for status in (JobStatus.DONE, JobStatus.STOPPED):
        await office.jobs.end(JOB.id, status)
    (told,) = await office.all()
    assert told.data == {
        "job_id": "job-1",
        "status": "done",
        "leads": 3,
        "found": 1,
        "not_found": 0,
        "incomplete": 0,
        "failed": 2,
        "cost_usd": "0.000000",
    }


async def test_events_that_are_not_wanted(office: Office) -> None:
    """Nobody is told of what they did not ask for, of another account, or while they are disabled."""
    await office.webhooks.add(endpoint(1, events=frozenset({EventType.JOB_FINISHED})))
    await office.webhooks.add(endpoint(2, account=OTHER_ACCOUNT))
    await office.webhooks.add(replace(endpoint(3), disabled_why="gone"))
    await office.run_job()
    await office.jobs.conclude(JOB, [found("lead-000", us_phone(1))])
    assert await office.all() == []
    assert await office.webhooks.deliveries(OTHER_ACCOUNT, failed=False, limit=9) == []


async def test_all_or_nothing(office: Office, database: Database) -> None:
    """A delivery that is written in a commit which fails is not there, as the rest of it."""
    await office.webhooks.add(endpoint())
    await office.run_job()

    async def fail() -> None:
        async with database.write() as conn:
            assert await office.outbox.note_found(conn, ACCOUNT, None, [found("lead-000", us_phone(1))], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await office.all() == []


async def test_tries(office: Office) -> None:
    """What failed waits for its time; what arrived or died waits no more; a late record changes nothing."""
    await office.webhooks.add(endpoint())
    await office.run_job()
    ends = [found(f"lead-{number:03}", us_phone(number)) for number in range(3)]
    await office.jobs.conclude(JOB, ends)
    now = office.clock.now()
    first, second, third = await office.webhooks.due("hook-1", now, limit=9)
    assert await office.webhooks.due("hook-1", now, limit=2) == [first, second]
    later = replace(first, tries=1, answer="HTTP 500", next_at=SOON)
    await office.webhooks.record(later)
    await office.webhooks.record(replace(second, tries=1, state=DeliveryState.DELIVERED))
    assert await office.webhooks.next_at("hook-1") < now  # type: ignore[operator]  # fails on None, too
    await office.webhooks.record(replace(third, tries=1, state=DeliveryState.DEAD))
    assert await office.webhooks.next_at("hook-1") == SOON
    assert await office.webhooks.due("hook-1", SOON - timedelta(seconds=1), limit=9) == []
    assert await office.webhooks.due("hook-1", SOON, limit=9) == [later]
    assert await office.webhooks.endpoints_due(SOON - timedelta(seconds=1)) == []
    assert await office.webhooks.endpoints_due(SOON) == ["hook-1"]
    await office.webhooks.record(replace(later, tries=1, answer="again"))
    await office.webhooks.record(replace(third, tries=2, answer="late"))
    assert {each.answer for each in await office.all()} == {"HTTP 500", None}
    assert [each.id for each in await office.webhooks.deliveries(ACCOUNT, failed=True, limit=9)] == [third.id]
    assert await office.webhooks.next_at("nothing") is None


async def test_disabled(office: Office) -> None:
    """What waits for an endpoint that is disabled is dead, and can be replayed once it is enabled."""
    await office.webhooks.add(endpoint())
    await office.run_job()
    await office.jobs.conclude(JOB, [found("lead-000", us_phone(1))])
    await office.webhooks.store(replace(endpoint(), secret="whsec_CCCC"))
    await office.webhooks.disable("hook-1", "gone")
    await office.webhooks.disable("nothing", "gone")
    disabled = await office.webhooks.endpoint("hook-1")
    assert disabled == replace(endpoint(), secret="whsec_CCCC", disabled_why="gone")
    assert await office.webhooks.endpoints_due(SOON) == []
    assert await office.webhooks.replay(ACCOUNT, "hook-1") == []
    await office.webhooks.store(endpoint())
    assert await office.webhooks.replay(OTHER_ACCOUNT, "hook-1") == []
    assert await office.webhooks.replay(ACCOUNT, "hook-1") == ["hook-1"]
    assert await office.webhooks.endpoints_due(office.clock.now()) == ["hook-1"]


async def test_prune(office: Office) -> None:
    """What arrived or died before its time is removed, so many at once; what waits is not, however old."""
    await office.webhooks.add(endpoint())
    await office.run_job(leads=6)
    await office.jobs.conclude(JOB, [found(f"lead-{number:03}", us_phone(number)) for number in range(6)])
    told_at = office.clock.now()
    due = await office.webhooks.due("hook-1", told_at, limit=9)
    for each in due[:3]:
        await office.webhooks.record(replace(each, tries=1, state=DeliveryState.DELIVERED))
    for each in due[3:5]:
        await office.webhooks.record(replace(each, tries=1, state=DeliveryState.DEAD))
    later = told_at + timedelta(microseconds=1)

    async def prune(delivered_before: datetime, dead_before: datetime, limit: int = 9) -> int:
        return await office.webhooks.prune(
            delivered_before=delivered_before, dead_before=dead_before, limit=limit
        )

    assert await prune(told_at, told_at) == 0
    assert await prune(later, told_at, limit=2) == 2
    assert await prune(later, told_at, limit=2) == 1
    assert await prune(told_at, later, limit=1) == 1
    assert {each.state for each in await office.all()} == {DeliveryState.WAITING, DeliveryState.DEAD}
    assert await prune(later, later) == 1
    assert [each.id for each in await office.all()] == [due[5].id]
