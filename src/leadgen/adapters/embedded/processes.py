"""Processes that leadgen starts and ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from httpx2 import AsyncClient

from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.value import value

SIMULATOR_KEY = "simulator-key"
"""What the simulator takes as the key of each provider."""

_START_SECONDS = 20.0
_STOP_SECONDS = 15.0


@value(frozen=True, slots=True)
class Simulator:
    """A running provider world."""

    address: str

    async def charged_micros(self) -> int:
        """What its own books say that it has charged, in micro-USD."""
        async with AsyncClient(trust_env=False) as client:
            books = (await client.get(f"{self.address}/books")).json()
        return int(books["totals"]["charged_micros"])


@asynccontextmanager
async def simulator(*, profile: str, seed: int, log: Path) -> AsyncIterator[Simulator]:
    """The provider world as a process of its own."""
    command = [sys.executable, "-m", "leadgen_simulator", "--port", "0", "--profile", profile]
    command += ["--seed", str(seed), "--parent", str(os.getpid())]
    async with process_of(command, {}, log, pipe=True) as process:
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        except TimeoutError:
            line = b""
        address = line.decode().strip().rpartition(" ")[2]
        if not address.startswith("http"):
            raise ServiceUnavailable("the simulator", "its process", f"see {log}")
        yield Simulator(address)


@asynccontextmanager
async def worker(environment: Mapping[str, str], log: Path) -> AsyncIterator[None]:
    """A worker as a process of its own; its log goes to a file."""
    async with process_of([sys.executable, "-m", "leadgen.entrypoints.worker"], environment, log):
        yield


@asynccontextmanager
async def process_of(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, pipe: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block, and not by a Ctrl-C that is meant for this one.

    What it writes goes to a file; with ``pipe`` its stdout comes here. Without an environment it has ours.
    """
    with log.open("ab") as lines:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment) or None,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if pipe else lines,
            stderr=lines,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
