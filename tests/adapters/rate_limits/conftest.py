"""Processes over one board, and which of these tests take their time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from leadgen.adapters.persistence.database import Database, DatabaseClock, now_micros
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.rate_limits.board import LimiterBoard
from leadgen.adapters.rate_limits.failover import FailoverRateLimiter
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock
from leadgen.domain.limits import Timing
from tests.adapters.rate_limits.clocked import LeapingClock
from tests.adapters.rate_limits.process import TIMING, Process, Start
from tests.contracts.stores import OpenStores, add_leads
from tests.servers.valkey import ValkeyServer, valkey_server

REAL_SECONDS = ("test_failover.py", "test_epochs.py")
ON_BOTH = ("test_a_second_process", "test_no_window_is_over_through_all_changes", "test_other_rules")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Failover waits for real seconds: on PostgreSQL most of it belongs to `make test-slow`."""
    for item in items:
        is_failover = item.path.name in REAL_SECONDS and "postgresql" in item.name
        if is_failover and not item.name.startswith(ON_BOTH):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
async def start(database_url: str, open_stores: OpenStores) -> AsyncIterator[Start]:
    """Starts one more process on the database, in which there is one lead."""
    await add_leads(open_stores(), 1)
    processes: list[Process] = []

    def start(
        url: str | None = None,
        timing: Timing = TIMING,
        *,
        database_url: str = database_url,
        redis: type[RedisRateLimiter] = RedisRateLimiter,
        board: type[LimiterBoard] = LimiterBoard,
        now: DatabaseClock = now_micros,
    ) -> Process:
        owner = f"process-{len(processes)}"
        database, real, clock = Database(database_url), SystemClock(), LeapingClock()
        limiter = FailoverRateLimiter(
            board=(mine := board(database, owner, now)),
            owner=owner,
            memory=InMemoryRateLimiter(real, timing),
            sql=SqlRateLimiter(database, real, timing, now),
            redis=redis(open_redis(url), real, timing) if url else None,
            clock=clock,
            timing=timing,
        )
        processes.append(Process(owner, database, mine, limiter, SqlLookupLedger(database), clock))
        return processes[-1]

    yield start
    for process in processes:
        await process.limiter.close()
        await process.database.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that may come to harm."""
    home = tmp_path / "valkey"
    with valkey_server(home) as server:
        yield server
