"""The ticket desk: first come, first served per provider within one process."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket

PATIENCE_SECONDS = 30.0
"""Nobody queues for longer than this for a provider that is free for nobody."""

LEASE_MARGIN_SECONDS = 5.0
"""How much longer than the longest call a place in the concurrency cap is held."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No ticket: the provider is free for nobody for ``seconds``, or (None) until somebody mends it."""

    why: str
    seconds: float | None


@dataclass(slots=True)
class _Counter:
    """The queue for one provider."""

    waiting: deque[asyncio.Future[Ticket | Unavailable]] = field(default_factory=deque)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Task[None] | None = None
    parked_until: float = 0.0
    parked_why: str = ""


class TicketDesk:
    """Hands out a provider's tickets in the order in which they were asked for."""

    def __init__(self, *, limiter: IRateLimiter, catalog: IProviderCatalog, clock: IClock) -> None:
        self._limiter = limiter
        self._catalog = catalog
        self._clock = clock
        self._counters: dict[str, _Counter] = {}

    async def take(self, provider: str) -> Ticket | Unavailable:
        """A ticket, as soon as those who came before are served."""
        counter = self._counters.setdefault(provider, _Counter())
        if counter.parked_until > self._clock.monotonic():
            return Unavailable(counter.parked_why, None)
        place: asyncio.Future[Ticket | Unavailable] = asyncio.get_running_loop().create_future()
        counter.waiting.append(place)
        if counter.server is None or counter.server.done():
            counter.server = asyncio.create_task(self._serve(provider, counter))
        try:
            return await place
        except asyncio.CancelledError:
            if (
                not place.cancelled()
                and not place.exception()
                and isinstance(ticket := place.result(), Ticket)
            ):
                await self.give_back(ticket)
            raise

    async def give_back(self, ticket: Ticket) -> None:
        """Frees the place that a ticket holds; whoever waits is served at once."""
        await self._limiter.release(ticket)
        self._counters[ticket.credential].released.set()

    async def penalise(self, provider: str, seconds: float) -> None:
        """No call for a while: the provider asked for a pause."""
        await self._limiter.penalise(provider, seconds)

    def park(self, provider: str, why: str, seconds: float) -> None:
        """No call for a while, and nobody waits for it: a key or a wallet has to be mended."""
        counter = self._counters[provider]
        counter.parked_until = self._clock.monotonic() + seconds
        counter.parked_why = why
        self._turn_away(counter, Unavailable(why, None))

    async def _serve(self, provider: str, counter: _Counter) -> None:
        try:
            while counter.waiting:
                await self._serve_once(provider, counter)
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            while counter.waiting:
                place = counter.waiting.popleft()
                if not place.done():
                    place.set_exception(error)

    async def _serve_once(self, provider: str, counter: _Counter) -> None:
        counter.released.clear()
        config = (await self._catalog.configs())[provider]
        wanted = sum(not place.done() for place in counter.waiting)
        if not wanted:  # all have left; a ticket for nobody would still count against the limits
            counter.waiting.clear()
            return
        given = await self._limiter.take(
            provider,
            config.limits,
            wanted=wanted,
            lease_seconds=config.timeout_seconds + LEASE_MARGIN_SECONDS,
        )
        for ticket in given.tickets:
            await self._hand_out(counter, ticket)
        if given.retry_seconds is None or not counter.waiting:
            return
        if given.retry_seconds > PATIENCE_SECONDS:
            self._turn_away(counter, Unavailable("its limit is used up", given.retry_seconds))
            return
        await self._pause(counter, given.retry_seconds)

    async def _hand_out(self, counter: _Counter, ticket: Ticket) -> None:
        while counter.waiting:
            place = counter.waiting.popleft()
            if not place.done():
                place.set_result(ticket)
                return
        await self._limiter.release(ticket)

    async def _pause(self, counter: _Counter, seconds: float) -> None:
        """Until ``seconds`` have passed or somebody gave a place back."""
        naps = [
            asyncio.create_task(counter.released.wait()),
            asyncio.create_task(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(naps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for nap in naps:
                nap.cancel()

    def _turn_away(self, counter: _Counter, answer: Unavailable) -> None:
        while counter.waiting:
            place = counter.waiting.popleft()
            if not place.done():
                place.set_result(answer)
