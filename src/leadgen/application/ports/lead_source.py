"""Where people come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence


class ILeadSource(ABC):
    """A table of people, read once from top to bottom in constant memory. Raises UnreadableFile."""

    @abstractmethod
    def header(self) -> Sequence[str]:
        """The cells of the first record."""

    @abstractmethod
    def rows(self) -> Iterator[Sequence[str]]:
        """The cells of every further record; a line without any cell is no record."""

    @abstractmethod
    def warnings(self) -> Sequence[str]:
        """What had to be guessed while reading, told for people."""
