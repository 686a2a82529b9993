"""What all faults of a run share: processes, servers, a folder, a seed; each starts when first asked for."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.evidence import PROVIDERS
from tests.chaos.processes import ENDS, Nursery, bare_environment, command
from tests.chaos.proxy import Switchboard
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.temporal import TemporalServer, temporal_server

_SETTINGS = {"synchronous_commit": "on", "max_connections": "400", "max_locks_per_transaction": "64"}
"""A crash of the server, other than one of the machine, must not cost a commit."""


class House:
    """Opened at the start of a run; whatever happens, all of it is gone at the end."""

    def __init__(self, folder: Path, seed: int, *, is_cold: bool) -> None:
        self.folder = folder
        self.seed = seed
        self.is_cold = is_cold
        self._stack = ExitStack()
        self._creating = threading.Lock()
        self._templates: dict[tuple[str, ...], str] = {}

    def __enter__(self) -> Self:
        self.switchboard = Switchboard()
        self._stack.callback(self.switchboard.close)
        self.nursery = self._stack.enter_context(Nursery())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            ENDS.set()
        self._stack.close()

    @functools.cached_property
    def postgres(self) -> PostgresServer:
        """One server for all; each world has a database of its own."""
        return self._stack.enter_context(postgres_server(settings=_SETTINGS))

    @functools.cached_property
    def temporal(self) -> TemporalServer:
        """One server for all; each world has a task queue of its own."""
        folder = self.folder / "temporal-server"
        folder.mkdir()
        return self._stack.enter_context(temporal_server(folder))

    def database(self, name: str, folder: Path, *, is_sqlite: bool, providers: Sequence[str]) -> str:
        """The URL of a new database with all tables, and what is set of each provider."""
        if is_sqlite:
            url = f"sqlite:///{folder / 'leadgen.db'}"
            self._prepare(url, folder, providers)
            return url
        with self._creating:
            words = tuple(providers)
            if words not in self._templates:
                self._templates[words] = f"template_{len(self._templates)}"
                self._prepare(self.postgres.create_database(self._templates[words]), folder, providers)
            return self.postgres.create_database(name, template=self._templates[words])

    @functools.cached_property
    def has_audit(self) -> bool:
        """Whether this leadgen can audit its ledger."""
        asked = ["ledger", "audit", "--help"]
        return command(self.nursery, asked, self.folder, bare_environment()).code == 0

    def _prepare(self, url: str, folder: Path, providers: Sequence[str]) -> None:
        environment = {**bare_environment(), "LEADGEN_DATABASE_URL": url}
        given = [["providers", "set", name, *providers] for name in PROVIDERS]
        for words in (["db", "upgrade"], *given):
            done = command(self.nursery, words, folder, environment)
            assert done.code == 0, done
