"""What every `IJobRepository` must do with events and pages: nothing is told twice, and nothing is left out.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from leadgen.application.ports.lead_repository import Conclusion
from leadgen.domain.budget import Span
from leadgen.domain.job import Job, JobEvent, JobScope, JobStatus, Wanted
from leadgen.domain.lead import EndState
from leadgen.domain.selection import Refusal
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT, NOW, us_phone
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads, ended, found

ALL = 10_000


def job(number: int = 1, *, account: str = ACCOUNT) -> Job:
    """The waiting job with this number."""
    return Job(f"job-{number}", account, JobScope(), JobStatus.WAITING, NOW + timedelta(seconds=number // 2))


async def events(stores: Stores, job_id: str = "job-1", *, after: int = 0) -> Sequence[JobEvent]:
    """All events, whose numbers must grow."""
    told = await stores.jobs.events(job_id, after=after, limit=ALL)
    numbers = [after, *(event.number for event in told)]
    assert numbers == sorted(set(numbers))
    return told


async def story(stores: Stores) -> list[str]:
    """What was told, in words."""
    return [f"{each.lead_id or 'job'} {each.status}" for each in await events(stores)]


class JobEventsContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 4)
        await stores.jobs.add(job())
        return stores

    async def test_a_whole_job(self, stores: Stores) -> None:
        """It starts, its leads end one after the other, it ends; each is told once."""
        assert await events(stores) == []
        await stores.jobs.plan(job(), "carrier")
        await stores.jobs.plan(job(), "carrier")
        ends = [found("lead-002", us_phone()), ended("lead-000", EndState.NOT_FOUND)]
        for _ in range(2):
            await stores.jobs.conclude(job(), ends)
        await stores.jobs.conclude(
            job(), [ended("lead-001", EndState.FAILED), ended("lead-000", EndState.FOUND)]
        )
        for _ in range(2):
            await stores.jobs.end("job-1", JobStatus.DONE)
        assert await story(stores) == [
            "job running", "lead-002 found", "lead-000 not_found", "lead-001 failed", "lead-003 failed",
            "job done",
        ]  # fmt: skip

    async def test_wishes(self, stores: Stores) -> None:
        """A pause and its end are told once, a cancellation when it has come true."""
        await stores.jobs.plan(job(), "carrier")
        for wanted in (Wanted.PAUSE, Wanted.PAUSE, Wanted.RUN, Wanted.CANCEL, Wanted.RUN):
            await stores.jobs.want("job-1", wanted)
        await stores.jobs.end("job-1", JobStatus.STOPPED)
        lead_ends = [f"lead-00{number} incomplete" for number in range(4)]
        assert await story(stores) == [
            "job running", "job paused", "job running", *lead_ends, "job cancelled",
        ]  # fmt: skip

    async def test_reopened(self, stores: Stores) -> None:
        """A job that goes on when there is more money tells so, and its leads end once more."""
        await stores.jobs.plan(job(), "carrier")
        poor = Verdict(EndState.INCOMPLETE, unasked=(Refusal("orion", "budget", over=Span.JOB),))
        await stores.jobs.conclude(job(), [Conclusion(f"lead-00{number}", poor) for number in range(4)])
        await stores.jobs.end("job-1", JobStatus.DONE)
        await stores.jobs.reopen("job-1", carrier="again", budget_micros=None)
        await stores.jobs.conclude(job(), [found("lead-003", us_phone())])
        assert (await story(stores))[5:] == ["job budget_reached", "job running", "lead-003 found"]

    async def test_pages(self, stores: Stores) -> None:
        """Who tells the last number that came gets what follows, whatever the size of the pages."""
        await stores.jobs.plan(job(), "carrier")
        for number in range(4):
            await stores.jobs.conclude(job(), [ended(f"lead-00{number}", EndState.NOT_FOUND)])
        whole, seen = await events(stores), list[JobEvent]()
        while page := await stores.jobs.events("job-1", after=seen[-1].number if seen else 0, limit=2):
            seen += page
        assert seen == list(whole)
        assert await events(stores, "nothing") == []

    async def test_nothing_is_passed_over(self, open_stores: OpenStores) -> None:
        """Who reads on behind the last number while processes conclude at once misses nothing."""
        writers, reader = [open_stores(), open_stores()], open_stores()
        ids = await add_leads(reader, 60)
        await reader.jobs.add(job())
        await reader.jobs.plan(job(), "carrier")
        seen: list[JobEvent] = []

        async def read() -> None:
            while len(seen) < 61:
                seen.extend(await events(reader, after=seen[-1].number if seen else 0))

        async def conclude(number: int, lead_id: str) -> None:
            await writers[number % 2].jobs.conclude(job(), [ended(lead_id, EndState.NOT_FOUND)])

        async with asyncio.timeout(60):
            await asyncio.gather(read(), *(conclude(*each) for each in enumerate(ids)))
        assert sorted(event.lead_id or "" for event in seen) == ["", *ids]

    # pages of jobs

    async def test_page(self, stores: Stores) -> None:
        """An account's jobs come newest first, page by page, also those of one moment."""
        for number in range(2, 8):
            await stores.jobs.add(job(number))
        await stores.jobs.add(job(9, account=OTHER_ACCOUNT))
        seen, after = list[str](), ""
        while page := await stores.jobs.page(ACCOUNT, after=after, limit=2):
            seen += [report.job.id for report in page]
            after = seen[-1]
        assert seen == [f"job-{number}" for number in range(7, 0, -1)]
        assert await stores.jobs.page(OTHER_ACCOUNT, after="job-7", limit=2) == []

    async def test_page_of_a_status(self, stores: Stores) -> None:
        """Only jobs that show this status are on the page."""
        for number in range(2, 6):
            await stores.jobs.add(job(number))
        await stores.jobs.plan(job(2), "carrier")
        await stores.jobs.want("job-3", Wanted.PAUSE)
        await stores.jobs.end("job-4", JobStatus.STOPPED)
        for status, ids in (
            (JobStatus.WAITING, ["job-5", "job-1"]),
            (JobStatus.RUNNING, ["job-2"]),
            (JobStatus.PAUSED, ["job-3"]),
            (JobStatus.STOPPED, ["job-4"]),
            (JobStatus.DONE, []),
        ):
            page = await stores.jobs.page(ACCOUNT, after="", limit=9, status=status)
            assert [report.job.id for report in page] == ids
            assert all(report.job.status is status for report in page)
