"""Records that the search for a single lead has failed, for whoever looks at the lead."""

from __future__ import annotations

from leadgen.application.ports.lead_repository import Conclusion, ILeadRepository
from leadgen.domain.lead import EndState, Lead
from leadgen.domain.selection import OURSELVES, Refusal
from leadgen.domain.waterfall import Verdict


class FailSearch:
    """Ends a lead as failed; a number that is there stays, and that all who were asked have none, too."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._leads = leads

    async def run(self, account: str, lead_id: str, reason: str) -> None:
        """An unknown lead is left alone. Raises ServiceUnavailable."""
        line = await self._leads.get(account, lead_id)
        if line is None or line.lead.phone_status is EndState.NOT_FOUND:
            return
        verdict = Verdict(EndState.FAILED, unasked=(Refusal(OURSELVES, reason),))
        await self._leads.conclude(account, Conclusion(lead_id, verdict, line.lead.question_version))


async def fault_of(leads: ILeadRepository, account: str, lead: Lead) -> str | None:
    """Why the last search for a lead failed, and what to do; None where it did not, or nobody noted it."""
    if lead.phone_status is not EndState.FAILED:
        return None
    unasked = await leads.unasked(account, lead.id)
    return next((each.reason for each in unasked if each.provider == OURSELVES), None)
