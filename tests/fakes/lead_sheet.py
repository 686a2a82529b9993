"""A table of people into a list."""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.application.ports.lead_sheet import ILeadSheet


class ListLeadSheet(ILeadSheet):
    """``table`` has the header and all records so far; ``column`` picks one by its header."""

    def __init__(self) -> None:
        self.table: list[list[str]] = []

    def write(self, cells: Sequence[str]) -> None:
        self.table.append(list(cells))

    @property
    def header(self) -> list[str]:
        """The first record."""
        return self.table[0]

    def column(self, header: str) -> list[str]:
        """The cells under this header, from top to bottom."""
        place = self.header.index(header)
        return [row[place] for row in self.table[1:]]
