"""Servers that are not there: exit status 1, and how to get them."""

import socket
from collections.abc import Iterator

import pytest

from tests.entrypoints.program import Program
from tests.entrypoints.records import import_leads, record_job_over_budget

KEY = {"ORION_URL": "http://127.0.0.1:1/orion", "ORION_API_KEY": "secret-key"}


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address of this machine at which nobody listens, and nobody else will."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


@pytest.mark.parametrize(
    "words",
    [
        ("leads", "list"),
        ("leads", "show", "x"),
        ("leads", "import", "people.csv"),
        ("leads", "export", "out.csv"),
        ("jobs", "list"),
        ("phones", "find"),
        ("jobs", "resume", "x"),
        ("ledger", "audit"),
        ("ledger", "show", "x"),
        ("keys", "create"),
        ("keys", "list"),
        ("keys", "revoke", "x"),
        ("budgets", "list"),
        ("budgets", "set", "day=5"),
        ("providers", "list"),
        ("providers", "set", "orion", "enabled=true"),
    ],
    ids=" ".join,
)
def test_no_database(empty: Program, words: tuple[str, ...]) -> None:
    """Where there is none every command says in one line how to make one, and leaves the folder as it was."""
    empty.write("people.csv", "email\nada@fernhill.example\n")
    ended = empty(*words, **KEY)
    assert (ended.code, "leadgen db upgrade" in ended.complaint) == (1, True)
    assert "the folder where leadgen was started" in ended.complaint
    assert [each.name for each in empty.folder.iterdir()] == ["people.csv"]


def test_database_without_tables(empty: Program) -> None:
    """A file that has none yet is another's mistake, with the same way out."""
    empty.write("new.db", "")
    ended = empty("jobs", "list", DATABASE_URL=f"sqlite:///{empty.folder}/new.db")
    assert (ended.code, "its tables are missing, run `leadgen db upgrade`" in ended.complaint) == (1, True)


@pytest.mark.parametrize("words", [("jobs", "list"), ("db", "upgrade")], ids=" ".join)
def test_file_that_is_no_database(empty: Program, words: tuple[str, ...]) -> None:
    """It says so: there is nothing to start; and the file stays as it is."""
    empty.write("people.csv", "email\nada@fernhill.example\n" * 9)
    before = (empty.folder / "people.csv").read_bytes()
    ended = empty(*words, DATABASE_URL=f"sqlite:///{empty.folder}/people.csv")
    assert (ended.code, "this file holds something else" in ended.complaint) == (1, True)
    assert (empty.folder / "people.csv").read_bytes() == before


def test_settings_that_are_no_text(empty: Program) -> None:
    """A file of settings in another encoding is one line, and none of it."""
    (empty.folder / ".env").write_bytes("LEADGEN_TASK_QUEUE=Zürich\n".encode("cp1252"))
    ended = empty("jobs", "list")
    assert (ended.code, "expected a file in UTF-8" in ended.complaint) == (2, True)


def test_database_url_that_is_none(empty: Program) -> None:
    """It is one line, whatever is wrong with the address."""
    ended = empty("jobs", "list", DATABASE_URL="postgresql://ann:s3cret@[::1/leads")
    assert (ended.code, "(not a URL)" in ended.complaint, "s3cret" in ended.err) == (2, True, False)


def test_file_of_keys_without_a_key(empty: Program) -> None:
    """Secrets are not stored in the clear because the key that was to be there is not."""
    assert empty("db", "upgrade").code == 0
    empty.write(".leadgen/secrets.key", "")
    ended = empty("webhooks", "list")
    assert (ended.code, "a file with a key in it" in ended.complaint) == (2, True)


def test_file_with_an_odd_name(empty: Program) -> None:
    """What means something in a URL is part of a file's name all the same."""
    url = f"sqlite:///{empty.folder}/a b#c.db"
    assert empty("db", "upgrade", DATABASE_URL=url).code == 0
    assert empty("jobs", "list", DATABASE_URL=url).code == 0
    assert (empty.folder / "a b#c.db").exists()


