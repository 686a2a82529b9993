"""What is compared: a limiter behind two doors, one with wide limits and one of 100 per second."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

CALLERS = 16
WIDE_CALLS = 1_000_000
STRICT_CALLS = 100
WINDOW_MICROS = 1_000_000

Admit = Callable[[int], Awaitable[int]]
"""Asks for so many admissions at once; gives how many may be sent now."""

Send = Callable[[], Awaitable[int | None]]
"""Asks for one; gives the moment at which its caller went on (monotonic, nanoseconds), None if refused."""


class Contender(ABC):
    """A limiter that starts afresh whenever a door of it is opened."""

    def __init__(
        self, name: str, callers: int = CALLERS, *, desks: int = CALLERS, batch_max: int = 1
    ) -> None:
        self.name = name
        self.callers = callers
        """How many calls of it are under way at once."""
        self.desks = desks
        """How many questions one process that uses it has under way at once."""
        self.batch_max = batch_max
        """For how many admissions each of them may ask."""

    @abstractmethod
    async def wide(self) -> Admit:
        """A door whose limit nobody reaches."""

    @abstractmethod
    async def strict(self) -> Send:
        """A door that lets through 100 per second."""

    @abstractmethod
    async def close(self) -> None:
        """Closes all connections; later doors need new ones."""
