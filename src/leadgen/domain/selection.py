"""Who may be asked about a lead: filters over standings, each refusal with its reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from leadgen.domain.lead import Question
from leadgen.domain.standing import Standing
from leadgen.domain.tier import Tier


@dataclass(frozen=True, slots=True)
class Request:
    """For whom providers are chosen: the question, and the tier of the account that asks it."""

    question: Question
    tier: Tier


@dataclass(frozen=True, slots=True)
class Refusal:
    """A provider that is not asked, and why.

    ``prevents``: it could have been asked at another time, so its silence does not mean "no number".
    """

    provider: str
    reason: str
    prevents: bool = False


class IProviderFilter(ABC):
    """One reason not to ask a provider."""

    @abstractmethod
    def refuse(self, standing: Standing, request: Request) -> str | None:
        """Why this provider is not asked, or None where this filter has nothing against it."""


class Enabled(IProviderFilter):
    """Refuses what is switched off, or has no key."""

    def refuse(self, standing: Standing, request: Request) -> str | None:
        """See IProviderFilter."""
        del request
        if not standing.config.enabled:
            return "disabled"
        name = standing.config.name.upper()
        return (
            None
            if standing.needs is not None
            else f"no key: set LEADGEN_{name}_URL and LEADGEN_{name}_API_KEY"
        )


class InputsPresent(IProviderFilter):
    """Refuses a provider that needs what the lead does not have."""

    def refuse(self, standing: Standing, request: Request) -> str | None:
        """See IProviderFilter."""
        missing = (standing.needs or frozenset()) - request.question.inputs
        return f"the lead has no {' and no '.join(sorted(missing))}" if missing else None


class TierCovered(IProviderFilter):
    """Refuses a provider that the account's tier does not cover."""

    def refuse(self, standing: Standing, request: Request) -> str | None:
        """See IProviderFilter."""
        needed = standing.config.tier
        return None if request.tier.covers(needed) else f"the account is {request.tier}, this needs {needed}"


@dataclass(frozen=True, slots=True)
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
        reasons = [(standing, self._reason(standing, request)) for standing in standings]
        return Selection(
            accepted=tuple(standing for standing, reason in reasons if reason is None),
            refused=tuple(Refusal(standing.config.name, reason) for standing, reason in reasons if reason),
        )

    def _reason(self, standing: Standing, request: Request) -> str | None:
        return next((reason for each in self._filters if (reason := each.refuse(standing, request))), None)
