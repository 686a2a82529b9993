"""`leadgen accounts ...`, and `--account` on the others: what is somebody else's is not there."""

import pytest

from tests.entrypoints.program import Ended, Program
from tests.entrypoints.records import MISS, asked, import_leads, record, record_job, record_job_over_budget

FOREIGN = ("--account", "acme")
NO_TEMPORAL = {
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "ORION_URL": "http://127.0.0.1:1/orion",
    "ORION_API_KEY": "secret-key",
}


@pytest.fixture
def acme(program: Program) -> Program:
    """The program with a further account."""
    assert program("accounts", "create", "acme", "--tier", "pro").code == 0
    return program


def run(program: Program, *words: str) -> Ended:
    """A command without a Temporal server."""
    return program(*words, **NO_TEMPORAL)


def test_create_list_and_set(acme: Program) -> None:
    """A new account has its tier and the weight of that; another tier takes effect at once."""
    both = [
        {"account": "acme", "tier": "pro", "weight": 2},
        {"account": "default", "tier": "enterprise", "weight": 4},
    ]
    assert acme("accounts", "list", "--json").document == {"accounts": both}
    assert acme("accounts", "set", "acme", "--tier", "free", "--json").document == {
        "account": "acme",
        "tier": "free",
        "weight": 1,
    }
    assert acme("accounts", "list", "--json").document["accounts"][0]["tier"] == "free"
    listed = acme("accounts", "list").out
    assert max(len(line) for line in listed.splitlines()) <= 80
    assert "acme" in listed


def test_refusals(acme: Program) -> None:
    """A name that is taken says how to change its tier; a bad one is bad usage; nobody is unknown."""
    taken = acme("accounts", "create", "acme")
    assert (taken.code, "leadgen accounts set acme" in taken.complaint) == (1, True)
    assert acme("accounts", "create", "Acme Inc").code == 2
    assert acme("accounts", "create", "other", "--tier", "gold").code == 2
    unknown = acme("accounts", "set", "nobody", "--tier", "free")
    assert (unknown.code, "leadgen accounts list" in unknown.complaint) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("leads", "import", "people.csv"),
        ("leads", "export", "out.csv"),
        ("leads", "list"),
        ("leads", "show", "x"),
        ("phones", "find", "--no-wait"),
        ("jobs", "list"),
        ("jobs", "show", "x"),
        ("jobs", "pause", "x"),
        ("jobs", "resume", "x"),
        ("jobs", "cancel", "x"),
        ("ledger", "audit"),
        ("ledger", "show", "x"),
        ("budgets", "list"),
        ("budgets", "set", "day=1"),
    ],
    ids=" ".join,
)
def test_unknown_account(program: Program, words: tuple[str, ...]) -> None:
    """Every command refuses an account that there is not, in one line that says where to look."""
    program.write("people.csv", "email\nada@fernhill.example\n")
    refused = run(program, *words, "--account", "nobody")
    assert refused.code == 1
    assert "no account has the id 'nobody'" in refused.complaint
    assert "leadgen accounts list" in refused.complaint


def test_leads_are_apart(acme: Program) -> None:
    """The same person in two accounts is two leads, and neither account sees the other's."""
    ours = import_leads(acme, 1)
    theirs = acme("leads", "import", "people.csv", *FOREIGN, "--json").document
    assert (theirs["created"], theirs["merged"]) == (1, 0)
    (foreign,) = acme("leads", "list", *FOREIGN, "--json").document["leads"]
    assert [lead["id"] for lead in acme("leads", "list", "--json").document["leads"]] == ours
    assert foreign["id"] not in ours
    for lead_id, words in ((foreign["id"], ()), (ours[0], FOREIGN)):
        refused = acme("leads", "show", lead_id, *words)
        assert (refused.code, "no lead has the id" in refused.complaint) == (1, True)
    assert acme("leads", "show", foreign["id"], *FOREIGN).code == 0
    assert acme("leads", "export", "out.csv", *FOREIGN, "--json").document["leads"] == 1


