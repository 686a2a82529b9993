"""Exports people to a table: all that came with them, and what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from leadgen.application.ports.lead_repository import ILeadRepository, LeadLine
from leadgen.application.ports.lead_sheet import ILeadSheet
from leadgen.domain.lead_row import FIELD_HEADERS, OWN_HEADERS, Column, distinct_headers
from leadgen.domain.money import usd

_PAGE_LEADS = 1_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class ListRecords:
    """Every lead of an account as a record: the columns of its files, then what leadgen knows."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._leads = leads

    async def run(self, account: str) -> AsyncIterator[Sequence[Sequence[str]]]:
        """Records by the thousand, the header before all others. Raises ServiceUnavailable."""
        columns = list(await self._leads.columns(account)) or [
            Column(header, name) for name, header in FIELD_HEADERS.items()
        ]
        columns = [column for column in columns if column.header not in OWN_HEADERS]
        headers = distinct_headers([column.header for column in columns])
        yield [[*(_harmless(header) for header in headers), *OWN_HEADERS]]
        after = ""
        while page := await self._leads.page(account, after=after, limit=_PAGE_LEADS):
            yield [_cells(columns, line) for line in page]
            after = page[-1].lead.id


class ExportLeads:
    """Writes every lead of an account to a table."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._records = ListRecords(leads=leads)

    async def run(self, account: str, sheet: ILeadSheet, *, progress: Callable[[int], None]) -> int:
        """How many leads were written; ``progress`` gets those so far. Raises ServiceUnavailable."""
        written = -1  # the header is no lead
        async for records in self._records.run(account):
            for record in records:
                sheet.write(record)
            written += len(records)
            if written:
                progress(written)
        return written


def _cells(columns: Sequence[Column], line: LeadLine) -> list[str]:
    lead = line.lead
    given = [
        getattr(lead.profile, column.field) if column.field else lead.profile.extra.get(column.header, "")
        for column in columns
    ]
    return [
        *(_harmless(text) for text in given),
        lead.phone.e164 if lead.phone else "",
        lead.phone_provider or "",
        lead.phone_status or "",
        usd(line.cost_micros),
        lead.second_phone.e164 if lead.second_phone else "",
    ]


def _harmless(text: str) -> str:
    """The text such that a spreadsheet does not run it as a formula; a plain phone number stays as it is."""
    if not text.startswith(_FORMULA_STARTS) or _is_plain_number(text):
        return text
    return f"'{text}"


def _is_plain_number(text: str) -> bool:
    return text[0] in "+-" and text[1:].replace(" ", "").isdecimal()
