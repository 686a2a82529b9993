"""`leadgen ledger ...`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.adapters.providers.usage import usage_report
from leadgen.application.audit_ledger import LedgerAudit, Reconciliation
from leadgen.application.show_lookup import LookupStory
from leadgen.composition import Leadgen
from leadgen.domain.reconciliation import Claim
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, out, print_json, with_leadgen

app = typer.Typer(help="Check what was paid for.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_CLAIMS_SHOWN = 20


@app.command()
def audit(
    against: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE", help="A provider's usage report (CSV): settle the ledger against it."
        ),
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the lookups of this account; else of all.")
    ] = None,
    json: Json = False,
) -> None:
    """Add up all paid lookups; with a usage report, settle what it explains and list the rest as claims."""
    if against is not None and account is not None:
        raise typer.BadParameter("a usage report covers all accounts: leave --account out")

    async def use(leadgen: Leadgen) -> LedgerAudit:
        if against is None:
            return await leadgen.audit_ledger.run(account=account)
        async with usage_report(against) as report:
            return await leadgen.audit_ledger.run(report)

    audited = with_leadgen(use, account=account)
    if json:
        print_json(_audit_document(audited))
        return
    out.print(_totals_table(audited))
    out.print(_doubts(audited))
    if audited.reconciliation:
        _print_reconciliation(audited.reconciliation)


@app.command()
def show(
    lookup: Annotated[str, typer.Argument(help="The lookup's key, or how it begins: see leads show.")],
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Show one paid question: who was asked, what came of it, what it cost, and what came to light later."""
    story = with_leadgen(lambda leadgen: leadgen.show_lookup.run(account, lookup), account=account)
    if json:
        print_json(_story_document(story))
        return
    for name, value in _story_document(story).items():
        if name != "evidence":
            out.print(f"{name:<13} {'-' if value is None else value}", markup=False)
    for each in story.evidence:
        change = f"{each.state_before} -> {each.state_after}"
        cost = f"{render.money(each.cost_before_micros)} -> {render.money(each.cost_after_micros)}"
        out.print(
            f"{render.moment(each.received_at)}  {each.source}: {each.detail}, {change}, {cost}", markup=False
        )


def _audit_document(audited: LedgerAudit) -> dict[str, Any]:
    totals = audited.totals.providers
    document: dict[str, Any] = {
        "lookups": sum(each.lookups for each in totals.values()),
        "posted_usd": render.dollars(sum(each.posted_micros for each in totals.values())),
        "held_usd": render.dollars(sum(each.held_micros for each in totals.values())),
        "estimated_usd": render.dollars(sum(each.estimated_micros for each in totals.values())),
        "intents_open": audited.totals.intents_open,
        "unknown_open": audited.totals.unknown_open,
        "unknown_age_seconds_max": round(audited.unknown_age_seconds, 3),
        "providers": {
            name: {
                "lookups": each.lookups,
                "posted_usd": render.dollars(each.posted_micros),
                "held_usd": render.dollars(each.held_micros),
                "estimated_usd": render.dollars(each.estimated_micros),
            }
            for name, each in totals.items()
        },
    }
    if (result := audited.reconciliation) is not None:
        claims = [_claim_document(claim) for claim in result.claims]
        document |= {"lines": result.lines, "settled": result.settled, "claims": claims}
        document["claims_total"] = result.disputed
    return document


def _claim_document(claim: Claim) -> dict[str, Any]:
    return {
        "provider": claim.provider,
        "reference": claim.reference,
        "why": claim.dispute.value,
        "ledger_usd": render.dollars(claim.ledger_micros),
        "reported_usd": render.dollars(claim.reported_micros),
    }


def _totals_table(audited: LedgerAudit) -> Table:
    table = Table(box=SIMPLE_HEAD, title="Ledger", title_justify="left", title_style="bold")
    table.add_column("provider")
    for heading in ("lookups", "posted", "held", "estimated"):
        table.add_column(heading, justify="right")
    totals = audited.totals.providers
    for name, each in totals.items():
        amounts = (each.posted_micros, each.held_micros, each.estimated_micros)
        table.add_row(name, str(each.lookups), *(render.money(amount) for amount in amounts))
    table.add_section()
    sums = (
        sum(each.posted_micros for each in totals.values()),
        sum(each.held_micros for each in totals.values()),
        sum(each.estimated_micros for each in totals.values()),
    )
    lookups = str(sum(each.lookups for each in totals.values()))
    table.add_row("all", lookups, *(render.money(amount) for amount in sums), style="bold")
    return table


def _doubts(audited: LedgerAudit) -> str:
    totals = audited.totals
    if not totals.intents_open and not totals.unknown_open:
        return "Nothing is under way, nothing is in doubt."
    age = render.duration(audited.unknown_age_seconds)
    oldest = f", the oldest {age} old" if totals.unknown_open else ""
    return f"{totals.intents_open} under way; {totals.unknown_open} in doubt, counted as estimated{oldest}."


def _print_reconciliation(result: Reconciliation) -> None:
    out.print(
        f"{result.lines} lines of the report: {result.settled} lookups settled, {result.disputed} claims."
    )
    if not result.claims:
        return
    table = Table(box=SIMPLE_HEAD, title="To claim", title_justify="left", title_style="bold")
    for heading in ("provider", "lookup", "why"):
        table.add_column(heading)
    for heading in ("ledger", "report"):
        table.add_column(heading, justify="right")
    for claim in result.claims[:_CLAIMS_SHOWN]:
        amounts = (render.money(claim.ledger_micros), render.money(claim.reported_micros))
        table.add_row(claim.provider, render.shortened(claim.reference), claim.dispute, *amounts)
    out.print(table)
    if result.disputed > _CLAIMS_SHOWN:
        out.print(
            f"and {result.disputed - _CLAIMS_SHOWN} more: --json lists up to 10,000 of them", style="dim"
        )


def _story_document(story: LookupStory) -> dict[str, Any]:
    lookup = story.lookup
    return {
        "lookup": lookup.key,
        "lead": lookup.lead_id,
        "job": lookup.job_id,
        "provider": lookup.provider,
        "n": lookup.n,
        "state": lookup.state.value,
        "outcome": render.outcome_text(lookup),
        "posted_usd": render.dollars(lookup.posted_micros),
        "held_usd": render.dollars(lookup.held_micros),
        "estimated_usd": render.dollars(lookup.estimated_micros),
        "intended_at": render.moment(lookup.created_at),
        "settled_at": render.moment(lookup.settled_at) if lookup.settled_at else None,
        "took_seconds": lookup.took_seconds,
        "repeats": lookup.repeats,
        "owner": lookup.owner,
        "evidence": [
            {
                "received_at": render.moment(each.received_at),
                "source": each.source,
                "outcome": each.detail,
                "state_before": each.state_before,
                "state_after": each.state_after,
                "cost_before_usd": render.dollars(each.cost_before_micros),
                "cost_after_usd": render.dollars(each.cost_after_micros),
            }
            for each in story.evidence
        ],
    }
