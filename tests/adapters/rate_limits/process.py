"""A process of leadgen, as far as limits go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.rate_limits.board import LimiterBoard, Mode
from leadgen.adapters.rate_limits.failover import (
    LOOK_EVERY_SECONDS,
    FailoverRateLimiter,
)
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.limits import Limits, Timing
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Miss
from tests.adapters.rate_limits.clocked import LeapingClock
from tests.builders import lookup
from tests.contracts.rate_limiter import limits

ORION = "orion"
LEASE_SECONDS = 15.0
LEAD_SECONDS_MAX = 2.0
FIVE_A_MINUTE = limits((5, 60))
TIMING = Timing(validity=200_000)
"""Wide, so that a slow machine discards nothing."""
SOON_SECONDS = 8.0
_numbers = count()


@dataclass
class Process:
    """What one process has: connections, a limiter, a ledger, and its sense of time."""

    owner: str
    database: Database
    board: LimiterBoard
    limiter: FailoverRateLimiter
    ledger: SqlLookupLedger
    clock: LeapingClock

    async def take(
        self, allowed: Limits = FIVE_A_MINUTE, wanted: int = 1, lead_seconds: float = 0.0
    ) -> Tickets:
        """What the limiter gives."""
        return await self.limiter.take(
            ORION, allowed, wanted=wanted, lease_seconds=LEASE_SECONDS, lead_seconds=lead_seconds
        )

    async def get(
        self, allowed: Limits = FIVE_A_MINUTE, wanted: int = 1, lead_seconds: float = 0.0
    ) -> list[Ticket]:
        """So many tickets, after as many tries as that takes within a bounded time."""
        tickets: list[Ticket] = []
        async with asyncio.timeout(SOON_SECONDS):
            while len(tickets) < wanted:
                given = await self.take(allowed, wanted - len(tickets), lead_seconds)
                tickets += given.tickets
                await asyncio.sleep(min(given.retry_seconds or 0, 0.1))
        return tickets

    async def intend(self, ticket: Ticket) -> Lookup:
        """The intent to send with this ticket, once it is recorded."""
        intent = lookup(lead_id="lead-000", provider=ORION, n=next(_numbers), owner=self.owner)
        assert await self.ledger.intend(intent, ticket.epoch) == intent
        return intent

    async def send(self, ticket: Ticket) -> None:
        """A call that is answered."""
        intent = await self.intend(ticket)
        await self.ledger.close(intent.closed(Miss(), Charges.REQUEST, intent.created_at), None)
        await self.limiter.release(ticket)

    async def mode(self) -> tuple[Mode, int]:
        """What is on the board."""
        posting = await self.board.look(ORION)
        assert posting is not None
        return posting.mode, posting.epoch

    async def look_again(self) -> Tickets:
        """Asks for nothing after so long that it looks at the board before."""
        self.clock.leap(LOOK_EVERY_SECONDS)
        return await self.take(wanted=0)

    async def die(self) -> None:
        """No more signs of life, and no good-bye."""
        if self.limiter._beating is not None:
            self.limiter._beating.cancel()
            await asyncio.gather(self.limiter._beating, return_exceptions=True)
            self.limiter._beating = None


Start = Callable[..., Process]
