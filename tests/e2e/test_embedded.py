"""`leadgen demo` and `leadgen up`: everything on one machine, and nothing left of it."""

import contextlib
import fcntl
import re
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Running, processes_with, running, staged, until
from tests.entrypoints.program import SCRIPT, Program, WarmStart

UP = [str(SCRIPT), "up", "--port", "0"]
TEMPORAL_PORT = 7233
UI_PORT = 8233


@pytest.fixture
def default_ports() -> Iterator[None]:
    """The right to use Temporal's own ports, which only one run of these tests on a machine has at a time."""
    with (Path(tempfile.gettempdir()) / f"leadgen-tests-{TEMPORAL_PORT}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def end(up: Running, mark: str) -> None:
    """Ctrl-C ends `leadgen up` within 15 seconds with 0, and with it all that it has started."""
    assert up.press_ctrl_c() == 0
    said = up.text.splitlines()[-4:]
    assert any("worker stopped" in line for line in said), said
    assert any("http service stopped" in line for line in said), said
    assert "Traceback" not in up.text
    assert " WARN " not in up.text, "the server has ended before those that talk to it"
    until(lambda: not processes_with(mark), 5, "no process is left")


def test_demo_twice(warm: WarmStart, tmp_path: Path) -> None:
    """The demo ends with 0 in an empty folder and again in the same one, and leaves no process behind."""
    for seed in ("7", "8"):
        mark = str(uuid4())
        environment = {**Program(warm, tmp_path, {}).environment(), "MARK": mark}
        command = [str(SCRIPT), "demo", "--leads", "12", "--seed", seed]
        with running(f"demo-{seed}", command, tmp_path, environment) as demo:
            assert demo.process.wait(60) == 0
            shown = demo.text
        assert processes_with(mark) == []
        assert "Traceback" not in shown
        assert "the same." in shown
        assert re.search(r"12 leads: \d+ found", shown)
        assert all(len(line) <= 80 for line in shown.splitlines() if "leadgen" not in line)
        found = [line for line in shown.splitlines() if re.search(r"\$\S+ +found *$", line)]
        assert found
        assert all(re.search(r" \+1\d{10} ", line) for line in found)


def test_demo_interrupted(warm: WarmStart, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a demo ends it within 15 seconds and leaves no process behind."""
    mark = str(uuid4())
    environment = {**Program(warm, tmp_path, {}).environment(), "MARK": mark}
    with running("demo", [str(SCRIPT), "demo", "--leads", "200"], tmp_path, environment) as demo:
        demo.says("200 rows")
        assert demo.press_ctrl_c() == 130
        assert "ERROR" not in demo.text
        assert "Traceback" not in demo.text
    until(lambda: not processes_with(mark), 5, "no process is left")


def test_up_with_a_temporal_of_ones_own(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """`up` makes the tables and a key to secrets, works for the Temporal that is set, and ends on Ctrl-C."""
    mark = str(uuid4())
    with staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS) as stage:
        settings = {"DATABASE_URL": "sqlite:///fresh/leadgen.db"}
        program = Program(warm, tmp_path, {**stage.program.settings, **settings})
        environment = {**program.environment(), "MARK": mark}
        with running("up", UP, tmp_path, environment) as up:
            up.says("worker started")
            program("leads", "import", program.write("people.csv", plain_file(4)))
            job = program("phones", "find", "--json").document
            assert (job["status"], job["leads"], job["failed"]) == ("done", 4, 0)
            assert program("webhooks", "add", "https://lovelace.example/hook").code == 0
            end(up, mark)
        assert stat.S_IMODE((tmp_path / ".leadgen" / "secrets.key").stat().st_mode) == 0o600
        assert b"whsec_" not in (tmp_path / "fresh" / "leadgen.db").read_bytes()


@pytest.mark.usefixtures("default_ports")
def test_up_with_everything(warm: WarmStart, tmp_path: Path) -> None:
    """Without any setting `up` starts a Temporal server that keeps what it knows, a worker, and the HTTP
    service, of which it tells the address and, once, a first key.
    """
    if not (is_free(TEMPORAL_PORT) and is_free(UI_PORT)):
        pytest.skip("Temporal's own ports are taken")
    mark = str(uuid4())
    environment = {**Program(warm, tmp_path, {}).environment(), "MARK": mark}
    with running("up", UP, tmp_path, environment) as up:
        up.says("worker started")
        assert f"Temporal is at 127.0.0.1:{TEMPORAL_PORT}" in up.text
        (address,) = re.findall(r"HTTP service is at (http://127\.0\.0\.1:\d+),", up.text)
        (key,) = re.findall(r"^ +(lg_[0-9a-f_]+)$", up.text, re.MULTILINE)
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx2.get(f"{address}/v1/leads", headers=headers, trust_env=False).status_code == 200
        end(up, mark)
    with running("up-again", UP, tmp_path, environment) as up:
        up.says("worker started")
        assert "lg_" not in up.text
        end(up, mark)
    assert (tmp_path / ".leadgen" / "temporal.db").stat().st_size > 0
    assert is_free(TEMPORAL_PORT)


@pytest.mark.usefixtures("default_ports")
def test_up_on_a_taken_port(warm: WarmStart, tmp_path: Path) -> None:
    """Where something listens already, `up` says on which port and what to set, and starts nothing."""
    environment = Program(warm, tmp_path, {}).environment()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken already, which serves as well
            stack.enter_context(socket.create_server(("127.0.0.1", TEMPORAL_PORT)))
        up = stack.enter_context(running("up", UP, tmp_path, environment))
        assert up.process.wait(30) == 1
        said = up.text
    assert said.count("\n") == 1, said
    assert f"127.0.0.1:{TEMPORAL_PORT}" in said
    assert "LEADGEN_TEMPORAL_ADDRESS" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_simulate_leaves_nobody(warm: WarmStart, tmp_path: Path, number: signal.Signals) -> None:
    """However `leadgen simulate` ends, also when it is killed, its world ends with it."""
    mark = str(uuid4())
    environment = {**Program(warm, tmp_path, {}).environment(), "MARK": mark}
    command = [str(SCRIPT), "simulate", "--port", "0"]
    with running("simulate", command, tmp_path, environment) as simulate:
        simulate.says("To let leadgen ask it")
        assert len(processes_with(mark)) == 2
        simulate.stop(number)
        until(lambda: not processes_with(mark), 5, "no process is left")
