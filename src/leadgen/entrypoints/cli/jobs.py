"""`leadgen jobs ...`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.composition import Leadgen
from leadgen.domain.errors import UnknownId
from leadgen.domain.job import JobReport
from leadgen.domain.money import micros_from_usd
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.phones import print_report, reported, require_a_key
from leadgen.entrypoints.cli.running import ACCOUNT, out, print_json, with_leadgen

app = typer.Typer(help="Look at jobs.", no_args_is_help=True)
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
        status = report.job.status.value
        counts = (f"{report.settled}/{report.leads}", str(report.found), render.money(report.cost_micros))
        table.add_row(report.job.id, status, *counts)
    out.print(table)


@app.command()
def show(job_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """Show what came of a job."""

    async def use(leadgen: Leadgen) -> JobReport:
        report = await leadgen.jobs.report(job_id)
        if report is None or report.job.account != ACCOUNT:
            raise UnknownId("job", job_id)
        return report

    report = with_leadgen(use)
    if json:
        print_json(render.job_document(report))
        return
    for line in render.job_lines(report):
        out.print(line)
    ended = render.moment(report.job.ended_at)
    out.print(f"ordered {render.moment(report.job.created_at)}, ended {ended} (UTC)")
    if report.providers:
        out.print(render.spend_table(report))


@app.command()
def resume(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    budget: Annotated[
        str | None, typer.Option(metavar="USD", help="What the job may cost from now on, all in all.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the job has ended.")] = True,
    json: Json = False,
) -> None:
    """Go on with a job whose budget was reached; what it has paid for is not asked again."""
    budget_micros = None if budget is None else micros_from_usd(budget, "budget")

    async def use(leadgen: Leadgen) -> JobReport:
        await require_a_key(leadgen)
        job = await leadgen.continue_job.run(ACCOUNT, job_id, budget_micros=budget_micros)
        return await reported(leadgen, job.id, wait=wait)

    print_report(with_leadgen(use), wait=wait, json=json)
