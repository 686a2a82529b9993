"""`leadgen webhooks ...`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.domain.errors import UnknownId
from leadgen.domain.webhook import Delivery, Endpoint, EventType
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, out, print_json, with_leadgen

app = typer.Typer(help="Have other programs told of what happens.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
EndpointId = Annotated[str, typer.Argument(metavar="ID", help="As `leadgen webhooks list` shows it.")]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post: https://...")],
    events: Annotated[
        str, typer.Option(metavar="EVENTS", help=f"Of {','.join(EventType)}; without it, all.")
    ] = "",
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Tell a URL of events; prints the secret by which it knows that they come from here."""
    names = [name.strip() for name in events.split(",") if name.strip()]
    _tell_secret(
        with_leadgen(lambda leadgen: leadgen.webhooks.add.run(account, url, names), account=account),
        json=json,
    )


@app.command("list")
def list_(account: AccountName = DEFAULT_ACCOUNT, json: Json = False) -> None:
    """List who is told of what."""
    endpoints = with_leadgen(lambda leadgen: leadgen.webhooks.store.endpoints(account), account=account)
    if json:
        print_json({"webhooks": [endpoint_document(each) for each in endpoints]})
        return
    if not endpoints:
        out.print("Nobody is told of anything. Add somebody with `leadgen webhooks add URL`.")
    for each in endpoints:
        out.print(f"{each.id}  {'disabled: ' + each.disabled_why if each.disabled_why else 'enabled'}")
        out.print(f"  {each.url}", soft_wrap=True)
        out.print(f"  {', '.join(sorted(each.events))}")


@app.command("remove")
def remove(endpoint_id: EndpointId, account: AccountName = DEFAULT_ACCOUNT) -> None:
    """Tell a URL of nothing any more; what is on its way to it is dropped."""
    if not with_leadgen(lambda leadgen: leadgen.webhooks.store.remove(account, endpoint_id), account=account):
        raise UnknownId("webhook", endpoint_id)
    out.print("Removed.")


@app.command("rotate")
def rotate(endpoint_id: EndpointId, account: AccountName = DEFAULT_ACCOUNT, json: Json = False) -> None:
    """Make a new secret; for a day both sign."""
    changed = with_leadgen(
        lambda leadgen: leadgen.webhooks.change.run(account, endpoint_id, new_secret=True), account=account
    )
    _tell_secret(changed, json=json)


@app.command("seal")
def seal(json: Json = False) -> None:
    """Encrypt all stored secrets anew with the newest key, of every account."""
    sealed = with_leadgen(lambda leadgen: leadgen.webhooks.store.reseal())
    if json:
        print_json({"sealed": sealed})
    else:
        out.print(f"The secrets of {sealed} webhooks are encrypted with the newest key.")


@app.command("enable")
def enable(endpoint_id: EndpointId, account: AccountName = DEFAULT_ACCOUNT) -> None:
    """Tell a URL again that was disabled; `replay ID` sends what it missed."""
    with_leadgen(
        lambda leadgen: leadgen.webhooks.change.run(account, endpoint_id, new_secret=False), account=account
    )
    out.print("Enabled.")


@app.command("deliveries")
def deliveries(
    failed: Annotated[bool, typer.Option("--failed", help="Only what was given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """List what was sent, newest first."""
    found = with_leadgen(
        lambda leadgen: leadgen.webhooks.store.deliveries(account, failed=failed, limit=limit),
        account=account,
    )
    if json:
        print_json({"deliveries": [delivery_document(each) for each in found]})
        return
    if not found:
        out.print("There are none.")
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("delivery", "event", "state", "tries"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "tries" else "left")
    for each in found:
        table.add_row(each.id, each.event, each.state, str(each.tries))
    out.print(table)


@app.command("replay")
def replay(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A delivery; or a webhook: all it missed.")],
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Send a delivery again, or all that a URL missed; each keeps its id."""
    begun = with_leadgen(lambda leadgen: leadgen.webhooks.replay.run(account, id_), account=account)
    if json:
        print_json({"replayed": begun})
    else:
        out.print(
            f"{begun} begin anew." if begun else "It has missed nothing: there is nothing to send again."
        )


def endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as JSON, without its secret."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": sorted(event.value for event in endpoint.events),
        "created_at": endpoint.created_at.isoformat(),
        "disabled": endpoint.disabled_why,
    }


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """A delivery as JSON."""
    return {
        "id": delivery.id,
        "webhook_id": delivery.endpoint_id,
        "event": delivery.event.value,
        "data": dict(delivery.data),
        "state": delivery.state.value,
        "tries": delivery.tries,
        "answer": delivery.answer,
        "created_at": delivery.created_at.isoformat(),
        "next_at": delivery.next_at.isoformat() if delivery.next_at else None,
    }


def _tell_secret(endpoint: Endpoint, *, json: bool) -> None:
    if json:
        print_json({**endpoint_document(endpoint), "secret": endpoint.secret})
        return
    out.print(f"Webhook {endpoint.id}; its secret, shown only now:")
    out.print(endpoint.secret, soft_wrap=True)
