"""`leadgen keys ...`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.domain.api_key import ApiKey, Scope
from leadgen.domain.errors import InvalidSetting
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, out, print_json, with_leadgen

app = typer.Typer(help="Create, list and revoke the keys of the HTTP service.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_AMOUNT_MAX = 100_000
_KEYS_SHOWN = 1_000


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    scopes: Annotated[
        str, typer.Option(metavar="SCOPE,...", help=f"What it allows: all, or of {', '.join(Scope)}.")
    ] = "all",
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends: 90d, 12h, 30m, or a date.")
    ] = None,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Create a key, which is shown once."""
    wanted, ends_at = read_scopes(scopes), read_expiry(expires, datetime.now(UTC))
    new = with_leadgen(
        lambda leadgen: leadgen.keys.create.run(account, name=name, scopes=wanted, expires_at=ends_at),
        account=account,
    )
    if json:
        print_json({"key": new.token, **key_document(new.key)})
        return
    out.print(new.token, soft_wrap=True)
    out.print("It is shown this once. Send it as: Authorization: Bearer KEY", style="dim")


@app.command("list")
def list_(account: AccountName = DEFAULT_ACCOUNT, json: Json = False) -> None:
    """List the keys that are not revoked; their secrets are not known."""
    keys = with_leadgen(
        lambda leadgen: leadgen.keys.store.page(account, after="", limit=_KEYS_SHOWN), account=account
    )
    if json:
        print_json({"keys": [key_document(key) for key in keys]})
        return
    if not keys:
        out.print("No keys yet: `leadgen keys create` makes one.")
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("id", "name", "expires", "scopes"):
        table.add_column(heading, no_wrap=heading == "id")
    for key in keys:
        table.add_row(key.id, key.name, render.moment(key.expires_at), scope_text(key))
    out.print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """End a key for good; whoever uses it is refused within seconds."""
    with_leadgen(lambda leadgen: leadgen.keys.revoke.run(account, key_id), account=account)
    if json:
        print_json({"id": key_id, "revoked": True})
    else:
        out.print(f"Key {key_id} is revoked.", markup=False)


def read_scopes(text: str) -> frozenset[Scope] | None:
    """The scopes behind ``leads:read,jobs:run``; None for all of them. Raises InvalidSetting."""
    if text == "all":
        return None
    try:
        return frozenset(Scope(each.strip()) for each in text.split(","))
    except ValueError:
        raise InvalidSetting("--scopes", text, f"all, or some of {', '.join(Scope)}") from None


def read_expiry(text: str | None, now: datetime) -> datetime | None:
    """The moment behind ``90d`` or ``2027-01-31``, which is in UTC. Raises InvalidSetting."""
    if text is None:
        return None
    amount, unit = text[:-1], _UNITS.get(text[-1:])
    try:
        if unit and amount.isdecimal() and int(amount) <= _AMOUNT_MAX:
            return now + int(amount) * unit
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSetting("--expires", text, "90d, 12h, 30m, or a date such as 2027-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def scope_text(key: ApiKey) -> str:
    """A key's scopes for people."""
    return "all" if key.scopes == frozenset(Scope) else " ".join(sorted(key.scopes))


def key_document(key: ApiKey) -> dict[str, Any]:
    """A key as JSON, without its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }
