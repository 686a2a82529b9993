"""How three accounts share one provider's limit: ``python -m tests.benchmarks.fairness [--leads N]``.

Each account has a job with more leads than it gets through; all wait for the same limit. The shares of the
leads that end first, once all three have begun, are held against the weights of the accounts' tiers.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.e2e.people import plain_file
from tests.e2e.processes import NO_LIMITS, Stage, staged, until
from tests.entrypoints.program import warm_start
from tests.servers.temporal import temporal_server

TIERS = {"small": "free", "middle": "pro", "large": "enterprise"}
WEIGHTS = {"small": 1, "middle": 2, "large": 4}
FLAGS = ("--profile", "instant", *NO_LIMITS)
_COUNTED = 1.2
"""Of what the largest account has, so many times is counted: its backlog lasts, as it gets 4 of 7."""


def shares(stage: Stage, leads: int, rate: int) -> Mapping[str, float]:
    """Each account's share of the leads that ended first, from when all three did until one is through."""
    stage.program("providers", "set", "orion", f"rate={rate}/1s", "concurrency=50")
    for name in ("astra", "nimbus"):
        stage.program("providers", "set", name, "enabled=false")
    for account, tier in TIERS.items():
        assert stage.program("accounts", "create", account, "--tier", tier).code == 0
        people = stage.program.write(f"{account}.csv", plain_file(leads))
        assert stage.program("leads", "import", people, "--account", account).code == 0
        ordered = stage.program("phones", "find", "--no-wait", "--account", account)
        assert ordered.code == 0, ordered
    counted = int(leads * _COUNTED)
    with stage.worker():
        seconds = 60 + 3 * counted / rate
        until(lambda: len(_ended(stage, counted)) == counted, seconds, f"{counted} leads end")
    ended = Counter(_ended(stage, counted))
    return {account: ended[account] / counted for account in TIERS}


def fair_shares() -> Mapping[str, float]:
    """What each account should have by its weight."""
    return {account: weight / sum(WEIGHTS.values()) for account, weight in WEIGHTS.items()}


def _ended(stage: Stage, limit: int) -> list[str]:
    """Whose the leads are that ended first, of those that ended when leads of all accounts had."""
    statement = (
        "SELECT jobs.account_id, job_items.ended_at FROM job_items JOIN jobs ON jobs.id = job_items.job_id"
        " WHERE job_items.state IS NOT NULL ORDER BY job_items.ended_at"
    )
    with closing(sqlite3.connect(stage.folder / ".leadgen" / "leadgen.db")) as connection:
        rows = connection.execute(statement).fetchall()
    begun: dict[str, str] = {}
    for account, at in rows:
        begun.setdefault(account, at)
    if len(begun) < len(TIERS):
        return []
    return [account for account, at in rows if at > max(begun.values())][:limit]


def main() -> int:
    """Prints the shares beside what they should be; 1 where one is off by more than 5 points."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--leads", type=int, default=3_000, help="leads of each account")
    parser.add_argument("--rate", type=int, default=60, help="calls a second that the provider allows")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="leadgen-fairness-") as place,
        warm_start() as warm,
        temporal_server(Path(place)) as temporal,
        staged(warm, Path(place), temporal.address, *FLAGS) as stage,
    ):
        measured = shares(stage, chosen.leads, chosen.rate)
    worst = 0.0
    for account, fair in fair_shares().items():
        off = 100 * (measured[account] - fair)
        worst = max(worst, abs(off))
        sys.stdout.write(f"{account:<8}{measured[account]:.3f}  fair {fair:.3f}  {off:+.1f} points\n")
    return int(worst > 5)


if __name__ == "__main__":
    sys.exit(main())
