"""How numbers are searched for: one provider after the other or several at once, and what is good enough."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.money import micros_from_usd, usd
from leadgen.domain.phone import WantedLine
from leadgen.domain.value import value

HEDGE_SECONDS = 0.5
"""After so long the next provider is asked too, of a provider whose usual pace is not known yet."""

GRACE_SECONDS = 0.25
"""So long a number waits for the answer of a provider that is preferred."""

P95 = "p95"
_SECONDS_MAX = 300.0
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s)", re.ASCII)


Choice = TypeVar("Choice", bound=StrEnum)


class Strategy(StrEnum):
    """When the next provider is asked."""

    SEQUENTIAL = "sequential"
    """Once the one before has answered: the cheapest."""
    HEDGED = "hedged"
    """As soon as the one before is late."""
    PARALLEL = "parallel"
    """At once: the fastest, and all are paid."""


@value(frozen=True, slots=True)
class SearchOptions:
    """What whoever orders a search may choose.

    ``hedge_after_seconds``: when a provider counts as late; None is when it takes longer than 19 of 20 of its
    own answers do. ``max_price_micros``: what a number is worth. ``fresh``: answers of before do not count.
    """

    strategy: Strategy = Strategy.SEQUENTIAL
    hedge_after_seconds: float | None = None
    grace_seconds: float = GRACE_SECONDS
    line: WantedLine = WantedLine.ANY
    max_price_micros: int | None = None
    fresh: bool = False

    @property
    def is_race(self) -> bool:
        """Whether several providers may be asked at once."""
        return self.strategy is not Strategy.SEQUENTIAL

    @property
    def is_paced_by_providers(self) -> bool:
        """Whether each provider's own pace says when it is late."""
        return self.strategy is Strategy.HEDGED and self.hedge_after_seconds is None

    @property
    def needs_track_records(self) -> bool:
        """Whether a search has to know how providers have done so far."""
        is_weighed_by_line = self.max_price_micros is not None and self.line is not WantedLine.ANY
        return self.is_paced_by_providers or is_weighed_by_line

    @property
    def stagger(self) -> timedelta | None:
        """How long after a question the next provider is asked too; None is never."""
        match self.strategy:
            case Strategy.SEQUENTIAL:
                return None
            case Strategy.PARALLEL:
                return timedelta()
            case Strategy.HEDGED if self.hedge_after_seconds is None:
                return timedelta(seconds=HEDGE_SECONDS)
            case Strategy.HEDGED:
                return timedelta(seconds=self.hedge_after_seconds)


AS_USUAL = SearchOptions()


def read_options(
    *,
    strategy: str = "",
    hedge_after: str = "",
    grace: str = "",
    line: str = "",
    max_price: str = "",
    fresh: bool = False,
) -> SearchOptions:
    """The options behind words, empty ones as usual; raises InvalidSetting in the name of the wrong one."""
    return SearchOptions(
        strategy=_choice("strategy", Strategy, strategy) if strategy else Strategy.SEQUENTIAL,
        hedge_after_seconds=None if hedge_after in {"", P95} else _seconds("hedge-after", hedge_after, P95),
        grace_seconds=_seconds("grace", grace) if grace else GRACE_SECONDS,
        line=_choice("line", WantedLine, line) if line else WantedLine.ANY,
        max_price_micros=micros_from_usd(max_price, "max-price") if max_price else None,
        fresh=fresh,
    )


def words_of(options: SearchOptions) -> dict[str, str | bool]:
    """What `read_options` makes these options of."""
    late = options.hedge_after_seconds
    return {
        "strategy": options.strategy.value,
        "hedge_after": P95 if late is None else f"{late:.6f}s",
        "grace": f"{options.grace_seconds:.6f}s",
        "line": options.line.value,
        "max_price": "" if options.max_price_micros is None else usd(options.max_price_micros),
        "fresh": options.fresh,
    }


def _choice(name: str, choices: type[Choice], text: str) -> Choice:
    try:
        return choices(text.lower())
    except ValueError:
        raise InvalidSetting(name, text, " or ".join(choices)) from None


def _seconds(name: str, text: str, *others: str) -> float:
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) / (1_000 if match[2] == "ms" else 1) if match else -1.0
    if not 0 <= seconds <= _SECONDS_MAX:
        expected = f"a time with its unit, up to {_SECONDS_MAX:g}s, such as 500ms"
        raise InvalidSetting(name, text, " or ".join((expected, *others)))
    return seconds
