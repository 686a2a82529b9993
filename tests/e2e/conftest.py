"""A Temporal server and a warm start for all end-to-end tests."""

from collections.abc import Iterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.entrypoints.program import WarmStart, warm_start


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmStart]:
    """One warm start for all commands."""
    with warm_start() as start:
        yield start


@pytest.fixture
def temporal_address(dev_server: WorkflowEnvironment) -> str:
    """Where the Temporal server of this session listens."""
    return dev_server.client.service_client.config.target_host
