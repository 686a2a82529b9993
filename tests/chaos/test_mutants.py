"""Every mutant fits the source of today, and a trial tells a mutant that is caught from all others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.mutants.mutant import Mutant, OutOfDateError, chaos_of, pytest_of, together
from tests.chaos.mutants.plan import MUTANTS
from tests.chaos.mutants.trial import ROOT, Fate, trial, work_folder

NAME_CHARACTERS_MAX = 23
PLANTED_CHARACTERS_MAX = 50
TEXTS = pytest_of("unit/domain/test_text.py", "test_fold_makes_two_spellings_equal")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a copy of the project may be."""
    with work_folder() as folder:
        yield folder / "copy"


def mutant(before: str, after: str) -> Mutant:
    """A fault in a small module."""
    return Mutant("planted", "something small", "domain/text.py", before, after, (TEXTS,))


@pytest.mark.parametrize("name", MUTANTS)
def test_it_can_be_planted(name: str) -> None:
    """What it replaces is in the source once, and the source is still one; its row fits the table."""
    each = MUTANTS[name]
    planted = each.applied_to(ROOT)
    assert each.before != each.after
    if each.file.endswith(".py"):
        ast.parse(planted)
    assert len(name) <= NAME_CHARACTERS_MAX
    assert len(each.planted) <= PLANTED_CHARACTERS_MAX
    assert each.parts


@pytest.mark.parametrize("before", ["no such text", "import"])
def test_source_that_has_changed(before: str) -> None:
    """A text that is not there, or there more than once, is told and not guessed at."""
    with pytest.raises(OutOfDateError, match="planted is out of date"):
        mutant(before, "").applied_to(ROOT)


async def test_a_fault_that_a_test_sees(folder: Path) -> None:
    """Is caught, by the test of that name."""
    result = await trial(folder, mutant(".casefold()", ".lower()"))
    assert result.fate is Fate.CAUGHT
    assert result.by.startswith("tests/unit/domain/test_text.py::test_")


async def test_a_fault_that_no_test_sees(folder: Path) -> None:
    """Survives."""
    result = await trial(folder, mutant("cleaned for keeping, folded for comparing", "cleaned"))
    assert result.fate is Fate.SURVIVED


async def test_a_fault_that_lets_no_test_begin(folder: Path) -> None:
    """A module that cannot be imported is no fault that a test has caught."""
    result = await trial(folder, mutant("from __future__ import annotations", "raise ImportError"))
    assert result.fate is Fate.SPOILT


async def test_a_fault_that_crashes(folder: Path) -> None:
    """What no longer fits the code around it is no fault of its name, though every test sees it."""
    result = await trial(folder, mutant(".casefold()", ".casefold(1)"))
    assert result.fate is Fate.SPOILT
    assert "crashes with TypeError" in result.by


def test_tests_start_together() -> None:
    """A control runs each test once, in one process, and each run of chaos by itself."""
    chaos = chaos_of("kill")
    (tests, *others) = together([TEXTS, chaos, pytest_of("a.py", "test_b"), TEXTS])
    assert tests.tests == (*TEXTS.tests, "tests/a.py::test_b")
    assert tests.words[-2:] == tests.tests
    assert others == [chaos]
