"""The launcher of the Valkey test server."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis, RedisError

from tests.servers.valkey import ValkeyServer, sweep, valkey_server

ROOT = Path(__file__).parents[2]

CRASHING_RUN = """
import os, pathlib, signal, sys
from tests.servers.valkey import valkey_server
with valkey_server(pathlib.Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _says(url: str, *command: str) -> object:
    """What a server says to a new client; None when it does not answer in time."""
    with Redis.from_url(url, socket_timeout=0.2, decode_responses=True) as client:
        with contextlib.suppress(RedisError):
            return client.execute_command(*command)
        return None


def _pid(server: ValkeyServer) -> int:
    with Redis.from_url(server.url) as client:
        return int(client.info("server")["process_id"])


def test_a_server_serves_and_leaves_nothing(tmp_path: Path) -> None:
    """It answers, and after the end neither process nor data is left."""
    with valkey_server(tmp_path) as server:
        assert _says(server.url, "SET", "lead", "Ada") is True
        assert _says(server.url, "GET", "lead") == "Ada"
        pid = _pid(server)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_server_starts_again_empty(tmp_path: Path) -> None:
    """It answers nothing while it is dead, and under its old address afterwards; what it knew is gone."""
    with valkey_server(tmp_path) as server:
        _says(server.url, "SET", "lead", "Ada")
        server.kill()
        assert _says(server.url, "PING") is None
        server.start()
        assert _says(server.url, "DBSIZE") == 0


def test_a_paused_server_hangs(tmp_path: Path) -> None:
    """It answers nothing until it goes on; then it knows what it knew."""
    with valkey_server(tmp_path) as server:
        _says(server.url, "SET", "lead", "Ada")
        server.pause()
        assert _says(server.url, "PING") is None
        server.go_on()
        assert _says(server.url, "GET", "lead") == "Ada"


def test_the_server_of_a_dead_run_is_swept(tmp_path: Path) -> None:
    """A run killed with SIGKILL leaves its server behind; the next run stops it and removes its data."""
    command = [sys.executable, "-c", CRASHING_RUN, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert run.returncode == -signal.SIGKILL
    url = run.stdout.strip()
    assert _says(url, "PING") is True
    sweep(tmp_path)
    assert _says(url, "PING") is None
    assert list(tmp_path.iterdir()) == []


def test_the_server_of_a_live_run_is_left_alone(tmp_path: Path) -> None:
    """Two runs at the same time do not stop each other's servers."""
    with valkey_server(tmp_path) as server, valkey_server(tmp_path) as other:
        assert other.port != server.port
        assert _says(server.url, "PING") is True


def test_a_stale_record_harms_nobody(tmp_path: Path) -> None:
    """A record whose process id belongs to somebody else by now is removed, the process is not touched."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "pid").write_text(str(os.getpid()))
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
