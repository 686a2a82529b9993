"""Following a job to its end, with a bar that tells the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from leadgen.composition import Leadgen
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobReport, JobStatus
from leadgen.entrypoints.cli.render import money, paused
from leadgen.entrypoints.cli.running import notes

_POLL_SECONDS = 0.5
_HINT_AFTER_POLLS = 10
_LINE_EVERY_POLLS = 20


async def follow(leadgen: Leadgen, job_id: str) -> JobReport:
    """The report of the ended job; meanwhile its progress is shown on stderr."""
    if not notes.is_terminal:
        return await _follow_in_lines(leadgen, job_id)
    with Progress(
        TextColumn("Finding phones"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[green]{task.fields[found]} found[/]  {task.fields[cost]}"),
        TimeElapsedColumn(),
        console=notes,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None, found=0, cost="$0.00")
        async for report in _reports(leadgen, job_id):
            progress.update(
                task,
                total=report.leads or None,
                completed=report.settled,
                found=report.found,
                cost=money(report.cost_micros),
            )
            if report.job.status.is_end:
                return report
    raise UnknownId("job", job_id)


async def _follow_in_lines(leadgen: Leadgen, job_id: str) -> JobReport:
    polls = 0
    async for report in _reports(leadgen, job_id):
        if report.job.status.is_end:
            return report
        if report.leads and polls % _LINE_EVERY_POLLS == 0:
            notes.print(f"{report.settled} of {report.leads} leads, {report.found} found")
        polls += bool(report.leads)
    raise UnknownId("job", job_id)


async def _reports(leadgen: Leadgen, job_id: str) -> AsyncIterator[JobReport]:
    polls, was_paused = 0, False
    while report := await leadgen.jobs.report(job_id):
        is_paused = report.job.status is JobStatus.PAUSED
        if is_paused and not was_paused:
            notes.print(paused(report.job))
        was_paused = is_paused
        yield report
        polls += 1
        if polls == _HINT_AFTER_POLLS and not report.settled and not await leadgen.runner.has_workers():
            notes.print("No worker has picked this job up: start one with `leadgen worker` or `leadgen up`.")
        await leadgen.clock.sleep(_POLL_SECONDS)
