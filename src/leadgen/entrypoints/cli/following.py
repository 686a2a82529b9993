"""Following a job to its end, with a bar that tells the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from leadgen.application.ports.clock import IClock
from leadgen.application.show_job import JobStory
from leadgen.composition import Leadgen
from leadgen.domain.breaker import BreakerState
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.job import JobReport, JobStatus
from leadgen.entrypoints.cli.render import money, pace, paused, time_left
from leadgen.entrypoints.cli.running import notes

_POLL_SECONDS = 0.5
_POLL_SHARE = 0.1
"""No more of the time than that goes into counting, however many leads there are."""
_HINT_AFTER_SECONDS = 10.0
_LINE_EVERY_SECONDS = 10.0


async def follow(leadgen: Leadgen, account: str, job_id: str, *, has_own_worker: bool = False) -> JobReport:
    """The report of the ended job; meanwhile its progress is shown on stderr, with a word where no worker is.

    All that is shown comes from the database: whoever begins to follow later sees the same.
    """
    told = _told(leadgen, account, job_id, has_own_worker=has_own_worker)
    if not notes.is_terminal:
        return await _follow_in_lines(leadgen.clock, told)
    with Progress(
        TextColumn("{task.fields[state]}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("[green]{task.fields[found]} found[/] {task.fields[cost]} {task.fields[pace]}"),
        console=notes,
        transient=True,
        expand=True,
    ) as progress:
        task = progress.add_task("", total=None, state="Finding phones", found=0, cost="$0.00", pace="")
        async for story in told:
            report = story.report
            progress.update(
                task,
                total=report.leads or None,
                completed=report.settled,
                state="Paused" if report.job.status is JobStatus.PAUSED else "Finding phones",
                found=report.found,
                cost=money(report.cost_micros),
                pace=_pace(story),
            )
            if report.job.status.is_end:
                return report
    raise AssertionError("unreachable: stories do not end")  # pragma: no cover


async def stories(leadgen: Leadgen, account: str, job_id: str) -> AsyncIterator[JobStory]:
    """The story of a job, again and again. Raises UnknownId."""
    while True:
        began = leadgen.clock.monotonic()
        story = await leadgen.show_job.run(account, job_id)
        took_seconds = leadgen.clock.monotonic() - began
        yield story
        await leadgen.clock.sleep(max(_POLL_SECONDS, took_seconds / _POLL_SHARE))


async def _follow_in_lines(clock: IClock, told: AsyncIterator[JobStory]) -> JobReport:
    last = -_LINE_EVERY_SECONDS
    async for story in told:
        report, now = story.report, clock.monotonic()
        if report.job.status.is_end:
            return report
        if report.leads and now - last >= _LINE_EVERY_SECONDS:
            last = now
            counts = f"{report.settled} of {report.leads} leads, {report.found} found"
            notes.print(", ".join(filter(None, (counts, _pace(story)))))
    raise AssertionError("unreachable: stories do not end")  # pragma: no cover


def _pace(story: JobStory) -> str:
    if story.progress.leads_per_second is None:
        return ""
    if story.report.settled == story.report.leads or story.progress.seconds_left is None:
        return pace(story.progress)
    return f"{pace(story.progress)}, {time_left(story.progress)} left"


async def _told(
    leadgen: Leadgen, account: str, job_id: str, *, has_own_worker: bool
) -> AsyncIterator[JobStory]:
    """The stories, with a word once the job is paused, a provider is left alone, or nobody carries it out."""
    stands_since, settled = leadgen.clock.monotonic(), 0
    was_paused, was_barred, was_told = False, set[str](), has_own_worker
    async for story in stories(leadgen, account, job_id):
        report = story.report
        is_paused = report.job.status is JobStatus.PAUSED
        if is_paused and not was_paused:
            notes.print(paused(report.job))
        was_paused = is_paused
        breakers = (await leadgen.watch.breakers()).values()
        barred = [each for each in breakers if each.state is not BreakerState.CLOSED]
        for breaker in barred:
            if breaker.provider not in was_barred:
                notes.print(f"[yellow]{breaker.provider}[/]: {escape(breaker.told)}")
        was_barred = {each.provider for each in barred}
        yield story
        if is_paused or report.settled > settled:
            stands_since, settled, was_told = leadgen.clock.monotonic(), report.settled, has_own_worker
        elif not was_told and leadgen.clock.monotonic() - stands_since >= _HINT_AFTER_SECONDS:
            was_told = True
            if not await _has_workers(leadgen):
                notes.print("No worker is at this job: start one with `leadgen worker` or `leadgen up`.")


async def _has_workers(leadgen: Leadgen) -> bool:
    """Without the server there is none that could be at work."""
    try:
        return await leadgen.runner.has_workers()
    except ServiceUnavailable:
        return False
