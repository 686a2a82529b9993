"""Finds the number of a single lead, for somebody who waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from leadgen.application.ports.lead_repository import Conclusion, ILeadRepository
from leadgen.application.race import Parked
from leadgen.application.round import OpenRound
from leadgen.application.search_lead import SearchLead
from leadgen.domain.errors import ChangedMeanwhile, UnknownId
from leadgen.domain.lead import EndState
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.value import value

_CLOCKS_APART = timedelta(seconds=1)
"""Temporal's clock says when a search was ordered, a worker's when it has asked: by so much they may differ.

Else what a search has paid for could seem older than its order, and a retry would pay for it once more.
"""


@value(frozen=True, slots=True)
class Finding:
    """How the search ended, who had the number, and what the lead has cost so far (micro-USD).

    What a race has lost may still be under way then, and costs as much more.

    While ``status`` is None the search goes on at ``resume_at``.
    """

    status: EndState | None
    provider: str | None
    cost_micros: int
    resume_at: datetime | None = None


class FindPhone:
    """Searches one lead; run again, it goes on where it was, and what was answered is not asked again."""

    def __init__(self, *, leads: ILeadRepository, open_round: OpenRound, search: SearchLead) -> None:
        self._leads = leads
        self._open_round = open_round
        self._search = search

    async def run(
        self, account: str, lead_id: str, *, since: datetime, options: SearchOptions = AS_USUAL
    ) -> Finding:
        """``since``: when the search was ordered. Raises UnknownId, ServiceUnavailable."""
        while True:
            line = await self._leads.get(account, lead_id)
            if line is None:
                raise UnknownId("lead", lead_id)
            lead = line.lead
            around = await self._open_round.run(
                account, [lead], job_id=None, since=since - _CLOCKS_APART, is_urgent=True, options=options
            )
            try:
                result = await self._search.run(lead, around)
            except ChangedMeanwhile:
                continue
            if isinstance(result, Parked) or await self._leads.conclude(
                account, Conclusion(lead_id, result, lead.question_version)
            ):
                break  # else the lead is asked about otherwise by now, and searched as it is
        line = await self._leads.get(account, lead_id) or line
        if isinstance(result, Parked):
            return Finding(None, None, line.cost_micros, result.until)
        return Finding(result.state, result.provider, line.cost_micros)
