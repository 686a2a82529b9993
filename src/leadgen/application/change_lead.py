"""Changes one lead."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from leadgen.application.add_lead import readable
from leadgen.application.keep_columns import keep_columns_of
from leadgen.application.ports.lead_repository import ILeadRepository, LeadLine
from leadgen.domain.errors import ChangedMeanwhile, UnknownId

_TRIES = 5


class ChangeLead:
    """Gives a lead other values, by the rules under which leads are added."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._leads = leads

    async def run(
        self,
        account: str,
        lead_id: str,
        fields: Mapping[str, str],
        extra: Mapping[str, str | None],
        *,
        versions: frozenset[str] | None,
    ) -> LeadLine:
        """The lead as it is then; an empty value takes one away, as None does of ``extra``.

        ``versions``: those that the caller has seen, None for whichever it is. Raises UnknownId,
        InvalidInput, ChangedMeanwhile, NotPossible where it would become another lead, ServiceUnavailable.
        """
        for _ in range(_TRIES):
            before = await seen(self._leads, account, lead_id, versions)
            profile = before.lead.profile
            known = {each.name: getattr(profile, each.name) for each in dataclasses.fields(profile)}
            others = {**known.pop("extra"), **extra}
            kept = {name: value for name, value in others.items() if value is not None}
            row = readable({**known, **fields}, kept, given=fields)
            await keep_columns_of(self._leads, account, row.profile)
            if await self._leads.replace(account, before, row.profile, row.phone):
                return await seen(self._leads, account, lead_id, None)
        raise ChangedMeanwhile("lead")


async def seen(
    leads: ILeadRepository, account: str, lead_id: str, versions: frozenset[str] | None
) -> LeadLine:
    """A lead in one of the versions that somebody has seen; raises UnknownId, ChangedMeanwhile."""
    line = await leads.get(account, lead_id)
    if line is None:
        raise UnknownId("lead", lead_id)
    if versions is not None and line.version not in versions:
        raise ChangedMeanwhile("lead")
    return line
