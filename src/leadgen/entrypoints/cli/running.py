"""What commands share: a composed leadgen, and where output goes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from leadgen.adapters.telemetry.logs import configure_logs
from leadgen.composition import Leadgen, compose
from leadgen.settings import Settings, load_settings

DEFAULT_ACCOUNT = "default"
AccountName = Annotated[
    str, typer.Option("--account", metavar="NAME", help="For which account; see leadgen accounts list.")
]
Result = TypeVar("Result")

out = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def whose(account: str) -> str:
    """What a command says besides to be about this account."""
    return "" if account == DEFAULT_ACCOUNT else f" --account {account}"


def settings() -> Settings:
    """The settings in force, with logs at warnings and above."""
    loaded = load_settings()
    configure_logs("WARNING", loaded.log_format)
    return loaded


def with_leadgen(use: Callable[[Leadgen], Awaitable[Result]], *, account: str | None = None) -> Result:
    """What ``use`` gives back, run over a composed leadgen; UnknownId where there is no such account."""

    async def composed() -> Result:
        async with compose(settings()) as leadgen:
            if account is not None:
                await leadgen.accounts.tier(account)
            return await use(leadgen)

    return asyncio.run(composed())


def print_json(document: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
