"""Exports people to a table: all that came with them, and what was found."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence

from leadgen.application.ports.lead_repository import ILeadRepository, LeadRecord
from leadgen.application.ports.lead_sheet import ILeadSheet
from leadgen.domain.lead_row import FIELD_COLUMNS, FIELD_HEADERS, OWN_HEADERS, exported_headers
from leadgen.domain.money import usd

_PAGE_LEADS = 1_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_SUSPECT = re.compile(r"(?:^|\x1f)[=+\-@\t\r]")
"""Finds a row, its cells joined, in which a cell may start a formula."""

_PLACES = {name: place for place, name in enumerate(FIELD_HEADERS)}


class ListRecords:
    """Every lead of an account as a record: the columns of its files, then what leadgen knows."""

    def __init__(self, *, leads: ILeadRepository) -> None:
        self._leads = leads

    async def run(self, account: str) -> AsyncIterator[Sequence[Sequence[str]]]:
        """Records by the thousand, the header before all others. Raises ServiceUnavailable."""
        columns = await self._leads.columns(account) or FIELD_COLUMNS
        columns = [column for column in columns if column.header not in OWN_HEADERS]
        yield [[*(_harmless(header) for header in exported_headers(columns)), *OWN_HEADERS]]
        places = [(_PLACES[column.field] if column.field else None, column.header) for column in columns]
        coming = asyncio.ensure_future(self._page(account, ""))
        try:
            while page := await coming:
                coming = asyncio.ensure_future(self._page(account, page[-1].id))
                await asyncio.sleep(0)  # the next page is looked up while this one is written
                yield [_cells(places, record) for record in page]
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _page(self, account: str, after: str) -> Sequence[LeadRecord]:
        return await self._leads.records(account, after=after, limit=_PAGE_LEADS)


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


def _cells(places: Sequence[tuple[int | None, str]], record: LeadRecord) -> list[str]:
    known, extra = record.known, record.extra
    given = [extra.get(header, "") if place is None else known[place] for place, header in places]
    if _SUSPECT.search("\x1f".join(given)):
        given = [_harmless(text) for text in given]
    return [
        *given,
        record.phone or "",
        record.phone_provider or "",
        record.phone_status or "",
        usd(record.cost_micros),
        record.second_phone or "",
    ]


def _harmless(text: str) -> str:
    """The text such that a spreadsheet does not run it as a formula; a plain phone number stays as it is."""
    if not text.startswith(_FORMULA_STARTS) or _is_plain_number(text):
        return text
    return f"'{text}"


def _is_plain_number(text: str) -> bool:
    return text[0] in "+-" and text[1:].replace(" ", "").isdecimal()
