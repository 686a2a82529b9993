"""What whoever orders a job may say, read the same way wherever it is said."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from leadgen.domain.errors import InvalidInput
from leadgen.domain.job import JobScope
from leadgen.domain.lead import EndState
from leadgen.domain.money import micros_from_usd
from leadgen.domain.ordering import Order
from leadgen.domain.panel import share_of
from leadgen.domain.search_options import AS_USUAL, P95, SearchOptions, Strategy, read_options
from leadgen.domain.value import value
from leadgen.domain.waterfall import WhenHeld


class Only(StrEnum):
    """To which end states a job can be confined."""

    INCOMPLETE = EndState.INCOMPLETE.value
    FAILED = EndState.FAILED.value


@value(frozen=True, slots=True)
class JobOrder:
    """A job as somebody wants it; see ``Job`` and ``Budget``. As it is: all leads without a number."""

    scope: JobScope = field(default_factory=JobScope)
    when_held: WhenHeld = WhenHeld.WAIT
    order: Order = Order.PRIORITY
    panel: float = 0.0
    budget_micros: int | None = None
    options: SearchOptions = AS_USUAL


def read_order(
    *,
    lead_id: str | None = None,
    again: bool = False,
    only: Only | None = None,
    of_job: str | None = None,
    when_held: WhenHeld = WhenHeld.WAIT,
    order: Order = Order.PRIORITY,
    panel: str = "",
    budget: str | None = None,
    strategy: str = "",
    hedge_after: str = "",
    grace: str = "",
    line: str = "",
    max_price: str = "",
    fresh: bool = False,
) -> JobOrder:
    """The order behind words, empty ones as usual. Raises InvalidInput; of a word in the word's name.

    Who wants fresh answers wants them also about leads for which nothing was found.
    """
    if of_job is not None and only is None:
        raise InvalidInput("of which leads of this job? Add only=incomplete or only=failed")
    if hedge_after not in {"", P95} and strategy != Strategy.HEDGED:
        raise InvalidInput(f"hedge-after={hedge_after} says when others are asked, too: add strategy hedged")
    if only is not None and (lead_id is not None or again or fresh):
        raise InvalidInput("only names leads by how they ended: leave out the one lead, again and fresh")
    return JobOrder(
        scope=JobScope(lead_id, again or fresh, only=EndState(only) if only else None, of_job=of_job),
        when_held=when_held,
        order=order,
        panel=share_of(panel) if panel else 0.0,
        budget_micros=None if budget is None else micros_from_usd(budget, "budget"),
        options=read_options(
            strategy=strategy,
            hedge_after=hedge_after,
            grace=grace,
            line=line,
            max_price=max_price,
            fresh=fresh,
        ),
    )
