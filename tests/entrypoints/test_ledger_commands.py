"""`leadgen ledger`: what it adds up to, how it is settled against a report, and one paid question."""

import json
import socket
from datetime import timedelta

import pytest

from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Outcome
from tests.entrypoints.program import Program
from tests.entrypoints.records import ASKED_AT, HIT, LOST, MISS, asked, import_leads, record, report_of

TOTALS = {
    "lookups", "posted_usd", "held_usd", "estimated_usd", "intents_open", "unknown_open",
    "unknown_age_seconds_max", "providers",
}  # fmt: skip


@pytest.fixture
def lookups(program: Program) -> list[Lookup]:
    """Four questions on record: a hit, a miss, one whose answer was lost, one under way."""
    (lead_id,) = import_leads(program)
    answers: list[tuple[str, int, Outcome | None]] = [
        ("orion", 0, MISS),
        ("astra", 0, HIT),
        ("nimbus", 0, LOST),
        ("orion", 1, None),
    ]
    found = [asked(lead_id, provider, outcome, n=n) for provider, n, outcome in answers]
    record(program, *found)
    return found


def audit(program: Program, *words: str) -> dict[str, object]:
    """The ledger's totals."""
    return program("ledger", "audit", *words, "--json").document


def width(text: str) -> int:
    """Of the longest line."""
    return max(len(line) for line in text.splitlines())


def test_empty_ledger(program: Program) -> None:
    """A ledger without a lookup adds up to nothing, and nothing is in doubt."""
    assert audit(program) == {**dict.fromkeys(TOTALS - {"providers"}, 0), "providers": {}}
    ended = program("ledger", "audit")
    assert (ended.code, "nothing is in doubt" in ended.out) == (0, True)


def test_totals(program: Program, lookups: list[Lookup]) -> None:
    """What is posted, held and estimated, in all and by provider, to the micro-dollar."""
    assert len(lookups) == 4
    told = audit(program)
    age = told.pop("unknown_age_seconds_max")
    assert isinstance(age, float)
    assert 7_200 <= age < 7_200 + 3_600  # what was written when the session began
    assert told == {
        "lookups": 4,
        "posted_usd": 0.03,
        "held_usd": 0.02,
        "estimated_usd": 0.015,
        "intents_open": 1,
        "unknown_open": 1,
        "providers": {
            "astra": {"lookups": 1, "posted_usd": 0.01, "held_usd": 0, "estimated_usd": 0},
            "nimbus": {"lookups": 1, "posted_usd": 0, "held_usd": 0, "estimated_usd": 0.015},
            "orion": {"lookups": 2, "posted_usd": 0.02, "held_usd": 0.02, "estimated_usd": 0},
        },
    }


def test_table_fits_80_columns(program: Program, lookups: list[Lookup]) -> None:
    """The table for people has every sum, and says what is under way and in doubt."""
    assert lookups
    ended = program("ledger", "audit")
    assert (ended.code, width(ended.out) <= 80) == (0, True)
    for words in (
        "$0.03",
        "$0.02",
        "$0.015",
        "1 under way; 1 in doubt, counted as estimated, the oldest 2 h old",
    ):
        assert words in ended.out


@pytest.mark.parametrize(
    ("charged", "unknown", "posted"), [([0.02, 0.01, 0.015], 0, 0.045), ([0.02, 0.01, 0], 0, 0.03)]
)
def test_audit_against_a_report(
    program: Program, lookups: list[Lookup], charged: list[float], unknown: int, posted: float
) -> None:
    """A report that tells what was charged settles what was in doubt; a second time changes nothing."""
    program.write("usage.csv", report_of(*zip(lookups, charged, strict=False)))
    told = audit(program, "--against", "usage.csv")
    assert told.keys() == TOTALS | {"lines", "settled", "claims", "claims_total"}
    assert (told["lines"], told["settled"], told["claims"], told["claims_total"]) == (9, 1, [], 0)
    assert (told["unknown_open"], told["posted_usd"], told["estimated_usd"]) == (unknown, posted, 0)
    again = audit(program, "--against", "usage.csv")
    assert (again["settled"], again["posted_usd"]) == (0, posted)


def test_what_a_report_leaves_out(program: Program, lookups: list[Lookup]) -> None:
    """A lookup that a report covers and does not name was never received; it says nothing of others."""
    lost, of_another = lookups[2], lookups[0]
    until = lost.lease_until
    program.write("early.csv", report_of((lost, 0), until=until).replace(lost.key, "aa"))
    program.write("late.csv", report_of((of_another, 0.02), until=until + timedelta(hours=1)))
    assert audit(program, "--against", "late.csv")["unknown_open"] == 1
    told = audit(program, "--against", "early.csv")
    assert (told["unknown_open"], told["estimated_usd"], told["posted_usd"]) == (0, 0, 0.03)


def test_claims(program: Program, lookups: list[Lookup]) -> None:
    """What cannot be explained is listed: whose, which, why, and both amounts; the ledger equals the bill."""
    miss, hit, lost, _ = lookups
    stranger = "ee" * 32
    text = (
        report_of((miss, 0.03), (hit, 0), (lost, 0.02), (miss, 0.01))
        + f"astra,{stranger},{ASKED_AT.isoformat()},0.01\n"
    )
    program.write("usage.csv", text)
    told = audit(program, "--against", "usage.csv")
    claims = told["claims"]
    assert isinstance(claims, list)
    assert {
        claim["reference"]: (claim["why"], claim["ledger_usd"], claim["reported_usd"]) for claim in claims
    } == {
        miss.key: ("charged more than once", 0.02, 0.04),
        hit.key: ("charged at another price", 0.01, 0),
        lost.key: ("charged at another price", 0, 0.02),
        stranger: ("charged, but never asked by us", 0, 0.01),
    }
    assert (told["claims_total"], told["posted_usd"], told["unknown_open"]) == (4, 0.06, 0)


