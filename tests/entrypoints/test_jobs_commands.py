"""`leadgen jobs show`: how long a job took, beside the least that the limits allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leadgen.application.show_job import JobStory
from leadgen.domain.budget import Budget, Span
from leadgen.domain.job import Job, JobReport, JobScope, JobStatus
from leadgen.entrypoints.cli.render import job_lines, lapse, time_line
from tests.builders import ACCOUNT, NOW
from tests.entrypoints.program import Program
from tests.entrypoints.records import MISS, asked, import_leads, record, record_job_over_budget


@pytest.fixture
def job_id(program: Program) -> str:
    """A job that has ended, without a question yet."""
    return record_job_over_budget(program, import_leads(program, 2), 100_000)


def shown(program: Program, job_id: str) -> str:
    """The line about time, of a page that fits 80 columns."""
    ended = program("jobs", "show", job_id)
    assert ended.code == 0, ended
    assert max(len(line) for line in ended.out.splitlines()) <= 80
    (line,) = [line for line in ended.out.splitlines() if line.startswith("took ")]
    return line


def test_bound(program: Program, job_id: str) -> None:
    """Two calls of 450 s, of which one may be under way, need 15 minutes."""
    leads = [lead["id"] for lead in program("leads", "list", "--json").document["leads"]]
    calls = [asked(lead, "orion", MISS, job_id=job_id) for lead in leads]
    record(program, *(replace(call, took_seconds=450.0) for call in calls))
    assert program("providers", "set", "orion", "concurrency=1").code == 0
    told = program("jobs", "show", job_id, "--json").document
    assert told["bound_seconds"] == 900.0
    assert 7_200 <= told["seconds"] < 7_900
    line = shown(program, job_id)
    assert line == f"took {lapse(told['seconds'])}; the limits allow no less than 15 min 0 s"
    times = [each["took_seconds"] for each in program("leads", "show", leads[0], "--json").document["asked"]]
    assert times == [450.0]
    ended = program("ledger", "show", calls[0].key)
    assert "took_seconds  450.0" in ended.out.splitlines()


def test_no_bound(program: Program, job_id: str) -> None:
    """A job that asked nobody was bound by no limit."""
    told = program("jobs", "show", job_id, "--json").document
    assert told["bound_seconds"] is None
    assert shown(program, job_id) == f"took {lapse(told['seconds'])}"


def test_job_under_way() -> None:
    """Says since when, and that the bound is that of what was asked so far; 80 columns hold a month."""
    job = Job("job-1", ACCOUNT, JobScope(), JobStatus.RUNNING, NOW)
    report = JobReport(job, 5, 0, 0, 0, 0)
    assert time_line(JobStory(report, 192.0, None)) == "ordered 3 min 12 s ago"
    line = time_line(JobStory(report, 30 * 86_400 + 82_800.0, 29 * 86_400 + 82_800.0))
    assert line == "ordered 30 d 23 h ago; the limits allow no less than 29 d 23 h so far"
    assert len(line) <= 80


def test_how_to_go_on() -> None:
    """A job out of its own money wants more of that; one that an account's budget stopped does not."""
    job = Job("job-1", "acme", JobScope(), JobStatus.BUDGET_REACHED, NOW, ended_at=NOW)
    report = JobReport(job, 1, 0, 0, 1, 0, budget=Budget(Span.JOB, "job-1", 100))
    counts, *hint = job_lines(report)[1:]
    assert counts.startswith("1 lead: ")
    assert hint == ["Money ran out. To go on:", "  leadgen jobs resume job-1 --budget USD --account acme"]
    *_, budgets, resume = job_lines(replace(report, budget=None))
    assert (budgets, resume) == (
        "  leadgen budgets list --account acme",
        "  leadgen jobs resume job-1 --account acme",
    )


def test_job_that_stood_still() -> None:
    """What it took is less that time, which is told; how long ago it was ordered is not."""
    done = Job("job-1", ACCOUNT, JobScope(), JobStatus.DONE, NOW, ended_at=NOW)
    story = JobStory(JobReport(done, 5, 0, 0, 0, 0), 192.0, 180.0, idle_seconds=7_260.0)
    line = time_line(story)
    assert line == "took 3 min 12 s (idle 2 h 1 min); the limits allow no less than 3 min 0 s"
    assert len(line) <= 80
    running = replace(story, report=replace(story.report, job=replace(done, status=JobStatus.RUNNING)))
    assert time_line(running).startswith("ordered 2 h 4 min ago (idle 2 h 1 min); ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (4.24, "4.2 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min 0 s"),
        (192.3, "3 min 12 s"),
        (3_599.7, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_lapse(seconds: float, text: str) -> None:
    """Two units, and no unit is ever full."""
    assert lapse(seconds) == text
