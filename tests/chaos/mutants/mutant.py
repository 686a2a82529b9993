"""A planted fault: which text of the source is made wrong, and what of the suite has to notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT_WORD = "{root}"
"""Stands for the copy that a part runs in."""

_PYTEST = ("pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
_CHAOS = ("tests.chaos", "--seed", "1", "--keep", f"{ROOT_WORD}/kept")
_TESTS_SECONDS_MAX = 60.0
_ALL_TESTS_SECONDS_MAX = 300.0
_CHAOS_SECONDS_MAX = 240.0


@dataclass(frozen=True)
class Part:
    """A part of the suite."""

    name: str
    words: tuple[str, ...]
    """A module of Python, and its arguments."""
    seconds_max: float
    """Whatever takes longer hangs; by itself it takes a fraction of that."""
    tests: tuple[str, ...] = ()
    """Those that it consists of; without any it is a run of chaos, with a verdict of several lines."""


def pytest_of(file: str, *names: str) -> Part:
    """Tests of one file below ``tests``, up to the first that fails."""
    return _part(f"{file}: {', '.join(names)}", [f"tests/{file}::{name}" for name in names])


def chaos_of(fault: str, *arguments: str) -> Part:
    """Real processes under a fault, each time the same."""
    return Part(f"chaos {fault}", (*_CHAOS, fault, *arguments), _CHAOS_SECONDS_MAX)


def together(parts: Iterable[Part]) -> list[Part]:
    """The same with as few starts as possible: all tests are one part."""
    once = dict.fromkeys(parts)
    tests = dict.fromkeys(test for part in once for test in part.tests)
    others = [part for part in once if not part.tests]
    return [_part(f"{len(tests)} tests", tests, _ALL_TESTS_SECONDS_MAX), *others] if tests else others


def _part(name: str, tests: Iterable[str], seconds_max: float = _TESTS_SECONDS_MAX) -> Part:
    return Part(name, (*_PYTEST, *tests), seconds_max, tuple(tests))


class OutOfDateError(Exception):
    """The source has changed: what a mutant replaces is not there, or not there once."""


@dataclass(frozen=True)
class Mutant:
    """One fault; ``before`` stands in the file exactly once, ``after`` takes its place."""

    name: str
    planted: str
    """What is wrong, in a few words."""
    file: str
    """Below ``src/leadgen``."""
    before: str
    after: str
    parts: tuple[Part, ...]
    """What should catch it, one after the other until one does."""

    def applied_to(self, root: Path) -> str:
        """Its file in the project below ``root``, with the fault; raises OutOfDateError."""
        source = self._path(root).read_text(encoding="utf-8")
        found = source.count(self.before)
        if found != 1:
            reason = f"{self.file} holds its text {found} times, not once"
            raise OutOfDateError(f"{self.name} is out of date: {reason}:\n{self.before}")
        return source.replace(self.before, self.after)

    def plant(self, root: Path) -> None:
        """Makes the copy of the project below ``root`` wrong; raises OutOfDateError."""
        self._path(root).write_text(self.applied_to(root), encoding="utf-8")

    def _path(self, root: Path) -> Path:
        return root / "src" / "leadgen" / self.file
