"""CSV files for spreadsheets and scripts: UTF-8 and commas."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import IO, Self

from leadgen.application.ports.lead_sheet import ILeadSheet
from leadgen.domain.errors import UnreadableFile


class CsvLeadSheet(ILeadSheet, AbstractContextManager["CsvLeadSheet"]):
    """Written beside its place, and put there when the block ends without an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.is_dir():
            raise UnreadableFile(str(path), "is a folder: name a file to write")
        self._is_replaced = path.is_file() or not path.exists()  # a pipe or a terminal is written to
        folder, prefix = path.absolute().parent, f".{path.name}."
        try:
            self._file: IO[str] = (
                NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, prefix=prefix, delete=False)  # noqa: SIM115 - closed by __exit__
                if self._is_replaced
                else path.open("w", encoding="utf-8", newline="")
            )
        except OSError as error:
            raise UnreadableFile(str(path), f"cannot be written ({error.strerror})") from None
        self._writer = csv.writer(self._file, lineterminator="\n")

    def write(self, cells: Sequence[str]) -> None:
        """See ILeadSheet."""
        self._writer.writerow(cells)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._is_replaced:
            return
        temporary = Path(self._file.name)
        if error is not None:
            temporary.unlink(missing_ok=True)
            return
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(self._path)
