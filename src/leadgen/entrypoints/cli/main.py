"""The program `leadgen`: its commands, and how its errors are told."""

from __future__ import annotations

import sys

import click
import typer

from leadgen.domain.errors import InvalidInput, LeadgenError
from leadgen.entrypoints.cli import db, demo, jobs, leads, phones, processes, providers

app = typer.Typer(
    name="leadgen",
    help="Finds the phone numbers of leads: asks providers in turn, stops at the first good number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("up")(processes.up)
app.command("worker")(processes.worker)
app.command("simulate", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(
    processes.simulate
)
app.add_typer(db.app, name="db")
app.add_typer(leads.app, name="leads")
app.add_typer(phones.app, name="phones")
app.add_typer(jobs.app, name="jobs")
app.add_typer(providers.app, name="providers")


def run() -> None:
    """The entry point: 0 done, 1 failed, 2 bad usage, 130 interrupted; errors are one line on stderr."""
    sys.exit(_run())


def _run() -> int:
    try:
        return int(app(standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LeadgenError as error:
        sys.stderr.write(f"leadgen: {error}\n")
        return 2 if isinstance(error, InvalidInput) else 1
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("leadgen: interrupted\n")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
