"""The program in an empty folder, and in one with a database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entrypoints.program import Program, WarmStart, warm_start


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmStart]:
    """One warm start for all commands."""
    with warm_start() as start:
        yield start


@pytest.fixture(scope="session")
def migrated(warm: WarmStart, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database in the default place."""
    folder = tmp_path_factory.mktemp("migrated")
    ended = Program(warm, folder, {})("db", "upgrade")
    assert ended.code == 0, ended
    return folder


@pytest.fixture
def empty(warm: WarmStart, tmp_path: Path) -> Program:
    """The program in an empty folder without a setting."""
    return Program(warm, tmp_path, {})


@pytest.fixture
def program(warm: WarmStart, migrated: Path, tmp_path: Path) -> Program:
    """The program in a folder with an empty database, without a setting."""
    shutil.copytree(migrated, tmp_path, dirs_exist_ok=True)
    return Program(warm, tmp_path, {})
