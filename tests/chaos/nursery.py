"""Starts processes from one in which everything is imported already: forks instead of seconds of imports.

One JSON request a line on stdin: the program, its arguments, folder, environment, and files for its output.
One JSON line on stdout for each start and for each end. Ends all it started when stdin ends: with the run.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import leadgen.composition
import leadgen.entrypoints.worker
import leadgen_simulator.process
from leadgen.entrypoints.cli.main import run as run_cli

PROGRAMS: dict[str, tuple[str, Callable[[], object]]] = {
    "worker": ("leadgen.entrypoints.worker", leadgen.entrypoints.worker.main),
    "simulator": ("leadgen_simulator", leadgen_simulator.process.main),
    "leadgen": ("leadgen.entrypoints.cli.main", run_cli),
}
_NICE = {"worker": 5, "leadgen": 5}
"""On a small machine workers must not keep the simulator, which measures, from its time."""
_REAP_SECONDS = 0.02


def serve() -> None:
    """Answers until stdin ends."""
    children: set[int] = set()
    pending = b""
    gc.freeze()  # what is imported stays shared with the children
    while True:
        readable, _, _ = select.select([0], [], [], _REAP_SECONDS)
        if readable:
            data = os.read(0, 65536)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                child = os.fork()
                if not child:
                    _become(request)
                children.add(child)
                _say({"id": request["id"], "pid": child})
        _reap(children)
    for child in children:
        os.kill(child, signal.SIGKILL)


def _reap(children: set[int]) -> None:
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        children.discard(child)
        _say({"pid": child, "status": os.waitstatus_to_exitcode(status)})


def _say(answer: dict[str, int]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _become(request: dict[str, Any]) -> None:
    """Turns this process into the program; does not return."""
    code = 1
    try:
        os.setsid()
        os.nice(_NICE.get(request["program"], 0))
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        for number, place, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, request["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
            (2, request["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        ):
            os.dup2(os.open(place, flags, 0o600), number)
        module, main = PROGRAMS[request["program"]]
        if request["is_cold"]:
            os.execv(  # noqa: S606 - what subprocess does after its own fork
                sys.executable, [sys.executable, "-m", module, *request["arguments"]]
            )
        sys.argv = [module, *request["arguments"]]
        code = _code(main())
    except SystemExit as leave:
        code = _code(leave.code)
    except BaseException:  # noqa: BLE001  # as the interpreter does it
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _code(result: object) -> int:
    if result is None:
        return 0
    return result if isinstance(result, int) else 1


if __name__ == "__main__":
    serve()
