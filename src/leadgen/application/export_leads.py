"""Exports people to a table: all that came with them, and what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from leadgen.application.ports.lead_repository import ILeadRepository, LeadLine
from leadgen.application.ports.lead_sheet import ILeadSheet
from leadgen.domain.lead_row import FIELD_HEADERS, OWN_HEADERS, Column, distinct_headers
from leadgen.domain.money import usd

_PAGE_LEADS = 1_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class ExportLeads:
    """Writes every lead of an account: the columns of its files, then what leadgen knows."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._leads = leads

    async def run(self, account: str, sheet: ILeadSheet, *, progress: Callable[[int], None]) -> int:
        """How many leads were written; ``progress`` gets those so far. Raises ServiceUnavailable."""
        columns = list(await self._leads.columns(account)) or [
            Column(header, name) for name, header in FIELD_HEADERS.items()
        ]
        columns = [column for column in columns if column.header not in OWN_HEADERS]
        headers = distinct_headers([column.header for column in columns])
        sheet.write([*(_harmless(header) for header in headers), *OWN_HEADERS])
        written = 0
        async for page in self._pages(account):
            for line in page:
                sheet.write(_cells(columns, line))
            written += len(page)
            progress(written)
        return written

    async def _pages(self, account: str) -> AsyncIterator[Sequence[LeadLine]]:
        after = ""
        while page := await self._leads.page(account, after=after, limit=_PAGE_LEADS):
            yield page
            after = page[-1].lead.id


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
    ]


def _harmless(text: str) -> str:
    """The text such that a spreadsheet does not run it as a formula; a plain phone number stays as it is."""
    if not text.startswith(_FORMULA_STARTS) or _is_plain_number(text):
        return text
    return f"'{text}"


def _is_plain_number(text: str) -> bool:
    return text[0] in "+-" and text[1:].replace(" ", "").isdecimal()
