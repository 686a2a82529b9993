"""The workflow of a bulk job, over fake activities; what is wrong with its input fails it at once."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from leadgen.workflows.find_phones.payloads import (
    ChunkInput,
    ChunkProgress,
    FindPhonesInput,
    FindPhonesResult,
)
from leadgen.workflows.find_phones.workflow import (
    CHUNKS_PER_RUN,
    WINDOW_CHUNKS,
    FindPhonesWorkflow,
)
from tests.workflows.fakes import (
    CHUNK_LEADS,
    HOUR,
    FakeJob,
    events,
    failure_of,
    gone_for_good,
    in_flight_max,
    not_there_now,
    until,
    working,
)

NOW = timedelta()
Handle = WorkflowHandle[Any, FindPhonesResult]


async def carry_out(
    server: WorkflowEnvironment, job: FakeJob, request: FindPhonesInput | None = None
) -> tuple[Handle, FindPhonesResult]:
    """A job, carried out to its end."""
    client = server.client
    async with working(client, *job.activities) as queue:
        handle = await client.start_workflow(
            FindPhonesWorkflow.run,
            request or FindPhonesInput("job-1", "acme"),
            id=str(uuid4()),
            task_queue=queue,
            execution_timeout=timedelta(days=1),
        )
        return handle, await handle.result()


async def test_plan_chunks_end(dev_server: WorkflowEnvironment) -> None:
    """A job is planned, run in chunks that cover every lead once, and ended; its report is the result."""
    job = FakeJob(leads=2 * CHUNK_LEADS + 1)
    _, result = await carry_out(dev_server, job)
    assert [(plan.job_id, plan.account) for plan in job.plans] == [("job-1", "acme")]
    assert sorted(job.starts) == [0, CHUNK_LEADS, 2 * CHUNK_LEADS]
    assert {(chunk.job_id, chunk.size) for chunk in job.chunks} == {("job-1", CHUNK_LEADS)}
    assert [end.job_id for end in job.ends] == ["job-1"]
    assert result == FindPhonesResult("job-1", "done", 201, 201, 0, 0, 0, "0.000000")


async def test_no_leads(dev_server: WorkflowEnvironment) -> None:
    """A job over nobody ends without a chunk."""
    job = FakeJob(leads=0)
    _, result = await carry_out(dev_server, job)
    assert (job.starts, len(job.ends), result.leads) == ([], 1, 0)


@pytest.mark.parametrize("given", [[], [{}]])
async def test_plain_json(dev_server: WorkflowEnvironment, given: list[object]) -> None:
    """From ``{}``, or from nothing, a job of the default account is made, under one new id."""
    job = FakeJob(leads=1)
    async with working(dev_server.client, *job.activities) as queue:
        result = await dev_server.client.execute_workflow(
            "FindPhones",
            args=given,
            id=str(uuid4()),
            task_queue=queue,
            execution_timeout=timedelta(seconds=9),
        )
    (plan,) = job.plans
    assert plan.account == "default"
    assert str(UUID(plan.job_id)) == plan.job_id
    assert {chunk.job_id for chunk in job.chunks} == {plan.job_id}
    assert (result["job_id"], result["found"]) == (plan.job_id, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"job_id": 5551234}, "job_id must be of type str"),
        ({"leads": "5551234"}, "leads must be of type int | None"),
        ({"parked": [{"start": "5551234"}]}, "parked must be of type list[ParkedChunk]"),
        ([{"job_id": "5551234"}], "the input must be a JSON object (of job_id, account, leads, "),
        ("5551234", "the input must be a JSON object (of job_id, account, leads, "),
    ],
)
async def test_wrongly_typed_input(dev_server: WorkflowEnvironment, given: object, words: str) -> None:
    """An input of another type fails the workflow for good, instead of being decoded again for ever.

    The failure names the field and its type, and quotes nothing of what was given.
    """
    job = FakeJob(leads=1)
    async with working(dev_server.client, *job.activities) as queue:
        failure = await failure_of(dev_server.client, "FindPhones", given, queue)
    assert failure.message.startswith(words)
    assert (failure.type, failure.non_retryable) == ("InvalidInput", True)
    assert "5551234" not in str(failure.failure)
    assert job.plans == []


async def test_unknown_fields(dev_server: WorkflowEnvironment) -> None:
    """Fields that a later version may know are no fault."""
    job = FakeJob(leads=1)
    async with working(dev_server.client, *job.activities) as queue:
        result = await dev_server.client.execute_workflow(
            "FindPhones", {"job_id": "job-1", "colour": 5}, id=str(uuid4()), task_queue=queue
        )
    assert (result["job_id"], result["status"]) == ("job-1", "done")


async def test_window(dev_server: WorkflowEnvironment) -> None:
    """So many chunks are in flight at once, and never one more."""
    job = FakeJob(leads=25 * CHUNK_LEADS, together=WINDOW_CHUNKS)
    handle, _ = await carry_out(dev_server, job)
    assert len(job.starts) == 25
    assert await in_flight_max(handle, "run_chunk") == WINDOW_CHUNKS


async def test_parked_chunk_holds_nobody_up(skipping_server: WorkflowEnvironment) -> None:
    """A chunk that parks for an hour goes on after it; the others are done long before."""
    job = FakeJob(leads=12 * CHUNK_LEADS, parks={100: [HOUR, HOUR]})
    begun = await skipping_server.get_current_time()
    _, result = await carry_out(skipping_server, job)
    assert job.starts[-2:] == [100, 100]
    assert sorted(set(job.starts)) == list(range(0, 1200, 100))
    assert result.status == "done"
    assert timedelta() <= job.moments[-1] - begun - 2 * HOUR < HOUR


async def test_earliest_first(skipping_server: WorkflowEnvironment) -> None:
    """Of parked chunks the one whose time comes first goes on first."""
    job = FakeJob(leads=300, parks={0: [3 * HOUR], 100: [HOUR], 200: [2 * HOUR]})
    await carry_out(skipping_server, job)
    assert job.starts[-3:] == [100, 200, 0]


async def test_parked_chunk_whose_time_has_come(dev_server: WorkflowEnvironment) -> None:
    """A time to go on that lies in the past is no reason to wait."""
    job = FakeJob(leads=100, parks={0: [-HOUR, NOW]})
    handle, _ = await carry_out(dev_server, job)
    assert job.starts == [0, 0, 0]
    assert await events(handle, EventType.EVENT_TYPE_TIMER_STARTED) == []


async def test_parked_chunk_waits_for_a_place(dev_server: WorkflowEnvironment) -> None:
    """A parked chunk whose time has come counts in the window like any other."""
    held = set(range(100, 100 + WINDOW_CHUNKS * CHUNK_LEADS, CHUNK_LEADS))
    job = FakeJob(leads=9 * CHUNK_LEADS, parks={0: [NOW]}, held=held)
    async with working(dev_server.client, *job.activities) as queue:
        handle = await dev_server.client.start_workflow(
            FindPhonesWorkflow.run, FindPhonesInput("job-1"), id=str(uuid4()), task_queue=queue
        )
        await until(lambda: job.in_flight == WINDOW_CHUNKS)
        job.release.set()
        await handle.result()
    assert sorted(job.starts) == [0, 0, *sorted(held)]
    assert await in_flight_max(handle, "run_chunk") <= WINDOW_CHUNKS


async def test_next_run(skipping_server: WorkflowEnvironment) -> None:
    """A used-up run goes on in a new one that knows how far it is and who is parked."""
    chunks = CHUNKS_PER_RUN + 10
    job = FakeJob(leads=chunks * CHUNK_LEADS, parks={0: [2 * HOUR], 500: [HOUR]})
    handle, result = await carry_out(skipping_server, job)
    first, *later = await runs_of(skipping_server, handle)
    (continued,) = await events(first, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW)
    attributes = continued.workflow_execution_continued_as_new_event_attributes
    converter = skipping_server.client.data_converter
    (carried,) = await converter.decode(attributes.input.payloads, [FindPhonesInput])
    assert (carried.job_id, carried.account, carried.leads) == ("job-1", "acme", chunks * CHUNK_LEADS)
    assert carried.next_start == CHUNKS_PER_RUN * CHUNK_LEADS
    assert [parked.start for parked in carried.parked] == [500, 0]
    assert len(later) == 1
    assert (len(job.plans), len(job.ends), result.leads) == (1, 1, chunks * CHUNK_LEADS)
    assert job.starts[-2:] == [500, 0]
    assert sorted(job.starts[:-2]) == list(range(0, chunks * CHUNK_LEADS, CHUNK_LEADS))


class ParksLate(FakeJob):
    """A job whose chunks that park do so when the held ones run, not before those have got a place."""

    @activity.defn(name="run_chunk")
    async def run_chunk(self, chunk: ChunkInput) -> ChunkProgress:
        """Parks late; all others do as they always do."""
        if chunk.start in self.parks:
            await until(lambda: set(self.held) <= set(self.starts))
        return await super().run_chunk(chunk)


async def test_used_up_run_waits_for_its_last_chunk(dev_server: WorkflowEnvironment) -> None:
    """A parked chunk whose time has come makes a used-up run neither spin nor start one chunk more."""
    last = (CHUNKS_PER_RUN - 1) * CHUNK_LEADS
    job = ParksLate(leads=last + 1, parks={last - CHUNK_LEADS: [NOW]}, held={last})
    async with working(dev_server.client, *job.activities) as queue:
        handle = await dev_server.client.start_workflow(
            FindPhonesWorkflow.run, FindPhonesInput("job-1"), id=str(uuid4()), task_queue=queue
        )
        await until(lambda: len(job.starts) == CHUNKS_PER_RUN and job.in_flight == 1, seconds=30)
        await workflow_tasks_settle(handle)
        job.release.set()
        await handle.result()
    first, _ = await runs_of(dev_server, handle)
    assert await events(first, EventType.EVENT_TYPE_TIMER_STARTED) == []
    assert job.starts[CHUNKS_PER_RUN:] == [last - CHUNK_LEADS]


async def workflow_tasks_settle(handle: Handle) -> None:
    """Until the workflow does nothing any more, or has set timers again and again."""
    kinds = (EventType.EVENT_TYPE_TIMER_STARTED, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    before = -1
    for _ in range(10):
        seen = len(await events(handle, *kinds))
        if seen == before:
            return
        before = seen


async def runs_of(server: WorkflowEnvironment, last: Handle) -> list[WorkflowHandle[Any, Any]]:
    """Handles of all runs of a workflow, the first one first."""
    runs = [server.client.get_workflow_handle(last.id, run_id=last.first_execution_run_id)]
    while ends := await events(runs[-1], EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW):
        run_id = ends[0].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        runs.append(server.client.get_workflow_handle(last.id, run_id=run_id))
    return runs


async def test_chunk_that_fails_for_good(dev_server: WorkflowEnvironment) -> None:
    """One chunk that cannot be run does not keep the others from their end."""
    job = FakeJob(leads=300, breaks={100: [gone_for_good()]})
    _, result = await carry_out(dev_server, job)
    assert sorted(job.starts) == [0, 100, 200]
    assert result.status == "done"


async def test_chunk_that_is_repeated(skipping_server: WorkflowEnvironment) -> None:
    """A chunk whose database is away is tried until it answers."""
    job = FakeJob(leads=200, breaks={100: [not_there_now()] * 12})
    await carry_out(skipping_server, job)
    assert job.starts.count(100) == 13


async def test_cancelled_in_a_chunk(dev_server: WorkflowEnvironment) -> None:
    """Cancelling ends the workflow while chunks run; the job is left for Upkeep to close."""
    job = FakeJob(leads=200, held={0, 100})
    async with working(dev_server.client, *job.activities) as queue:
        handle = await dev_server.client.start_workflow(
            FindPhonesWorkflow.run, FindPhonesInput("job-1"), id=str(uuid4()), task_queue=queue
        )
        await until(lambda: job.in_flight == 2)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
    assert job.ends == []


async def test_cancelled_while_parked(dev_server: WorkflowEnvironment) -> None:
    """Cancelling ends the workflow while all that is left of it waits."""
    job = FakeJob(leads=1, parks={0: [HOUR]})
    async with working(dev_server.client, *job.activities) as queue:
        handle = await dev_server.client.start_workflow(
            FindPhonesWorkflow.run, FindPhonesInput("job-1"), id=str(uuid4()), task_queue=queue
        )
        await until(lambda: job.starts == [0] and job.in_flight == 0)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, CancelledError)


async def test_parked_without_a_zone(dev_server: WorkflowEnvironment) -> None:
    """A time that somebody wrote without a zone is meant in UTC; the order of parked chunks is no matter."""
    job = FakeJob(leads=200)
    parked = [{"resume_at": f"2026-01-0{day}T00:00:00", "start": 100 * (day - 1)} for day in (2, 1)]
    given = {"job_id": "job-1", "leads": 200, "next_start": 200, "parked": parked}
    async with working(dev_server.client, *job.activities) as queue:
        await dev_server.client.execute_workflow(
            "FindPhones", given, id=str(uuid4()), task_queue=queue, execution_timeout=timedelta(seconds=9)
        )
    assert sorted(job.starts) == [0, 100]
