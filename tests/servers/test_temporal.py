"""The Temporal test server, asked from tests that have event loops of their own."""

import pytest
from temporalio.testing import WorkflowEnvironment


@pytest.mark.parametrize("round_", [1, 2])
async def test_the_dev_server_answers(dev_server: WorkflowEnvironment, round_: int) -> None:
    """One server and its client serve tests in different event loops; visibility is there."""
    assert (await dev_server.client.count_workflows(f"WorkflowType = 'None{round_}'")).count == 0
