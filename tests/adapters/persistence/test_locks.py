"""Writers of several processes on PostgreSQL: they wait for each other, but never in a circle."""

import asyncio
from dataclasses import replace

import psycopg

from leadgen.adapters.persistence.database import Database
from leadgen.domain.job import Job, JobScope, JobStatus, Wanted
from leadgen.domain.provider import Charges, Miss
from tests.adapters.conftest import stores_on
from tests.builders import ACCOUNT, NOW, lookup
from tests.contracts.stores import Stores, add_leads
from tests.fake_clock import FakeClock

AMPLE_MICROS = 10**12
ROUNDS = 25
QUESTIONS = 20
FLUSHED_SECONDS = 1.5
"""So long a server may keep what it has counted to itself."""


class Processes:
    """Two, over a database in which some leads are searched by two jobs with budgets."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._databases = [Database(url), Database(url)]
        clock = FakeClock()
        self.first, self.second = (stores_on(each, clock) for each in self._databases)
        self._before = 0

    async def __aenter__(self) -> tuple[Stores, Stores]:
        self._before = self._deadlocks()
        await add_leads(self.first, 1)
        for job_id in ("job-1", "job-2"):
            job = Job(job_id, ACCOUNT, JobScope(), JobStatus.WAITING, NOW)
            await self.first.jobs.add(job, budget_micros=AMPLE_MICROS)
        return self.first, self.second

    async def __aexit__(self, *_: object) -> None:
        for database in self._databases:
            await database.close()

    async def deadlocks(self) -> int:
        """How many there were since they began; they have ended."""
        await asyncio.sleep(FLUSHED_SECONDS)
        return self._deadlocks() - self._before

    def _deadlocks(self) -> int:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        with psycopg.connect(self._url) as connection:
            (found,) = connection.execute(query).fetchone() or (0,)
        return int(found)


async def test_two_jobs_with_budgets_about_the_same_leads(copied_template: str) -> None:
    """One closes its lookups while the other one comes upon them: either moves its own budget alone."""
    processes = Processes(copied_template)
    async with processes as (first, second):
        for turn in range(ROUNDS):
            asked = [
                lookup(lead_id="lead-000", job_id="job-1", n=turn * QUESTIONS + number, owner=f"first/{turn}")
                for number in range(QUESTIONS)
            ]
            await asyncio.gather(*(first.ledger.intend(each) for each in asked))
            await asyncio.gather(
                *(first.ledger.close(each.closed(Miss(), Charges.REQUEST, NOW), None) for each in asked),
                *(
                    second.ledger.intend(replace(each, job_id="job-2", owner=f"second/{turn}"))
                    for each in asked
                ),
            )
    assert await processes.deadlocks() == 0


async def test_a_job_is_paused_and_continued_while_it_asks(copied_template: str) -> None:
    """With another budget each time; what it asks is recorded meanwhile."""
    processes = Processes(copied_template)
    async with processes as (first, second):
        is_over = False

        async def ask(lane: int) -> None:
            number = 0
            while not is_over:
                number += 1
                n = 100_000 * (lane + 1) + number
                await first.ledger.intend(
                    lookup(lead_id="lead-000", job_id="job-1", n=n, owner=f"{lane}/{n}")
                )

        asking = asyncio.gather(*(ask(lane) for lane in range(4)))
        for turn in range(ROUNDS):
            await second.jobs.want("job-1", Wanted.PAUSE)
            await second.jobs.want("job-1", Wanted.RUN, budget_micros=AMPLE_MICROS + turn)
        is_over = True
        await asking
    assert await processes.deadlocks() == 0
