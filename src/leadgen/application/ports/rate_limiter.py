"""Permissions to call a provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from leadgen.domain.limits import Limits
from leadgen.domain.value import value


@value(frozen=True, slots=True, eq=False)
class Ticket:
    """A permission to send one call between two moments of this process's monotonic clock (seconds).

    A call that is not sent by ``closes_at`` must not be sent. ``lease`` holds a place in the concurrency
    cap until it is released.
    """

    credential: str
    opens_at: float
    closes_at: float
    lease: int
    epoch: int = 0
    """Under which state of the limits it was given; the ledger takes no intent of another one."""


@value(frozen=True, slots=True)
class Tickets:
    """What a limiter gives: tickets in the order of their starts, and when to ask for more.

    ``retry_seconds`` is None where all that was wanted was given. ``is_shared``: other processes wait for the
    same places, so that a place given back here is nobody's yet.
    """

    tickets: Sequence[Ticket]
    retry_seconds: float | None
    is_shared: bool = False


class IRateLimiter(ABC):
    """Admits calls such that no window of a rule ever holds more than it allows, nor the cap is exceeded.

    Exact over all callers, at the provider, for every window, by the rule of ``domain.limits``. First come,
    first served. A refusal consumes nothing.
    """

    @abstractmethod
    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """Up to ``wanted`` tickets; each lease ends by itself ``lease_seconds`` after its ticket opens.

        ``lead_seconds``: how far ahead tickets open at least; 0: as usual.
        """

    @abstractmethod
    async def release(self, ticket: Ticket) -> None:
        """Gives a ticket's place back; a second time changes nothing."""

    @abstractmethod
    async def distrust(self, credential: str) -> None:
        """A ticket of this credential was refused as outdated: look anew before the next one is given."""

    @abstractmethod
    async def penalise(self, credential: str, seconds: float) -> None:
        """No ticket opens within ``seconds``: the provider asked for a pause."""
