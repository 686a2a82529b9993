"""`leadgen providers ...`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.table import Table

from leadgen.application.check_providers import ProviderHealth
from leadgen.application.ports.limit_gauge import LimitReading
from leadgen.composition import Leadgen
from leadgen.domain.breaker import Breaker, BreakerState
from leadgen.domain.errors import UnknownId
from leadgen.domain.provider import ProviderConfig
from leadgen.entrypoints.cli import market, render
from leadgen.entrypoints.cli.provider_keys import changed
from leadgen.entrypoints.cli.running import DEFAULT_ACCOUNT, AccountName, out, print_json, with_leadgen

app = typer.Typer(help="Configure and check providers.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the providers in the order in which they are asked."""

    async def use(leadgen: Leadgen) -> tuple[Sequence[ProviderHealth], Mapping[str, Breaker]]:
        return await leadgen.check_providers.run(reach=False), await leadgen.watch.breakers()

    health, breakers = with_leadgen(use)
    if json:
        documents = [
            provider_document(each.config)
            | {"has_key": each.has_key, "breaker": breaker_document(breakers.get(each.config.name))}
            for each in health
        ]
        print_json({"providers": documents})
        return
    table = Table(box=SIMPLE_HEAD)
    for heading in ("", "provider", "rate", "at once", "price", "charges", "enabled", "key"):
        table.add_column(heading)
    for each in health:
        config = each.config
        rate = ",".join(str(rule) for rule in config.limits.rules)
        cells = (str(config.priority), config.name, rate, str(config.limits.concurrency))
        flags = ("yes" if config.enabled else "no", "set" if each.has_key else "not set")
        table.add_row(*cells, render.money(config.price_micros), config.charges.value, *flags)
    out.print(table)
    for breaker in breakers.values():
        if breaker.state is not BreakerState.CLOSED:
            out.print(f"[red]{breaker.provider}[/]: {breaker.told}")
            out.print(f"  closed by hand with: leadgen providers reset {breaker.provider}", style="dim")


@app.command()
def reset(name: Annotated[str, typer.Argument()], json: Json = False) -> None:
    """Close a provider's breaker; its hit rate of late is the usual one from now on."""

    async def use(leadgen: Leadgen) -> Breaker:
        if name not in await leadgen.catalog.configs():
            raise UnknownId("provider", name)
        return await leadgen.watch.reset(name)

    breaker = with_leadgen(use)
    if json:
        print_json({"name": name, "breaker": breaker_document(breaker)})
    else:
        out.print(f"{name}: {breaker.told}")


@app.command("set")
def set_(
    name: Annotated[str, typer.Argument()],
    keys: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...")],
    json: Json = False,
) -> None:
    """Change a provider; running workers follow within a second.

    Keys: rate=5/1s,100/1h concurrency=3 price=0.02 charges=request|hit priority=1 enabled=true
    tier=free|pro|enterprise timeout=10s unknown=assume|repeat|recall|retry

    unknown: what to do where the answer to a paid question was lost.
    assume: count it as charged and ask the next provider. repeat: send it again under its idempotency key.
    recall: look it up by its reference. retry: ask once more, where only hits are charged.
    """

    async def use(leadgen: Leadgen) -> ProviderConfig:
        configs = await leadgen.catalog.configs()
        if name not in configs:
            raise UnknownId("provider", name)
        config = changed(configs[name], keys)
        await leadgen.catalog.save(config)
        return config

    config = with_leadgen(use)
    if json:
        print_json(provider_document(config))
    else:
        told = {key: value for key, value in provider_document(config).items() if key != "name"}
        out.print(
            f"{name}: " + " ".join(f"{key}={_as_given(value)}" for key, value in told.items()), markup=False
        )


@app.command()
def check(json: Json = False) -> None:
    """Say what is configured and reachable, without a paid question; exit 1 when something is missing."""
    health = with_leadgen(lambda leadgen: leadgen.check_providers.run(reach=True))
    if json:
        print_json({"providers": [_health_document(each) for each in health]})
    else:
        for each in health:
            out.print(f"{each.config.name}: {_verdict(each)}")
    if not any(_is_ready(each) for each in health) or any(_is_broken(each) for each in health):
        raise typer.Exit(1)


@app.command()
def limits(
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False, json: Json = False
) -> None:
    """Show how much of each limit is used, who carries it, and when the next call may start."""

    async def read(leadgen: Leadgen) -> list[LimitReading]:
        configs = sorted((await leadgen.catalog.configs()).values(), key=lambda config: config.priority)
        return [await leadgen.limits.read(config) for config in configs]

    async def keep_showing(leadgen: Leadgen) -> None:
        with Live(console=out, auto_refresh=False) as live:
            while True:
                live.update(render.limits_table(await read(leadgen)), refresh=True)
                await leadgen.clock.sleep(1.0)

    if json:
        print_json({"providers": [render.limits_document(each) for each in with_leadgen(read)]})
    elif watch:
        with_leadgen(keep_showing)
    else:
        out.print(render.limits_table(with_leadgen(read)))


@app.command()
def report(
    json: Json = False,
    segments: Annotated[bool, typer.Option("--segments", help="A line for each segment, too.")] = False,
    account: AccountName = DEFAULT_ACCOUNT,
) -> None:
    """Say what each provider did: calls, hits, price per number, latency, and what others knew as well."""
    found = with_leadgen(lambda leadgen: leadgen.market.report.run(account), account=account)
    if json:
        print_json(market.report_document(found))
        return
    out.print(market.report_table(found, segments=segments))
    if overlap := market.overlap_table(found):
        out.print(overlap)


def breaker_document(breaker: Breaker | None) -> dict[str, object]:
    """A breaker as `providers list --json` prints it."""
    if breaker is None or breaker.state is BreakerState.CLOSED:
        return {"state": BreakerState.CLOSED.value}
    return {
        "state": breaker.state.value,
        "cause": breaker.cause.value if breaker.cause else None,
        "why": breaker.why,
        "since": breaker.since.isoformat() if breaker.since else None,
        "until": breaker.until.isoformat() if breaker.until else None,
    }


def provider_document(config: ProviderConfig) -> dict[str, object]:
    """A provider as `providers list --json` prints it, in the keys that `providers set` takes."""
    return {
        "name": config.name,
        "rate": ",".join(str(rule) for rule in config.limits.rules),
        "concurrency": config.limits.concurrency,
        "price": render.dollars(config.price_micros),
        "charges": config.charges.value,
        "priority": config.priority,
        "enabled": config.enabled,
        "tier": config.tier.value,
        "timeout": f"{config.timeout_seconds:g}s",
        "unknown": config.on_unknown.value,
    }


def _as_given(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _health_document(health: ProviderHealth) -> dict[str, object]:
    return {
        "name": health.config.name,
        "enabled": health.config.enabled,
        "has_key": health.has_key,
        "reachable": health.is_reachable,
    }


def _verdict(health: ProviderHealth) -> str:
    name = health.config.name.upper()
    if not health.config.enabled:
        return f"disabled (leadgen providers set {health.config.name} enabled=true)"
    if not health.has_key:
        return f"not configured: set LEADGEN_{name}_URL and LEADGEN_{name}_API_KEY"
    if not health.is_reachable:
        return f"[red]not reachable[/]: check LEADGEN_{name}_URL"
    return "[green]reachable[/] (whether the key is right shows with the first question: that costs)"


def _is_ready(health: ProviderHealth) -> bool:
    return health.config.enabled and health.has_key and health.is_reachable


def _is_broken(health: ProviderHealth) -> bool:
    return health.config.enabled and health.has_key and not health.is_reachable
