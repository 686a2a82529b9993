"""`make bench-ordering`: what the learned order costs in markets whose truth is known.

Four fixed worlds, and twenty that chance draws anew for every ``--seed``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from tests.benchmarks.ordering.market import WORLDS, World, drawn_world
from tests.benchmarks.ordering.trial import Trial, run

AFTER_DRIFT = 13_000
"""Of 20,000 leads, the drift comes after 10,000."""

LEGEND = """\
oracle: cost over that of each segment's best order, <= 1.02 while nothing drifts; segment: the worst one;
possible, saved: what the oracle and the learned order save of the best single order;
configured: worst 2,000 leads over the configured order, <= 1.10;
after drift: over the oracle from 3,000 leads after it on, all and the worst 2,000 of them, <= 1.05."""

HEADINGS = ("world", "oracle", "segment", "possible", "saved", "configured", "after drift")


def main(argv: list[str]) -> int:
    """Prints a line a world; 1 where a world misses what was promised."""
    parser = argparse.ArgumentParser(prog="bench-ordering")
    parser.add_argument("--seed", type=int, default=90210, help="which worlds are drawn")
    parser.add_argument("--drawn", type=int, default=20, help="how many")
    options = parser.parse_args(argv)
    print(f"{HEADINGS[0]:<16}" + "".join(f"{heading:>12}" for heading in HEADINGS[1:]))
    broken = 0
    for world in _worlds(options.seed, options.drawn):
        trial = run(world)
        print(_line(trial), flush=True)
        broken += bool(misses(trial))
    print(LEGEND)
    print(f"worlds that miss one of these: {broken}")
    return 1 if broken else 0


def misses(trial: Trial) -> list[str]:
    """Which promises a trial breaks."""
    drifts = trial.world.rates_later is not None
    checks = {
        "oracle": drifts or trial.over_oracle() <= 1.02,
        "saved": drifts or trial.possible < 0.2 or trial.saved >= 0.15,
        "configured": trial.worst_window() <= 1.10,
        "after drift": not drifts or trial.worst_over_oracle(AFTER_DRIFT) <= 1.05,
    }
    return [name for name, holds in checks.items() if not holds]


def _worlds(seed: int, drawn: int) -> Iterator[World]:
    yield from WORLDS
    for number in range(drawn):
        yield drawn_world(seed * 1_000 + number, drifts=bool(number % 2))


def _line(trial: Trial) -> str:
    drifts = trial.world.rates_later is not None
    after = "-"
    if drifts:
        after = f"{trial.over_oracle(AFTER_DRIFT):.3f}/{trial.worst_over_oracle(AFTER_DRIFT):.3f}"
    cells = (
        f"{trial.over_oracle():.4f}",
        f"{trial.worst_segment:.4f}",
        f"{trial.possible:.1%}",
        f"{trial.saved:.1%}",
        f"{trial.worst_window():.3f}",
        after,
    )
    return f"{trial.world.name:<16}" + "".join(f"{cell:>12}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
