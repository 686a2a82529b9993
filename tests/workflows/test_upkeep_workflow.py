"""The workflow of upkeep, over fake activities."""

from uuid import uuid4

import pytest
from temporalio.testing import WorkflowEnvironment

from leadgen.workflows.upkeep.payloads import UpkeepResult
from leadgen.workflows.upkeep.workflow import UpkeepWorkflow
from tests.workflows.fakes import FakeUpkeep, not_there_now, working

MENDED = UpkeepResult(
    jobs_started=1,
    jobs_closed=2,
    lookups_abandoned=3,
    answers_found=4,
    endpoints_woken=5,
    deliveries_pruned=6,
)


async def upkeep(server: WorkflowEnvironment, fake: FakeUpkeep) -> UpkeepResult:
    """What an upkeep over these activities tells."""
    async with working(server.client, *fake.activities) as queue:
        return await server.client.execute_workflow(UpkeepWorkflow.run, id=str(uuid4()), task_queue=queue)


async def test_what_was_mended(dev_server: WorkflowEnvironment) -> None:
    """The result counts what was done to jobs, to lookups and to webhooks."""
    assert await upkeep(dev_server, FakeUpkeep()) == MENDED


@pytest.mark.parametrize(
    "fake",
    [
        FakeUpkeep(errors=[not_there_now()] * 8),
        FakeUpkeep(settle_errors=[not_there_now()] * 8),
        FakeUpkeep(start_errors=[not_there_now()] * 8),
        FakeUpkeep(prune_errors=[not_there_now()] * 8),
    ],
    ids=["mend_jobs", "settle_unknown", "start_deliveries", "prune_deliveries"],
)
async def test_database_comes_back(skipping_server: WorkflowEnvironment, fake: FakeUpkeep) -> None:
    """What does not answer is tried until it does, by all activities."""
    assert await upkeep(skipping_server, fake) == MENDED
    assert not [*fake.errors, *fake.settle_errors, *fake.start_errors, *fake.prune_errors]
