"""What providers say they have charged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import datetime

from leadgen.domain.value import value


@value(frozen=True, slots=True)
class UsageLine:
    """A call as its provider has it: under our reference, received when (UTC), charged in micro-USD."""

    provider: str
    reference: str
    received_at: datetime
    charged_micros: int


class IUsageReport(ABC):
    """A provider's account of all calls in a period, in the order in which they came."""

    @abstractmethod
    def lines(self) -> AsyncIterator[UsageLine]:
        """Every call of the period. Raises UnreadableFile, and ServiceUnavailable."""

    @property
    @abstractmethod
    def is_complete_from_the_start(self) -> bool:
        """Whether it tells of all calls ever; otherwise of those from its first line on, to its last."""
