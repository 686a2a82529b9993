"""Processes that their leadgen left behind, since it was killed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from leadgen.adapters.embedded.orphans import remember, sweep
from leadgen.adapters.embedded.temporal import dev_server, free_port
from leadgen.domain.errors import NotConfigured
from tests.e2e.processes import processes_with, running, until
from tests.entrypoints.program import BARE

_OWNER = """
import asyncio, sys
from pathlib import Path
from leadgen.adapters.embedded.temporal import dev_server

async def serve():
    file = Path("temporal.db")
    async with dev_server(port=int(sys.argv[1]), ui_port=int(sys.argv[2]), file=file, log=Path("t.log")):
        print("serving", flush=True)
        await asyncio.Event().wait()

asyncio.run(serve())
"""


async def test_killed_owner(tmp_path: Path) -> None:
    """Who is killed leaves its server behind; the next one ends it, and starts another over the same file."""
    port, ui_port = free_port(), free_port()
    mark = f"MARK-{tmp_path.name}-{port}"
    command = [sys.executable, "-c", _OWNER, str(port), str(ui_port)]
    with running("owner", command, tmp_path, {**BARE, "MARK": mark}) as owner:
        owner.says("serving")
        server, owner_pid = map(int, (tmp_path / "temporal.pid").read_text().split())
        assert owner_pid == owner.process.pid
        with pytest.raises(NotConfigured, match="is taken"):
            await _serve(tmp_path, port, ui_port, Path("temporal.db"))
        assert owner.stop(signal.SIGKILL) == -signal.SIGKILL
    assert len(processes_with(mark)) == 1
    sweep(tmp_path / "temporal.pid", "temporal.db")
    until(lambda: not processes_with(mark), 5, "no process is left")
    assert not (tmp_path / "temporal.pid").exists()
    assert server != owner_pid
    await _serve(tmp_path, port, ui_port, tmp_path / "temporal.db")


async def _serve(folder: Path, port: int, ui_port: int, file: Path) -> None:
    """Starts a server and ends it."""
    async with dev_server(port=port, ui_port=ui_port, file=file, log=folder / "t.log"):
        pass


def test_nobody_elses_process(tmp_path: Path) -> None:
    """A process that is no child is not noted, and one that is another program by now is left alone."""
    note = tmp_path / "temporal.pid"
    remember(note, "temporal.db")
    assert not note.exists()
    with running("sleeper", ["sleep", "60"], tmp_path, BARE) as sleeper:
        note.write_text(f"{sleeper.process.pid} 999999999\n")
        sweep(note, "temporal.db")
        assert sleeper.process.poll() is None
        note.write_text("nonsense")
        sweep(note, "temporal.db")
        assert sleeper.process.poll() is None
