"""Tells how the search for a single lead's number stands."""

from __future__ import annotations

from leadgen.application.fail_search import fault_of
from leadgen.application.ports.lead_repository import ILeadRepository, LeadLine
from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.domain.errors import UnknownId
from leadgen.domain.lead import EndState
from leadgen.domain.value import value

_UNTOLD = "the search was broken off and has left no reason: order it again"


@value(frozen=True, slots=True)
class LookedUp:
    """A lead, how its search has ended (None: it goes on), and where it failed why, and what to do."""

    line: LeadLine
    status: EndState | None
    reason: str | None


class LookAtSearch:
    """Looks at the lead, and where needed at what carries out its search."""

    def __init__(self, *, leads: ILeadRepository, searcher: ILeadSearcher) -> None:
        self._leads = leads
        self._searcher = searcher

    async def run(self, account: str, lead_id: str, *, has_ended: bool | None = None) -> LookedUp:
        """``has_ended``: where that is known already. A search that has left no end behind has failed.

        Raises UnknownId, ServiceUnavailable.
        """
        is_over = has_ended if has_ended is not None else not await self._searcher.goes_on(lead_id)
        line = await self._leads.get(account, lead_id)
        if line is None:
            raise UnknownId("lead", lead_id)
        if has_ended is None and line.lead.phone is not None:
            is_over = True
        if not is_over:
            return LookedUp(line, None, None)
        status = line.lead.phone_status or EndState.FAILED
        reason = await fault_of(self._leads, account, line.lead)
        return LookedUp(line, status, reason or (_UNTOLD if status is EndState.FAILED else None))
