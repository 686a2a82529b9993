"""The launcher of the PostgreSQL test server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.servers import postgres_binaries
from tests.servers.postgres import PostgresServer, default_home, postgres_server, sweep

ROOT = Path(__file__).parents[2]

CRASHING_RUN = """
import os, pathlib, signal, sys
from tests.servers.postgres import postgres_server
with postgres_server(pathlib.Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of servers of its own, where the unprivileged user may go."""
    folder = Path(f"{default_home()}-trial-{os.getpid()}")
    yield folder
    shutil.rmtree(folder)


def test_a_server_serves_and_leaves_nothing(home: Path) -> None:
    """It answers, copies databases, and after the end neither process nor data is left."""
    with postgres_server(home) as server:
        origin = server.create_database("origin")
        with psycopg.connect(origin) as connection:
            connection.execute("create table lead (name text)")
            connection.execute("insert into lead values ('Ł')")
            assert connection.info.server_version // 10_000 == 18
        copy = server.create_database('a "copy"', template="origin")
        with psycopg.connect(copy) as connection:
            assert connection.execute("select lower(name) from lead").fetchone() == ("ł",)
        server.drop_database('a "copy"')
        processes = _processes(server)
        assert len(processes) > 3
        assert all(_is_alive(pid) for pid in processes)
    assert not [pid for pid in processes if _is_alive(pid)]
    assert _left_in(home) == []


@pytest.mark.parametrize("at_once", [False, True])
def test_a_stopped_server_starts_again_with_what_was_committed(home: Path, at_once: bool) -> None:
    """It refuses connections meanwhile; afterwards it is at its old address and has lost no commit."""
    with postgres_server(home, settings={"synchronous_commit": "on"}) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("create table lead (name text)")
        server.stop(at_once=at_once)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url)
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select count(*) from lead").fetchone() == (0,)
    assert _left_in(home) == []


def test_the_server_of_a_dead_run_is_swept(home: Path) -> None:
    """A run killed with SIGKILL leaves its server behind; the next run stops it and removes its data."""
    command = [sys.executable, "-c", CRASHING_RUN, str(home)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    url = run.stdout.strip()
    with psycopg.connect(url) as connection:
        connection.execute("select 1")
    assert sweep(home) == 1
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert _left_in(home) == []


def test_the_server_of_a_live_run_is_left_alone(home: Path) -> None:
    """Two runs at the same time do not stop each other's servers."""
    with postgres_server(home) as server:
        assert sweep(home) == 0
        with postgres_server(home) as other:
            assert other.port != server.port
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_stale_record_harms_nobody(home: Path) -> None:
    """A record whose process id belongs to somebody else by now is removed, the process is not touched."""
    home.mkdir(mode=0o711)
    (home / "server-old").mkdir()
    (home / "server-old" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    (home / "server-old.json").write_text(f'{{"pid": {os.getpid()}, "port": 1}}')
    assert sweep(home) == 0
    assert _left_in(home) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to drop its rights")
def test_unreachable_binaries_are_copied(home: Path, tmp_path: Path) -> None:
    """Programs under a folder that only root may enter run from a copy, which is made once."""
    installed = postgres_binaries._package_folder()
    for name in (installed.name, f"{installed.name}.libs"):
        if (installed.parent / name).exists():
            shutil.copytree(installed.parent / name, tmp_path / "site" / name)
    (tmp_path / "site").chmod(0o700)
    home.mkdir(mode=0o711)
    account = postgres_binaries.unprivileged_account()
    assert account is not None
    folder = postgres_binaries.binaries(home, account, tmp_path / "site" / installed.name)
    assert folder.is_relative_to(home)
    assert "18" in _version(folder / "initdb", account)
    (folder / "initdb").unlink()
    assert postgres_binaries.binaries(home, account, tmp_path / "site" / installed.name) == folder
    assert "18" in _version(folder / "initdb", account)
    assert len(list(home.iterdir())) == 1


def _version(program: Path, account: postgres_binaries.Account) -> str:
    return subprocess.run(
        [program, "--version"],
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _processes(server: PostgresServer) -> set[int]:
    """The server and its helpers."""
    with psycopg.connect(server.url) as connection:
        rows = connection.execute("select pid from pg_stat_activity where pid <> pg_backend_pid()")
        return {server.pid, *(pid for (pid,) in rows)}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _left_in(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if not path.name.startswith("binaries-")]
