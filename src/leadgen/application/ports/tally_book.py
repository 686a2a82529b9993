"""The tallies of what providers knew, which all processes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from leadgen.domain.experience import Cell, Tally


class ITallyBook(ABC):
    """One tally a cell. Raises ServiceUnavailable when the database does not answer."""

    @abstractmethod
    async def tallies(self) -> Mapping[Cell, Tally]:
        """All of them."""

    @abstractmethod
    async def add(self, seen: Mapping[Cell, tuple[int, int]]) -> None:
        """Adds (calls, hits), as ``learned`` does; two processes that add at once lose nothing."""

    @abstractmethod
    async def accept(self, provider: str) -> None:
        """Makes the calls of late the measure of a provider: a fall that was noticed is no fall any more."""
