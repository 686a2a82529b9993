"""Deletes one lead."""

from __future__ import annotations

from leadgen.application.change_lead import seen
from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.domain.errors import ChangedMeanwhile

_TRIES = 5


class RemoveLead:
    """Forgets a person; what was paid for stays in the ledger, without anything of the person."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._leads = leads

    async def run(self, account: str, lead_id: str, *, versions: frozenset[str] | None) -> None:
        """``versions``: those that the caller has seen, None for whichever it is.

        Raises UnknownId, ChangedMeanwhile, NotPossible while it is searched, ServiceUnavailable.
        """
        for _ in range(_TRIES):
            before = await seen(self._leads, account, lead_id, versions)
            if await self._leads.remove(account, before):
                return
        raise ChangedMeanwhile("lead")
