"""Imports people from a table: every good row goes in, every bad one comes back with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from leadgen.application.keep_columns import keep_columns
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.lead_repository import Arrival, ILeadRepository
from leadgen.application.ports.lead_source import ILeadSource
from leadgen.domain.errors import UnreadableFile
from leadgen.domain.lead_row import RejectedRow, RowReader, is_usable, read_header, told_apart
from leadgen.domain.value import value

BATCH_ROWS = 2_000
"""Rows of a transaction: with more, whoever else writes waits longer; with fewer, the disk is waited for."""

REJECTIONS_MAX = 1_000
WARNINGS_MAX = 1_000
_SLICE_ROWS = 100
"""Rows that are read at a stretch, before the writing of those ahead of them has its turn."""


@value(frozen=True, slots=True)
class Rejection:
    """A row that did not go in; the header is row 1."""

    row: int
    reason: str


@value(frozen=True, slots=True)
class Warned:
    """What had to be guessed or left out, in a row or in the file."""

    row: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.row is None else f"row {self.row}: {self.what}"


@dataclass(slots=True)
class ImportReceipt:
    """What became of every row: rows = created + merged + rejected. Its size is bounded."""

    rows: int = 0
    created: int = 0
    merged: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    """The first thousand of the rejected rows."""

    warnings: list[Warned] = field(default_factory=list)

    def reject(self, rejection: Rejection) -> None:
        """Counts a rejected row; past a thousand does no more than that."""
        self.rejected += 1
        if len(self.rejections) < REJECTIONS_MAX:
            self.rejections.append(rejection)

    def warn(self, what: str, row: int | None = None) -> None:
        """Adds a warning; past a thousand only says that there are more."""
        if len(self.warnings) < WARNINGS_MAX:
            self.warnings.append(Warned(row, what))
        elif len(self.warnings) == WARNINGS_MAX:
            self.warnings.append(Warned(None, "further warnings are left out"))


@dataclass(slots=True)
class _Batch:
    """Rows that are read and not yet written."""

    rows: int = 0
    arrivals: list[Arrival] = field(default_factory=list)


class ImportLeads:
    """Records the people of a table, merging those who are there already."""

    def __init__(self, *, leads: ILeadRepository, ids: IIdSource) -> None:
        self._leads = leads
        self._ids = ids

    async def run(
        self,
        account: str,
        source: ILeadSource,
        *,
        name: str,
        progress: Callable[[int], None],
        rejected: Callable[[Rejection], None] | None = None,
    ) -> ImportReceipt:
        """The receipt; ``progress`` gets the rows so far, ``rejected`` each row that does not go in.

        Raises UnreadableFile, InvalidInput where there are too many columns, ServiceUnavailable.
        """
        known = await self._leads.columns(account)
        columns = told_apart(read_header(source.header()), known)
        if not is_usable(columns):
            raise UnreadableFile(
                name, "has no usable columns: the first row must name email, or a name and a company"
            )
        await keep_columns(self._leads, account, [column for column in columns if column], known=known)
        receipt = ImportReceipt()

        def reject(rejection: Rejection) -> None:
            receipt.reject(rejection)
            if rejected is not None:
                rejected(rejection)

        rows, reader = enumerate(source.rows(), 2), RowReader(columns)
        writing: asyncio.Task[None] | None = None
        try:
            while (batch := await self._read(rows, reader, receipt, reject)).rows:
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write(account, batch, receipt, progress))
        finally:
            if writing is not None:
                await writing
        if not receipt.rows:
            receipt.warn("there is no row below the header")
        for warning in source.warnings():
            receipt.warn(warning)
        return receipt

    async def _read(
        self,
        rows: Iterator[tuple[int, Sequence[str]]],
        reader: RowReader,
        receipt: ImportReceipt,
        reject: Callable[[Rejection], None],
    ) -> _Batch:
        """The next rows, read while those before them are written."""
        batch = _Batch()
        while batch.rows < BATCH_ROWS and (stretch := list(islice(rows, _SLICE_ROWS))):
            for number, cells in stretch:
                row = reader.read(cells)
                if isinstance(row, RejectedRow):
                    reject(Rejection(number, row.reason))
                    continue
                batch.arrivals.append(Arrival(self._ids.new(), row.profile, row.phone))
                for warning in row.warnings:
                    receipt.warn(warning, number)
            batch.rows += len(stretch)
            await asyncio.sleep(0)
        return batch

    async def _write(
        self, account: str, batch: _Batch, receipt: ImportReceipt, progress: Callable[[int], None]
    ) -> None:
        created = await self._leads.merge(account, batch.arrivals)
        receipt.rows += batch.rows
        receipt.created += created
        receipt.merged += len(batch.arrivals) - created
        progress(receipt.rows)
