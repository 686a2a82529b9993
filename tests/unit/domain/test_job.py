"""A job's report."""

from leadgen.domain.job import Job, JobReport, JobScope, JobStatus, ProviderSpend
from tests.builders import ACCOUNT, NOW

JOB = Job(id="job-1", account=ACCOUNT, scope=JobScope(), status=JobStatus.RUNNING, created_at=NOW)


def test_who_waits_or_runs_is_no_end() -> None:
    """A job that waits or runs may still change; one whose budget was reached has ended."""
    open_ones = {JobStatus.WAITING, JobStatus.RUNNING}
    assert {status for status in JobStatus if not status.is_end} == open_ones


def test_a_scope_is_all_leads_without_a_number() -> None:
    """Without a word more, a job covers all leads but those for which nothing was found."""
    assert JobScope() == JobScope(lead_id=None, again=False)


def test_a_report_adds_up() -> None:
    """Settled leads are those of all four ends, and the cost is that of all providers, hits or not."""
    spends = {
        "orion": ProviderSpend(calls=10, hits=4, cost_micros=200_000),
        "astra": ProviderSpend(6, 0, 60_000),
    }
    report = JobReport(JOB, leads=12, found=4, not_found=3, incomplete=2, failed=1, providers=spends)
    assert report.settled == 10
    assert report.cost_micros == 260_000


def test_a_job_that_asked_nobody_costs_nothing() -> None:
    """No spend is a cost of zero, not an error."""
    assert JobReport(JOB, leads=3, found=0, not_found=0, incomplete=0, failed=0).cost_micros == 0
