"""Servers that any test may ask for; each starts when the first test asks and lives until the last."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.temporal import temporal_dev_server
from tests.servers.valkey import ValkeyServer, valkey_server

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in its background has them ignore Ctrl-C, and so would what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """An empty PostgreSQL; make a database of your own on it."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """An empty Valkey; take keys of your own, and leave it running and awake."""
    with valkey_server() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dev_server() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal dev server; take a task queue and workflow ids of your own."""
    async with temporal_dev_server() as environment:
        yield environment
