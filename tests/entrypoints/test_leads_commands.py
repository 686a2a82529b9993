"""`leadgen leads`: what goes in, what comes back, and files that are no lead files."""

import csv
import subprocess
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from leadgen.application.ports.lead_repository import LeadLine
from leadgen.domain.lead import EndState
from leadgen.entrypoints.cli.render import lead_table
from tests import builders
from tests.entrypoints.program import SCRIPT, Program

PEOPLE = '''\
firstName,lastName,email,jobTitle,countryCode,companyName,companyWebsite,Campaign,phone
Ada,Novak,ada.novak@fernhill.example,CTO,US,Fernhill,fernhill.example,spring,
Bea,Oduya,bea.oduya@fernhill.example,CFO,USA,Fernhill,https://www.fernhill.example/,spring,202-555-0123
,,not an address,,,,,spring,
"Maximiliane-Theodora","von und zu Hohenstein-Wolkenburg",mt@wolkenburg.example,"Head, of ""all""",XXX,,,"two
lines",
Ada,Novak,ADA.NOVAK@fernhill.example,,US,,,autumn,
'''
TEXTS = {"binary.csv": b"PK\x03\x04\x00\x00\x00" * 50, "empty.csv": b"", "blank.csv": b"\n\n  \n"}


def imported(program: Program) -> list[dict[str, Any]]:
    """The leads after an import of PEOPLE."""
    program.write("people.csv", PEOPLE)
    assert program("leads", "import", "people.csv").code == 0
    leads: list[dict[str, Any]] = program("leads", "list", "--json").document["leads"]
    return leads


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("missing.csv", "no such file"),
        ("empty.csv", "empty"),
        ("blank.csv", "empty"),
        (".", "folder"),
        ("binary.csv", "binary"),
        ("columns.csv", "no usable columns"),
    ],
)
def test_no_lead_file(program: Program, name: str, word: str) -> None:
    """What is no lead file is told in one line with exit status 2, and changes nothing."""
    program.write("columns.csv", "colour,size\nred,3\n")
    for file, data in TEXTS.items():
        (program.folder / file).write_bytes(data)
    ended = program("leads", "import", name)
    assert ended.code == 2, ended
    assert name in ended.complaint
    assert word in ended.complaint
    assert program("leads", "list", "--json").document == {"leads": [], "next": None}


def test_unknown_encoding(program: Program) -> None:
    """An encoding that does not exist is a wrong word."""
    program.write("people.csv", PEOPLE)
    ended = program("leads", "import", "people.csv", "--encoding", "utf-99")
    assert (ended.code, "--encoding" in ended.complaint) == (2, True)


def test_import_receipt(program: Program) -> None:
    """Every row is created, merged or rejected, and what was dropped of a row is named."""
    program.write("people.csv", PEOPLE)
    receipt = program("leads", "import", "people.csv", "--json").document
    assert {key: receipt[key] for key in ("rows", "created", "merged")} == {
        "rows": 5,
        "created": 3,
        "merged": 1,
    }
    (rejected,) = receipt["rejected"]
    assert receipt["rejected_count"] == 1
    assert rejected["row"] == 4
    assert "needed" in rejected["reason"]
    assert [warning.partition(":")[0] for warning in receipt["warnings"]] == ["row 5"]


def test_import_of_rows_with_one_trouble(program: Program) -> None:
    """What is wrong with many rows alike is said once, with the first of them."""
    bad = "".join(f"person{number},Acme,XXX\n" for number in range(8))
    program.write("people.csv", f"lastName,companyName,countryCode\n{bad},,\nAda,,\n")
    lines = program("leads", "import", "people.csv").out.replace("\n", " ")
    assert "rows 10, 11 rejected: an e-mail address, or a name with a company, is needed" in lines
    assert "rows 2, 3, 4, 5, 6 and 3 more: countryCode is no country code: dropped" in lines


def test_import_of_many_bad_rows(program: Program) -> None:
    """For people the first thousand are summed up, and the rest counted; scripts get every one."""
    bad = 20_000
    program.write("people.csv", "email\n" + "x\n" * bad)
    told = program("leads", "import", "people.csv").out
    lines = told.replace("\n", " ")
    assert lines.startswith(f"{bad} rows: 0 created, 0 merged, {bad} rejected.")
    assert "rows 2, 3, 4, 5, 6 and 995 more rejected: an e-mail address" in lines
    assert f"... and {bad - 1_000} more rejected rows: --json lists all" in lines
    receipt = program("leads", "import", "people.csv", "--json").document
    assert (receipt["rows"], receipt["rejected_count"]) == (bad, bad)
    assert [each["row"] for each in receipt["rejected"]] == list(range(2, bad + 2))


def test_import_of_a_header(program: Program) -> None:
    """A file without a row brings nobody, and says so."""
    program.write("header.csv", "email,companyName\n")
    ended = program("leads", "import", "header.csv")
    assert (ended.code, ended.out.split("\n")[1]) == (0, "  there is no row below the header")


def test_import_twice(program: Program) -> None:
    """A second import of the same file merges every row and doubles nobody."""
    before = imported(program)
    receipt = program("leads", "import", "people.csv", "--json").document
    assert (receipt["rows"], receipt["created"], receipt["merged"]) == (5, 0, 4)
    assert program("leads", "list", "--json").document["leads"] == before


