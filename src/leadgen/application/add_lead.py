"""Adds one lead."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from leadgen.application.keep_columns import keep_columns_of
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.lead_repository import Arrival, ILeadRepository, LeadLine
from leadgen.domain.errors import InvalidInput, UnknownId
from leadgen.domain.lead_row import FIELD_HEADERS, ReadRow, RejectedRow, read_fields
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Added:
    """A lead, and whether it is new: who was there already is merged, as in an import."""

    line: LeadLine
    is_new: bool


class AddLead:
    """Records a person by the rules of an import, but takes nothing that cannot be read."""

    def __init__(self, *, leads: ILeadRepository, ids: IIdSource) -> None:
        self._leads = leads
        self._ids = ids

    async def run(
        self, account: str, fields: Mapping[str, str], extra: Mapping[str, str], *, lead_id: str | None = None
    ) -> Added:
        """``fields`` by the names of a profile's. Raises InvalidInput, ServiceUnavailable."""
        row = readable(fields, extra)
        await keep_columns_of(self._leads, account, row.profile)
        new = Arrival(lead_id or self._ids.new(), row.profile, row.phone)
        created = await self._leads.merge(account, [new])
        line = await self._leads.find(account, row.profile)
        if line is None:
            raise UnknownId("lead", new.id)  # deleted in this very moment
        return Added(line, is_new=bool(created))


def readable(
    fields: Mapping[str, str], extra: Mapping[str, str], given: Collection[str] | None = None
) -> ReadRow:
    """The person behind these fields; raises InvalidInput where one of those ``given`` (None: all) is bad."""
    row = read_fields(fields, extra)
    if isinstance(row, RejectedRow):
        raise InvalidInput(row.reason)
    headers = tuple(FIELD_HEADERS[name] for name in (fields if given is None else given))
    if complaints := [warning for warning in row.warnings if warning.startswith(headers)]:
        raise InvalidInput("; ".join(complaints))
    return row
