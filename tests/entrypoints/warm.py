"""A process in which `leadgen` is imported already, and which runs each command in a process of its own.

Importing takes a second of computing, the command itself a tenth. One JSON request a line on stdin, the
command's exit status as the answer on stdout; the child sees its own folder, environment and output files.
"""

import json
import os
import sys
import traceback
from typing import Any

from leadgen.entrypoints.cli.main import run


def serve() -> None:
    """Answers until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become(request)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(request: dict[str, Any]) -> None:
    """Turns this process into the command; does not return."""
    code = 1
    try:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        for number, place in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            os.dup2(os.open(place, os.O_RDWR | os.O_CREAT, 0o600), number)
        sys.argv = ["leadgen", *request["arguments"]]
        run()
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
    except BaseException:  # noqa: BLE001  # as the interpreter does it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
