"""A job's report."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.domain.job import Asked, Job, JobReport, JobScope, JobStatus, ProviderSpend, Wanted
from leadgen.domain.limits import Limits, Rule
from leadgen.domain.waterfall import WhenHeld
from tests.builders import ACCOUNT, NOW

JOB = Job(id="job-1", account=ACCOUNT, scope=JobScope(), status=JobStatus.RUNNING, created_at=NOW)
LIMITS = {
    "orion": Limits((Rule(5, 1_000_000),), concurrency=3),
    "astra": Limits((Rule(10, 1_000_000),), concurrency=10),
    "nimbus": Limits((Rule(2, 1_000_000),), concurrency=2),
}
SPENDS = {
    "orion": ProviderSpend(300, 135, 6_000_000, took_seconds=4.2),
    "astra": ProviderSpend(165, 58, 1_650_000, took_seconds=1.3),
    "nimbus": ProviderSpend(107, 53, 1_605_000, took_seconds=2.2),
}


def bound(
    when_held: WhenHeld,
    spends: Mapping[str, ProviderSpend] = SPENDS,
    *,
    asked: int = 300,
    by_provider: Mapping[str, int] | None = None,
) -> float | None:
    """That of a job whose providers did this, with one call a lead unless it is said otherwise."""
    job = replace(JOB, when_held=when_held)
    return JobReport(job, 300, 0, 0, 0, 0, providers=spends).bound_seconds(
        LIMITS, Asked(asked, by_provider or {})
    )


def test_who_waits_runs_or_pauses_is_no_end() -> None:
    """A job that waits, runs or pauses may still change; one whose budget was reached has ended."""
    open_ones = {JobStatus.WAITING, JobStatus.RUNNING, JobStatus.PAUSED}
    assert {status for status in JobStatus if not status.is_end} == open_ones


@pytest.mark.parametrize("status", JobStatus)
def test_a_job_to_be_paused_is_paused(status: JobStatus) -> None:
    """It shows so at once, wherever it stood, unless it has ended; no other wish changes where it stands."""
    assert status.under(Wanted.PAUSE) is (status if status.is_end else JobStatus.PAUSED)
    assert status.under(Wanted.RUN) is status.under(Wanted.CANCEL) is status


def test_course_of_a_job() -> None:
    """Whoever carries a job out does what is wanted, and nothing more once it has ended."""
    for wanted in Wanted:
        assert replace(JOB, wanted=wanted).course is wanted
        assert replace(JOB, wanted=wanted, status=JobStatus.DONE).course is Wanted.CANCEL


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


def test_time_counts_from_the_order_to_the_end() -> None:
    """While there is no end, to now."""
    now = NOW + timedelta(minutes=3)
    assert JOB.seconds(now) == 180.0
    assert replace(JOB, ended_at=NOW + timedelta(seconds=1.5)).seconds(now) == 1.5


def test_time_that_a_job_stood_still_does_not_count() -> None:
    """Neither while it is paused, nor once it was continued, nor where it ended while it was paused."""
    paused = replace(JOB, wanted=Wanted.PAUSE, wanted_at=NOW + timedelta(seconds=20))
    for seconds in (20, 50, 5_000):
        now = NOW + timedelta(seconds=seconds)
        assert (paused.seconds(now), paused.idle(now)) == (20.0, seconds - 20.0)
    continued = replace(JOB, idle_seconds=paused.idle(NOW + timedelta(seconds=50)))
    assert continued.seconds(NOW + timedelta(seconds=55)) == 25.0
    again = replace(continued, wanted=Wanted.PAUSE, wanted_at=NOW + timedelta(seconds=60))
    assert again.idle(NOW + timedelta(seconds=70)) == 40.0
    ended = replace(paused, status=JobStatus.DONE, ended_at=NOW + timedelta(seconds=23))
    assert ended.seconds(NOW + timedelta(days=1)) == 20.0


@pytest.mark.parametrize("when_held", [WhenHeld.WAIT, WhenHeld.SKIP])
def test_bound_without_spilling(when_held: WhenHeld) -> None:
    """300 calls of 4.2 s, three at a time: the most loaded provider sets the pace."""
    assert bound(when_held) == pytest.approx(420.0)


def test_bound_of_spilling() -> None:
    """The best mixture of orders needs less than half as long; it depends on how many leads were asked."""
    whole, half = bound(WhenHeld.SPILL), bound(WhenHeld.SPILL, asked=150)
    assert whole is not None
    assert half is not None
    assert 0 < half < whole < 210
    assert half == pytest.approx(whole / 2, rel=0.01)


def test_a_repeat_is_no_miss() -> None:
    """A call that has to be made again takes time of its provider, and sends nobody to another one."""
    every_fifth_failed = dict(SPENDS) | {"nimbus": replace(SPENDS["nimbus"], calls=134)}
    once, repeated, missed = (
        bound(WhenHeld.SPILL),
        bound(WhenHeld.SPILL, every_fifth_failed, by_provider={"nimbus": 107}),
        bound(WhenHeld.SPILL, every_fifth_failed),
    )
    assert once is not None
    assert repeated is not None
    assert missed is not None
    assert once < repeated
    assert missed < repeated
    assert bound(WhenHeld.WAIT, every_fifth_failed) == bound(
        WhenHeld.WAIT, every_fifth_failed, by_provider={"nimbus": 107}
    )


def test_bound_is_never_above_what_the_calls_needed() -> None:
    """Leads about whom a provider could not be asked do not count as if it had to be asked about them."""
    spends = {
        "orion": ProviderSpend(10, 0, 0, took_seconds=4.2),
        "astra": ProviderSpend(100, 0, 0, took_seconds=1.3),
    }
    assert bound(WhenHeld.SPILL, spends, asked=100) == pytest.approx(14.0)


def test_bound_without_times_goes_by_the_rules() -> None:
    """Where nobody knows how long calls took, the cap says nothing."""
    assert bound(WhenHeld.WAIT, {"orion": ProviderSpend(301, 0, 0)}) == pytest.approx(60.0)


def test_no_bound_without_a_call() -> None:
    """Neither for who was never asked, nor for who is no longer configured."""
    assert bound(WhenHeld.WAIT, {}) is None
    assert bound(WhenHeld.SPILL, {"orion": ProviderSpend(0, 0, 0)}) is None
    assert bound(WhenHeld.WAIT, {"gone": ProviderSpend(5, 0, 0, took_seconds=2.0)}) is None
