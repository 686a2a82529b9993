"""A table of people from a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leadgen.application.ports.lead_source import ILeadSource


class ListLeadSource(ILeadSource):
    """``table`` is the header and all records; one without any cell is no record."""

    def __init__(self, table: Sequence[Sequence[str]], warnings: Sequence[str] = ()) -> None:
        self._header, *self._rows = table
        self._warnings = warnings

    def header(self) -> Sequence[str]:
        return self._header

    def rows(self) -> Iterator[Sequence[str]]:
        return iter([row for row in self._rows if row])

    def warnings(self) -> Sequence[str]:
        return self._warnings