def test_claims_fit_80_columns(program: Program) -> None:
    """Twenty claims are shown with the beginnings of their keys, the rest are counted."""
    strangers = [f"{number:064x}"[::-1] for number in range(1, 26)]
    rows = [f"nimbus,{key},{ASKED_AT.isoformat()},999.123456" for key in strangers]
    program.write("usage.csv", "\n".join(["provider,reference,received_at,charged_usd", *rows]))
    ended = program("ledger", "audit", "--against", "usage.csv")
    assert (ended.code, width(ended.out) <= 80) == (0, True)
    assert [key[:12] in ended.out for key in strangers].count(True) == 20
    for words in ("25 lines of the report: 0 lookups settled, 25 claims.", "and 5 more", "charged, but"):
        assert words in ended.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "usage.csv"),
        ("", "no usage report: the first row must name provider, reference"),
        ("a,b,c\n1,2,3\n", "no usage report: the first row must name provider, reference"),
        ("GOOD,x,yesterday,free\n", "row 8 is no line of a usage report"),
    ],
)
def test_bad_report(program: Program, lookups: list[Lookup], content: str | None, words: str) -> None:
    """A file that is no report is one line with exit status 2, and not a row of it is applied."""
    before = audit(program)
    if content is not None:
        good = report_of((lookups[0], 0.04), (lookups[2], 0.02)) if content.startswith("GOOD") else ""
        program.write("usage.csv", good.removesuffix("\n") + ("\n" if good else "") + content)
    ended = program("ledger", "audit", "--against", "usage.csv")
    assert (ended.code, words in ended.complaint) == (2, True), ended
    after = audit(program)
    assert {**after, "unknown_age_seconds_max": 0} == {**before, "unknown_age_seconds_max": 0}


def test_report_that_is_not_served(program: Program, lookups: list[Lookup]) -> None:
    """A URL at which nobody listens is one line with exit status 1."""
    assert lookups
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/usage"
        ended = program("ledger", "audit", "--against", url)
    assert (ended.code, url in ended.complaint, "check the URL" in ended.complaint) == (1, True, True)


def test_story_of_a_lead(program: Program, lookups: list[Lookup]) -> None:
    """A lead's story names each lookup by the beginning of its key, within 80 columns."""
    lead_id = lookups[0].lead_id
    shown = program("leads", "show", lead_id)
    assert (shown.code, width(shown.out) <= 80) == (0, True)
    lines = shown.out.splitlines()
    for each, words in zip(lookups, ("orion knows no", "gave +12025550123", "timed", "being"), strict=True):
        assert sum(each.key[:12] in line and words in line for line in lines) == 1, words
    story = program("leads", "show", lead_id, "--json").document
    assert {told["lookup"] for told in story["asked"]} == {each.key for each in lookups}


def test_one_lookup(program: Program, lookups: list[Lookup]) -> None:
    """A lookup is found by the beginning of its key, with its outcome and money."""
    hit = lookups[1]
    told = program("ledger", "show", hit.key[:12], "--json").document
    assert (told["lookup"], told["provider"], told["n"]) == (hit.key, "astra", 0)
    assert (told["state"], told["outcome"], told["evidence"]) == ("settled", "gave +12025550123", [])
    assert (told["posted_usd"], told["held_usd"], told["estimated_usd"]) == (0.01, 0, 0)
    ended = program("ledger", "show", hit.key)
    assert (ended.code, width(ended.out) <= 80) == (0, True)
    for words in (hit.key, "gave +12025550123", "0.01"):
        assert words in ended.out


def test_evidence(program: Program, lookups: list[Lookup]) -> None:
    """What a report has changed is told with the lookup: when, by what, from what to what."""
    lost = lookups[2]
    program.write("usage.csv", report_of((lost, 0.015)))
    audit(program, "--against", "usage.csv")
    told = program("ledger", "show", lost.key[:12], "--json").document
    (evidence,) = told["evidence"]
    assert evidence.pop("source").startswith("report of ")
    assert (evidence["state_before"], evidence["state_after"]) == ("unknown", "settled")
    assert (evidence["cost_before_usd"], evidence["cost_after_usd"]) == (0.015, 0.015)
    ended = program("ledger", "show", lost.key[:12])
    assert (ended.code, width(ended.out) <= 80) == (0, True)
    assert "unknown -> settled" in " ".join(ended.out.split())


@pytest.mark.parametrize("flags", [(), ("--json",)])
@pytest.mark.parametrize("beginning", ["no-such-key", "%", "_", ""])
def test_no_lookup(program: Program, lookups: list[Lookup], beginning: str, flags: tuple[str, ...]) -> None:
    """What begins no key, or more than one, is one line with exit status 1 that says where keys are shown."""
    assert lookups
    ended = program("ledger", "show", beginning, *flags)
    assert (ended.code, "leadgen leads show" in ended.complaint) == (1, True)


def test_json_is_one_object(program: Program, lookups: list[Lookup]) -> None:
    """Amounts are JSON numbers with at most six decimals."""
    assert lookups
    text = program("ledger", "audit", "--json").out
    amounts = [value for key, value in json.loads(text).items() if key.endswith("_usd")]
    assert all(round(value, 6) == value for value in amounts)
