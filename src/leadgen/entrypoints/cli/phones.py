"""`leadgen phones ...`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from leadgen.composition import Leadgen
from leadgen.domain.errors import NotConfigured, UnknownId
from leadgen.domain.job import JobReport, JobScope
from leadgen.domain.money import micros_from_usd
from leadgen.domain.waterfall import WhenHeld
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.following import follow
from leadgen.entrypoints.cli.running import ACCOUNT, notes, out, print_json, with_leadgen

app = typer.Typer(help="Find phone numbers.", no_args_is_help=True)


@app.callback()
def _phones() -> None:
    """Find phone numbers."""


@app.command()
def find(
    *,
    lead: Annotated[str | None, typer.Option(help="Only the lead of this id.")] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Also leads for which nothing was found; answers younger than 30 days still count.",
        ),
    ] = False,
    when_held: Annotated[
        WhenHeld,
        typer.Option(help="While a limit is used up: wait, ask others first (spill), or skip."),
    ] = WhenHeld.WAIT,
    budget: Annotated[
        str | None,
        typer.Option(metavar="USD", help="Spend no more than this; jobs resume --budget raises it."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the job has ended.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the numbers of all leads that have none: new, incomplete and failed ones."""
    budget_micros = None if budget is None else micros_from_usd(budget, "budget")

    async def use(leadgen: Leadgen) -> JobReport:
        await require_a_key(leadgen)
        scope = JobScope(lead, again)
        job = await leadgen.order_job.run(ACCOUNT, scope, when_held, budget_micros=budget_micros)
        return await reported(leadgen, job.id, wait=wait)

    report = with_leadgen(use)
    print_report(report, wait=wait, json=json)
    if wait and not json:
        out.print("leadgen leads list shows the numbers, leadgen leads export FILE writes them.", style="dim")


async def reported(leadgen: Leadgen, job_id: str, *, wait: bool) -> JobReport:
    """The report of a job: at its end, or as it stands; to stop waiting does not stop the job."""
    if wait:
        try:
            return await follow(leadgen, job_id)
        except asyncio.CancelledError:
            notes.print("The job goes on. To look at it, or to stop it:")
            notes.print(f"  leadgen jobs show {job_id}\n  leadgen jobs pause {job_id}")
            raise
    report = await leadgen.jobs.report(job_id)
    if report is None:
        raise UnknownId("job", job_id)
    return report


def print_report(report: JobReport, *, wait: bool, json: bool) -> None:
    """What came of a job, or where to look for it."""
    if json:
        print_json(render.job_document(report))
        return
    if not wait:
        out.print(f"Job {report.job.id} is ordered: leadgen jobs show {report.job.id}")
        return
    for line in render.job_lines(report):
        out.print(line)
    if report.providers:
        out.print(render.spend_table(report))


async def require_a_key(leadgen: Leadgen) -> None:
    """Raises NotConfigured when no provider could be asked at all."""
    health = await leadgen.check_providers.run(reach=False)
    if not any(each.has_key and each.config.enabled for each in health):
        names = [each.config.name.upper() for each in health]
        raise NotConfigured(
            f"no provider can be asked: set LEADGEN_{names[0]}_URL and LEADGEN_{names[0]}_API_KEY"
            f" (or those of {', '.join(names[1:])}); `leadgen providers list` shows which are enabled"
        )
