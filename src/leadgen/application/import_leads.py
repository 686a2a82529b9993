"""Imports people from a table: every good row goes in, every bad one comes back with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.lead_repository import Arrival, ILeadRepository
from leadgen.application.ports.lead_source import ILeadSource
from leadgen.domain.errors import UnreadableFile
from leadgen.domain.lead_row import Column, ReadRow, RejectedRow, is_usable, read_header, read_row

BATCH_ROWS = 1_000
WARNINGS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that did not go in; the header is row 1."""

    row: int
    reason: str


@dataclass(slots=True)
class ImportReceipt:
    """What became of every row: rows = created + merged + rejected."""

    rows: int = 0
    created: int = 0
    merged: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Adds a warning; past a thousand only says that there are more."""
        if len(self.warnings) < WARNINGS_MAX:
            self.warnings.append(text)
        elif len(self.warnings) == WARNINGS_MAX:
            self.warnings.append("further warnings are left out")


class ImportLeads:
    """Records the people of a table, merging those who are there already."""

    def __init__(self, *, leads: ILeadRepository, ids: IIdSource) -> None:
        self._leads = leads
        self._ids = ids

    async def run(
        self, account: str, source: ILeadSource, *, name: str, progress: Callable[[int], None]
    ) -> ImportReceipt:
        """The receipt; ``progress`` gets the rows so far. Raises UnreadableFile, ServiceUnavailable."""
        columns = read_header(source.header())
        if not is_usable(columns):
            raise UnreadableFile(
                name, "no usable columns: the first row must name email, or a name and a company"
            )
        await self._leads.add_columns(account, [column for column in columns if column])
        receipt = ImportReceipt()
        rows = iter(source.rows())
        while batch := list(islice(rows, BATCH_ROWS)):
            await self._take(account, columns, batch, receipt)
            progress(receipt.rows)
        for warning in source.warnings():
            receipt.warn(warning)
        return receipt

    async def _take(
        self,
        account: str,
        columns: Sequence[Column | None],
        batch: Sequence[Sequence[str]],
        receipt: ImportReceipt,
    ) -> None:
        arrivals = []
        for number, cells in enumerate(batch, receipt.rows + 2):
            match read_row(columns, cells):
                case RejectedRow(reason):
                    receipt.rejected.append(Rejection(number, reason))
                case ReadRow(profile, phone, warnings):
                    arrivals.append(Arrival(self._ids.new(), profile, phone))
                    for warning in warnings:
                        receipt.warn(f"row {number}: {warning}")
        created = await self._leads.merge(account, arrivals)
        receipt.rows += len(batch)
        receipt.created += created
        receipt.merged += len(arrivals) - created
