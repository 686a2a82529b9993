"""`leadgen webhooks`: who is told of what, and what became of it."""

import sqlite3
from contextlib import closing

import pytest

from tests.entrypoints.program import Program
from tests.entrypoints.records import give_up_deliveries, record_end_of_job

URL = "https://lovelace.example/hooks/leads?from=leadgen"
NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:9"}


def test_add_list_and_remove(program: Program) -> None:
    """The secret is shown once; the list has everything else, and loses what is removed."""
    added = program("webhooks", "add", URL, "--events", "lead.found", "--json").document
    assert added["secret"].startswith("whsec_")
    (listed,) = program("webhooks", "list", "--json").document["webhooks"]
    assert listed == {key: value for key, value in added.items() if key != "secret"}
    assert (listed["url"], listed["events"], listed["disabled"]) == (URL, ["lead.found"], None)
    text = program("webhooks", "list")
    assert URL in text.out
    assert added["secret"] not in text.out
    assert program("webhooks", "remove", added["id"]).code == 0
    assert program("webhooks", "list", "--json").document == {"webhooks": []}
    assert program("webhooks", "remove", added["id"]).code == 1


def test_words(program: Program) -> None:
    """Without --json an id and a secret are printed whole, and an empty list says what to do."""
    assert "leadgen webhooks add" in program("webhooks", "list").out
    assert "none" in program("webhooks", "deliveries").out
    ended = program("webhooks", "add", URL)
    (listed,) = program("webhooks", "list", "--json").document["webhooks"]
    assert listed["events"] == ["job.finished", "lead.found"]
    assert listed["id"] in ended.out
    assert any(line.startswith("whsec_") for line in ended.out.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ("http://lovelace.example/",),
        ("https://127.0.0.1/",),
        ("https://169.254.169.254/latest/meta-data",),
        ("lovelace",),
        (URL, "--events", "lead.lost"),
    ],
)
def test_what_cannot_be_added(program: Program, words: tuple[str, ...]) -> None:
    """A URL that would never be called, or an unknown event, is one line and exit status 2."""
    assert program("webhooks", "add", *words).complaint
    assert program("webhooks", "list", "--json").document == {"webhooks": []}


def test_allowed_networks(program: Program) -> None:
    """What the operator allows may be added; a setting that is no list of networks is told by its name."""
    lan = "http://127.0.0.1:8080/hook"
    assert program("webhooks", "add", lan, WEBHOOK_ALLOW="127.0.0.0/8").code == 0
    refused = program("webhooks", "add", lan, WEBHOOK_ALLOW="loopback")
    assert refused.code == 2
    assert "LEADGEN_WEBHOOK_ALLOW" in refused.complaint


def test_rotate(program: Program) -> None:
    """There is a new secret, and the id stays."""
    added = program("webhooks", "add", URL, "--json").document
    rotated = program("webhooks", "rotate", added["id"], "--json").document
    assert rotated["id"] == added["id"]
    assert rotated["secret"] != added["secret"]
    for words in (("rotate", "nothing"), ("enable", "nothing")):
        assert "leadgen webhooks list" in program("webhooks", *words).complaint


def test_deliveries_and_replay(program: Program) -> None:
    """What was given up is listed and replayed, one by one or all of a webhook's, also without Temporal."""
    hook = program("webhooks", "add", URL, "--json").document["id"]
    jobs = {record_end_of_job(program, number) for number in range(2)}
    listed = program("webhooks", "deliveries", "--json").document["deliveries"]
    assert {each["data"]["job_id"] for each in listed} == jobs
    assert {(each["webhook_id"], each["event"], each["state"]) for each in listed} == {
        (hook, "job.finished", "waiting")
    }
    assert program("webhooks", "deliveries", "--failed", "--json").document == {"deliveries": []}
    give_up_deliveries(program)
    assert len(program("webhooks", "deliveries", "--failed", "--json").document["deliveries"]) == 2
    table = program("webhooks", "deliveries", "--failed").out
    assert max(len(line) for line in table.splitlines()) <= 80
    assert all(each["id"] in table for each in listed)
    one = program("webhooks", "replay", listed[0]["id"], "--json", **NOWHERE)
    assert one.document == {"replayed": 1}
    assert program("webhooks", "replay", hook, "--json", **NOWHERE).document == {"replayed": 1}
    assert program("webhooks", "deliveries", "--failed", "--json").document == {"deliveries": []}
    assert "leadgen webhooks deliveries" in program("webhooks", "replay", "msg_x", **NOWHERE).complaint


def test_enable(program: Program) -> None:
    """An endpoint that is enabled already stays so."""
    hook = program("webhooks", "add", URL, "--json").document["id"]
    assert program("webhooks", "enable", hook).code == 0
    (listed,) = program("webhooks", "list", "--json").document["webhooks"]
    assert listed["disabled"] is None


def test_secrets_at_rest(program: Program) -> None:
    """With a key nothing in the database signs messages; it can be rotated, and missed in one line."""
    old, new = "b2xk" * 10 + "b2w=", "bmV3" * 10 + "bmU="
    clear = program("webhooks", "add", URL, "--json").document["secret"]
    keyed = program("webhooks", "add", URL, "--json", SECRETS_KEY=old).document["secret"]
    assert stored_secrets(program).count("fernet:") == 1
    assert clear in stored_secrets(program)
    assert program("webhooks", "seal", "--json", SECRETS_KEY=f"{new},{old}").document == {"sealed": 2}
    assert stored_secrets(program).count("fernet:") == 2
    for secret in (clear, keyed):
        assert secret not in stored_secrets(program)
    assert len(program("webhooks", "list", "--json", SECRETS_KEY=new).document["webhooks"]) == 2
    (program.folder / "key").write_text(f"{new}\n", encoding="ascii")
    assert program("webhooks", "list", SECRETS_KEY_FILE="key").code == 0
    assert "LEADGEN_SECRETS_KEY" in program("webhooks", "list", SECRETS_KEY=old).complaint
    assert "LEADGEN_SECRETS_KEY" in program("webhooks", "list").complaint
    assert "LEADGEN_SECRETS_KEY" in program("webhooks", "seal").complaint


def test_a_key_that_is_none(program: Program) -> None:
    """A malformed key, or a file that is not there, is told by its setting and not repeated."""
    malformed = program("webhooks", "list", SECRETS_KEY="hunter2")
    assert malformed.code == 2
    assert "LEADGEN_SECRETS_KEY" in malformed.complaint
    assert "hunter2" not in malformed.complaint
    missing = program("webhooks", "list", SECRETS_KEY_FILE="nowhere.key")
    assert missing.code == 2
    assert "LEADGEN_SECRETS_KEY_FILE" in missing.complaint


def stored_secrets(program: Program) -> str:
    """What stands in the table."""
    (file,) = program.folder.glob("**/*.db")
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(row[0] for row in connection.execute("SELECT secret FROM webhook_endpoints"))
