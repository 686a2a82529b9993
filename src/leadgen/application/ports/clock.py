"""Time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime


class IClock(ABC):
    """Tells the time and waits."""

    @abstractmethod
    def now(self) -> datetime:
        """The wall clock, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds of a clock that never goes back; only differences within one process mean anything."""

    @abstractmethod
    async def sleep(self, seconds: float) -> None:
        """Waits; not at all for zero and less."""
