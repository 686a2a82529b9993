"""The time-skipping server, for workflows that wait."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment


@pytest.fixture
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A server whose time jumps to the next event while a result is awaited."""
    program = Path(sys.executable).parent / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(program)
    ) as server:
        yield server
