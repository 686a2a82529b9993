import csv
import os
import stat
from pathlib import Path

import pytest

from leadgen.adapters.files.csv_sheet import CsvLeadSheet
from leadgen.domain.errors import UnreadableFile

ROWS = [["email", "Név"], ["ada@lovelace.example", 'Ada, "the" Őzike\nof London'], ["", ""]]


def write_rows(path: Path) -> None:
    """A whole sheet."""
    with CsvLeadSheet(path) as sheet:
        for row in ROWS:
            sheet.write(row)


def read_rows(path: Path) -> list[list[str]]:
    """What a program reads."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


class Interrupted(Exception):
    """Something goes wrong in the middle."""


def write_half(path: Path, error: type[BaseException]) -> None:
    """A sheet that breaks off."""
    with CsvLeadSheet(path) as sheet:
        sheet.write(["half"])
        raise error


def test_write(tmp_path: Path) -> None:
    """UTF-8, commas, one line end a record; what was written is what is read."""
    path = tmp_path / "out.csv"
    write_rows(path)
    assert read_rows(path) == ROWS
    assert path.read_bytes().startswith("email,Név\n".encode())
    assert list(tmp_path.iterdir()) == [path]


def test_write_over_a_file(tmp_path: Path) -> None:
    """The old file is there, whole, until the new one is."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    with CsvLeadSheet(path) as sheet:
        sheet.write(["new"])
        assert path.read_text() == "old"
    assert path.read_text() == "new\n"


@pytest.mark.parametrize("kind", [Interrupted, KeyboardInterrupt])
def test_an_error_inside(tmp_path: Path, kind: type[BaseException]) -> None:
    """Leaves the old file as it was, and nothing beside it."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(kind):
        write_half(path, kind)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_inside_a_new_file(tmp_path: Path) -> None:
    """Leaves no file at all."""
    with pytest.raises(Interrupted):
        write_half(tmp_path / "out.csv", Interrupted)
    assert list(tmp_path.iterdir()) == []


def test_the_mode(tmp_path: Path) -> None:
    """Is that of any new file, not that of a temporary one."""
    path, plain = tmp_path / "out.csv", tmp_path / "plain.csv"
    plain.touch()
    write_rows(path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_the_mode_of_a_file_that_is_replaced(tmp_path: Path) -> None:
    """Stays: who may not read the leads of yesterday may not read those of today."""
    path = tmp_path / "out.csv"
    path.touch(0o600)
    write_rows(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link(tmp_path: Path) -> None:
    """Stays one: the file that it leads to is replaced, or made."""
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "out.csv", tmp_path / "elsewhere" / "real.csv"
    link.symlink_to(target)
    for _ in range(2):
        write_rows(link)
        assert link.is_symlink()
        assert read_rows(target) == ROWS


def test_a_folder(tmp_path: Path) -> None:
    """Cannot be written over."""
    with pytest.raises(UnreadableFile, match="folder"):
        CsvLeadSheet(tmp_path)


@pytest.mark.parametrize("name", ["missing/out.csv", "plain/out.csv"])
def test_no_folder_to_write_into(tmp_path: Path, name: str) -> None:
    """Names the file and the reason."""
    (tmp_path / "plain").touch()
    with pytest.raises(UnreadableFile, match=r"out\.csv: cannot be written"):
        CsvLeadSheet(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """Names the file and the reason."""
    tmp_path.chmod(0o500)
    with pytest.raises(UnreadableFile, match="cannot be written"):
        CsvLeadSheet(tmp_path / "out.csv")
    tmp_path.chmod(0o700)


def test_a_relative_path(tmp_path: Path) -> None:
    """Is taken from the working folder, and the temporary file lies beside it."""
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        write_rows(Path("out.csv"))
    finally:
        os.chdir(before)
    assert read_rows(tmp_path / "out.csv") == ROWS


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """What is no plain file, such as /dev/stdout, gets the records and is not replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with CsvLeadSheet(pipe) as sheet:
        sheet.write(["email"])
    assert os.read(reader, 100) == b"email\n"
    assert pipe.is_fifo()
    os.close(reader)
