"""The Temporal test server, asked from tests that have event loops of their own."""

from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.servers.temporal import temporal_server


@pytest.mark.parametrize("round_", [1, 2])
async def test_the_dev_server_answers(dev_server: WorkflowEnvironment, round_: int) -> None:
    """One server and its client serve tests in different event loops; visibility is there."""
    assert (await dev_server.client.count_workflows(f"WorkflowType = 'None{round_}'")).count == 0


async def test_a_killed_server_starts_again_with_what_it_knew(tmp_path: Path) -> None:
    """A workflow that was started before is there, under the old address."""
    with temporal_server(tmp_path) as server:
        client = await Client.connect(server.address)
        await client.start_workflow("Nobody", id="first", task_queue="nobody")
        server.kill()
        server.start()
        again = await Client.connect(server.address)
        assert (await again.get_workflow_handle("first").describe()).workflow_type == "Nobody"
