"""`leadgen accounts ...`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.composition import Leadgen
from leadgen.domain.account import Account
from leadgen.domain.tier import Tier
from leadgen.entrypoints.cli.running import out, print_json, with_leadgen

app = typer.Typer(help="Whose leads, whose jobs and whose money.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
_TIER_HELP = "Which providers it may ask, and its share where accounts compete: 1, 2 or 4."


@app.command()
def create(
    name: Name, tier: Annotated[Tier, typer.Option(help=_TIER_HELP)] = Tier.FREE, json: Json = False
) -> None:
    """Create an account; --account NAME has other commands work for it."""
    account = with_leadgen(lambda leadgen: leadgen.create_account.run(name, tier))
    if json:
        print_json(account_document(account))
    else:
        out.print(f"Account {account.name} is created, tier {account.tier}.", markup=False)


@app.command("list")
def list_(json: Json = False) -> None:
    """List all accounts."""
    accounts = with_leadgen(lambda leadgen: leadgen.accounts.all())
    if json:
        print_json({"accounts": [account_document(account) for account in accounts]})
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("account", "tier", "weight"):
        table.add_column(heading, justify="right" if heading == "weight" else "left")
    for account in accounts:
        table.add_row(account.name, account.tier.value, str(account.tier.weight))
    out.print(table)


@app.command("set")
def set_(name: Name, tier: Annotated[Tier, typer.Option(help=_TIER_HELP)], json: Json = False) -> None:
    """Give an account another tier; searches under way heed it from their next stretch on."""

    async def use(leadgen: Leadgen) -> Account:
        await leadgen.accounts.set_tier(name, tier)
        return Account(name, tier)

    account = with_leadgen(use)
    if json:
        print_json(account_document(account))
    else:
        out.print(f"Account {account.name} has tier {account.tier}.", markup=False)


def account_document(account: Account) -> dict[str, Any]:
    """An account as JSON."""
    return {"account": account.name, "tier": account.tier.value, "weight": account.tier.weight}
