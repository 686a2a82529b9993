"""Permits: what a call leaves under, and how calls that are ready go before those that are not yet."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from leadgen.application.ports.rate_limiter import Ticket
from leadgen.domain.limits import MICROS_PER_SECOND, TIMING

LEAD_SECONDS_MAX = TIMING.lead_max / MICROS_PER_SECOND

_CALLS_KEPT = 20
_SECONDS_KEPT = 1.0
"""What the last calls needed counts, and what those of a second did, where that is more: calls become ready
by the dozen, with a commit, and 20 may be of one."""

_LEAD_KEPT_SECONDS = 0.05
"""So long what follows from that stands, where they come by the hundred a second."""

_LATE = 10
"""Tickets open as late as all but one of so many calls needed: a slow one now and then is no distance."""

_LATE_OF_MANY = 3
_MANY = 100
"""Of so many a second more may be late: others that are ready stand in for them."""


@dataclass(slots=True, eq=False)
class Permit:
    """What a call may leave under: the ticket that it has now. Moments are of the monotonic clock."""

    ticket: Ticket
    given_at: float
    is_urgent: bool = False
    ready_at: float | None = None
    """Since when nothing but its moment is missing."""
    has_left: bool = False
    leaves_by: float = math.inf
    """It leaves no later: its intent is its owner's for so long."""


@dataclass(slots=True)
class Maturing:
    """The permits of one provider whose calls are not ready yet."""

    lead_seconds: float = 0.0
    """How far ahead tickets have to open for calls to be ready in time."""
    _by_ticket: dict[Ticket, Permit] = field(default_factory=dict)
    """As the tickets open."""
    _took: deque[tuple[float, float]] = field(default_factory=deque)
    """When the last calls were ready, and how long that took from their permits on."""
    _led_at: float = -math.inf

    def add(self, permit: Permit) -> None:
        """Its call is made ready from now on; its ticket opens after all that were added before."""
        self._by_ticket[permit.ticket] = permit

    def leave(self, permit: Permit) -> None:
        """Its call will not be made."""
        del self._by_ticket[permit.ticket]

    def note_ready(self, permit: Permit, now: float) -> None:
        """Its call can be made: it gets the ticket that opens first, and whose that was gets its own.

        A ticket is worth as much to either; with nobody ready when it opens it would be lost.
        """
        permit.ready_at = now
        self._note_took(now, now - permit.given_at)
        ours = permit.ticket
        for ticket, other in self._by_ticket.items():
            if ticket is ours or ours.closes_at <= now:  # who is late has nothing to give
                break
            is_sooner = now < ticket.closes_at and ours.closes_at <= other.leaves_by
            if is_sooner and ticket.epoch == ours.epoch and other.is_urgent <= permit.is_urgent:
                permit.ticket, other.ticket = ticket, ours
                self._by_ticket[ours] = other
                break
        del self._by_ticket[permit.ticket]

    def _note_took(self, now: float, seconds: float) -> None:
        self._took.append((now, seconds))
        if now - self._led_at < _LEAD_KEPT_SECONDS and len(self._took) > _CALLS_KEPT:
            return
        while len(self._took) > _CALLS_KEPT and self._took[0][0] < now - _SECONDS_KEPT:
            self._took.popleft()
        longest = sorted([seconds for _, seconds in self._took])
        late = len(longest) // (_LATE_OF_MANY if len(longest) >= _MANY else _LATE)
        self.lead_seconds, self._led_at = min(longest[-1 - late], LEAD_SECONDS_MAX), now
