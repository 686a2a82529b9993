"""What commands tell of a search: how it was chosen, why providers had their place, what was second best."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leadgen.application.ports.lead_repository import LeadLine
from leadgen.application.show_lead import LeadStory
from leadgen.domain.job import Job, JobReport, JobScope, JobStatus, ProviderSpend
from leadgen.domain.phone import LineType
from leadgen.domain.provider import NotSent
from leadgen.domain.waterfall import Reused
from leadgen.entrypoints.cli import render
from tests.builders import ACCOUNT, NOW, us_phone
from tests.builders import lead as build_lead
from tests.entrypoints.program import Program
from tests.entrypoints.records import HIT, MISS, asked, import_leads, record, record_job

JOB = Job("job-1", ACCOUNT, JobScope(), JobStatus.DONE, NOW)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--strategy", "fastest"),
        ("--hedge-after", "soon"),
        ("--grace", "1 minute"),
        ("--line", "fax"),
        ("--max-price", "-1"),
    ],
)
def test_wrong_words(program: Program, option: str, value: str) -> None:
    """Are bad usage, told in the name of the option, and order nothing."""
    ended = program("phones", "find", option, value)
    assert ended.code == 2, ended
    assert option.removeprefix("--") in ended.err
    assert program("jobs", "list", "--json").document == {"jobs": []}


def test_why_a_provider_was_asked(program: Program) -> None:
    """`leads show` says which choice each was and why, `jobs show` how often and why; within 80 columns."""
    (lead,) = import_leads(program)
    job_id = record_job(program)
    first = replace(asked(lead, "orion", MISS, job_id=job_id), position=1, reason="35 hits per $")
    second = replace(asked(lead, "astra", HIT, job_id=job_id), position=2, reason="27 hits per $")
    record(program, first, second)
    shown = program("leads", "show", lead).out
    assert max(len(line) for line in shown.splitlines()) <= 80
    choices = [line.strip() for line in shown.splitlines() if "choice" in line]
    assert choices == ["choice 1: 35 hits per $", "choice 2: 27 hits per $"]
    told = program("leads", "show", lead, "--json").document["asked"]
    assert [(each["position"], each["reason"]) for each in told] == [
        (1, "35 hits per $"),
        (2, "27 hits per $"),
    ]
    page = program("jobs", "show", job_id).out
    assert "orion: 35 hits per $; first choice in 1 of 1 calls" in page
    assert "astra: 27 hits per $; first choice in 0 of 1 calls" in page
    providers = program("jobs", "show", job_id, "--json").document["providers"]
    assert (providers["orion"]["first_choices"], providers["orion"]["reason"]) == (1, "35 hits per $")


def test_reasons_that_differ() -> None:
    """One of them is told as such, and nothing of calls that were made before reasons were kept."""
    spends = {
        "orion": ProviderSpend(9, 3, 180_000, first_choices=9, reason="a", has_one_reason=False),
        "astra": ProviderSpend(6, 2, 60_000),
    }
    report = JobReport(JOB, 9, 5, 4, 0, 0, providers=spends)
    assert render.reason_lines(report) == ["  orion: such as a; first choice in 9 of 9 calls"]


def test_what_was_saved() -> None:
    """The receipt tells it in words and in JSON; without anything reused there is no line."""
    report = JobReport(JOB, 2, 1, 1, 0, 0, reused=Reused(5, 75_000))
    assert "5 answers were there already, which saved $0.075" in render.job_lines(report)
    assert render.job_document(report)["reused"] == {"calls": 5, "saved_usd": 0.075}
    assert render.job_document(report)["strategy"] == "sequential"
    assert len(render.job_lines(replace(report, reused=Reused()))) == 2


def test_second_best_is_no_phone() -> None:
    """It has fields of its own beside an empty phone."""
    landline = us_phone(3, line=LineType.LANDLINE)
    lead = replace(build_lead(1), second_phone=landline, second_phone_provider="orion")
    told = render.lead_document(LeadLine(lead, 0))
    assert (told["phone"], told["second_phone"]) == (None, landline.e164)
    assert (told["second_phone_line"], told["second_phone_provider"]) == ("landline", "orion")


def test_who_was_reached() -> None:
    """A question that was let go before it left has reached nobody."""
    sent = asked("lead-1", "orion", MISS)
    unsent = asked("lead-1", "astra", NotSent("let go"))
    story = LeadStory(LeadLine(build_lead(1), 0), [sent, unsent], [])
    assert story.sent_to == {"orion"}
