"""Usage reports, as a file and behind a URL: read whole, or told in one line why not."""

import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from leadgen.adapters.providers.http import new_client
from leadgen.adapters.providers.usage import UsageFile, UsageUrl
from leadgen.application.ports.usage_report import IUsageReport, UsageLine
from leadgen.domain.errors import LeadgenError, ServiceUnavailable, UnreadableFile
from tests.adapters.providers.scripted_server import (
    Close,
    Endless,
    Reset,
    Send,
    Step,
    answer,
    free_port,
    scripted_server,
)

HEADER = "provider,reference,received_at,charged_usd\n"
LINE = "orion,ab12,2026-03-01T10:00:00Z,0.02\n"
MIXED = '''\
outcome,charged_usd,received_at,note,reference,provider
hit,0.02,2026-03-01T10:00:00+00:00,"a, ""b""",ab12,orion
'''
CHUNKED = b"HTTP/1.1 200 Scripted\r\nTransfer-Encoding: chunked\r\n\r\n"
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
Open = Callable[[bytes], AbstractAsyncContextManager[IUsageReport]]


@pytest.fixture(params=["file", "url"])
def report_of(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens a report of these bytes: one that was saved, or one that a provider serves."""

    @asynccontextmanager
    async def file(content: bytes) -> AsyncIterator[IUsageReport]:
        path = tmp_path / "usage.csv"
        path.write_bytes(content)
        yield UsageFile(path)

    @asynccontextmanager
    async def url(content: bytes) -> AsyncIterator[IUsageReport]:
        async with served([Send(answer(200, content, {"Content-Type": "text/csv"}))]) as report:
            yield report

    return file if request.param == "file" else url


def chunk(text: str) -> bytes:
    """A part of an answer in chunks; an empty one ends it."""
    return f"{len(text):x}\r\n{text}\r\n".encode()


@asynccontextmanager
async def served(script: Sequence[Step]) -> AsyncIterator[IUsageReport]:
    """A report behind a URL whose server follows a script."""
    async with scripted_server() as server, new_client() as client:
        server.script = script
        yield UsageUrl(server.url, client)


async def lines(report: IUsageReport) -> list[UsageLine]:
    """All lines."""
    return [line async for line in report.lines()]


async def complaint(report: IUsageReport, kind: type[LeadgenError]) -> str:
    """The one line that tells what is wrong with a report."""
    with pytest.raises(kind) as refused:
        await lines(report)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + LINE,
        (HEADER + LINE).replace("\n", "\r\n"),
        HEADER + LINE.strip(),
        "\ufeff" + HEADER + LINE,
        "\n" + HEADER + "\n" + LINE + "\n\n",
        " Provider , REFERENCE,Received_At,Charged_USD\n" + LINE,
        MIXED,
        HEADER + "orion,ab12,2026-03-01 10:00:00,$0.020000,more,cells\n",
        HEADER + "orion,ab12,2026-03-01T11:00:00.000000+01:00,0.02\n",
    ],
    ids=[
        "plain", "CRLF", "no last line end", "BOM", "empty rows", "header in any case", "any order",
        "no zone is UTC", "another zone",
    ],
)  # fmt: skip
async def test_one_line(report_of: Open, text: str) -> None:
    """Columns are found by their names, wherever they stand; the money is exact."""
    async with report_of(text.encode()) as report:
        assert await lines(report) == [UsageLine("orion", "ab12", AT, 20_000)]


async def test_many_lines(report_of: Open) -> None:
    """Lines come in their order, free ones and those without a reference too."""
    rows = [f"astra,{number:04x},2026-03-01T10:00:00Z,0.000{number % 10}\n" for number in range(5_000)]
    async with report_of((HEADER + "".join(rows) + "astra,,2026-03-01T10:00:00Z,0\n").encode()) as report:
        found = await lines(report)
    assert [line.charged_micros for line in found[:-1]] == [100 * (number % 10) for number in range(5_000)]
    assert found[-1] == UsageLine("astra", "", AT, 0)


async def test_header_alone(report_of: Open) -> None:
    """A report of no calls at all is one."""
    async with report_of(HEADER.encode()) as report:
        assert await lines(report) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "provider, reference, received_at, charged_usd"),
        ("\n\n", "provider, reference, received_at, charged_usd"),
        (LINE, "provider, reference, received_at, charged_usd"),
        ("provider;reference;received_at;charged_usd\n", "provider, reference, received_at, charged_usd"),
        ("provider,reference,at,cost\n" + LINE, "received_at, charged_usd"),
        ("<html><body>log in</body></html>\n", "provider, reference, received_at, charged_usd"),
    ],
)
async def test_no_report(report_of: Open, text: str, named: str) -> None:
    """What lacks a column is no report, nor is nothing at all; the columns that are missing are named."""
    async with report_of(text.encode()) as report:
        assert f"no usage report: the first row must name {named}" in await complaint(report, UnreadableFile)


@pytest.mark.parametrize(
    "row",
    [
        "orion,ab12,2026-03-01T10:00:00Z",
        "orion",
        "orion,ab12,yesterday,0.02",
        "orion,ab12,,0.02",
        "orion,ab12,2026-02-30T10:00:00Z,0.02",
        "orion,ab12,2026-03-01T10:00:00Z,",
        "orion,ab12,2026-03-01T10:00:00Z,free",
        "orion,ab12,2026-03-01T10:00:00Z,-0.02",
        "orion,ab12,2026-03-01T10:00:00Z,nan",
        "orion,ab12,2026-03-01T10:00:00Z,0.0000001",
        "orion,ab12,2026-03-01T10:00:00Z,1e3",
        'orion,"ab12,2026-03-01T10:00:00Z,0.02',
    ],
)
async def test_bad_row(report_of: Open, row: str) -> None:
    """A row that cannot be understood is named by its number, and the report is none."""
    async with report_of(f"{HEADER}{LINE}{row}\n{LINE}".encode()) as report:
        assert "row 3 is no line of a usage report" in await complaint(report, UnreadableFile)


async def test_endless_line(report_of: Open) -> None:
    """A line without an end is left after some thousand characters."""
    async with report_of((HEADER + LINE + "x" * 3_000_000).encode()) as report:
        assert "row 3 is too long" in await complaint(report, UnreadableFile)


async def test_coverage(report_of: Open) -> None:
    """A provider's own service tells of everything, a file only of what it holds."""
    async with report_of(HEADER.encode()) as report:
        assert report.is_complete_from_the_start is isinstance(report, UsageUrl)


async def test_zones_are_kept() -> None:
    """A moment of another zone is that moment."""
    async with served([Send(answer(200, (HEADER + LINE.replace("Z", "-05:00")).encode()))]) as report:
        (line,) = await lines(report)
    assert line.received_at == datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize("name", ["missing.csv", "."])
async def test_no_file(tmp_path: Path, name: str) -> None:
    """A file that cannot be opened is named."""
    assert name in await complaint(UsageFile(tmp_path / name if name != "." else Path()), UnreadableFile)


async def test_binary_file(tmp_path: Path) -> None:
    """A file in another encoding is no report."""
    path = tmp_path / "usage.csv"
    path.write_bytes(HEADER.encode() + "orión".encode("latin-1"))
    assert "no UTF-8" in await complaint(UsageFile(path), UnreadableFile)


async def test_carriage_return_in_a_row() -> None:
    """A row that is no CSV is told, not raised by a library."""
    async with served([Send(answer(200, f"{HEADER}orion,ab\rcd,x,0\n".encode()))]) as report:
        assert "row 2 is no CSV" in await complaint(report, UnreadableFile)


@pytest.mark.parametrize("status", [204, 301, 302, 401, 404, 429, 500, 503])
async def test_other_statuses(status: int) -> None:
    """A service that gives no report says which status it gave; redirects are not followed."""
    content = (HEADER + LINE).encode() if status != 204 else b""
    async with served(
        [Send(answer(status, content, {"Location": "http://127.0.0.1:9/"})), Close()]
    ) as report:
        assert f"HTTP {status}" in await complaint(report, ServiceUnavailable)


@pytest.mark.parametrize(
    "script",
    [
        [Close()],
        [Reset()],
        [Send(b"no HTTP at all\r\n\r\n"), Close()],
        [Send(answer(200, (HEADER + LINE).encode(), {"Content-Length": "9999"})), Close()],
        [Send(CHUNKED + chunk(HEADER + LINE)), Close()],
        [Send(CHUNKED + chunk(HEADER + LINE) + chunk(LINE)[:-9]), Close()],
        [Send(b"HTTP/1.1 200 Scripted\r\nX-Long: "), Endless(b"x" * 65536)],
    ],
    ids=["close", "reset", "no http", "cut short", "no last chunk", "half a chunk", "endless header"],
)
async def test_broken_http(script: Sequence[Step]) -> None:
    """A report that broke off is none, however much of it came."""
    async with served(script) as report:
        assert "check the URL" in await complaint(report, ServiceUnavailable)


async def test_report_in_chunks() -> None:
    """One whose last chunk came is whole, wherever its lines are cut."""
    text = HEADER + LINE + LINE
    parts = b"".join(chunk(text[start : start + 11]) for start in range(0, len(text), 11))
    async with served([Send(CHUNKED + parts + chunk(""))]) as report:
        assert len(await lines(report)) == 2


async def test_report_without_an_end() -> None:
    """One that ends with its connection may have been cut anywhere, so that calls are missing."""
    async with served([Send(b"HTTP/1.1 200 Scripted\r\n\r\n" + (HEADER + LINE).encode()), Close()]) as report:
        assert "does not tell where the report ends" in await complaint(report, ServiceUnavailable)


@pytest.mark.parametrize("missing", [0, 4])
async def test_packed_report(missing: int) -> None:
    """A part of one unpacks as if it were whole: it is asked for plain, and not taken otherwise."""
    packed = gzip.compress((HEADER + LINE).encode())
    whole = answer(200, packed[: len(packed) - missing], {"Content-Encoding": "gzip"})
    async with served([Send(whole)]) as report:
        assert "it is packed" in await complaint(report, ServiceUnavailable)


async def test_endless_answer() -> None:
    """A body without a line end is left early."""
    async with served([Send(CHUNKED + chunk(HEADER)), Endless(chunk("x" * 4096))]) as report:
        assert "row 2 is too long" in await complaint(report, UnreadableFile)


@pytest.mark.parametrize(
    "url", ["http://", "http://[", "http://127.0.0.1:99999/", "http://a b/", "http://\x00/"]
)
async def test_bad_url(url: str) -> None:
    """A URL that is none, and one at which nobody listens."""
    async with new_client() as client:
        assert "check the URL" in await complaint(UsageUrl(url, client), ServiceUnavailable)
        nobody = UsageUrl(f"http://127.0.0.1:{free_port()}/usage", client)
        assert "check the URL" in await complaint(nobody, ServiceUnavailable)
