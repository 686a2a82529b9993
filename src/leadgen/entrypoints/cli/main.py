"""The program `leadgen`: its commands, and how its errors are told."""

from __future__ import annotations

import os
import sys

import typer

from leadgen.domain.errors import InvalidInput, LeadgenError
from leadgen.entrypoints.cli import (
    accounts,
    budgets,
    db,
    demo,
    jobs,
    keys,
    leads,
    ledger,
    market,
    phones,
    processes,
    providers,
    service,
    webhooks,
)

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
app.command("serve")(service.serve)
app.command(
    "simulate",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)(processes.simulate)
app.command("backtest")(market.backtest)
app.add_typer(db.app, name="db")
app.add_typer(leads.app, name="leads")
app.add_typer(phones.app, name="phones")
app.add_typer(jobs.app, name="jobs")
app.add_typer(providers.app, name="providers")
app.add_typer(accounts.app, name="accounts")
app.add_typer(budgets.app, name="budgets")
app.add_typer(ledger.app, name="ledger")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(keys.app, name="keys")


def run() -> None:
    """The entry point: exit 0 done, 1 failed, 2 bad usage; an error is one line on stderr."""
    try:
        app()
    except LeadgenError as error:
        sys.stderr.write(f"leadgen: {error}\n")
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"leadgen: {place}{error.strerror or error}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what it holds goes nowhere
        sys.exit(1)
