"""Each invariant is broken once in invented evidence, and the verdict says so; whole evidence passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.evidence import Call, Evidence, Item, Lead, Lookup, Records, count_leaks
from tests.chaos.people import Person
from tests.chaos.verdict import Line, judge, merged

NOW = 1_000_000.0
ADA, BOB = Person(1), Person(2)
HIT = Lookup(
    key="key-1",
    lead_id="lead-1",
    provider="orion",
    state="settled",
    owner="host:7:aa/0",
    created_at=NOW - 20,
    lease_until=NOW - 10,
    settled_at=NOW - 18,
    held_micros=0,
    posted_micros=20,
    estimated_micros=0,
    outcome="hit",
    phone="+12025550123",
)
LOST = replace(
    HIT,
    key="key-2",
    lead_id="lead-2",
    state="unknown",
    posted_micros=0,
    estimated_micros=20,
    outcome="unknown",
    phone=None,
)
KNOWN = replace(LOST, state="settled", posted_micros=20, estimated_micros=0)
CALLS = (
    Call(NOW - 19, "orion", "q1", "key-1", 200, "hit", 20),
    Call(NOW - 19, "orion", "q2", "key-2", 0, "miss", 20),
)
RECORDS = Records(
    leads=[
        Lead("lead-1", ADA.email, HIT.phone, "orion", "found"),
        Lead("lead-2", BOB.email, None, None, "incomplete"),
    ],
    items=[Item("job", "lead-1", "found"), Item("job", "lead-2", "incomplete")],
    lookups=[HIT, LOST],
    job_statuses={"job": "done"},
    budgets=[{"cap_micros": 40, "used_micros": 40, "held_micros": 0}],
)
BOOK = {
    "rules": [{"rule": "5/1s", "in_window_max": 5, "over": 0}],
    "concurrency": {"cap": 3, "over": 0},
    "in_flight_max": 3,
}
WHOLE = Evidence(
    people=[ADA, BOB],
    records=RECORDS,
    audited=replace(RECORDS, lookups=[HIT, KNOWN]),
    calls=CALLS,
    books={"providers": {"orion": BOOK}, "lag_ms_max": 1.0},
    questions={("orion", "q1"): ADA.email, ("orion", "q2"): BOB.email, ("astra", "q1"): ADA.email},
    truths={ADA.email: {"orion": {"hit": True, "national": "2025550123"}}},
    ended_seconds=10.0,
    bound_seconds=20.0,
    now=NOW,
)


def with_records(**changes: object) -> Evidence:
    """The whole evidence with other records."""
    return replace(WHOLE, records=replace(RECORDS, **changes))  # type: ignore[arg-type]


def with_lookups(*lookups: Lookup) -> Evidence:
    """The whole evidence with another ledger."""
    return with_records(lookups=lookups)


def with_calls(*calls: Call) -> Evidence:
    """The whole evidence with calls beyond its own."""
    return replace(WHOLE, calls=[*CALLS, *calls])


def with_book(lag_ms: float = 1.0, **changes: object) -> Evidence:
    """The whole evidence as a simulator of this lag counted otherwise."""
    return replace(WHOLE, books={"providers": {"orion": BOOK | changes}, "lag_ms_max": lag_ms})


OVER = [{"rule": "5/1s", "in_window_max": 6, "over": 1}]
OPEN = replace(LOST, state="intended", held_micros=20, estimated_micros=0, settled_at=None, outcome=None)
NOBODY = Lead("x", "x@x.example", None, None, None)
VIOLATIONS: dict[str, tuple[str, Evidence]] = {
    "a lead without an item": ("I1", with_records(items=RECORDS.items[:1])),
    "a lead that was not imported": ("I1", with_records(leads=RECORDS.leads[1:])),
    "a lead of nobody": (
        "I1",
        with_records(leads=[*RECORDS.leads, Lead("x", "x@x.example", None, None, None)]),
    ),
    "an item of nobody": ("I1", with_records(items=[*RECORDS.items, Item("job", "x", "found")])),
    "an item twice": ("I1", with_records(items=[*RECORDS.items, RECORDS.items[0]])),
    "an open item": ("I1", with_records(items=[RECORDS.items[0], Item("job", "lead-2", None)])),
    "a failure of our own": ("I1", with_records(items=[RECORDS.items[0], Item("job", "lead-2", "failed")])),
    "a reference charged twice": ("I2", with_calls(CALLS[0])),
    "a reference sent twice": ("I2", with_calls(replace(CALLS[0], charged_micros=0))),
    "a charge without a row": ("I2", with_calls(replace(CALLS[0], reference="key-3"))),
    "a nameless charge beyond the rows": ("I2", with_calls(replace(CALLS[0], reference=None))),
    "more posted than charged": ("I3a", with_lookups(HIT, replace(LOST, posted_micros=21))),
    "more charged than feared": ("I3a", with_lookups(HIT, replace(LOST, estimated_micros=19))),
    "another sum after the audit": (
        "I3b",
        replace(WHOLE, audited=replace(RECORDS, lookups=[HIT, replace(KNOWN, posted_micros=19)])),
    ),
    "an estimate after the audit": ("I3b", replace(WHOLE, audited=RECORDS)),
    "a budget over its cap": (
        "I4",
        with_records(budgets=[{"cap_micros": 40, "used_micros": 40, "held_micros": 1}]),
    ),
    "a window that was over": ("I5", with_book(rules=OVER)),
    "more in flight than allowed": ("I6", with_book(concurrency={"cap": 3, "over": 1})),
    "a job that never ended": ("I7", replace(WHOLE, ended_seconds=None)),
    "a job that ended late": ("I7", replace(WHOLE, ended_seconds=20.1)),
    "a job that was given up": ("I7", with_records(job_statuses={"job": "stopped"})),
    "an open intent": ("I8", with_lookups(HIT, OPEN)),
    "a key for ever": ("I8", replace(WHOLE, keys_without_end=1)),
    "a canary in a log": ("I9", replace(WHOLE, leaks={"worker-1.log": 1})),
    "a call after a hit": ("I11", with_calls(Call(NOW - 17, "astra", "q1", "key-4", 200, "miss", 0))),
    "a number that its lead never got": (
        "N2",
        with_records(leads=[replace(RECORDS.leads[0], phone=None), RECORDS.leads[1]]),
    ),
    "a number that nobody gave": ("N1", replace(WHOLE, truths={})),
}


def broken(evidence: Evidence) -> set[str]:
    """The ids of the invariants that are said to be broken."""
    return {line.id for line in judge(evidence) if not line.is_well}


def test_whole_evidence_passes() -> None:
    """Nothing is said to be broken where nothing is, and every invariant has its say."""
    lines = judge(WHOLE)
    assert [line.broken for line in lines] == [0] * len(lines)
    assert " ".join(line.id for line in lines) == "I1 I2 I3a I3b I4 I5 I6 I7 I8 I9 I11 N1 N2"


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_violation_is_caught(what: str) -> None:
    """The invariant that was broken is named."""
    invariant, evidence = VIOLATIONS[what]
    assert invariant in broken(evidence)


def test_every_invariant_has_a_violation() -> None:
    """None of them can pass unseen."""
    assert {invariant for invariant, _ in VIOLATIONS.values()} == {line.id for line in judge(WHOLE)}


def test_a_late_simulator_is_no_judge_of_rates() -> None:
    """What it saw over a limit may have been within it; what its lag cannot explain was over."""
    (line,) = [line for line in judge(with_book(lag_ms=40.0, rules=OVER)) if line.id == "I5"]
    assert line.broken is None
    burst = [Call(NOW - 19 + 0.1 * n, "orion", None, None, 429, "rate_limit", 0) for n in range(6)]
    crowded = replace(with_book(lag_ms=40.0, rules=OVER), calls=burst)
    (line,) = [line for line in judge(crowded) if line.id == "I5"]
    assert line.broken == 1


def test_repeats_under_one_key_may_be_sent() -> None:
    """A row that was repeated once accounts for two requests, of which one is charged."""
    again = replace(CALLS[1], charged_micros=0, outcome="replay")
    assert "I2" in broken(with_calls(again))
    repeated = with_lookups(HIT, replace(LOST, repeats=1))
    assert broken(replace(repeated, calls=[*CALLS, again])) == set()


def test_without_an_audit_the_estimate_may_stand() -> None:
    """Then the books have to lie between what is known and what is feared, and that is all that is judged."""
    lines = {line.id: line.broken for line in judge(replace(WHOLE, audited=None))}
    assert (lines["I3a"], lines["I3b"]) == (0, None)


def test_lines_fit_a_terminal() -> None:
    """No line of the table is wider than 80 columns."""
    line = Line("I11", "stop rule", 12_345, "many figures, " * 20)
    assert max(map(len, str(line).splitlines())) <= 80


def test_verdicts_of_many_worlds_are_one() -> None:
    """A world that broke an invariant is named in the line of all."""
    verdicts = {"one": judge(WHOLE), "two": judge(with_lookups(HIT, OPEN))}
    lines = {line.id: line for line in merged(verdicts)}
    assert lines["I8"].broken == 1
    assert "two" in lines["I8"].figures
    assert lines["I1"].broken == 0


def test_canaries_are_counted(tmp_path: Path) -> None:
    """By file, all words together."""
    (tmp_path / "one.log").write_text("Quillonia and Quillonia, with their key")
    (tmp_path / "two.log").write_text("nobody")
    found = count_leaks([*tmp_path.iterdir(), tmp_path / "none.log"], ["Quillonia", "key"])
    assert found == {"one.log": 3}
