"""How fast a job goes, and how long it may take: never better than it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.domain.job import NOBODY_ASKED, Asked, Job, JobReport, JobScope, JobStatus, ProviderSpend
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.progress import STILL, Progress, progress_of
from leadgen.domain.waterfall import WhenHeld
from tests.builders import ACCOUNT, NOW

JOB = Job("job-1", ACCOUNT, JobScope(), JobStatus.RUNNING, NOW - timedelta(minutes=5))
AMPLE = {"orion": Limits((Rule(1_000, 1_000_000),), concurrency=1_000)}
TEN_PER_HOUR = {"orion": Limits((Rule(10, 3_600_000_000),), concurrency=10)}
FIVE_PER_SECOND = {"orion": Limits((Rule(5, 1_000_000),), concurrency=10)}


def report(*, leads: int, settled: int, lately: int, calls: int = 0) -> JobReport:
    """A running job that asks Orion alone."""
    spend = {"orion": ProviderSpend(calls, 0, 0)} if calls else {}
    return JobReport(JOB, leads, 0, settled, 0, 0, spend, ended_lately=lately)


def progress(of: JobReport, limits: dict[str, Limits]) -> Progress:
    """The progress of a job now."""
    return progress_of(of, NOW, limits, NOBODY_ASKED)


def test_as_fast_as_lately() -> None:
    """Sixty leads in half a minute are two a second, and 100 more take 50 seconds."""
    assert progress(report(leads=200, settled=100, lately=60), AMPLE) == Progress(2.0, 50.0)


def test_no_faster_than_the_limits() -> None:
    """A job that goes fast until its limit is used up takes as long as the limit needs for the rest."""
    told = progress(report(leads=40, settled=10, lately=10, calls=10), TEN_PER_HOUR)
    assert told == Progress(10 / 30, 2 * 3600.0, is_least=True)


def test_slower_than_the_limits() -> None:
    """A job that its limits do not hold up takes as long as it takes."""
    told = progress(report(leads=200, settled=100, lately=60, calls=100), FIVE_PER_SECOND)
    assert told == Progress(2.0, 50.0)


def test_a_young_job() -> None:
    """A job that was ordered 10 seconds ago is measured over these 10 seconds."""
    young = replace(JOB, created_at=NOW - timedelta(seconds=10))
    assert progress(replace(report(leads=70, settled=20, lately=20), job=young), AMPLE) == Progress(2.0, 25.0)


def test_nothing_ends() -> None:
    """While nothing ends, only a wait that the limits explain is told: a worker may be gone."""
    told = report(leads=40, settled=10, lately=0, calls=10)
    assert progress(told, TEN_PER_HOUR) == Progress(0.0, 7200.0, is_least=True)
    assert progress(told, FIVE_PER_SECOND) == Progress(0.0)
    assert progress(report(leads=40, settled=0, lately=0), FIVE_PER_SECOND) == Progress(0.0)


def test_spill() -> None:
    """A job that asks others meanwhile is bound by what they allow together."""
    spills = replace(JOB, when_held=WhenHeld.SPILL)
    told = replace(report(leads=40, settled=10, lately=10, calls=10), job=spills)
    bound = progress_of(told, NOW, TEN_PER_HOUR, Asked(10)).seconds_left
    assert bound is not None
    assert 7_000 < bound <= 7_200


@pytest.mark.parametrize("status", [each for each in JobStatus if each is not JobStatus.RUNNING])
def test_what_does_not_run(status: JobStatus) -> None:
    """Nothing is told of a job that waits, is paused or has ended."""
    told = replace(report(leads=9, settled=3, lately=3), job=replace(JOB, status=status))
    assert progress(told, AMPLE) == STILL


def test_all_done() -> None:
    """A job whose leads have all ended is about to end."""
    assert progress(report(leads=60, settled=60, lately=60), AMPLE) == Progress(2.0, 0.0)
