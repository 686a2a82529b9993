"""Wrong words and malformed settings: exit status 2, and what to write instead."""

import pytest

from tests.entrypoints.program import Program

COMMANDS = (
    "demo",
    "up",
    "worker",
    "simulate",
    "db",
    "leads",
    "phones",
    "jobs",
    "providers",
    "budgets",
    "ledger",
    "keys",
    "serve",
)
KEY = {"ORION_URL": "http://127.0.0.1:1/orion", "ORION_API_KEY": "secret-key"}


def test_help(empty: Program) -> None:
    """The help names every command, on stdout."""
    ended = empty.from_scratch("--help")
    assert (ended.code, ended.err) == (0, "")
    for command in COMMANDS:
        assert f" {command} " in ended.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("bogus",),
        ("leads",),
        ("leads", "bogus"),
        ("leads", "list", "--bogus"),
        ("leads", "list", "--limit", "many"),
        ("leads", "list", "--limit", "0"),
        ("leads", "list", "extra"),
        ("leads", "import"),
        ("leads", "show"),
        ("jobs", "show"),
        ("jobs", "list", "--limit", "0"),
        ("jobs", "resume"),
        ("phones", "find", "--lead"),
        ("phones", "find", "--budget"),
        ("phones", "find", "--budget", "much"),
        ("phones", "find", "--budget", "-1"),
        ("jobs", "resume", "x", "--budget", "0.0000001"),
        ("ledger",),
        ("ledger", "audit", "--against"),
        ("ledger", "show"),
        ("budgets",),
        ("budgets", "set"),
        ("keys",),
        ("keys", "create", "--scopes", "everything"),
        ("keys", "create", "--expires", "soon"),
        ("keys", "revoke"),
        ("serve", "--port", "65536"),
        ("serve", "--port", "many"),
        ("providers", "set"),
        ("providers", "set", "orion"),
        ("demo", "--leads", "0"),
        ("demo", "--leads", "none"),
        ("simulate", "--bogus"),
    ],
    ids=" ".join,
)
def test_wrong_words(empty: Program, words: tuple[str, ...]) -> None:
    """What is no command ends with 2 before anything is done."""
    ended = empty(*words)
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err
    assert ended.err or "Usage" in ended.out
    assert list(empty.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://lead:secret-key@localhost/leads"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("TEMPORAL_ADDRESS", "nonsense"),
        ("TEMPORAL_ADDRESS", "127.0.0.1:port"),
        ("TEMPORAL_ADDRESS", "http://127.0.0.1:7233"),
        ("ORION_URL", "nonsense"),
        ("ORION_URL", "ftp://127.0.0.1/orion"),
    ],
)
def test_malformed_setting(program: Program, setting: str, value: str) -> None:
    """A malformed setting is named in one line that tells what is expected and no secret."""
    ended = program("phones", "find", **{**KEY, setting: value})
    assert ended.code == 2, ended
    assert f"LEADGEN_{setting}=" in ended.complaint
    assert "expected" in ended.complaint
    assert "secret-key" not in ended.complaint


def test_malformed_setting_in_a_file(program: Program) -> None:
    """A setting in `.env` counts like one of the environment."""
    program.write(".env", "LEADGEN_LOG_LEVEL=LOUD\n")
    ended = program("leads", "list")
    assert (ended.code, "LEADGEN_LOG_LEVEL=" in ended.complaint) == (2, True)


def test_settings_that_set_nothing(program: Program) -> None:
    """A misspelt name is told with what may be meant, a line that sets nothing once; the command goes on."""
    program.write(".env", "LEADGEN_ORION_API_KY=secret-key\nno setting\nPOSTGRES_PASSWORD=other\n")
    ended = program("providers", "list", LOG_LEVLE="DEBUG")
    assert ended.code == 0
    for misspelt, meant in (("ORION_API_KY", "ORION_API_KEY"), ("LOG_LEVLE", "LOG_LEVEL")):
        assert ended.err.count(f"LEADGEN_{misspelt} sets nothing: is LEADGEN_{meant} meant?") == 1
    assert ended.err.count("line 2") == 1
    assert "POSTGRES_PASSWORD" not in ended.err
    assert "secret-key" not in ended.err


def test_worker_with_a_malformed_setting(program: Program) -> None:
    """A worker that cannot read its settings ends at once, with 2 like every other command."""
    ended = program("worker", LOG_LEVEL="LOUD")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended
    assert "LEADGEN_LOG_LEVEL=" in ended.err


def test_up_with_a_malformed_setting(empty: Program) -> None:
    """`up` ends before it starts anything."""
    ended = empty("up", DATABASE_URL="nonsense")
    assert (ended.code, "LEADGEN_DATABASE_URL=" in ended.complaint) == (2, True)


def test_empty_setting(program: Program) -> None:
    """A setting that is there and empty is none."""
    ended = program("leads", "list", DATABASE_URL="", LOG_LEVEL="", ORION_URL="", ORION_API_KEY="")
    assert ended.code == 0, ended


@pytest.mark.parametrize("command", ["up", "demo"])
def test_no_place_for_a_folder(empty: Program, command: str) -> None:
    """Where leadgen cannot make its folder, one line names it and says why."""
    empty.write(".leadgen", "a file of this name")
    ended = empty(command)
    assert (ended.code, ".leadgen" in ended.complaint) == (1, True), ended
