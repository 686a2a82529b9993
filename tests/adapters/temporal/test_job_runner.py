"""Looking whether Temporal is there, where it is not."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from leadgen.adapters.persistence.accounts import SqlAccountRepository
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.system import SystemClock
from leadgen.adapters.temporal.job_runner import TemporalJobRunner
from leadgen.domain.errors import ServiceUnavailable


class NoServer:
    """Is not there, as is found out in its own time."""

    def __init__(self) -> None:
        self.asked = 0
        self.found_out = asyncio.Event()

    async def connect(self) -> Client:
        """Raises ServiceUnavailable, once it is found out."""
        self.asked += 1
        await self.found_out.wait()
        raise ServiceUnavailable("Temporal", "127.0.0.1:1", "start one")

    def runner(self, tmp_path: Path) -> TemporalJobRunner:
        """What would ask it."""
        database = Database(f"sqlite:///{tmp_path / 'leadgen.db'}")
        return TemporalJobRunner(self.connect, "leadgen", SqlAccountRepository(database, SystemClock()))


async def test_many_share_one_look(tmp_path: Path) -> None:
    """Whoever asks while somebody looks is told what that one finds."""
    server = NoServer()
    runner = server.runner(tmp_path)
    asking = [asyncio.create_task(runner.check()) for _ in range(3)]
    await asyncio.sleep(0)
    server.found_out.set()
    for told in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(told, ServiceUnavailable)
    assert server.asked == 1
    with pytest.raises(ServiceUnavailable):
        await runner.check()
    assert server.asked == 2


async def test_nobody_waits_any_more(tmp_path: Path) -> None:
    """Who is interrupted while they wait is not shown the error that comes later."""
    shown: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: shown.append(context))
    server = NoServer()
    runner = server.runner(tmp_path)
    asking = asyncio.create_task(runner.check())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    server.found_out.set()
    await asyncio.sleep(0.01)
    gc.collect()
    assert not shown
