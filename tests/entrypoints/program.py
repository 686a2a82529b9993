"""The program `leadgen` as its users run it: arguments and settings in, exit status and two streams out."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).parent / "leadgen"
BARE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
"""The environment of a fresh shell, as far as leadgen may mind."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    command: str
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on stdout, of a command that was done."""
        assert self.code == 0, self
        assert self.out.count("\n") == 1, self
        document = json.loads(self.out)
        assert isinstance(document, dict), self
        return document

    @property
    def complaint(self) -> str:
        """The one line on stderr, of a command that failed and printed nothing."""
        assert self.code in {1, 2}, self
        assert self.out == "", self
        assert self.err.startswith("leadgen: "), self
        assert self.err.count("\n") == 1, self
        return self.err


class WarmStart:
    """Starts commands without their imports; close it at the end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Ended:
        """Runs a command to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place) / "out", Path(place) / "err"
            request = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(environment),
                "out": str(out),
                "err": str(err),
            }
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return Ended(" ".join(arguments), code, out.read_text("utf-8"), err.read_text("utf-8"))

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=10)


@contextmanager
def warm_start() -> Iterator[WarmStart]:
    """A warm start for all tests of a session."""
    start = WarmStart()
    try:
        yield start
    finally:
        start.close()


@dataclass(frozen=True)
class Program:
    """`leadgen` in a folder, with settings; settings given to a call are added for it."""

    warm: WarmStart
    folder: Path
    settings: Mapping[str, str]

    def __call__(self, *arguments: str, **settings: str) -> Ended:
        """Runs a command in a process of its own."""
        return self.warm.run(list(arguments), self.folder, self.environment(**settings))

    def from_scratch(self, *arguments: str, typed: str = "", **settings: str) -> Ended:
        """Runs the installed console script; ``typed`` is what comes from stdin."""
        ended = subprocess.run(
            [str(SCRIPT), *arguments],
            cwd=self.folder,
            env=self.environment(**settings),
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(" ".join(arguments), ended.returncode, ended.stdout, ended.stderr)

    def environment(self, **settings: str) -> dict[str, str]:
        """The environment of a command."""
        own = {f"LEADGEN_{name}": value for name, value in {**self.settings, **settings}.items()}
        return {**BARE, **own}

    def write(self, name: str, text: str) -> str:
        """Writes a file into the folder; its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name
