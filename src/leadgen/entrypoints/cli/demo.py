"""`leadgen demo`: everything embedded, so that a newcomer sees phones being found."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leadgen.adapters.embedded.processes import SIMULATOR_KEY
from leadgen.application.ports.lead_repository import LeadLine
from leadgen.composition import PROVIDERS, Leadgen, compose
from leadgen.domain.job import JobReport
from leadgen.domain.job_order import JobOrder
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.following import follow
from leadgen.entrypoints.cli.receipts import print_receipt
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, out
from leadgen.settings import Settings, child_environment

_FOLDER = Path(".leadgen") / "demo"
_ROWS_MAX = 16
_FOREIGN_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""A picture that is complete in itself, in the reader's own fixed-width font."""


def demo(
    leads: Annotated[int, typer.Option(min=1, max=100_000, help="How many leads.")] = 50,
    seed: Annotated[int, typer.Option(help="Which simulated world.")] = 7,
    svg: Annotated[Path | None, typer.Option(help="Also draw what is shown to this SVG file.")] = None,
) -> None:
    """Find phones with everything embedded: simulated providers, Temporal, a worker, a sample of leads."""
    console = Console(record=True, width=80, highlight=False) if svg else out
    asyncio.run(_demo(console, leads, seed))
    if svg:
        picture = console.export_svg(title="leadgen demo", unique_id="demo")
        svg.write_text(_FOREIGN_FONTS.sub("", picture), encoding="utf-8")


async def _demo(console: Console, leads: int, seed: int) -> None:
    from leadgen.adapters.embedded.processes import simulator, worker
    from leadgen.adapters.embedded.temporal import dev_server, free_port
    from leadgen.adapters.persistence.schema import upgrade

    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    console.print("Starting three simulated providers, a Temporal server and a worker ...", style="dim")
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            simulator(profile="demo", seed=seed, log=_FOLDER / "simulator.log")
        )
        temporal = await stack.enter_async_context(
            dev_server(port=free_port(), ui_port=free_port(), file=None, log=_FOLDER / "temporal.log")
        )
        settings = Settings(database_url=_database_url(), temporal_address=temporal.address)
        upgrade(settings.database_url)
        environment = child_environment(_worker_settings(settings, world.address))
        await stack.enter_async_context(worker(environment, _FOLDER / "worker.log"))
        console.print(f"Temporal's web page, while this runs: {temporal.ui_url}", style="dim")
        async with compose(settings) as leadgen:
            report = await _find(console, leadgen, leads, seed)
            lines = await leadgen.leads.page(DEFAULT_ACCOUNT, after="", limit=_ROWS_MAX + 1)
        _show(console, report, lines, await world.charged_micros())


async def _find(console: Console, leadgen: Leadgen, leads: int, seed: int) -> JobReport:
    from leadgen.adapters.files.csv_source import CsvLeadSource
    from leadgen.entrypoints.cli.sample import write_sample

    file = _FOLDER / "leads.csv"
    write_sample(file, leads, seed)
    with CsvLeadSource(file) as source:
        receipt = await leadgen.import_leads.run(
            DEFAULT_ACCOUNT, source, name=str(file), progress=lambda _: None
        )
    console.print(f"Importing {file}:")
    print_receipt(receipt, console)
    job = await leadgen.order_job.run(DEFAULT_ACCOUNT, JobOrder())
    return await follow(leadgen, DEFAULT_ACCOUNT, job.id, has_own_worker=True)


def _show(console: Console, report: JobReport, lines: Sequence[LeadLine], charged_micros: int) -> None:
    console.print()
    console.print(render.lead_table(lines[:_ROWS_MAX], ids=False))
    if len(lines) > _ROWS_MAX:
        console.print(f"... and {report.leads - _ROWS_MAX} more", style="dim")
    for line in render.job_lines(report):
        console.print(line)
    console.print(render.spend_table(report))
    verdict = "the same" if charged_micros == report.cost_micros else "[red]not the same[/]"
    console.print(f"The providers' own books say {render.money(charged_micros)}: {verdict}.")
    program = _program()
    console.print("\nLook around, in a terminal of its own:", style="bold")
    console.print(f"  export LEADGEN_DATABASE_URL={_database_url()}", soft_wrap=True)
    console.print(f"  {program} leads show {lines[0].lead.id}", soft_wrap=True)
    console.print(f"  {program} leads export phones.csv", soft_wrap=True)


def _worker_settings(settings: Settings, world: str) -> Mapping[str, str]:
    providers = {
        f"{name.upper()}_{key}": value
        for name in PROVIDERS
        for key, value in (("URL", f"{world}/{name}"), ("API_KEY", SIMULATOR_KEY))
    }
    return {
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "TASK_QUEUE": settings.task_queue,
        **providers,
    }


def _database_url() -> str:
    return f"sqlite:///{_FOLDER / 'leadgen.db'}"


def _program() -> str:
    program = Path(sys.argv[0]).absolute()
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else program.name
