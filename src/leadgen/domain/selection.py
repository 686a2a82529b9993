"""Who may be asked about a lead: filters over standings, each refusal with its reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from leadgen.domain.budget import Budget, Span
from leadgen.domain.lead import Input
from leadgen.domain.standing import Standing
from leadgen.domain.tier import Tier
from leadgen.domain.value import value

OURSELVES = "leadgen"
"""In the place of a provider's name: nobody was asked, for a fault of our own."""


@value(frozen=True, slots=True)
class Request:
    """For whom providers are chosen: what is known of a lead, the tier of the account, and its budgets.

    What is the same here is the same to all filters: leads of which as much is known share a plan.
    """

    inputs: frozenset[Input]
    tier: Tier
    budgets: Sequence[Budget] = ()


@value(frozen=True, slots=True)
class Refusal:
    """A provider that is not asked, and why.

    ``prevents``: it could have been asked at another time, so its silence does not mean "no number".
    ``over``: the budget that does not cover it. ``again_at``: when it may be asked after all, where that is
    soon enough to wait for.
    """

    provider: str
    reason: str
    prevents: bool = False
    over: Span | None = None
    again_at: datetime | None = None


class IProviderFilter(ABC):
    """One reason not to ask a provider."""

    @abstractmethod
    def refuse(self, standing: Standing, request: Request) -> Refusal | None:
        """Why this provider is not asked, or None where this filter has nothing against it."""


class Enabled(IProviderFilter):
    """Refuses what is switched off, or has no key."""

    def refuse(self, standing: Standing, request: Request) -> Refusal | None:
        """See IProviderFilter."""
        del request
        if not standing.config.enabled:
            return Refusal(standing.config.name, "disabled")
        if standing.needs is not None:
            return None
        name = standing.config.name.upper()
        return Refusal(standing.config.name, f"no key: set LEADGEN_{name}_URL and LEADGEN_{name}_API_KEY")


class InputsPresent(IProviderFilter):
    """Refuses a provider that needs what the lead does not have."""

    def refuse(self, standing: Standing, request: Request) -> Refusal | None:
        """See IProviderFilter."""
        missing = (standing.needs or frozenset()) - request.inputs
        if not missing:
            return None
        return Refusal(standing.config.name, f"the lead has no {' and no '.join(sorted(missing))}")


class TierCovered(IProviderFilter):
    """Refuses a provider that the account's tier does not cover."""

    def refuse(self, standing: Standing, request: Request) -> Refusal | None:
        """See IProviderFilter."""
        needed = standing.config.tier
        if request.tier.covers(needed):
            return None
        return Refusal(standing.config.name, f"the account is {request.tier}, this needs {needed}")


class BreakerClosed(IProviderFilter):
    """Refuses a provider whose breaker is open: it could have been asked at another time."""

    def refuse(self, standing: Standing, request: Request) -> Refusal | None:
        """See IProviderFilter."""
        del request
        barred = standing.barred
        if barred is None:
            return None
        return Refusal(standing.config.name, barred.why, prevents=True, again_at=barred.again_at)


class WithinBudget(IProviderFilter):
    """Refuses a provider whose price exceeds what is left of a budget; the ledger has the last word."""

    def refuse(self, standing: Standing, request: Request) -> Refusal | None:
        """See IProviderFilter."""
        config = standing.config
        for budget in request.budgets:
            over = budget.refusal(config.price_micros)
            if over is not None and over.is_final:
                return Refusal(config.name, over.why, prevents=True, over=over.span)
        return None


@value(frozen=True, slots=True)
class Selection:
    """Who may be asked, and who not and why."""

    accepted: tuple[Standing, ...]
    refused: tuple[Refusal, ...]


class SelectionPipeline:
    """All filters in order; the first refusal of a provider is the one that is told."""

    def __init__(self, filters: Sequence[IProviderFilter]) -> None:
        self._filters = tuple(filters)

    def select(self, standings: Sequence[Standing], request: Request) -> Selection:
        """Splits the standings, keeping their order."""
        refusals = [(standing, self._refusal(standing, request)) for standing in standings]
        return Selection(
            accepted=tuple(standing for standing, refusal in refusals if refusal is None),
            refused=tuple(refusal for _, refusal in refusals if refusal),
        )

    def _refusal(self, standing: Standing, request: Request) -> Refusal | None:
        for each in self._filters:
            if refusal := each.refuse(standing, request):
                return refusal
        return None
