"""`leadgen jobs ...`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.application.wishes import Wish
from leadgen.composition import Leadgen
from leadgen.domain.job import JobReport
from leadgen.domain.money import micros_from_usd
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.phones import print_report, reported, require_a_key
from leadgen.entrypoints.cli.running import ACCOUNT, notes, out, print_json, with_leadgen

app = typer.Typer(help="Look at jobs, pause, resume and cancel them.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(metavar="ID")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 20, json: Json = False
) -> None:
    """List the newest jobs."""
    reports = with_leadgen(lambda leadgen: leadgen.jobs.latest(ACCOUNT, limit))
    if json:
        print_json({"jobs": [render.job_document(report) for report in reports]})
        return
    if not reports:
        out.print("No jobs yet: `leadgen phones find` starts one.")
        return
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)  # of 80 columns an id takes 36
    for heading in ("id", "status", "leads", "found", "cost"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in {"id", "status"} else "right")
    for report in reports:
        counts = (f"{report.settled}/{report.leads}", str(report.found), render.money(report.cost_micros))
        table.add_row(report.job.id, render.job_state(report.job), *counts)
    out.print(table)


@app.command()
def show(job_id: JobId, json: Json = False) -> None:
    """Show what came of a job."""
    story = with_leadgen(lambda leadgen: leadgen.show_job.run(ACCOUNT, job_id))
    if json:
        print_json(render.job_story_document(story))
        return
    report = story.report
    for line in render.job_lines(report):
        out.print(line)
    ended = render.moment(report.job.ended_at)
    out.print(f"ordered {render.moment(report.job.created_at)}, ended {ended} (UTC)")
    out.print(render.time_line(story))
    if report.providers:
        out.print(render.spend_table(report))


@app.command()
def pause(job_id: JobId, json: Json = False) -> None:
    """Have a job ask nothing more until it is resumed; what is under way is booked."""
    _wish(lambda leadgen: leadgen.pause_job.run(ACCOUNT, job_id), json=json)


@app.command()
def cancel(job_id: JobId, json: Json = False) -> None:
    """End a job for good; what is under way is booked, and the numbers it has found stay."""
    _wish(lambda leadgen: leadgen.cancel_job.run(ACCOUNT, job_id), json=json)


@app.command()
def resume(
    job_id: JobId,
    budget: Annotated[
        str | None, typer.Option(metavar="USD", help="What the job may cost from now on, all in all.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the job has ended.")] = True,
    json: Json = False,
) -> None:
    """Go on with a job that is paused or out of money; what it has paid for is not asked again."""
    budget_micros = None if budget is None else micros_from_usd(budget, "budget")

    async def use(leadgen: Leadgen) -> JobReport:
        await require_a_key(leadgen)
        wish = await leadgen.continue_job.run(ACCOUNT, job_id, budget_micros=budget_micros)
        _say_if_late(wish)
        return await reported(leadgen, job_id, wait=wait)

    print_report(with_leadgen(use), wait=wait, json=json)


def _wish(record: Callable[[Leadgen], Awaitable[Wish]], *, json: bool) -> None:
    async def use(leadgen: Leadgen) -> JobReport:
        wish = await record(leadgen)
        _say_if_late(wish)
        return await reported(leadgen, wish.job.id, wait=False)

    report = with_leadgen(use)
    if json:
        print_json(render.job_document(report))
        return
    for line in render.job_lines(report):
        out.print(line)


def _say_if_late(wish: Wish) -> None:
    if not wish.is_told:
        notes.print(
            "Temporal does not answer. That is recorded, and takes effect within a minute of its return."
        )
