"""`leadgen budgets ...`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.composition import Leadgen
from leadgen.domain.budget import Budget, Span
from leadgen.domain.errors import InvalidSetting
from leadgen.domain.money import micros_from_usd
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, out, print_json, with_leadgen

app = typer.Typer(help="Limit what may be spent.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_SPANS = (Span.LOOKUP, Span.DAY, Span.ACCOUNT)
_MEANINGS = {
    Span.LOOKUP: "for one question to one provider",
    Span.DAY: "in one day (UTC)",
    Span.ACCOUNT: "in all",
}


@app.command("list")
def list_(account: AccountName = DEFAULT_ACCOUNT, json: Json = False) -> None:
    """List the budgets, and what of them is left."""
    _show(with_leadgen(lambda leadgen: _budgets_of_money(leadgen, account), account=account), json=json)


@app.command("set")
def set_(
    budgets: Annotated[list[str], typer.Argument(metavar="SPAN=USD...")],
    account: AccountName = DEFAULT_ACCOUNT,
    json: Json = False,
) -> None:
    """Set budgets; running jobs heed them at once.

    day=5.00 in one day (UTC), account=100 in all, lookup=0.02 for one question; none takes one away.
    A job has its own: leadgen phones find --budget USD.
    """
    wanted = [_parse(each) for each in budgets]

    async def use(leadgen: Leadgen) -> Sequence[Budget]:
        for span, cap_micros in wanted:
            await leadgen.budgets.cap(span, account, cap_micros)
        return await _budgets_of_money(leadgen, account)

    _show(with_leadgen(use, account=account), json=json)


async def _budgets_of_money(leadgen: Leadgen, account: str) -> Sequence[Budget]:
    """All but the quota of the tier, which counts lookups and cannot be set."""
    return [each for each in await leadgen.budgets.all_of(account) if each.span in _SPANS]


def _parse(assignment: str) -> tuple[Span, int | None]:
    span, equals, amount = assignment.partition("=")
    if not equals or span not in list(_SPANS):
        raise InvalidSetting(span, amount or "(nothing)", f"SPAN=USD with one of {', '.join(_SPANS)}")
    return Span(span), None if amount == "none" else micros_from_usd(amount, span)


def _show(budgets: Sequence[Budget], *, json: bool) -> None:
    if json:
        print_json({"budgets": [budget_document(budget) for budget in budgets]})
        return
    if not budgets:
        out.print("No budgets: nothing limits what is spent. Set one with `leadgen budgets set day=5.00`.")
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("budget", "covers", "cap", "used", "held", "left"):
        table.add_column(heading, justify="left" if heading in {"budget", "covers"} else "right")
    for budget in budgets:
        amounts = (budget.cap_micros, budget.used_micros, budget.held_micros, budget.left_micros)
        table.add_row(budget.span, _MEANINGS[budget.span], *(render.money(amount) for amount in amounts))
    out.print(table)


def budget_document(budget: Budget) -> dict[str, Any]:
    """A budget as JSON."""
    return {
        "budget": budget.span.value,
        "cap_usd": render.dollars(budget.cap_micros),
        "used_usd": render.dollars(budget.used_micros),
        "held_usd": render.dollars(budget.held_micros),
        "left_usd": render.dollars(budget.left_micros),
    }
