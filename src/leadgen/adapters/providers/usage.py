"""Usage reports of providers: CSV, as a file or behind a URL."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from leadgen.adapters.providers.http import new_client
from leadgen.application.ports.usage_report import IUsageReport, UsageLine
from leadgen.domain.errors import InvalidSetting, LeadgenError, ServiceUnavailable, UnreadableFile
from leadgen.domain.money import micros_from_usd

_COLUMNS = ("provider", "reference", "received_at", "charged_usd")
_TIMEOUT_SECONDS = 30.0
_PLAIN = {"Accept-Encoding": "identity"}
_LINE_CHARACTERS_MAX = 10_000


@asynccontextmanager
async def usage_report(source: str) -> AsyncIterator[IUsageReport]:
    """The usage report in a file, or behind an http URL."""
    if not source.startswith(("http://", "https://")):
        yield UsageFile(Path(source))
        return
    async with new_client() as client:
        yield UsageUrl(source, client)


class UsageFile(IUsageReport):
    """A report that was saved: it accounts for the time from its first line to its last."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_complete_from_the_start(self) -> bool:
        """See IUsageReport."""
        return False

    async def lines(self) -> AsyncIterator[UsageLine]:
        """See IUsageReport."""
        name = str(self._path)
        try:
            with self._path.open(encoding="utf-8", newline="") as file:
                reader = _Reader(name)
                while text := file.readline(_LINE_CHARACTERS_MAX + 1):
                    for line in reader.read(text):
                        yield line
                reader.end()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise UnreadableFile(name, why or "cannot be read") from error


class UsageUrl(IUsageReport):
    """A report that a provider serves, which is whole: it accounts for everything up to now."""

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self._url = url
        self._client = client

    @property
    def is_complete_from_the_start(self) -> bool:
        """See IUsageReport."""
        return True

    async def lines(self) -> AsyncIterator[UsageLine]:
        """See IUsageReport."""
        reader = _Reader(self._url)
        try:
            async with self._client.stream(
                "GET", self._url, headers=_PLAIN, timeout=_TIMEOUT_SECONDS
            ) as response:
                if problem := _problem(response):
                    raise ServiceUnavailable("the usage report", self._url, problem)
                async for text in _texts(response):
                    for line in reader.read(text):
                        yield line
                reader.end()
        except LeadgenError:
            raise
        except Exception as error:  # an answer passes three libraries, each with errors of its own
            raise ServiceUnavailable("the usage report", self._url, "check the URL") from error


def _problem(response: httpx2.Response) -> str | None:
    """Why this is no report of which one would see that it broke off: a part of it would look like all."""
    headers = response.headers
    if response.status_code != 200:
        return f"it answers HTTP {response.status_code}"
    if headers.get("content-encoding", "identity") != "identity":  # one that is cut short unpacks, too
        return "it is packed, though it was asked for as it is"
    if "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", ""):
        return "it does not tell where the report ends"
    return None


async def _texts(response: httpx2.Response) -> AsyncIterator[str]:
    """The lines of an answer, up to one that is too long."""
    begun = ""
    async for text in response.aiter_text():
        *whole, begun = (begun + text).split("\n")
        for each in whole:
            yield each
        if len(begun) > _LINE_CHARACTERS_MAX:
            break
    yield begun


class _Reader:
    """Reads lines of CSV under a header that names at least the columns that are needed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._header: list[str] = []
        self._row = 0

    def read(self, text: str) -> Iterator[UsageLine]:
        """The line, or nothing for the header and for an empty one; raises UnreadableFile."""
        self._row += 1
        if len(text) > _LINE_CHARACTERS_MAX:
            raise UnreadableFile(self._name, f"row {self._row} is too long")
        cells = self._cells(text.strip("\ufeff\r\n"))
        if not cells:
            return
        if not self._header:
            self._header = [cell.strip().lower() for cell in cells]
            if missing := [name for name in _COLUMNS if name not in self._header]:
                raise self._no_report(missing)
            return
        yield self._line(dict(zip(self._header, cells, strict=False)))

    def end(self) -> None:
        """Raises UnreadableFile where not even a header came: nothing is no account of anything."""
        if not self._header:
            raise self._no_report(_COLUMNS)

    def _no_report(self, missing: Sequence[str]) -> UnreadableFile:
        return UnreadableFile(self._name, f"no usage report: the first row must name {', '.join(missing)}")

    def _cells(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text]), [])
        except csv.Error as error:
            raise UnreadableFile(self._name, f"row {self._row} is no CSV") from error

    def _line(self, row: dict[str, str]) -> UsageLine:
        try:
            received = datetime.fromisoformat(row["received_at"])
            return UsageLine(
                provider=row["provider"],
                reference=row["reference"],
                received_at=received if received.tzinfo else received.replace(tzinfo=UTC),
                charged_micros=micros_from_usd(row["charged_usd"], "charged_usd"),
            )
        except (KeyError, ValueError, InvalidSetting) as error:
            raise UnreadableFile(self._name, f"row {self._row} is no line of a usage report") from error
