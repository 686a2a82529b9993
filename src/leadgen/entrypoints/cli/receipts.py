"""What became of an import, for people and for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

from rich.console import Console

from leadgen.application.import_leads import ImportReceipt, Rejection
from leadgen.entrypoints.cli.running import out

_SHOWN_MAX = 20
_NAMED_MAX = 5
"""So many rows are named that have the same trouble."""

_BYTES_MAX = 1_000_000
"""So much of the rejected rows is held in memory."""


class RejectedRows:
    """The rejected rows of an import, if many in a temporary file: memory may not hold all of them."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_BYTES_MAX, "w+", encoding="utf-8")  # noqa: SIM115 - see close

    def close(self) -> None:
        """Forgets them."""
        self._file.close()

    def add(self, rejection: Rejection) -> None:
        """One more."""
        document = {"row": rejection.row, "reason": rejection.reason}
        self._file.write(json.dumps(document, ensure_ascii=False) + "\n")

    def print_json(self, receipt: ImportReceipt) -> None:
        """One JSON object on stdout: the receipt of the import, with all rows that were added."""
        self._file.seek(0)
        sys.stdout.write(json.dumps(receipt_document(receipt), ensure_ascii=False)[:-1] + ', "rejected": [')
        comma = ""
        for line in self._file:
            sys.stdout.write(comma + line.rstrip("\n"))
            comma = ", "
        sys.stdout.write("]}\n")


def receipt_document(receipt: ImportReceipt) -> dict[str, Any]:
    """A receipt as `leads import --json` prints it, but for the rejected rows themselves."""
    return {
        "rows": receipt.rows,
        "created": receipt.created,
        "merged": receipt.merged,
        "rejected_count": receipt.rejected,
        "warnings": [str(each) for each in receipt.warnings],
    }


def print_receipt(receipt: ImportReceipt, console: Console = out) -> None:
    """A receipt for people."""
    console.print(
        f"{receipt.rows} rows: [bold]{receipt.created} created[/], {receipt.merged} merged, "
        f"{receipt.rejected} rejected."
    )
    complaints = _complaints(receipt)
    for complaint in complaints[:_SHOWN_MAX]:
        console.print(f"  {complaint}", style="yellow", markup=False)
    if len(complaints) > _SHOWN_MAX:
        console.print(f"  ... and {len(complaints) - _SHOWN_MAX} more: --json lists all", style="yellow")
    if left_out := receipt.rejected - len(receipt.rejections):
        console.print(f"  ... and {left_out} more rejected rows: --json lists all", style="yellow")


def _complaints(receipt: ImportReceipt) -> list[str]:
    """Each trouble of rows once, with the rows that have it; then what is wrong with the file."""
    rows_of: dict[str, list[int]] = {}
    for rejected in receipt.rejections:
        rows_of.setdefault(f" rejected: {rejected.reason}", []).append(rejected.row)
    for warned in receipt.warnings:
        if warned.row is not None:
            rows_of.setdefault(f": {warned.what}", []).append(warned.row)
    of_file = [warned.what for warned in receipt.warnings if warned.row is None]
    return [_rows(rows) + what for what, rows in rows_of.items()] + of_file


def _rows(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    named = ", ".join(str(number) for number in numbers[:_NAMED_MAX])
    return f"rows {named}" + (f" and {len(numbers) - _NAMED_MAX} more" if len(numbers) > _NAMED_MAX else "")
