"""A PostgreSQL that keeps what it has committed; the one of the tests syncs nothing, which is no measure."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tests.servers.postgres import PostgresServer, postgres_server

SETTINGS = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def durable_postgres() -> AbstractContextManager[PostgresServer]:
    """A fresh server, stopped and removed in the end."""
    return postgres_server(settings=SETTINGS)
