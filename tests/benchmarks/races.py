"""What races cost and how long they take over real processes, beside the formulas: `make bench-races`.

A worker, a Temporal server and the simulator, whose answers take as long as those of its field profile. Calls
leave at a rate that nobody has to queue for. A search takes from its first byte to the answer that ends it.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from sqlalchemy import Row, select

from leadgen.adapters.persistence.tables import lookups
from leadgen.domain.money import MICROS_PER_USD
from tests.benchmarks.throughput.people import write_people
from tests.benchmarks.throughput.stage import SQLITE, Stage, stage
from tests.e2e.processes import NO_LIMITS, PROVIDERS
from tests.entrypoints.program import WarmStart, warm_start
from tests.race_formulas import Expected, Vendor, all_at_once, hedged, in_turn

LEADS = 2_000
WITHIN = 0.03
DELAY_SECONDS = 4.0
LIMITS = ("rate=60/1s,1000000/1h", "concurrency=1000")
SIGMA = 0.15
"""The simulator's latencies are lognormal around their median."""

_NORMAL = NormalDist()


def _vendor(name: str, hit_rate: float, price: float, median: float) -> Vendor:
    def has_answered_by(seconds: float) -> float:
        return _NORMAL.cdf(math.log(seconds / median) / SIGMA) if seconds > 0 else 0.0

    return Vendor(name, hit_rate, price, median * math.exp(SIGMA**2 / 2), has_answered_by)


ORION, ASTRA, NIMBUS = VENDORS = (
    _vendor("orion", 0.45, 0.020, 4.2),
    _vendor("astra", 0.35, 0.010, 1.3),
    _vendor("nimbus", 0.50, 0.015, 2.2),
)
MEDIANS = {"orion": "4200ms", "astra": "1300ms", "nimbus": "2200ms"}


@dataclass(frozen=True)
class Case:
    """A strategy, whom it may ask, and what the formula says."""

    name: str
    words: tuple[str, ...]
    vendors: Sequence[Vendor]
    expected: Expected


CASES = (
    Case("sequential", (), VENDORS, in_turn(VENDORS)),
    Case(
        "hedged",
        ("--strategy", "hedged", "--hedge-after", f"{DELAY_SECONDS:g}s", "--grace", "0s"),
        (ORION, ASTRA),
        hedged(ORION, ASTRA, DELAY_SECONDS),
    ),
    Case("parallel", ("--strategy", "parallel", "--grace", "0s"), VENDORS, all_at_once(VENDORS)),
)


def main() -> int:
    """Prints a line a strategy; 1 where one is further from its formula than it may be."""
    print(f"{LEADS} leads; +- is 1.96 standard errors of the mean")
    broken = 0
    with warm_start() as warm:
        for case in CASES:
            for what, expected, found in zip(
                ("cost", "seconds"), *_both(case, measured(case, warm)), strict=True
            ):
                mean, error = fmean(found), 1.96 * stdev(found) / math.sqrt(len(found))
                off = mean / expected - 1
                broken += abs(off) > WITHIN
                print(
                    f"{case.name:<11}{what:<8}{mean:>9.5f} +- {error:.5f}  formula {expected:.5f}  {off:+.2%}"
                )
    return 1 if broken else 0


def _both(
    case: Case, found: Sequence[tuple[float, float]]
) -> tuple[tuple[float, float], tuple[list[float], list[float]]]:
    costs, seconds = [cost for cost, _ in found], [took for _, took in found]
    return (case.expected.cost, case.expected.seconds), (costs, seconds)


def measured(case: Case, warm: WarmStart, leads: int = LEADS) -> list[tuple[float, float]]:
    """What each lead cost in USD, and how many seconds it took."""
    flags = [word for each in VENDORS for word in ("--hits", f"{each.name}={each.hit_rate}")]
    flags += [word for name, median in MEDIANS.items() for word in ("--latency", f"{name}={median}")]
    with stage(warm, SQLITE, world=("--profile", "instant", *NO_LIMITS, *flags), limits=LIMITS) as there:
        asked = {each.name for each in case.vendors}
        for name in PROVIDERS:
            words = ("timeout=30s", f"enabled={'true' if name in asked else 'false'}")
            there.command("providers", "set", name, *words)
        there.command("leads", "import", str(write_people(there.folder / "people.csv", leads)))
        with there.worker():
            there.command("phones", "find", *case.words)
        return _by_lead(there)


def _by_lead(there: Stage) -> list[tuple[float, float]]:
    columns = (
        lookups.c.lead_id, lookups.c.outcome, lookups.c.posted_micros,
        lookups.c.settled_at, lookups.c.took_millis,
    )  # fmt: skip
    calls: dict[str, list[Row[tuple[object, ...]]]] = defaultdict(list)
    for row in there.rows(select(*columns)):
        if row.took_millis is not None:
            calls[row.lead_id].append(row)
    return [_search(rows) for rows in calls.values()]


def _search(rows: Sequence[Row[tuple[object, ...]]]) -> tuple[float, float]:
    """From the first byte to the first number, or to the last answer where there was none."""
    began = min(row.settled_at.timestamp() - row.took_millis / 1_000 for row in rows)
    numbers = [row.settled_at.timestamp() for row in rows if row.outcome == "hit"]
    ended = min(numbers) if numbers else max(row.settled_at.timestamp() for row in rows)
    return sum(row.posted_micros for row in rows) / MICROS_PER_USD, ended - began


if __name__ == "__main__":
    sys.exit(main())
