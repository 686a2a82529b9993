"""Ids that can be foretold."""

from __future__ import annotations

from leadgen.application.ports.id_source import IIdSource


class CountingIdSource(IIdSource):
    """Gives ``id-000001``, ``id-000002`` and so on; or what stands in the place of ``id``."""

    def __init__(self, start: str = "id") -> None:
        self._start = start
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return f"{self._start}-{self._count:06}"
