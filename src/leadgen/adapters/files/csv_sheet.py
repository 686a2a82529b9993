"""CSV files for spreadsheets and scripts: UTF-8 and commas."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import IO, Self

from leadgen.application.ports.lead_sheet import ILeadSheet
from leadgen.domain.errors import UnreadableFile

STDOUTS = ("-", "/dev/stdout")


class CsvLeadSheet(ILeadSheet, AbstractContextManager["CsvLeadSheet"]):
    """Written beside its place, and put there when the block ends without an error.

    What is no file of its own, such as a pipe, a terminal or (``-``) stdout, is written to as it comes. Of a
    link, the file that it leads to is replaced.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise UnreadableFile(str(path), "is a folder: name a file to write")
        path = Path(STDOUTS[-1]) if str(path) in STDOUTS else path
        self._is_replaced = not _is_stream(path)
        self._path = path.resolve() if self._is_replaced else path
        folder, prefix = self._path.parent, f".{self._path.name}."
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
        temporary.chmod(_mode(self._path))
        temporary.replace(self._path)


def _is_stream(path: Path) -> bool:
    """Whether it is a device, a pipe, or a name of this process's own streams, which lie below /proc."""
    named = path.parent / (path.readlink() if path.is_symlink() else path.name)
    return named.parent.resolve().parts[1:2] == ("proc",) or (path.exists() and not path.is_file())


def _mode(path: Path) -> int:
    """Who may read and write it: as before, or as whoever starts leadgen has set it for new files."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
