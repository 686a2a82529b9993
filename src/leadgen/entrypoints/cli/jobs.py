"""`leadgen jobs ...`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from leadgen.application.show_job import JobStory
from leadgen.application.wishes import Wish
from leadgen.composition import Leadgen
from leadgen.domain.job import JobReport
from leadgen.domain.money import micros_from_usd
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.following import stories
from leadgen.entrypoints.cli.phones import print_report, reported
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, notes, out, print_json, with_leadgen

app = typer.Typer(help="Look at jobs, pause, resume and cancel them.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(metavar="ID")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 20,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """List the newest jobs."""
    reports = with_leadgen(lambda leadgen: leadgen.jobs.latest(account, limit), account=account)
    if json:
        print_json({"jobs": [render.job_document(report) for report in reports]})
        return
    if not reports:
        out.print("No jobs yet: `leadgen phones find` starts one.")
        return
    out.print(render.jobs_table(reports))


@app.command()
def show(
    job_id: JobId,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until it has ended, or Ctrl-C.")] = False,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Show what came of a job, how fast it goes, and how long it may take."""
    if watch and json:
        raise typer.BadParameter("--json prints one object: leave --watch out")
    if watch:
        with_leadgen(lambda leadgen: _watch(leadgen, account, job_id), account=account)
        return
    story = with_leadgen(lambda leadgen: leadgen.show_job.run(account, job_id), account=account)
    if json:
        print_json(render.job_story_document(story))
    else:
        out.print(_page(story))


async def _watch(leadgen: Leadgen, account: str, job_id: str) -> None:
    with Live(console=out, auto_refresh=False, transient=True) as live:  # shows nothing in a pipe
        async for story in stories(leadgen, account, job_id):
            live.update(_page(story), refresh=True)
            if story.report.job.status.is_end:
                break
    out.print(_page(story))


def _page(story: JobStory) -> RenderableType:
    report = story.report
    ordered, ended = render.moment(report.job.created_at), render.moment(report.job.ended_at)
    lines: list[RenderableType] = [
        *render.job_lines(report),
        f"ordered {ordered}{f', ended {ended}' if report.job.ended_at else ''} (UTC)",
        render.time_line(story),
        *render.progress_lines(story),
    ]
    if report.providers:
        lines.append(render.spend_table(report))
    lines += [Text(line, style="dim") for line in render.reason_lines(report)]
    return Group(*lines)


@app.command()
def pause(job_id: JobId, account: AccountName = DEFAULT_ACCOUNT, json: Json = False) -> None:
    """Have a job ask nothing more until it is resumed; what is under way is booked."""
    _wish(lambda leadgen: leadgen.pause_job.run(account, job_id), account, json=json)


@app.command()
def cancel(job_id: JobId, account: AccountName = DEFAULT_ACCOUNT, json: Json = False) -> None:
    """End a job for good; what is under way is booked, and the numbers it has found stay."""
    _wish(lambda leadgen: leadgen.cancel_job.run(account, job_id), account, json=json)


@app.command()
def resume(
    job_id: JobId,
    budget: Annotated[
        str | None, typer.Option(metavar="USD", help="What the job may cost from now on, all in all.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the job has ended.")] = True,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Go on with a job that is paused or out of money; what it has paid for is not asked again."""
    budget_micros = None if budget is None else micros_from_usd(budget, "budget")

    async def use(leadgen: Leadgen) -> JobReport:
        await leadgen.require_provider.run()
        wish = await leadgen.continue_job.run(account, job_id, budget_micros=budget_micros)
        _say_if_late(wish)
        return await reported(leadgen, account, job_id, wait=wait)

    print_report(with_leadgen(use, account=account), wait=wait, json=json)


def _wish(record: Callable[[Leadgen], Awaitable[Wish]], account: str, *, json: bool) -> None:
    async def use(leadgen: Leadgen) -> JobReport:
        wish = await record(leadgen)
        _say_if_late(wish)
        return await reported(leadgen, account, wish.job.id, wait=False)

    report = with_leadgen(use, account=account)
    if json:
        print_json(render.job_document(report))
        return
    for line in render.job_lines(report):
        out.print(line, soft_wrap=True)


def _say_if_late(wish: Wish) -> None:
    if not wish.is_told:
        notes.print(
            "Temporal does not answer. That is recorded, and takes effect within a minute of its return."
        )
