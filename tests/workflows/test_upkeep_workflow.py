"""The workflow of upkeep, over a fake activity."""

from uuid import uuid4

from temporalio.testing import WorkflowEnvironment

from leadgen.workflows.upkeep.payloads import UpkeepResult
from leadgen.workflows.upkeep.workflow import UpkeepWorkflow
from tests.workflows.fakes import FakeUpkeep, not_there_now, working


async def test_what_was_mended(dev_server: WorkflowEnvironment) -> None:
    """The result says how many jobs were started and how many closed."""
    async with working(dev_server.client, FakeUpkeep().mend_jobs) as queue:
        result = await dev_server.client.execute_workflow(
            UpkeepWorkflow.run, id=str(uuid4()), task_queue=queue
        )
    assert result == UpkeepResult(jobs_started=1, jobs_closed=2)


async def test_database_comes_back(skipping_server: WorkflowEnvironment) -> None:
    """What does not answer is tried until it does."""
    upkeep = FakeUpkeep([not_there_now()] * 8)
    async with working(skipping_server.client, upkeep.mend_jobs) as queue:
        result = await skipping_server.client.execute_workflow(
            UpkeepWorkflow.run, id=str(uuid4()), task_queue=queue
        )
    assert result == UpkeepResult(jobs_started=1, jobs_closed=2)
    assert upkeep.errors == []
