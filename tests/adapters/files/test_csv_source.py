import codecs
import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from leadgen.adapters.files.csv_source import CsvLeadSource
from leadgen.domain.errors import InvalidSetting, UnreadableFile

TABLE = [["email", "Név"], ["ada@lovelace.example", "Ada Őzike"], ["zoë@núñez.example", "Zoë, “the” Núñez"]]


def write(folder: Path, content: bytes) -> Path:
    """A file with this content."""
    path = folder / "people.csv"
    path.write_bytes(content)
    return path


def read(path: Path, encoding: str | None = None) -> tuple[list[Sequence[str]], Sequence[str]]:
    """The header and all records of a file, and the warnings."""
    with CsvLeadSource(path, encoding) as source:
        table = [source.header(), *source.rows()]
        return table, source.warnings()


def as_csv(table: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    """Everything quoted, lines as spreadsheets end them."""
    return "".join(delimiter.join(f'"{cell}"' for cell in row) + "\r\n" for row in table)


# encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le with a mark", "utf-16-be with a mark"]
)
def test_unicode(tmp_path: Path, encoding: str) -> None:
    """UTF-8, and whatever has a byte-order mark, is read without a word."""
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    name = encoding.partition(" ")[0]
    path = write(tmp_path, marks.get(name, b"") + as_csv(TABLE).encode(name))
    assert read(path) == (TABLE, [])


def test_windows_1252(tmp_path: Path) -> None:
    """What is no UTF-8 is read as Windows-1252, with a warning that says how to name another encoding."""
    path = write(tmp_path, as_csv([["email", "name"], ["zoe@example.com", "Zoë – €"]]).encode("cp1252"))
    table, warnings = read(path)
    assert table[1] == ["zoe@example.com", "Zoë – €"]
    assert len(warnings) == 1
    assert "Windows-1252" in warnings[0]
    assert "--encoding" in warnings[0]


def test_a_letter_far_down_decides(tmp_path: Path) -> None:
    """The whole file is looked at: one Latin letter after a megabyte of ASCII is not a broken file."""
    rows = [["email", "name"], *[["a@example.com", "x" * 1000]] * 1_100, ["z@example.com", "Zoë"]]
    table, warnings = read(write(tmp_path, as_csv(rows).encode("cp1252")))
    assert table[-1] == ["z@example.com", "Zoë"]
    assert len(table) == len(rows)
    assert len(warnings) == 1


