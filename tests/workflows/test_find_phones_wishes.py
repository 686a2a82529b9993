"""The workflow of a bulk job that is paused, resumed and cancelled, over fake activities."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from leadgen.domain.job import Wanted
from leadgen.workflows.find_phones.payloads import (
    ChunkInput,
    ChunkProgress,
    FindPhonesInput,
    FindPhonesResult,
)
from leadgen.workflows.find_phones.workflow import (
    CHUNKS_PER_RUN,
    LOOK_EVERY,
    WINDOW_CHUNKS,
    FindPhonesWorkflow,
)
from tests.workflows.fakes import CHUNK_LEADS, HOUR, FakeJob, LateJob, events, in_flight_max, until, working

NOW = timedelta()
Handle = WorkflowHandle[Any, FindPhonesResult]
MANY = (WINDOW_CHUNKS + 4) * CHUNK_LEADS
ALL_STARTS = list(range(0, MANY, CHUNK_LEADS))


class Finishing(FakeJob):
    """A job that is paused in the moment in which all leads of a chunk have ended."""

    @activity.defn(name="run_chunk")
    async def run_chunk(self, chunk: ChunkInput) -> ChunkProgress:
        """All have ended, and the job is to be paused."""
        self.chunks.append(chunk)
        return ChunkProgress(chunk.size, 0, None, Wanted.PAUSE)


class Slow(FakeJob):
    """A job one of whose chunks heeds no pause, and ends when all are released."""

    START = ALL_STARTS[1]
    is_over = False

    @activity.defn(name="run_chunk")
    async def run_chunk(self, chunk: ChunkInput) -> ChunkProgress:
        """Ends as all others do, but for the slow one."""
        if chunk.start != self.START:
            return await super().run_chunk(chunk)
        self.chunks.append(chunk)
        self.in_flight += 1
        while not self.release.is_set():
            activity.heartbeat()
            await asyncio.sleep(0.02)
        self.in_flight -= 1
        self.is_over = True
        return ChunkProgress(chunk.size, 0)


@asynccontextmanager
async def carried_out(server: WorkflowEnvironment, job: FakeJob) -> AsyncIterator[Handle]:
    """A job that has begun."""
    async with working(server.client, *job.activities) as queue:
        yield await server.client.start_workflow(
            FindPhonesWorkflow.run,
            FindPhonesInput("job-1", "acme"),
            id=str(uuid4()),
            task_queue=queue,
            execution_timeout=timedelta(days=3),
        )


async def want(job: FakeJob, handle: Handle, wanted: Wanted) -> None:
    """Records what is wanted, then wakes the workflow, as the commands do."""
    job.wanted = wanted
    await handle.signal("wake")


def has_looked(job: FakeJob, times: int) -> bool:
    """Whether the workflow has looked so often what is wanted."""
    return len(job.looks) == times


async def pause(job: FakeJob, handle: Handle) -> None:
    """Pauses a job whose window is full; returns when it waits."""
    await until(lambda: job.in_flight == min(WINDOW_CHUNKS, job.leads // CHUNK_LEADS))
    await want(job, handle, Wanted.PAUSE)
    await until(lambda: job.in_flight == 0 and job.looks == [Wanted.PAUSE])


async def test_pause_and_resume(dev_server: WorkflowEnvironment) -> None:
    """A paused job starts nothing; woken, it goes on with the chunks that were broken off, and the others."""
    job = FakeJob(leads=MANY, held=ALL_STARTS[:WINDOW_CHUNKS])
    async with carried_out(dev_server, job) as handle:
        await pause(job, handle)
        paused = job.starts
        job.release.set()
        await want(job, handle, Wanted.RUN)
        result = await handle.result()
    assert sorted(paused) == ALL_STARTS[:WINDOW_CHUNKS]
    assert sorted(job.starts) == sorted(paused + ALL_STARTS)
    assert (job.looks, len(job.ends), result.status) == ([Wanted.PAUSE, Wanted.RUN], 1, "done")
    assert await in_flight_max(handle, "run_chunk") == WINDOW_CHUNKS


async def test_paused_job_is_patient(skipping_server: WorkflowEnvironment) -> None:
    """It looks every ten minutes whether it is still to wait: a lost signal costs no more than that."""
    job = FakeJob(leads=200, wanted=Wanted.PAUSE)
    async with carried_out(skipping_server, job) as handle:
        await until(lambda: len(job.starts) == 2 and job.in_flight == 0)
        await skipping_server.sleep(3 * LOOK_EVERY + LOOK_EVERY / 2)
        assert job.looks == [Wanted.PAUSE] * 3
        assert len(job.starts) == 2
        job.wanted = Wanted.RUN
        await skipping_server.sleep(LOOK_EVERY)
        await handle.result()
    assert job.looks == [*[Wanted.PAUSE] * 3, Wanted.RUN]
    assert sorted(job.starts) == [0, 0, 100, 100]


async def test_resumed_at_once(dev_server: WorkflowEnvironment) -> None:
    """A wish that is taken back while chunks are broken off for it is not heeded: the last one counts."""
    job = FakeJob(leads=200, held={0, 100})
    async with carried_out(dev_server, job) as handle:
        await until(lambda: job.in_flight == 2)
        job.wanted = Wanted.PAUSE
        await until(lambda: job.in_flight == 0)
        job.release.set()
        await want(job, handle, Wanted.RUN)
        await handle.result()
    assert sorted(job.starts) == [0, 0, 100, 100]
    assert job.looks == [Wanted.RUN]


async def test_resumed_beside_a_chunk(dev_server: WorkflowEnvironment) -> None:
    """A chunk that has missed the pause, and goes on, keeps nobody from filling the window again."""
    job = Slow(leads=MANY, held=ALL_STARTS[:WINDOW_CHUNKS])
    async with carried_out(dev_server, job) as handle:
        await until(lambda: job.in_flight == WINDOW_CHUNKS)
        job.wanted = Wanted.PAUSE
        await until(lambda: job.in_flight == 1)
        await want(job, handle, Wanted.RUN)
        await until(lambda: job.in_flight == WINDOW_CHUNKS)
        assert not job.is_over
        job.release.set()
        await handle.result()
    assert (job.starts.count(Slow.START), set(job.starts)) == (1, set(ALL_STARTS))


async def test_resumed_before_a_chunk_tells_of_the_pause(dev_server: WorkflowEnvironment) -> None:
    """What a chunk noticed before the job was resumed does not halt it: the workflow looks again."""
    job = LateJob(leads=200, held={0, 100})
    async with carried_out(dev_server, job) as handle:
        await pause(job, handle)
        job.release.set()
        await want(job, handle, Wanted.RUN)
        await until(lambda: len(job.ends) == 1)
    assert sorted(job.starts) == [0, 0, 100, 100]
    assert job.looks == [Wanted.PAUSE, Wanted.RUN, Wanted.RUN]


async def test_cancel(dev_server: WorkflowEnvironment) -> None:
    """A cancelled job starts nothing more, lets running chunks come back, and ends."""
    job = FakeJob(leads=MANY, held=ALL_STARTS)
    async with carried_out(dev_server, job) as handle:
        await until(lambda: job.in_flight == WINDOW_CHUNKS)
        await want(job, handle, Wanted.CANCEL)
        await handle.result()
    assert sorted(job.starts) == ALL_STARTS[:WINDOW_CHUNKS]
    assert (len(job.ends), job.in_flight) == (1, 0)
    completed = await events(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    assert len(completed) == 1 + WINDOW_CHUNKS + 1


async def test_cancel_without_a_signal(dev_server: WorkflowEnvironment) -> None:
    """What a chunk finds is heeded, also when the signal never comes."""
    job = FakeJob(leads=MANY, wanted=Wanted.CANCEL)
    async with carried_out(dev_server, job) as handle:
        await handle.result()
    assert len(job.starts) <= WINDOW_CHUNKS
    assert (job.looks, len(job.ends)) == ([], 1)


async def test_cancel_while_paused(dev_server: WorkflowEnvironment) -> None:
    """A paused job that is cancelled ends without another chunk."""
    job = FakeJob(leads=MANY, held=ALL_STARTS)
    async with carried_out(dev_server, job) as handle:
        await pause(job, handle)
        await want(job, handle, Wanted.CANCEL)
        await handle.result()
    assert (len(job.starts), len(job.ends)) == (WINDOW_CHUNKS, 1)


async def test_cancel_while_parked(dev_server: WorkflowEnvironment) -> None:
    """A job all of whose chunks wait for an hour ends at once, not then."""
    job = FakeJob(leads=200, parks={0: [HOUR], 100: [HOUR]})
    async with carried_out(dev_server, job) as handle:
        await until(lambda: len(job.starts) == 2 and job.in_flight == 0)
        await want(job, handle, Wanted.CANCEL)
        await handle.result()
    assert (len(job.starts), len(job.ends), job.looks) == (2, 1, [Wanted.CANCEL])


async def test_woken_for_nothing(skipping_server: WorkflowEnvironment) -> None:
    """A job of which nothing else is wanted looks, and its parked chunks wait as long as they had to."""
    job = FakeJob(leads=100, parks={0: [HOUR]})
    async with carried_out(skipping_server, job) as handle:
        await until(lambda: len(job.starts) == 1 and job.in_flight == 0)
        for looks in (1, 2):
            await handle.signal("wake")
            await until(partial(has_looked, job, looks))
        await handle.result()
    assert job.starts == [0, 0]
    assert job.moments[1] - job.moments[0] >= HOUR


async def test_woken_before_it_is_planned(dev_server: WorkflowEnvironment) -> None:
    """A signal that comes before anything else does no harm."""
    job = FakeJob(leads=100)
    client = dev_server.client
    async with working(client, *job.activities) as queue:
        handle = await client.start_workflow(
            FindPhonesWorkflow.run,
            FindPhonesInput("job-1"),
            id=str(uuid4()),
            task_queue=queue,
            start_signal="wake",
        )
        result = await handle.result()
    assert (result.status, job.starts) == ("done", [0])


async def test_pause_in_the_next_run(dev_server: WorkflowEnvironment) -> None:
    """A run that is used up when it is paused leaves the waiting to the next one, and no chunk is lost."""
    last = (CHUNKS_PER_RUN - 1) * CHUNK_LEADS
    job = FakeJob(leads=last + 5 * CHUNK_LEADS, held={last})
    async with carried_out(dev_server, job) as handle:
        await until(lambda: len(job.starts) == CHUNKS_PER_RUN and job.in_flight == 1, seconds=30)
        job.wanted = Wanted.PAUSE
        await until(lambda: len(job.starts) == CHUNKS_PER_RUN + 5 and job.in_flight == 0)
        assert job.ends == []
        job.release.set()
        await want(job, handle, Wanted.RUN)
        await handle.result()
    assert sorted(set(job.starts)) == list(range(0, job.leads, CHUNK_LEADS))
    assert len(job.starts) == CHUNKS_PER_RUN + 5 + 5
    assert len(job.ends) == 1


async def test_paused_with_nothing_left(dev_server: WorkflowEnvironment) -> None:
    """A job that is paused while its last leads end is done."""
    job = Finishing(leads=200)
    async with carried_out(dev_server, job) as handle:
        await handle.result()
    assert (len(job.starts), len(job.ends), job.looks) == (2, 1, [])
