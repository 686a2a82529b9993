"""`leadgen leads ...`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from leadgen.application.import_leads import ImportReceipt
from leadgen.composition import Leadgen
from leadgen.domain.errors import LeadgenError
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.receipts import RejectedRows, print_receipt
from leadgen.entrypoints.cli.running import (
    DEFAULT_ACCOUNT,
    AccountName,
    notes,
    out,
    print_json,
    whose,
    with_leadgen,
)
from leadgen.entrypoints.memory import spare_the_collector

app = typer.Typer(help="Import, export and look at leads.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_PIPE_COLUMNS = 1_000
"""For whoever reads a pipe no name is cut."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header; - reads from stdin.")],
    encoding: Annotated[str | None, typer.Option(help="For a file that is not UTF-8.")] = None,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Import a CSV: good rows go in, bad rows come back with their number and reason."""
    from leadgen.adapters.files.csv_source import CsvLeadSource

    async def use(leadgen: Leadgen) -> ImportReceipt:
        rows_in = 0

        def note(rows: int) -> None:
            nonlocal rows_in
            rows_in = rows
            progress.update(task, rows=rows)

        with CsvLeadSource(file, encoding) as source, _spinner() as progress:
            task = progress.add_task("", rows=0)
            _expect_many_rows()
            try:
                return await leadgen.import_leads.run(
                    account,
                    source,
                    name=str(file),
                    progress=note,
                    rejected=rejected.add if json else None,
                )
            except (asyncio.CancelledError, LeadgenError):
                if rows_in:
                    notes.print(
                        f"The first {rows_in} rows are in. Import the file again: nobody comes twice."
                    )
                raise

    with closing(RejectedRows()) as rejected:
        receipt = with_leadgen(use, account=account)
        if json:
            rejected.print_json(receipt)
        else:
            print_receipt(receipt)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The CSV file to write; - writes to stdout.")],
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Export all leads as CSV (UTF-8): every column that came in, and what was found."""
    from leadgen.adapters.files.csv_sheet import STDOUTS, CsvLeadSheet

    is_stdout = str(file) in STDOUTS
    if is_stdout and json:
        raise typer.BadParameter("--json prints one object to stdout: name a file for the leads")

    async def use(leadgen: Leadgen) -> int:
        with CsvLeadSheet(file) as sheet, _spinner() as progress:
            task = progress.add_task("", rows=0)
            _expect_many_rows()
            return await leadgen.export_leads.run(
                account, sheet, progress=lambda rows: progress.update(task, rows=rows)
            )

    written = with_leadgen(use, account=account)
    if json:
        print_json({"leads": written, "file": str(file)})
    elif not is_stdout:
        out.print(f"{written} leads written to {file}.", markup=False)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    after: Annotated[str, typer.Option(help="Go on after this id (`next` of the last call).")] = "",
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """List leads in the order in which they came."""
    lines = with_leadgen(
        lambda leadgen: leadgen.leads.page(account, after=after, limit=limit + 1), account=account
    )
    shown = lines[:limit]
    following = shown[-1].lead.id if len(lines) > limit else None
    if json:
        print_json({"leads": [render.lead_document(line) for line in shown], "next": following})
        return
    if not shown:
        none_yet = "No leads yet: `leadgen leads import FILE` brings some in."
        out.print("There are no leads after this id." if after else none_yet)
        return
    place = out if out.is_terminal else Console(width=_PIPE_COLUMNS, highlight=False)
    place.print(render.lead_table(shown, ids=True))
    if following:
        out.print(f"More: leadgen leads list --after {following}{whose(account)}", markup=False)


@app.command()
def show(
    lead_id: Annotated[str, typer.Argument(metavar="ID")],
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Tell the whole story of a lead: who was asked, who was not and why, what it cost."""
    story = with_leadgen(lambda leadgen: leadgen.show_lead.run(account, lead_id), account=account)
    if json:
        print_json(render.story_document(story))
        return
    document = render.story_document(story)
    out.print(f"[bold]{escape(document['name'] or document['email'])}[/]  {escape(document['company'])}")
    out.print(f"Phone: [bold]{document['phone'] or '-'}[/]  status: {document['phone_status'] or 'new'}")
    if document["second_phone"]:
        kind, source = document["second_phone_line"], document["second_phone_provider"]
        out.print(f"Second best: {document['second_phone']} ({kind}, from {source})")
    if story.asked:
        out.print(render.asked_table(story.asked))
    for refusal in story.unasked:
        what = "not asked:" if refusal.provider not in story.sent_to else "not waited for:"
        what = "no answer from" if refusal.prevents else what
        out.print(f"  {what} {refusal.provider}: {refusal.reason}", style="dim", markup=False)
    out.print(f"Cost so far: {render.money(story.line.cost_micros)}")


def _expect_many_rows() -> None:
    """Rows come and go; what there was before them is not looked through for garbage, time after time.

    A database's thread that has done its step waits no longer than this for its turn in Python.
    """
    spare_the_collector()
    sys.setswitchinterval(0.000_1)


def _spinner() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.fields[rows]} rows"))
    return Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)