def test_a_named_encoding(tmp_path: Path) -> None:
    """Is taken at its word, without a warning."""
    path = write(tmp_path, as_csv(TABLE[:2]).encode("cp1250"))
    assert read(path, "cp1250") == (TABLE[:2], [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_named_encoding_with_nul_bytes(tmp_path: Path, encoding: str) -> None:
    """Wide characters without a byte-order mark are no binary file for who names them."""
    assert read(write(tmp_path, as_csv(TABLE).encode(encoding)), encoding) == (TABLE, [])


def test_a_named_encoding_of_a_utf_8_file(tmp_path: Path) -> None:
    """Strict UTF-8 cannot be mistaken, and goes before a name."""
    assert read(write(tmp_path, as_csv(TABLE).encode()), "cp1250") == (TABLE, [])


@pytest.mark.parametrize("name", ["utf-9", "base64", "rot13", "", "a\x00b", "undefined"], ids=ascii)
def test_no_such_encoding(tmp_path: Path, name: str) -> None:
    """Names the option that is wrong, whatever the file is."""
    for content in (b"email\n", b"email\n\xff\n"):
        with pytest.raises(InvalidSetting, match="--encoding"):
            CsvLeadSource(write(tmp_path, content), name)


# shapes


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    """Are told from the header; those inside quotes do not count."""
    rows = [["email", "a,b", "c;d;e;f", "g|h"], ["x@example.com", "1,5", "2;5", "3\t5"]]
    assert read(write(tmp_path, as_csv(rows, delimiter).encode()))[0] == rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=ascii)
def test_line_ends(tmp_path: Path, end: str) -> None:
    """Of every system are read, and the last one may be missing."""
    text = end.join(["email,name", "a@example.com,Ann", "b@example.com,Bob"])
    expected = [["email", "name"], ["a@example.com", "Ann"], ["b@example.com", "Bob"]]
    assert read(write(tmp_path, text.encode()))[0] == expected
    assert read(write(tmp_path, (text + end).encode()))[0] == expected


def test_quotes(tmp_path: Path) -> None:
    """Quoted cells hold line ends, delimiters and doubled quotes, in the header too."""
    content = b'email,"first\nname"\na@example.com,"Ann ""A""\r\nof, Kent"\n'
    assert read(write(tmp_path, content))[0] == [
        ["email", "first\nname"],
        ["a@example.com", 'Ann "A"\r\nof, Kent'],
    ]


def test_quotes_inside_a_cell(tmp_path: Path) -> None:
    """A quote that opens nothing is a character like any other."""
    content = b'email,name\na@example.com,5" Ann\nb@example.com,Bob "B"\n'
    assert [row[1] for row in read(write(tmp_path, content))[0][1:]] == ['5" Ann', 'Bob "B"']


def test_lines_without_a_cell(tmp_path: Path) -> None:
    """Blank lines are no records, wherever they are."""
    content = b"\n\r\n  \nemail,name\n\na@example.com,Ann\n\n\nb@example.com,\n,\n\n"
    assert read(write(tmp_path, content))[0] == [
        ["email", "name"],
        ["a@example.com", "Ann"],
        ["b@example.com", ""],
        ["", ""],
    ]


def test_rows_of_other_lengths(tmp_path: Path) -> None:
    """Come as they are: whether they are leads is not for the source to say."""
    content = b"a,b\n1\n1,2,3\n"
    assert read(write(tmp_path, content))[0] == [["a", "b"], ["1"], ["1", "2", "3"]]


def test_only_a_header(tmp_path: Path) -> None:
    """Is a table without rows."""
    assert read(write(tmp_path, b"email,name"))[0] == [["email", "name"]]


def test_nul_bytes_far_down(tmp_path: Path) -> None:
    """A text file with a few of them loses no row."""
    rows = [b"email,name", *[b"a@example.com," + b"x" * 1_000] * 100, b"b@example.com,B\x00ob", b"c,C"]
    table, _ = read(write(tmp_path, b"\n".join(rows)))
    assert len(table) == len(rows)
    assert table[-2][0] == "b@example.com"


@pytest.mark.parametrize("rows_after", [0, 1, 50_000, 60_000])
def test_an_unclosed_quote(tmp_path: Path, rows_after: int) -> None:
    """A quote that never ends would swallow all rows after it: the file is refused, naming the trouble."""
    content = b'email,name\na@example.com,Ann\nb@example.com,"Bob\n' + b"c@example.com,Cleo\n" * rows_after
    with pytest.raises(UnreadableFile, match=r"people\.csv.*quote"):
        read(write(tmp_path, content))


def test_an_unclosed_quote_in_the_header(tmp_path: Path) -> None:
    """Is the same trouble."""
    with pytest.raises(UnreadableFile, match="quote"):
        read(write(tmp_path, b'email,"name\na@example.com,Ann\n'))


@pytest.mark.parametrize("rows_before", [0, 20_000])
@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16"])
def test_an_encoding_that_does_not_fit(tmp_path: Path, encoding: str, rows_before: int) -> None:
    """Is said before a row is read, wherever it shows."""
    content = b"email,name\n" + b"a@example.com,Ann\n" * rows_before + b"j@example.com,Jos\xe9\n"
    with pytest.raises(UnreadableFile, match="name another --encoding"):
        CsvLeadSource(write(tmp_path, content), encoding)


# what is no lead file


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\n\r\n\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE], ids=ascii
)
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    """Without a header there is nothing to read."""
    with pytest.raises(UnreadableFile, match=r"people\.csv.*empty"):
        read(write(tmp_path, content))


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"PK\x03\x04\x14\x00\x06\x00"], ids=ascii)
def test_a_binary_file(tmp_path: Path, content: bytes) -> None:
    """Pictures and spreadsheets are no text, and the text says what to do."""
    with pytest.raises(UnreadableFile, match=r"binary.*CSV"):
        read(write(tmp_path, content * 100))


def test_a_folder(tmp_path: Path) -> None:
    """Is no file."""
    with pytest.raises(UnreadableFile, match="folder"):
        CsvLeadSource(tmp_path)


@pytest.mark.parametrize("name", ["missing.csv", "missing/people.csv"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    """Is named."""
    with pytest.raises(UnreadableFile, match=r"\.csv: there is no such file"):
        CsvLeadSource(tmp_path / name)


def test_a_path_through_a_file(tmp_path: Path) -> None:
    """Leads nowhere."""
    with pytest.raises(UnreadableFile, match="cannot be read"):
        CsvLeadSource(write(tmp_path, b"email\n") / "people.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """Is refused in words."""
    path = write(tmp_path, b"email\n")
    path.chmod(0)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        CsvLeadSource(path)


# size


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Twenty megabytes are read in less than ten."""
    row = b"person@example.com," + b"x" * 1_000 + b",Ann\n"
    count = 20_000_000 // len(row)
    path = tmp_path / "people.csv"
    with path.open("wb") as file:
        file.write(b"email,notes,name\n")
        file.writelines(row for _ in range(count))
    tracemalloc.start()
    try:
        with CsvLeadSource(path) as source:
            assert sum(len(cells) == 3 for cells in source.rows()) == count
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
