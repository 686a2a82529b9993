"""Finds the number of a single lead for somebody who waits a while."""

from __future__ import annotations

from leadgen.application.ports.lead_repository import ILeadRepository, LeadLine
from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.domain.errors import UnknownId
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class LookedUp:
    """A lead, and whether its search has ended; if not, it goes on."""

    line: LeadLine
    has_ended: bool


class LookUpPhone:
    """Starts the search, or joins the one under way, and waits for its end as long as is wanted."""

    def __init__(self, *, leads: ILeadRepository, searcher: ILeadSearcher) -> None:
        self._leads = leads
        self._searcher = searcher

    async def run(
        self, account: str, lead_id: str, *, wait_seconds: float, options: SearchOptions = AS_USUAL
    ) -> LookedUp:
        """One that has a number is not searched. Raises UnknownId, ServiceUnavailable."""
        line = await self._get(account, lead_id)
        if line.lead.phone is not None:
            return LookedUp(line, has_ended=True)
        has_ended = await self._searcher.search(account, lead_id, wait_seconds=wait_seconds, options=options)
        return LookedUp(await self._get(account, lead_id), has_ended)

    async def _get(self, account: str, lead_id: str) -> LeadLine:
        line = await self._leads.get(account, lead_id)
        if line is None:
            raise UnknownId("lead", lead_id)
        return line