def test_list(program: Program) -> None:
    """A lead is listed with its number in E.164, where that came from, and what it has cost."""
    ada, bea, _ = imported(program)
    assert ada["email"].lower() == "ada.novak@fernhill.example"
    assert (ada["phone"], ada["phone_status"]) == (None, None)
    assert (bea["phone"], bea["phone_provider"], bea["phone_status"]) == ("+12025550123", "import", "found")
    assert (ada["cost_usd"], bea["name"]) == (0, "Bea Oduya")


def test_pages(program: Program) -> None:
    """`next` leads to the rest, and is null at the end."""
    everybody = [lead["id"] for lead in imported(program)]
    first = program("leads", "list", "--limit", "2", "--json").document
    rest = program("leads", "list", "--limit", "2", "--after", first["next"], "--json").document
    assert [lead["id"] for lead in first["leads"] + rest["leads"]] == everybody
    assert rest["next"] is None


def test_table_fits_80_columns() -> None:
    """On a terminal the table is no wider, and cuts neither an id nor a number."""
    found = builders.lead(1, phone=builders.us_phone(1), phone_status=EndState.FOUND)
    line = LeadLine(replace(found, id="01a22e3b-415d-7000-9e35-eeb2887948c9"), 20_000)
    terminal = Console(file=StringIO(), width=80)
    terminal.print(lead_table([line], ids=True))
    told = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(each) for each in told.splitlines()) <= 80
    assert line.lead.id in told
    assert builders.us_phone(1).e164 in told


def test_table_in_a_pipe(program: Program) -> None:
    """There nothing is cut: whoever reads it has no columns."""
    leads = imported(program)
    ended = program("leads", "list")
    assert ended.code == 0
    for lead in leads:
        for cell in (lead["id"], lead["name"], lead["phone"]):
            assert (cell or "") in ended.out


def test_show(program: Program) -> None:
    """A lead's story says what is known, who was asked and what it cost."""
    _, bea, _ = imported(program)
    story = program("leads", "show", bea["id"], "--json").document
    assert (story["phone"], story["country"], story["website"]) == ("+12025550123", "USA", "fernhill.example")
    assert (story["asked"], story["not_asked"], story["cost_usd"]) == ([], [], 0)
    assert "+12025550123" in program("leads", "show", bea["id"]).out


def test_brackets_in_a_file(program: Program) -> None:
    """What looks like mark-up in a file is shown as it is."""
    program.write("odd.csv", "name,email,company\nAda [/b] [red],ada@fernhill.example,[/] Inc.\n")
    program("leads", "import", "odd.csv")
    (lead,) = program("leads", "list", "--json").document["leads"]
    shown = program("leads", "show", lead["id"])
    assert (shown.code, shown.out.splitlines()[0]) == (0, "Ada [/b] [red]  [/] Inc.")
    assert program("leads", "list").code == 0
    assert program("leads", "export", "out[red].csv").out == "1 leads written to out[red].csv.\n"


@pytest.mark.parametrize("kind", ["leads", "jobs"])
@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_unknown_id(program: Program, kind: str, flags: tuple[str, ...]) -> None:
    """An unknown id is one line with exit status 1, with --json too."""
    ended = program(kind, "show", "no-such-id", *flags)
    assert (ended.code, "no-such-id" in ended.complaint) == (1, True)


def test_export(program: Program) -> None:
    """The export keeps every column that came in, adds four, and can be imported again."""
    imported(program)
    assert program("leads", "export", "out.csv", "--json").document == {"leads": 3, "file": "out.csv"}
    with Path(program.folder / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["Campaign"] for row in rows] == ["autumn", "spring", "two lines"]
    bea = rows[1]
    assert [bea[name] for name in ("phone", "phone_provider", "phone_status")] == [
        "+12025550123",
        "import",
        "found",
    ]
    again = program("leads", "import", "out.csv", "--json").document
    assert (again["created"], again["merged"], again["rejected"]) == (0, 3, [])


@pytest.mark.parametrize("stdout", ["-", "/dev/stdout"])
def test_through_pipes(program: Program, stdout: str) -> None:
    """`-` stands for stdin and stdout; nothing but the leads is written there, and nothing replaced."""
    imported = program.from_scratch("leads", "import", "-", typed="email\nada@fernhill.example\n")
    assert imported.out.startswith("1 rows: 1 created"), imported
    exported = program.from_scratch("leads", "export", stdout)
    lines = exported.out.splitlines()
    assert (exported.code, len(lines), lines[1].split(",")[0]) == (0, 2, "ada@fernhill.example")
    assert Path("/dev/stdout").is_symlink()
    assert program("leads", "export", stdout, "--json").code == 2


def test_stdout_is_full(program: Program) -> None:
    """One line, as for any other file that cannot be written."""
    imported(program)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [str(SCRIPT), "leads", "list"]
        environment = program.environment()
        ended = subprocess.run(
            command,
            cwd=program.folder,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "leadgen: No space left on device\n")


def test_export_over_a_folder(program: Program) -> None:
    """A place that cannot be written is told in one line with exit status 2."""
    imported(program)
    assert program("leads", "export", ".").complaint.startswith("leadgen: .: ")
    assert program("leads", "export", "no/such/folder.csv").code == 2


def test_nobody_after_an_id(program: Program) -> None:
    """Says so, where there are leads before it."""
    imported(program)
    assert program("leads", "list", "--after", "z").out == "There are no leads after this id.\n"


def test_nobody(program: Program) -> None:
    """Without leads the list says how to bring some in."""
    ended = program("leads", "list")
    assert (ended.code, "leadgen leads import" in ended.out) == (0, True)
