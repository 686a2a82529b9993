"""`leadgen db ...`."""

from __future__ import annotations

import typer

from leadgen.entrypoints.cli.running import out, settings

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.callback()
def _database() -> None:
    """The database."""


@app.command()
def upgrade() -> None:
    """Bring the database to the newest tables; a second time changes nothing."""
    from leadgen.adapters.persistence.schema import upgrade as bring_up

    out.print(f"The database is at revision {bring_up(settings().database_url)}.")
