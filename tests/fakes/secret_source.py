"""Secrets that can be foretold."""

from __future__ import annotations

from leadgen.application.ports.secret_source import ISecretSource


class CountingSecretSource(ISecretSource):
    """Gives 64 digits that end in 1, 2, 3 and so on."""

    def __init__(self) -> None:
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return f"{self._count:064x}"
