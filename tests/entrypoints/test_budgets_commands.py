"""`leadgen budgets`, and what commands tell of a job whose budget was reached."""

import pytest

from tests.entrypoints.program import Program
from tests.entrypoints.records import HIT, LOST, asked, import_leads, record, record_job_over_budget

KEY = {"ORION_URL": "http://127.0.0.1:1/orion", "ORION_API_KEY": "secret-key"}


def budgets(program: Program) -> dict[str, tuple[float, float, float, float]]:
    """Cap, used, held and left of each budget."""
    names = ("cap_usd", "used_usd", "held_usd", "left_usd")
    listed = program("budgets", "list", "--json").document["budgets"]
    assert all(each.keys() == {"budget", *names} for each in listed)
    return {each["budget"]: tuple(each[name] for name in names) for each in listed}


def test_no_budgets(program: Program) -> None:
    """Without a budget the list says that nothing is limited, and how to change that."""
    ended = program("budgets", "list")
    assert (ended.code, "leadgen budgets set" in ended.out) == (0, True)
    assert budgets(program) == {}


def test_set_change_and_take_away(program: Program) -> None:
    """Several are set at once, each can be changed, and none takes one away."""
    told = program("budgets", "set", "day=5.00", "account=$100", "lookup=0.02", "--json").document
    assert {each["budget"]: each["cap_usd"] for each in told["budgets"]} == {
        "day": 5,
        "account": 100,
        "lookup": 0.02,
    }
    assert program("budgets", "set", "day=0.000001", "account=none").code == 0
    assert {name: cap for name, (cap, *_) in budgets(program).items()} == {"day": 0.000001, "lookup": 0.02}


def test_budget_of_an_account_that_has_spent(program: Program) -> None:
    """A new budget begins with what was spent and is held already, and its table says what is left."""
    (lead_id,) = import_leads(program)
    answers = (("orion", HIT), ("astra", LOST), ("nimbus", None))
    record(program, *(asked(lead_id, provider, outcome) for provider, outcome in answers))
    assert program("budgets", "set", "account=0.10").code == 0
    assert budgets(program) == {"account": (0.1, 0.03, 0.015, 0.055)}
    assert program("budgets", "set", "account=0.01").code == 0
    assert budgets(program) == {"account": (0.01, 0.03, 0.015, 0)}


def test_table_fits_80_columns(program: Program) -> None:
    """The table for people is no wider than 80 columns and cuts nothing."""
    ended = program("budgets", "set", "day=1000", "account=999.999999", "lookup=0.000001")
    assert ended.code == 0
    assert max(len(line) for line in ended.out.splitlines()) <= 80
    for words in ("in one day (UTC)", "for one", "$999.999999", "$1000.00"):
        assert words in ended.out


@pytest.mark.parametrize(
    "word",
    ["day", "=5", "day=", "day=much", "day=-1", "day=nan", "day=0.0000001", "week=5", "job=5", "Day=5"],
)
def test_bad_budget(program: Program, word: str) -> None:
    """A wrong word is one line with exit status 2 that says what is expected; no budget is set."""
    ended = program("budgets", "set", "lookup=0.02", word)
    assert (ended.code, "expected" in ended.complaint) == (2, True)
    assert budgets(program) == {}


@pytest.mark.parametrize("amount", ["much", "-1", "", "0.0000001", "1e3", "5,00", "5 USD"])
@pytest.mark.parametrize("words", [("phones", "find"), ("jobs", "resume", "job-1")], ids=" ".join)
def test_bad_budget_of_a_job(program: Program, words: tuple[str, ...], amount: str) -> None:
    """An amount that is none is told before anything is done."""
    ended = program(*words, f"--budget={amount}", **KEY)
    assert (ended.code, ended.complaint.startswith("leadgen: budget=")) == (2, True)
    assert "such as 0.02" in ended.complaint


def test_job_over_budget(program: Program) -> None:
    """A job whose money ran out says so, what it was given, and how to go on, within 80 columns."""
    leads = import_leads(program, 2)
    job_id = record_job_over_budget(program, leads, 10_000)
    shown = program("jobs", "show", job_id, "--json").document
    assert (shown["status"], shown["budget_usd"], shown["cost_usd"]) == ("budget_reached", 0.01, 0)
    assert (shown["leads"], shown["incomplete"]) == (2, 2)
    for ended in (program("jobs", "show", job_id), program("jobs", "list")):
        assert ended.code == 0
        assert max(len(line) for line in ended.out.splitlines()) <= 80
        for word in (job_id, "budget_reached", "$0.0"):
            assert word in ended.out
    text = " ".join(program("jobs", "show", job_id).out.split())
    assert f"leadgen jobs resume {job_id} --budget USD" in text
    assert "cost $0.00 of $0.01" in text
    assert "no answer from orion: budget: the job's is used up" in program("leads", "show", leads[0]).out


def test_help(program: Program) -> None:
    """The help tells where budgets are given."""
    find = " ".join(program("phones", "find", "--help").out.split())
    resume = " ".join(program("jobs", "resume", "--help").out.split())
    assert "Spend no more than this" in find
    assert "--budget" in find
    assert "what it has paid for is not asked again" in resume
    assert "leadgen phones find --budget" in " ".join(program("budgets", "set", "--help").out.split())
