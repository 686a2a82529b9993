"""Where people go to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class ILeadSheet(ABC):
    """A table of people, written once from top to bottom; what opens it never sees half of it."""

    @abstractmethod
    def write(self, cells: Sequence[str]) -> None:
        """Adds a record; the first one is the header."""
