"""What leads were asked about whom, for those who look back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

from leadgen.domain.market import PastLead


class IMarketHistory(ABC):
    """The answered questions of an account. Raises ServiceUnavailable when the database does not answer."""

    @abstractmethod
    def leads(self, account: str) -> AsyncIterator[Sequence[PastLead]]:
        """All leads about which anybody was asked, with all that was answered, some hundreds at a time."""
