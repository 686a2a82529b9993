"""`leadgen backtest`, and what `leadgen providers report` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from leadgen.application.backtest_order import Backtest
from leadgen.composition import Leadgen
from leadgen.domain.backtest import LEADS_MIN
from leadgen.domain.errors import UnknownId
from leadgen.domain.estimate import Estimate
from leadgen.domain.market import ALL, Performance
from leadgen.domain.money import MICROS_PER_USD, micros_from_usd
from leadgen.domain.ordering import Order
from leadgen.domain.search_options import GRACE_SECONDS, P95, SearchOptions, Strategy, read_options
from leadgen.entrypoints.cli import render
from leadgen.entrypoints.cli.phones import Grace, HedgeAfter, How
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, out, print_json, with_leadgen

Report = Mapping[tuple[str, str], Performance]


def backtest(
    *,
    order: Annotated[Order, typer.Option(help="The order to try.")] = Order.COST,
    price: Annotated[
        list[str] | None, typer.Option(metavar="NAME=USD", help="Under another price; repeatable.")
    ] = None,
    strategy: How = Strategy.SEQUENTIAL,
    hedge_after: HedgeAfter = P95,
    grace: Grace = f"{GRACE_SECONDS * 1_000:g}ms",
    account: AccountName = DEFAULT_ACCOUNT,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what another order, strategy or price would have cost over the ledger's leads, and how fast it is.

    Intervals are of 95 %. Time is that of the providers: what queues and limits add is not in it.
    """
    options = read_options(strategy=strategy, hedge_after=hedge_after, grace=grace)

    async def use(leadgen: Leadgen) -> Backtest:
        prices = {
            name: micros_from_usd(usd, "price") for name, _, usd in (p.partition("=") for p in price or ())
        }
        for name in prices:
            if name not in await leadgen.catalog.configs():
                raise UnknownId("provider", name)
        return await leadgen.market.backtest.run(account, order, prices, options)

    result = with_leadgen(use, account=account)
    if json:
        print_json(_backtest_document(order, options, result))
        return
    _print_backtest(order, options, result)


def _print_backtest(order: Order, options: SearchOptions, result: Backtest) -> None:
    paid, found = render.money(result.paid_micros), result.found
    out.print(f"{result.leads} leads, {result.panel} of them in the panel; {found} numbers for {paid}.")
    verdict = result.verdict
    what = f"{order.value}, {options.strategy.value}" if options.is_race else order.value
    if verdict.cost_micros is None or verdict.coverage is None:
        reason = f"{verdict.leads:.0f} leads tell about it, {LEADS_MIN} are needed"
        if verdict.leads >= LEADS_MIN:
            reason = "of too many leads nobody knows what providers further down would have answered"
        out.print(f"No verdict on {what}: {reason}. To get more: leadgen phones find --panel 1%")
        return
    cost, coverage = verdict.cost_micros, verdict.coverage
    out.print(f"Asked by {what}, judged by {verdict.leads:.0f} leads ({verdict.method}):")
    out.print(
        f"  a lead costs ${cost.mean / MICROS_PER_USD:.4f}"
        f" (95 %: {cost.low / MICROS_PER_USD:.4f} to {cost.high / MICROS_PER_USD:.4f})"
    )
    out.print(
        f"  a number is found for {coverage.mean:.1%} (95 %: {coverage.low:.1%} to {coverage.high:.1%})"
    )
    for told, took in (
        ("a lead takes", verdict.seconds),
        ("19 of 20 leads take at most", verdict.p95_seconds),
    ):
        if took is not None:
            out.print(f"  {told} {took.mean:.2f} s (95 %: {took.low:.2f} to {took.high:.2f})")


def report_document(report: Report) -> dict[str, Any]:
    """The report as `providers report --json` prints it."""
    return {
        "providers": [
            {
                "name": name,
                "segment": segment,
                "calls": each.calls,
                "hits": each.hits,
                "cost_usd": render.dollars(each.cost_micros),
                "usd_per_number": None
                if each.micros_per_hit is None
                else render.dollars(each.micros_per_hit),
                "p50_seconds": each.quantile_seconds(0.50),
                "p95_seconds": each.quantile_seconds(0.95),
                "overlap": {
                    other: None if (share := each.overlap(other)) is None else round(share, 4)
                    for other in sorted(each.shared)
                },
            }
            for (name, segment), each in sorted(report.items())
        ]
    }


def report_table(report: Report, *, segments: bool) -> Table:
    """What each provider did, over all and by segment."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("provider", no_wrap=True)
    for heading in ("calls", "hits", "rate", "$/number", "p50", "p95"):
        table.add_column(heading, justify="right", no_wrap=True)
    for segment in sorted({segment for _, segment in report if segments or segment == ALL}, key=_all_first):
        if segment != ALL:
            table.add_section()
            table.add_row(segment, style="dim")
        for name in sorted(name for name, of in report if of == segment):
            table.add_row(f"{'' if segment == ALL else '  '}{name}", *_figures(report[name, segment]))
    return table


def _all_first(segment: str) -> tuple[bool, str]:
    return segment != ALL, segment


def _figures(each: Performance) -> list[str]:
    per_number = "-" if each.micros_per_hit is None else f"{each.micros_per_hit / MICROS_PER_USD:.4f}"
    times = (_seconds(each.quantile_seconds(share)) for share in (0.50, 0.95))
    return [str(each.calls), str(each.hits), f"{each.hits / each.calls:.0%}", per_number, *times]


def overlap_table(report: Report) -> Table | None:
    """Of each provider's numbers, how many another one had as well, where both were asked."""
    names = sorted(name for name, segment in report if segment == ALL)
    if not any(report[name, ALL].shared_hits for name in names):
        return None
    table = Table(box=SIMPLE_HEAD, title="Of the numbers of ... also known to", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for name in names:
        shares = [report[name, ALL].overlap(other) for other in names]
        table.add_row(name, *("-" if share is None else f"{share:.0%}" for share in shares))
    return table


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


def _backtest_document(order: Order, options: SearchOptions, result: Backtest) -> dict[str, Any]:
    verdict = result.verdict
    return {
        "order": order.value,
        "strategy": options.strategy.value,
        "leads": result.leads,
        "panel": result.panel,
        "paid_usd": render.dollars(result.paid_micros),
        "found": result.found,
        "method": verdict.method,
        "leads_effective": round(verdict.leads, 1),
        "usd_per_lead": _estimate_document(verdict.cost_micros, MICROS_PER_USD),
        "coverage": _estimate_document(verdict.coverage, 1),
        "seconds_per_lead": _estimate_document(verdict.seconds, 1),
        "p95_seconds": _estimate_document(verdict.p95_seconds, 1),
    }


def _estimate_document(estimate: Estimate | None, unit: int) -> dict[str, float] | None:
    if estimate is None:
        return None
    values = {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
    return {name: round(value / unit, 6) for name, value in values.items()}
