"""A service, and clients of two accounts."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from leadgen.adapters.persistence import schema
from tests.http.service import OTHER, Service, add_account, serving


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and two accounts; to be copied, not opened."""
    path = tmp_path_factory.mktemp("http") / "leadgen.db"
    schema.upgrade(f"sqlite:///{path}")
    add_account(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """A database of the test's own."""
    shutil.copyfile(migrated_file, tmp_path / "leadgen.db")
    return f"sqlite:///{tmp_path / 'leadgen.db'}"


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    """A service over it."""
    async with serving(database_url) as service:
        yield service


@pytest.fixture
async def client(service: Service) -> httpx2.AsyncClient:
    """A client of the operator's account, whose key allows everything."""
    return service.client(await service.key())


@pytest.fixture
async def stranger(service: Service) -> httpx2.AsyncClient:
    """A client of another account, whose key allows all that an account may."""
    return service.client(await service.key(OTHER))
