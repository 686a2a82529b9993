"""What every `IJobRepository` must tell of progress, of the leads of another job, and of those to blame.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadgen.domain.job import LATELY, Job, JobScope, JobStatus
from leadgen.domain.lead import EndState
from tests.builders import ACCOUNT, NOW, us_phone
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads, ended, found

ALL = 10_000
STATES = (EndState.INCOMPLETE, EndState.FAILED, EndState.NOT_FOUND)


async def running(stores: Stores, number: int = 1, scope: JobScope | None = None) -> Job:
    """A planned job."""
    job = Job(f"job-{number}", ACCOUNT, scope or JobScope(), JobStatus.WAITING, NOW)
    await stores.jobs.plan(await stores.jobs.add(job), "carrier")
    return job


async def covered(stores: Stores, scope: JobScope) -> Sequence[str]:
    """The leads of a second job of this scope."""
    job = await running(stores, 2, scope)
    assert (await stores.jobs.get(job.id) or job).scope == scope
    return await stores.jobs.open_leads(job.id, start=0, size=ALL)


class JobProgressContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    def stores(self, open_stores: OpenStores) -> Stores:
        return open_stores()

    async def _ended_so(self, stores: Stores) -> Sequence[str]:
        """The leads of a job: one of each state, one found, one open."""
        lead_ids = await add_leads(stores, 5)
        job = await running(stores)
        states = [ended(lead_id, state) for lead_id, state in zip(lead_ids, STATES, strict=False)]
        await stores.jobs.conclude(job, [*states, found(lead_ids[3], us_phone())])
        return lead_ids

    @pytest.mark.parametrize("of_job", [None, "job-1"])
    @pytest.mark.parametrize(("only", "number"), [(EndState.INCOMPLETE, 0), (EndState.FAILED, 1)])
    async def test_only(self, stores: Stores, only: EndState, number: int, of_job: str | None) -> None:
        """A job covers only leads that ended in this state, in another job or wherever."""
        lead_ids = await self._ended_so(stores)
        assert await covered(stores, JobScope(only=only, of_job=of_job)) == [lead_ids[number]]

    async def test_only_of_a_job_that_left_leads_behind(self, stores: Stores) -> None:
        """A lead that the other job left open at its end failed in it; a number that came since counts."""
        lead_ids = await self._ended_so(stores)
        await stores.jobs.end("job-1", JobStatus.DONE)
        await stores.leads.conclude(ACCOUNT, found(lead_ids[1], us_phone(1)))
        scope = JobScope(only=EndState.FAILED, of_job="job-1")
        assert await covered(stores, scope) == [lead_ids[4]]

    async def test_only_of_another_account(self, stores: Stores) -> None:
        """Leads of somebody else's job are nobody."""
        await self._ended_so(stores)
        theirs = Job(
            "job-9", OTHER_ACCOUNT, JobScope(only=EndState.FAILED, of_job="job-1"), JobStatus.WAITING, NOW
        )
        assert await stores.jobs.plan(await stores.jobs.add(theirs), "carrier") == 0

    async def test_ended_lately(self, stores: Stores) -> None:
        """The report counts the leads that came to an end within the last half minute."""
        lead_ids = await add_leads(stores, 4)
        job = await running(stores)
        await stores.jobs.conclude(job, [ended(lead_ids[0], EndState.NOT_FOUND)])
        await stores.clock.advance(LATELY.total_seconds() - 1)
        await stores.jobs.conclude(job, [ended(each, EndState.NOT_FOUND) for each in lead_ids[1:3]])
        assert await self._ended_lately(stores) == 3
        await stores.clock.advance(timedelta(seconds=2).total_seconds())
        assert await self._ended_lately(stores) == 2
        await stores.clock.advance(LATELY.total_seconds())
        assert await self._ended_lately(stores) == 0

    async def _ended_lately(self, stores: Stores) -> int:
        report = await stores.jobs.report("job-1")
        assert report is not None
        assert [report] == list(await stores.jobs.latest(ACCOUNT, 1))
        return report.ended_lately

    async def test_suspect(self, stores: Stores) -> None:
        """Notes about a lead add up, each its own, until they are cleared; one in no job has none."""
        first, second = await add_leads(stores, 2)
        await running(stores)
        await running(stores, 2)
        assert [await stores.jobs.suspect("job-1", first) for _ in range(3)] == [0, 1, 2]
        assert await stores.jobs.suspect("job-1", second) == 0
        assert await stores.jobs.suspect("job-2", first) == 0
        await stores.jobs.clear("job-1", first)
        assert await stores.jobs.suspect("job-1", first) == 0
        assert await stores.jobs.suspect("job-1", second) == 1
        assert await stores.jobs.suspect("job-1", "nobody") == 0
