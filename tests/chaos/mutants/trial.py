"""A trial: a copy of the project, perhaps with a fault in it, and what the suite says of that copy."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.chaos.mutants.mutant import ROOT_WORD, Mutant, Part

ROOT = Path(__file__).parents[3]
_PASSABLE = 0o711
"""A PostgreSQL that root starts runs as somebody else, and has to come by."""

_COPIED = ("src", "tests", "pyproject.toml")
_ONE_TEST_FAILED = 1
_IMPORT_SECONDS = 60.0
_END_SECONDS = 30.0
_FAILED_TEST = re.compile(r"^FAILED (.+?)(?: - |$)", re.MULTILINE)
"""An ERROR is none: it comes from what a test is set up with, such as a server."""
_CRASH = re.compile(r"^E +(AttributeError|ImportError|NameError|TypeError|UnboundLocalError)\b", re.MULTILINE)
"""What a fault raises that no longer fits the code around it, and that any test would see."""
_BROKEN_LINE = re.compile(r"^  (?!--)(\S+) .*\bBROKEN\b", re.MULTILINE)
"""But for a harness that failed itself, which is no verdict."""

_WHERE = (
    "import leadgen, leadgen_simulator, tests; print(leadgen.__file__); print(leadgen_simulator.__file__)"
)


class TrialError(Exception):
    """The trial itself went wrong, so that it says nothing."""


class Fate(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    HUNG = "hung"
    """Caught too: a suite that does not come to an end is noticed."""
    SURVIVED = "SURVIVED"
    SPOILT = "SPOILT"
    """The trial proves nothing: something failed, but no test."""


@dataclass(frozen=True)
class Result:
    """What became of it, by which test, and after how long."""

    fate: Fate
    by: str
    seconds: float


@dataclass(frozen=True)
class _Ended:
    """A part that has ended, or (None) did not in time."""

    code: int | None
    text: str


@contextmanager
def work_folder() -> Iterator[Path]:
    """Where the copies are, as long as they are needed."""
    with tempfile.TemporaryDirectory(prefix="leadgen-mutants-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        folder.chmod(_PASSABLE)
        yield folder


async def trial(folder: Path, mutant: Mutant) -> Result:
    """What the mutant's parts say of a copy in this folder in which it is planted. Raises OutOfDateError."""
    began = time.monotonic()
    try:
        with _copied(folder) as root:
            mutant.plant(root)
            await _check_imports(root)
            fate, by = await _fate(root, mutant.parts)
    except TrialError as error:
        fate, by = Fate.SPOILT, str(error)
    return Result(fate, by, time.monotonic() - began)


async def _fate(root: Path, parts: Sequence[Part]) -> tuple[Fate, str]:
    for part in parts:
        ended = await _run(root, part)
        if ended.code is None:
            return Fate.HUNG, f"no end within {part.seconds_max:g} s: {part.name}"
        if ended.code != 0:
            return Fate.CAUGHT, _caught_by(part, ended)
    return Fate.SURVIVED, "; ".join(part.name for part in parts)


async def control(folder: Path, part: Part) -> None:
    """Runs a part on a copy without a fault, in this folder. Raises TrialError when it does not pass."""
    with _copied(folder) as root:
        await _check_imports(root)
        ended = await _run(root, part)
    if ended.code != 0:
        how = "hung" if ended.code is None else f"ended with {ended.code}"
        raise TrialError(f"without any fault, {part.name} {how}:\n{ended.text[-4_000:]}")


@contextmanager
def _copied(root: Path) -> Iterator[Path]:
    """A copy of the project, without what was compiled."""
    _copy(root)  # not in a thread: one that goes on after a cancellation would copy into what is removed
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def _check_imports(root: Path) -> None:
    """Raises TrialError unless the copy is what is imported: an editable install points elsewhere."""
    ended = await _run_words(root, ("-c", _WHERE), _IMPORT_SECONDS)
    found = ended.text.splitlines()
    wanted = [str(root / "src" / name / "__init__.py") for name in ("leadgen", "leadgen_simulator")]
    if ended.code != 0 or found != wanted:
        raise TrialError(f"not the copy in {root} is imported, but: {ended.text[-2_000:]}")


def _copy(root: Path) -> None:
    root.mkdir(mode=_PASSABLE)
    ignored = shutil.ignore_patterns("__pycache__", ".hypothesis", ".pytest_cache")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=ignored)
        else:
            shutil.copyfile(source, root / name)


def _caught_by(part: Part, ended: _Ended) -> str:
    """The test that failed, or the lines of the verdict; a part that could not even start catches nothing."""
    if part.tests:
        if crash := _CRASH.search(ended.text):
            raise TrialError(f"the fault itself crashes with {crash[1]}:\n{ended.text[-4_000:]}")
        found = _FAILED_TEST.findall(ended.text)
        if ended.code == _ONE_TEST_FAILED and found:
            return str(found[0])
    elif broken := _BROKEN_LINE.findall(ended.text):
        return f"{part.name}: {', '.join(dict.fromkeys(broken))}"
    raise TrialError(f"{part.name} ended with {ended.code}, but no test failed:\n{ended.text[-4_000:]}")


async def _run(root: Path, part: Part) -> _Ended:
    words = [word.replace(ROOT_WORD, str(root)) for word in part.words]
    return await _run_words(root, ("-m", *words), part.seconds_max)


async def _run_words(root: Path, words: Sequence[str], seconds_max: float) -> _Ended:
    """What Python says in the copy; its words go to a file, which no orphan can keep open."""
    with tempfile.TemporaryFile(dir=root) as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            cwd=root,
            env=_environment(root),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        code: int | None = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds_max):
                    code = await process.wait()
        finally:
            if process.returncode is None:
                await _end(process)
        out.seek(0)
        return _Ended(code, out.read().decode("utf-8", "replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends it and all that it has started, in good order if it can."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
                return


def _environment(root: Path) -> dict[str, str]:
    """This environment, without settings of leadgen and pytest; the copy comes first."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LEADGEN_", "PYTEST_", "PYTHON"))
    }
    return {**kept, "PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))}
