"""`leadgen phones ...`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from leadgen.composition import Leadgen
from leadgen.domain.job import Job, JobReport
from leadgen.domain.job_order import Only, read_order
from leadgen.domain.ordering import Order
from leadgen.domain.phone import WantedLine
from leadgen.domain.search_options import GRACE_SECONDS, P95, Strategy
from leadgen.domain.waterfall import WhenHeld
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.following import follow
from leadgen.entrypoints.cli.running import (
    DEFAULT_ACCOUNT,
    AccountName,
    notes,
    out,
    print_json,
    whose,
    with_leadgen,
)

app = typer.Typer(help="Find phone numbers.", no_args_is_help=True)

By = Annotated[
    Order,
    typer.Option(
        metavar="WORD", help="priority (as configured), cost (hits per dollar) or learned (by segment)."
    ),
]
Panel = Annotated[
    str,
    typer.Option(metavar="SHARE", help="Ask everybody about this share of leads, 1% say: for backtest."),
]


LeadId = Annotated[str | None, typer.Option(help="Only the lead of this id.")]
Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Also leads for which nothing was found; recent answers still count.",
    ),
]
OnlyEnded = Annotated[Only | None, typer.Option(help="Only leads that ended so.")]
OfJob = Annotated[
    str | None, typer.Option("--job", metavar="ID", help="With --only: those that ended so in this job.")
]
Held = Annotated[
    WhenHeld,
    typer.Option(help="While a limit is used up: wait, ask others first (spill), or skip."),
]
MostUsd = Annotated[
    str | None,
    typer.Option(metavar="USD", help="Spend no more than this; jobs resume --budget raises it."),
]
How = Annotated[
    Strategy,
    typer.Option(metavar="WORD", help="sequential, hedged (the next as soon as one is late) or parallel."),
]
HedgeAfter = Annotated[
    str,
    typer.Option(metavar="TIME", help="With hedged: late after 500ms, or after its own p95."),
]
Grace = Annotated[
    str,
    typer.Option(metavar="TIME", help="How long a number waits for a better-ranked answer."),
]
Line = Annotated[
    WantedLine,
    typer.Option(metavar="WORD", help="Which numbers will do, any or mobile; others are second best."),
]
WorthUsd = Annotated[
    str | None,
    typer.Option(metavar="USD", help="What a number is worth: calls that are dearer are skipped."),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="As --again, and pay anew for what was answered before.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the job has ended.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _phones() -> None:
    """Find phone numbers."""


@app.command()
def find(
    *,
    lead: LeadId = None,
    again: Again = False,
    only: OnlyEnded = None,
    of_job: OfJob = None,
    when_held: Held = WhenHeld.WAIT,
    order: By = Order.PRIORITY,
    panel: Panel = "0%",
    budget: MostUsd = None,
    strategy: How = Strategy.SEQUENTIAL,
    hedge_after: HedgeAfter = P95,
    grace: Grace = f"{GRACE_SECONDS * 1_000:g}ms",
    line: Line = WantedLine.ANY,
    max_price: WorthUsd = None,
    fresh: Fresh = False,
    wait: Wait = True,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Find the numbers of all leads that have none: new, incomplete and failed ones."""
    wanted = read_order(
        lead_id=lead,
        again=again,
        only=only,
        of_job=of_job,
        when_held=when_held,
        order=order,
        panel=panel,
        budget=budget,
        strategy=strategy,
        hedge_after=hedge_after,
        grace=grace,
        line=line,
        max_price=max_price or "",
        fresh=fresh,
    )

    async def use(leadgen: Leadgen) -> JobReport:
        await leadgen.require_provider.run()
        job = await leadgen.order_job.run(account, wanted)
        if lead is None:
            await _note_others(leadgen, job)
        return await reported(leadgen, account, job.id, wait=wait)

    report = with_leadgen(use, account=account)
    print_report(report, wait=wait, json=json)
    if not wait or json:
        return
    if report.job.status.is_end and not report.leads:
        out.print(
            "There was nobody to search for: leads that have a number are left alone, and without --again"
            " those for which nothing was found.",
            soft_wrap=True,
        )
    elif report.found:
        out.print("To see the numbers, or to write them to a file:", style="dim")
        for command in ("leads list", "leads export FILE"):
            out.print(f"  leadgen {command}{whose(account)}", style="dim", soft_wrap=True)


async def _note_others(leadgen: Leadgen, ordered: Job) -> None:
    unended = [job for job in await leadgen.jobs.unended() if job.account == ordered.account]
    others = [job for job in unended if job.scope.lead_id is None and job.id != ordered.id]
    if others:
        more = f", nor have {len(others) - 1} others" if len(others) > 1 else ""
        notes.print(
            f"Job {others[-1].id} has not ended{more}: what several ask is paid once.", soft_wrap=True
        )


async def reported(leadgen: Leadgen, account: str, job_id: str, *, wait: bool) -> JobReport:
    """The report of a job: at its end, or as it stands; to stop waiting does not stop the job."""
    if wait:
        try:
            return await follow(leadgen, account, job_id)
        except asyncio.CancelledError:
            notes.print("The job goes on. To look at it, or to stop it:")
            for command in ("show", "pause"):
                notes.print(f"  leadgen jobs {command} {job_id}{whose(account)}", soft_wrap=True)
            raise
    return (await leadgen.show_job.run(account, job_id)).report


def print_report(report: JobReport, *, wait: bool, json: bool) -> None:
    """What came of a job, or where to look for it."""
    if json:
        print_json(render.job_document(report))
        return
    if not wait:
        out.print(f"Job {report.job.id} is ordered. To look at it:")
        out.print(f"  leadgen jobs show {report.job.id}{whose(report.job.account)}", soft_wrap=True)
        return
    for line in render.job_lines(report):
        out.print(line, soft_wrap=True)
    if report.providers:
        out.print(render.spend_table(report))
