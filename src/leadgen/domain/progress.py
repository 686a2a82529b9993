"""How fast a job goes, and how long it may take from now on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from leadgen.domain.job import LATELY, Asked, JobReport, JobStatus
from leadgen.domain.limits import Limits
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Progress:
    """The pace of a running job; None where nothing can be said.

    ``is_least``: the limits decide, so that it takes no less than ``seconds_left``, and perhaps more.
    """

    leads_per_second: float | None = None
    seconds_left: float | None = None
    is_least: bool = False


STILL = Progress()


def progress_of(report: JobReport, now: datetime, limits: Mapping[str, Limits], asked: Asked) -> Progress:
    """The pace of a job at this moment; nothing about one that does not run.

    What is left takes as long as the last half minute tells, and no less than the limits need for it. While
    nothing ends, only a wait that is longer than that half minute can be told: anything else may be a
    worker that is gone.
    """
    if report.job.status is not JobStatus.RUNNING or not report.leads:
        return STILL
    window_seconds = LATELY.total_seconds()
    rate = report.ended_lately / min(max(report.job.seconds(now), 1.0), window_seconds)
    left = report.leads - report.settled
    bound_seconds = _bound_of_the_rest(report, limits, asked) if left else 0.0
    if rate > 0.0:
        seconds = left / rate
        return Progress(rate, max(seconds, bound_seconds), is_least=bound_seconds > seconds)
    if bound_seconds > window_seconds:
        return Progress(rate, bound_seconds, is_least=True)
    return Progress(rate)


def _bound_of_the_rest(report: JobReport, limits: Mapping[str, Limits], asked: Asked) -> float:
    """The least time for the leads that are left, if they need as many calls as those that have ended."""
    if not report.settled:
        return 0.0
    share = (report.leads - report.settled) / report.settled
    rest = {
        name: replace(spend, calls=round(spend.calls * share), hits=round(spend.hits * share))
        for name, spend in report.providers.items()
    }
    leads = {name: max(round(count * share), 1) for name, count in asked.by_provider.items()}
    still = Asked(round(asked.leads * share), leads)
    return replace(report, providers=rest).bound_seconds(limits, still) or 0.0
