"""How providers have done so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

from leadgen.domain.track_record import TrackRecord


class ITrackRecords(ABC):
    """What the ledger tells of providers' last answers, to whichever account they went.

    Raises ServiceUnavailable when the database does not answer.
    """

    @abstractmethod
    async def of(self, providers: Collection[str]) -> Mapping[str, TrackRecord]:
        """The record of each, as it was at most a minute ago; an empty one of whom nothing is known."""
