"""How far providers' limits are used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from leadgen.domain.limits import Rule
from leadgen.domain.provider import ProviderConfig
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class LimitReading:
    """A provider's limits at a moment.

    ``used``: calls in the last window of each rule. ``mode`` and ``epoch``: what carries the admissions,
    empty and 0 before the first call. ``refused``: calls that the provider found too many, and
    ``discarded``: tickets that ran out unused, both of the last 24 hours.
    """

    provider: str
    mode: str
    epoch: int
    used: Sequence[tuple[Rule, int]]
    in_flight: int
    concurrency: int
    next_start_seconds: float
    refused: int
    discarded: int


class ILimitGauge(ABC):
    """Reads limits off the ledger, over all processes. Raises ServiceUnavailable."""

    @abstractmethod
    async def read(self, config: ProviderConfig) -> LimitReading:
        """The reading of one provider."""
