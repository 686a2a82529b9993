"""Tells the whole story of a lead."""

from __future__ import annotations

from collections.abc import Sequence

from leadgen.application.ports.lead_repository import ILeadRepository, LeadLine
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.domain.errors import UnknownId
from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.selection import Refusal
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class LeadStory:
    """A lead, who was asked and what it cost, and who was not asked and why."""

    line: LeadLine
    asked: Sequence[Lookup]
    unasked: Sequence[Refusal]

    @property
    def sent_to(self) -> frozenset[str]:
        """Whom a question has reached, or may have."""
        unsent = {LookupState.NOT_SENT}
        return frozenset(lookup.provider for lookup in self.asked if lookup.state not in unsent)


class ShowLead:
    """Gathers a lead's story."""

    def __init__(self, *, leads: ILeadRepository, ledger: ILookupLedger) -> None:
        self._leads = leads
        self._ledger = ledger

    async def run(self, account: str, lead_id: str) -> LeadStory:
        """Raises UnknownId, ServiceUnavailable."""
        line = await self._leads.get(account, lead_id)
        if line is None:
            raise UnknownId("lead", lead_id)
        asked = await self._ledger.of_lead(account, lead_id)
        return LeadStory(line, asked, await self._leads.unasked(account, lead_id))
