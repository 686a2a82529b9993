"""Mutants: faults planted in copies of the source, one at a time; the suite has to catch every one of them.

``python -m tests.chaos.mutants [NAME ...] [--list]`` exits with 0 when all were caught, else with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tests.chaos.mutants.mutant import Mutant, OutOfDateError, together
from tests.chaos.mutants.plan import MUTANTS
from tests.chaos.mutants.trial import ROOT, Fate, Result, TrialError, control, trial, work_folder

AT_ONCE = 2
COLUMNS = 80
_NAME_COLUMNS = 24
_TERMINATED = 128 + signal.SIGTERM

Item = TypeVar("Item")
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name them, plant nothing")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - MUTANTS.keys():
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    mutants = [MUTANTS[name] for name in options.names or MUTANTS]
    if options.list:
        for mutant in mutants:
            _say(f"{mutant.name:<{_NAME_COLUMNS}}{mutant.planted}")
        return 0
    try:
        for mutant in mutants:
            mutant.applied_to(ROOT)
        return asyncio.run(_try_all(mutants))
    except (OutOfDateError, TrialError) as error:
        _say(f"{error}")
        return 1
    except asyncio.CancelledError:
        return _TERMINATED


async def _try_all(mutants: Sequence[Mutant]) -> int:
    """Tries them, after all that should catch them has passed without a fault."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    fates: list[Fate] = []

    def tell(mutant: Mutant, result: Result) -> None:
        fates.append(result.fate)
        _say(_row(mutant.name, mutant.planted, result.seconds))
        _say(f"  {result.fate:<{_NAME_COLUMNS - 2}}{_short(result.by)}")
        if result.fate is Fate.SPOILT:
            _say(result.by)

    with work_folder() as folder:
        began = time.monotonic()
        parts = together(part for mutant in mutants for part in mutant.parts)
        await _some_at_once(
            list(enumerate(parts)), lambda item: control(folder / f"{item[0]}", item[1]), lambda *_: None
        )
        _say(_row("(none)", "all of this passes", time.monotonic() - began))
        await _some_at_once(mutants, lambda mutant: trial(folder / mutant.name, mutant), tell)
    caught = sum(fate in (Fate.CAUGHT, Fate.HUNG) for fate in fates)
    _say(f"{len(fates)} faults planted, {caught} caught")
    return 0 if caught == len(fates) else 1


async def _some_at_once(
    items: Sequence[Item], work: Callable[[Item], Awaitable[T]], tell: Callable[[Item, T], None]
) -> None:
    """Works on a few at a time, and tells of each in their order; the first error ends all."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> T:
        async with free:
            return await work(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        for item, task in zip(items, tasks, strict=True):
            tell(item, await task)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _row(name: str, text: str, seconds: float) -> str:
    width = COLUMNS - _NAME_COLUMNS - 6
    return f"{name:<{_NAME_COLUMNS}}{text:<{width}}{seconds:>4.0f} s"


def _short(by: str) -> str:
    """The name of a test without its folder and class; what is longer than its column is cut."""
    name = by.splitlines()[0].rsplit("::", 1)[-1]
    width = COLUMNS - _NAME_COLUMNS
    return name if len(name) <= width else f"{name[: width - 1]}…"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
