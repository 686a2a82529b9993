"""The condition of leadgen as a whole, for those who watch it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from leadgen.domain.value import value


@value(frozen=True, slots=True)
class Condition:
    """How things stand over all accounts and processes.

    ``jobs`` by status, ``deliveries`` of webhooks by state, ``modes``: what carries each provider's limits,
    ``breakers``: the state of each that is on record.
    ``oldest_unknown_seconds`` is 0 where nothing is in doubt.
    """

    jobs: Mapping[str, int]
    deliveries: Mapping[str, int]
    modes: Mapping[str, str]
    breakers: Mapping[str, str]
    intents_open: int
    unknown_open: int
    oldest_unknown_seconds: float


class IConditionGauge(ABC):
    """Reads it off the database, by indexes alone. Raises ServiceUnavailable."""

    @abstractmethod
    async def read(self) -> Condition:
        """The condition now."""