def test_jobs_are_apart(acme: Program) -> None:
    """A foreign job is an unknown id, whatever is wanted of it, and stays as it is."""
    lead_ids = import_leads(acme, 1)
    job_id = record_job(acme)
    assert acme("jobs", "list", *FOREIGN, "--json").document == {"jobs": []}
    for command in ("show", "pause", "resume", "cancel"):
        refused = run(acme, "jobs", command, job_id, *FOREIGN)
        assert (refused.code, f"no job has the id '{job_id}'" in refused.complaint) == (1, True)
    for words in (("--lead", lead_ids[0]), ("--only", "failed", "--job", job_id)):
        refused = run(acme, "phones", "find", *words, *FOREIGN, "--no-wait")
        assert (refused.code, "has the id" in refused.complaint) == (1, True)
    shown = acme("jobs", "show", job_id, "--json").document
    assert (shown["status"], shown["wanted"]) == ("running", "run")


def test_money_is_apart(acme: Program) -> None:
    """Budgets and lookups are an account's own; without a name the audit adds up all accounts."""
    (lead_id,) = import_leads(acme, 1)
    paid = asked(lead_id, "orion", MISS)
    record(acme, paid)
    assert acme("budgets", "set", "day=5", *FOREIGN).code == 0
    assert acme("budgets", "list", "--json").document == {"budgets": []}
    assert len(acme("budgets", "list", *FOREIGN, "--json").document["budgets"]) == 1
    assert [
        acme("ledger", "audit", *words, "--json").document["lookups"]
        for words in ((), ("--account", "default"), FOREIGN)
    ] == [1, 1, 0]
    assert acme("ledger", "show", paid.key).code == 0
    assert acme("ledger", "show", paid.key, *FOREIGN).code == 1
    acme.write("report.csv", "provider,reference,received_at,charged_usd\n")
    assert acme("ledger", "audit", "--against", "report.csv", *FOREIGN).code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--job", "x"),
        ("--only", "found"),
        ("--only", "failed", "--again"),
        ("--only", "failed", "--lead", "x"),
    ],
    ids=" ".join,
)
def test_find_only_what(program: Program, words: tuple[str, ...]) -> None:
    """Words that contradict each other are bad usage, before anything is asked."""
    assert run(program, "phones", "find", *words).code == 2


def test_find_only_of_no_job(program: Program) -> None:
    """A job that there is not is an unknown id."""
    refused = run(program, "phones", "find", "--only", "failed", "--job", "nothing")
    assert (refused.code, "no job has the id 'nothing'" in refused.complaint) == (1, True)


def test_progress_of_jobs(program: Program) -> None:
    """Lists and pages fit 80 columns and tell how far a job is; its JSON has pace and time left."""
    lead_ids = import_leads(program, 3)
    job_id = record_job(program)
    shown = program("jobs", "show", job_id)
    assert "0 of 3 leads done (0%), 0.0/s\n" in shown.out
    document = program("jobs", "show", job_id, "--json").document
    assert (document["leads_per_second"], document["seconds_left"]) == (0.0, None)
    run(program, "jobs", "pause", job_id)
    assert "0 of 3 leads done (0%)\n" in program("jobs", "show", job_id).out
    ended = record_job_over_budget(program, lead_ids, 10_000)
    listed = program("jobs", "list")
    assert max(len(line) for line in listed.out.splitlines()) <= 80
    rows = {line.split()[0]: line.split() for line in listed.out.splitlines() if line.startswith("0190")}
    assert rows[job_id] == [job_id, "paused", "3", "0%", "0", "$0.00"]
    assert rows[ended] == [ended, "budget_reached", "3", "100%", "0", "$0.00"]


def test_watch_an_ended_job(program: Program) -> None:
    """`--watch` ends by itself once the job has; it does not go with `--json`."""
    job_id = record_job_over_budget(program, import_leads(program, 2), 10_000)
    watched = program("jobs", "show", job_id, "--watch")
    assert (watched.code, watched.out) == (0, program("jobs", "show", job_id).out)
    assert program("jobs", "show", job_id, "--watch", "--json").code == 2
    assert program("jobs", "show", "nothing", "--watch").code == 1
