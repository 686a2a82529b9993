"""Processes that leadgen starts and ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
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
    arguments = ["--port", "0", "--profile", profile, "--seed", str(seed), "--parent", str(os.getpid())]
    async with _process("leadgen_simulator", arguments, {}, log, pipe=True) as process:
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
    async with _process("leadgen.entrypoints.worker", [], environment, log, pipe=False):
        yield


@asynccontextmanager
async def _process(
    module: str, arguments: list[str], environment: Mapping[str, str], log: Path, *, pipe: bool
) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as lines:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments,
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
