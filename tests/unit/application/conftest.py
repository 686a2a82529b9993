"""A world for each test: a copy of a migrated database, and books that must balance in the end."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from leadgen.adapters.persistence.schema import upgrade
from tests.builders import ACCOUNT
from tests.unit.application.world import World


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with one account; copy it, leave it as it is."""
    path = tmp_path_factory.mktemp("migrated") / "leadgen.db"
    upgrade(f"sqlite:///{path}")
    with closing(connect(path)) as connection:
        connection.execute(
            "INSERT INTO accounts (id, tier, created_at) VALUES (?, 'free', '2026-01-01 00:00:00.000000')",
            [ACCOUNT],
        )
        connection.commit()
    return path


@pytest.fixture
async def world(migrated: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A world whose ledger must agree with the providers' bills when the test is over."""
    shutil.copy(migrated, tmp_path / "leadgen.db")
    world = World(f"sqlite:///{tmp_path / 'leadgen.db'}")
    yield world
    await world.close()
