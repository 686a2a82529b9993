"""The admission rule in this process's memory."""

from __future__ import annotations

import math

from leadgen.adapters.rate_limits.carrier import ColdCarrierError, ICarrier, Seed
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Full, Granted, Later, Limits, Ring, Timing


class InMemoryRateLimiter(ICarrier):
    """Exact for all callers of one process; two processes know nothing of each other."""

    def __init__(self, clock: IClock, timing: Timing) -> None:
        self._clock = clock
        self._timing = timing
        self._rings: dict[str, Ring] = {}
        self._floors: dict[str, int] = {}

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        ring = self._rings.get(credential)
        if ring is None:
            raise ColdCarrierError(credential)
        ring.limits = limits
        ring.penalise(self._floors.pop(credential, 0))
        now = self._now()
        tickets = list[Ticket]()
        lease, lead = round(lease_seconds * MICROS_PER_SECOND), round(lead_seconds * MICROS_PER_SECOND)
        reach = self._timing.reach(self._timing.lead_of(lead), limits)
        while len(tickets) < wanted:
            match ring.admit(now, lease, lead):
                case Granted() as granted:
                    tickets.append(self._ticket(credential, granted))
                case Later(start):
                    return Tickets(tickets, self._seconds_until(start - reach, now))
                case Full(until):
                    return Tickets(tickets, self._seconds_until(until, now))
        return Tickets(tickets, None)

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        if ring := self._rings.get(ticket.credential):
            ring.release(ticket.lease)

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        until = self._now() + round(seconds * MICROS_PER_SECOND)
        self._floors[credential] = max(self._floors.get(credential, until), until)

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""

    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """See ICarrier."""
        now = self._now()
        ring = self._rings[credential] = Ring(limits, self._timing)
        ring.seed((now + start for start in seed.starts), (now + end for end in seed.lease_ends))

    def forget(self, credential: str) -> None:
        """See ICarrier."""
        self._rings.pop(credential, None)
        self._floors.pop(credential, None)

    def _now(self) -> int:
        return math.ceil(self._clock.monotonic() * MICROS_PER_SECOND)

    def _ticket(self, credential: str, granted: Granted) -> Ticket:
        return Ticket(
            credential=credential,
            opens_at=granted.start / MICROS_PER_SECOND,
            closes_at=(granted.start + self._timing.validity) / MICROS_PER_SECOND,
            lease=granted.lease,
        )

    def _seconds_until(self, moment: int, now: int) -> float:
        return max(moment - now, 0) / MICROS_PER_SECOND
