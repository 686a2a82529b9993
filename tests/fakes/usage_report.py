"""A usage report from a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from leadgen.application.ports.usage_report import IUsageReport, UsageLine


class ListUsageReport(IUsageReport):
    """Tells these lines; ``breaks`` is raised after the last of them."""

    def __init__(
        self, lines: Sequence[UsageLine], *, is_complete: bool = True, breaks: Exception | None = None
    ) -> None:
        self._lines = lines
        self._is_complete = is_complete
        self._breaks = breaks

    @property
    def is_complete_from_the_start(self) -> bool:
        return self._is_complete

    async def lines(self) -> AsyncIterator[UsageLine]:
        for line in self._lines:
            yield line
        if self._breaks is not None:
            raise self._breaks
