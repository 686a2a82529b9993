"""Finds the number of a single lead for somebody who waits a while."""

from __future__ import annotations

from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.application.require_provider import RequireProvider
from leadgen.domain.errors import UnknownId
from leadgen.domain.search_options import AS_USUAL, SearchOptions


class LookUpPhone:
    """Starts the search, or joins the one under way, and waits for its end as long as is wanted."""

    def __init__(
        self, *, leads: ILeadRepository, searcher: ILeadSearcher, require_provider: RequireProvider
    ) -> None:
        self._leads = leads
        self._searcher = searcher
        self._require_provider = require_provider

    async def run(
        self, account: str, lead_id: str, *, wait_seconds: float, options: SearchOptions = AS_USUAL
    ) -> bool:
        """Whether the search has ended, however that was; a lead that has a number is not searched.

        Raises UnknownId, NotConfigured before anything is started, ServiceUnavailable.
        """
        line = await self._leads.get(account, lead_id)
        if line is None:
            raise UnknownId("lead", lead_id)
        if line.lead.phone is not None:
            return True
        await self._require_provider.run()
        return await self._searcher.search(account, lead_id, wait_seconds=wait_seconds, options=options)
