"""`leadgen demo` and `leadgen up`: everything on one machine, and nothing left of it."""

import contextlib
import re
import signal
import socket
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Running, processes_with, running, staged, until
from tests.entrypoints.program import SCRIPT, Program, WarmStart

TEMPORAL_PORT = 7233
UI_PORT = 8233


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
    assert up.stop(signal.SIGINT, 15) == 0
    assert "Traceback" not in up.text
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
        table = [line for line in shown.splitlines() if line.startswith(("┏", "┃", "┡", "│", "└", "├"))]
        assert max(len(line) for line in table) <= 80
        numbers = re.findall(r"\+1\d{10}", shown)
        assert len(numbers) == sum(" found " in line for line in table)


def test_up_with_a_temporal_of_ones_own(warm: WarmStart, tmp_path: Path, temporal_address: str) -> None:
    """`up` makes the tables, works for the Temporal that is set, and ends on Ctrl-C."""
    mark = str(uuid4())
    with staged(warm, tmp_path, temporal_address, "--profile", "instant", *NO_LIMITS) as stage:
        settings = {"DATABASE_URL": "sqlite:///fresh/leadgen.db"}
        program = Program(warm, tmp_path, {**stage.program.settings, **settings})
        environment = {**program.environment(), "MARK": mark}
        with running("up", [str(SCRIPT), "up"], tmp_path, environment) as up:
            up.says("worker started")
            program("leads", "import", program.write("people.csv", plain_file(4)))
            job = program("phones", "find", "--json").document
            assert (job["status"], job["leads"], job["failed"]) == ("done", 4, 0)
            end(up, mark)


@pytest.mark.skipif(
    not (is_free(TEMPORAL_PORT) and is_free(UI_PORT)), reason="Temporal's own ports are taken"
)
def test_up_with_everything(warm: WarmStart, tmp_path: Path) -> None:
    """Without any setting `up` starts a Temporal server that keeps what it knows, and a worker."""
    mark = str(uuid4())
    environment = {**Program(warm, tmp_path, {}).environment(), "MARK": mark}
    with running("up", [str(SCRIPT), "up"], tmp_path, environment) as up:
        up.says("worker started")
        assert f"Temporal is at 127.0.0.1:{TEMPORAL_PORT}" in up.text
        end(up, mark)
    assert (tmp_path / ".leadgen" / "temporal.db").stat().st_size > 0
    assert is_free(TEMPORAL_PORT)


def test_up_on_a_taken_port(warm: WarmStart, tmp_path: Path) -> None:
    """Where something listens already, `up` says on which port and what to set, and starts nothing."""
    program = Program(warm, tmp_path, {})
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken already, which serves as well
            stack.enter_context(socket.create_server(("127.0.0.1", TEMPORAL_PORT)))
        ended = program.from_scratch("up")
    assert ended.code == 1, ended
    assert ended.err.count("\n") == 1, ended
    assert f"127.0.0.1:{TEMPORAL_PORT}" in ended.err
    assert "LEADGEN_TEMPORAL_ADDRESS" in ended.err
    assert "Traceback" not in ended.err