@pytest.mark.parametrize("command", ["up", "serve"])
def test_port_that_is_taken(empty: Program, command: str) -> None:
    """Who has started leadgen already is told so."""
    assert empty("db", "upgrade").code == 0
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        ended = empty(command, "--port", port)
    assert (ended.code, "if leadgen is up already, use that one" in ended.complaint) == (1, True)


def test_database_server_is_away(empty: Program, nowhere: str) -> None:
    """A PostgreSQL that does not answer is one line, without the password."""
    url = f"postgresql://lead:secret-key@{nowhere}/leads"
    for words in (("db", "upgrade"), ("leads", "list")):
        ended = empty(*words, DATABASE_URL=url)
        assert (ended.code, nowhere in ended.complaint) == (1, True)
        assert "secret-key" not in ended.err


def test_upgrade_twice(empty: Program) -> None:
    """The second upgrade changes nothing."""
    first, second = empty("db", "upgrade"), empty("db", "upgrade")
    assert (first.code, second.code, first.out, first.err) == (0, 0, second.out, second.err)
    assert empty("leads", "list", "--json").document == {"leads": [], "next": None}


def test_database_elsewhere(empty: Program) -> None:
    """A file of another place is made with its folder, and nothing in the default place."""
    settings = {"DATABASE_URL": "sqlite:///data/here/leads.db"}
    assert empty("db", "upgrade", **settings).code == 0
    assert empty("jobs", "list", "--json", **settings).document == {"jobs": []}
    assert [path.name for path in empty.folder.iterdir()] == ["data"]


def test_no_temporal(program: Program, nowhere: str) -> None:
    """Without Temporal no job is ordered, and the line says how to get one."""
    program.write("people.csv", "email\nada@fernhill.example\n")
    program("leads", "import", "people.csv")
    ended = program("phones", "find", TEMPORAL_ADDRESS=nowhere, **KEY)
    assert ended.code == 1
    assert nowhere in ended.complaint
    assert "leadgen up" in ended.complaint
    assert program("jobs", "list", "--json").document == {"jobs": []}


def test_resume_without_temporal(program: Program, nowhere: str) -> None:
    """Without Temporal a job is not opened again, and keeps the budget that it had."""
    job_id = record_job_over_budget(program, import_leads(program), 0)
    words = ("jobs", "resume", job_id, "--budget", "5")
    ended = program(*words, TEMPORAL_ADDRESS=nowhere, **KEY)
    assert (ended.code, "leadgen up" in ended.complaint) == (1, True)
    shown = program("jobs", "show", job_id, "--json").document
    assert (shown["status"], shown["budget_usd"], shown["incomplete"]) == ("budget_reached", 0, 1)


def test_resume_of_no_job(program: Program, nowhere: str) -> None:
    """An unknown job is told without a look for Temporal."""
    ended = program("jobs", "resume", "no-such-id", TEMPORAL_ADDRESS=nowhere, **KEY)
    assert (ended.code, "no-such-id" in ended.complaint) == (1, True)


def test_no_provider_key(program: Program) -> None:
    """Without a key to any provider nothing is started, and the line says which to set."""
    for words in (("phones", "find"), ("jobs", "resume", "x")):
        ended = program(*words)
        assert (ended.code, "LEADGEN_ORION_API_KEY" in ended.complaint) == (1, True)


def test_key_of_a_disabled_provider(program: Program) -> None:
    """A key helps only where its provider is enabled."""
    program("providers", "set", "orion", "enabled=false")
    ended = program("phones", "find", **KEY)
    assert (ended.code, "leadgen providers set orion enabled=true" in ended.complaint) == (1, True)


def test_unknown_lead(program: Program, nowhere: str) -> None:
    """A search for a lead that is not there does not even look for Temporal."""
    ended = program("phones", "find", "--lead", "no-such-id", TEMPORAL_ADDRESS=nowhere, **KEY)
    assert (ended.code, "no-such-id" in ended.complaint) == (1, True)


def test_no_jobs(program: Program) -> None:
    """Without jobs the list says how to start one."""
    ended = program("jobs", "list")
    assert (ended.code, "leadgen phones find" in ended.out) == (0, True)
