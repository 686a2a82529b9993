"""CSV files as they come from the field: any encoding, any delimiter, streamed."""

from __future__ import annotations

import codecs
import csv
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from leadgen.application.ports.lead_source import ILeadSource
from leadgen.domain.errors import InvalidSetting, UnreadableFile

STDIN = "-"

_SAMPLE_BYTES = 65_536
_DELIMITERS = ",;\t|"
_OTHER_ENCODING = "is not {}: name another --encoding, or none"
_FIELD_CHARACTERS_MAX = 1_000_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALLBACK = "cp1252"
_QUOTED = re.compile(rf'(?<![^{_DELIMITERS}])"(?:[^"]|"")*(?:"|$)')
_END = "\x1f end of the file \x1f"
"""A last record of our own: where it ends up inside a cell, a quote was never closed."""


class CsvLeadSource(ILeadSource, AbstractContextManager["CsvLeadSource"]):
    """A CSV file: its encoding by byte-order mark, else strict UTF-8, else as named, else Windows-1252.

    What cannot be read twice, such as a pipe or (``-``) stdin, is copied to a temporary file first.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self._path = path
        self._warnings: list[str] = []
        self._raw = self._open()
        self._records: Iterator[list[str]] = iter(())
        try:
            self._encoding = self._choose_encoding(encoding)
            self._raw.seek(0)
            self._file = TextIOWrapper(self._raw, self._encoding, self._errors(), newline="")
            self._records = self._open_records()
            self._header = next(self._records, None)
            if self._header is None:
                raise UnreadableFile(str(path), "is empty: a header and at least one row are needed")
        except BaseException:
            self._raw.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def header(self) -> Sequence[str]:
        """See ILeadSource."""
        return self._header or ()

    def rows(self) -> Iterator[Sequence[str]]:
        """See ILeadSource."""
        return self._records

    def warnings(self) -> Sequence[str]:
        """See ILeadSource."""
        return self._warnings

    def _choose_encoding(self, named: str | None) -> str:
        if named is not None:
            try:
                "".encode(named)
            except (LookupError, ValueError):
                raise InvalidSetting("--encoding", named, "an encoding, such as utf-8 or cp1252") from None
        sample = self._raw.read(_SAMPLE_BYTES)
        for mark, encoding in _BOMS:
            if sample.startswith(mark):
                return encoding
        if b"\x00" in sample:
            if named is not None:
                return named
            raise UnreadableFile(str(self._path), "is binary, not text: save it as CSV (UTF-8)")
        if self._is_utf8():
            return "utf-8"
        if named is not None and codecs.lookup(named).name == "utf-8":
            raise UnreadableFile(str(self._path), _OTHER_ENCODING.format(named))
        if named is None:
            self._warnings.append(
                "the file is not UTF-8 and was read as Windows-1252: if letters look wrong, name its"
                " --encoding"
            )
        return named or _FALLBACK

    def _open(self) -> IO[bytes]:
        try:
            raw: IO[bytes] = sys.stdin.buffer if str(self._path) == STDIN else self._path.open("rb")
            return raw if raw.seekable() else _copied(raw)
        except FileNotFoundError:
            raise UnreadableFile(str(self._path), "there is no such file") from None
        except IsADirectoryError:
            raise UnreadableFile(str(self._path), "is a folder, not a file") from None
        except OSError as error:
            raise UnreadableFile(str(self._path), f"cannot be read ({error.strerror})") from None

    def _is_utf8(self) -> bool:
        decoder = codecs.getincrementaldecoder("utf-8")()
        self._raw.seek(0)
        try:
            while block := self._raw.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _errors(self) -> str:
        return "strict" if self._encoding == "utf-8" else "replace"

    def _open_records(self) -> Iterator[list[str]]:
        csv.field_size_limit(_FIELD_CHARACTERS_MAX)
        lines = iter(self._file)
        try:
            first = next((line for line in lines if line.strip()), "")
        except UnicodeError:
            raise UnreadableFile(str(self._path), _OTHER_ENCODING.format(self._encoding)) from None
        reader = csv.reader(chain([first], lines, [_END]), delimiter=_delimiter(first), strict=False)
        return self._checked(reader)

    def _checked(self, records: Iterator[list[str]]) -> Iterator[list[str]]:
        number = 1
        while True:
            try:
                cells = next(records)
            except (csv.Error, UnicodeError) as error:
                problem = f"is no CSV file (record {number}: {error}): is a quote left unclosed?"
                raise UnreadableFile(str(self._path), problem) from None
            if cells == [_END]:
                return
            if cells and cells[-1].endswith(_END):
                problem = f"a quote is opened in record {number} and never closed"
                raise UnreadableFile(str(self._path), problem)
            if cells:
                yield cells
                number += 1


def _copied(stream: IO[bytes]) -> IO[bytes]:
    copy = TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
    with stream:
        shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def _delimiter(header: str) -> str:
    """The one of which there are most in the header; those in quoted cells do not count."""
    bare = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=bare.count)
