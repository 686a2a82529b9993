"""Reports what each provider did, by segment."""

from __future__ import annotations

from collections.abc import Mapping

from leadgen.application.ports.market_history import IMarketHistory
from leadgen.domain.market import PastLead, Performance, performances


class ReportProviders:
    """Adds the ledger's answers up."""

    def __init__(self, *, history: IMarketHistory) -> None:
        self._history = history

    async def run(self, account: str) -> Mapping[tuple[str, str], Performance]:
        """By provider and segment; ``ALL`` stands for all segments. Raises ServiceUnavailable."""
        past: list[PastLead] = []
        async for page in self._history.leads(account):
            past += page
        return performances(past)
