"""The ticket desk: first come, first served per provider within one process."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets

PATIENCE_SECONDS = 30.0
"""Nobody queues for longer than this for a provider that is free for nobody."""

LEASE_MARGIN_SECONDS = 5.0
"""How much longer than the longest call a place in the concurrency cap is held."""


RETURN_SECONDS = 0.25
"""After so long at the earliest it is worth to come back to a provider that was held."""

LEAD_SECONDS_MAX = 2.0
_LEAD_SECONDS_STEP = 0.05
_LEAD_DECAY = 0.9


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No ticket: the provider is free for nobody for ``seconds``, or (None) until somebody mends it."""

    why: str
    seconds: float | None


@dataclass(slots=True)
class _Place:
    """Somebody in the queue, and how long they wait for a provider that is free for nobody."""

    ticket: asyncio.Future[Ticket | Unavailable]
    patience_seconds: float


@dataclass(slots=True)
class _Counter:
    """The queue for one provider."""

    waiting: deque[_Place] = field(default_factory=deque)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    room: int = 1
    """How many may wait before somebody without patience finds the queue too long."""
    server: asyncio.Task[None] | None = None
    parked_until: float = 0.0
    parked_why: str = ""
    lead_seconds: float = 0.0
    """How far ahead tickets have to open for calls to be ready in time; grows when they come late."""


class TicketDesk:
    """Hands out a provider's tickets in the order in which they were asked for."""

    def __init__(self, *, limiter: IRateLimiter, catalog: IProviderCatalog, clock: IClock) -> None:
        self._limiter = limiter
        self._catalog = catalog
        self._clock = clock
        self._counters: dict[str, _Counter] = {}

    async def take(self, provider: str, patience_seconds: float = PATIENCE_SECONDS) -> Ticket | Unavailable:
        """A ticket, as soon as those who came before are served.

        Who has no patience is turned away where others wait already, or no call is allowed just now.
        """
        counter = self._counters.setdefault(provider, _Counter())
        if counter.parked_until > self._clock.monotonic():
            return Unavailable(counter.parked_why, None)
        if patience_seconds <= 0 and len(counter.waiting) >= counter.room:
            return Unavailable("others wait for it", RETURN_SECONDS)
        place: asyncio.Future[Ticket | Unavailable] = asyncio.get_running_loop().create_future()
        counter.waiting.append(_Place(place, patience_seconds))
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

    def note(self, provider: str, *, late: bool) -> None:
        """Whether a call was ready within its ticket; a distant provider's connection takes its time."""
        counter = self._counters[provider]
        if late:
            counter.lead_seconds = min(counter.lead_seconds + _LEAD_SECONDS_STEP, LEAD_SECONDS_MAX)
        else:
            counter.lead_seconds *= _LEAD_DECAY

    async def distrust(self, provider: str) -> None:
        """A ticket was refused as outdated: the limiter looks anew before it gives another one."""
        await self._limiter.distrust(provider)

    async def penalise(self, provider: str, seconds: float) -> None:
        """No call for a while: the provider asked for a pause."""
        await self._limiter.penalise(provider, seconds)

    def park(self, provider: str, why: str, seconds: float) -> None:
        """No call for a while, and nobody waits for it: a key or a wallet has to be mended."""
        counter = self._counters[provider]
        counter.parked_until = self._clock.monotonic() + seconds
        counter.parked_why = why
        self._turn_away(counter, why, None)

    async def _serve(self, provider: str, counter: _Counter) -> None:
        try:
            while counter.waiting:
                await self._serve_once(provider, counter)
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            while counter.waiting:
                ticket = counter.waiting.popleft().ticket
                if not ticket.done():
                    ticket.set_exception(error)

    async def _serve_once(self, provider: str, counter: _Counter) -> None:
        counter.released.clear()
        config = (await self._catalog.configs())[provider]
        counter.room = config.limits.concurrency
        wanted = sum(not place.ticket.done() for place in counter.waiting)
        if not wanted:  # all have left; a ticket for nobody would still count against the limits
            counter.waiting.clear()
            return
        given = await self._limiter.take(
            provider,
            config.limits,
            wanted=wanted,
            lease_seconds=config.timeout_seconds + LEASE_MARGIN_SECONDS,
            lead_seconds=counter.lead_seconds,
        )
        for ticket in given.tickets:
            await self._hand_out(counter, ticket)
        if given.retry_seconds is None or not counter.waiting:
            return
        self._turn_away(counter, "its limit is used up", given.retry_seconds)
        if counter.waiting:
            await self._pause(counter, given)

    async def _hand_out(self, counter: _Counter, ticket: Ticket) -> None:
        while counter.waiting:
            place = counter.waiting.popleft().ticket
            if not place.done():
                place.set_result(ticket)
                return
        await self._limiter.release(ticket)

    async def _pause(self, counter: _Counter, given: Tickets) -> None:
        """Until it is time to ask again, or somebody gave a place back that is ours to give."""
        naps = [asyncio.create_task(self._clock.sleep(given.retry_seconds or 0.0))]
        if not given.is_shared:
            naps.append(asyncio.create_task(self._released(counter)))
        try:
            await asyncio.wait(naps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for nap in naps:
                nap.cancel()

    async def _released(self, counter: _Counter) -> None:
        await counter.released.wait()

    def _turn_away(self, counter: _Counter, why: str, seconds: float | None) -> None:
        """Sends those away who do not wait so long."""
        answer = Unavailable(why, seconds if seconds is None else max(seconds, RETURN_SECONDS))
        staying = deque[_Place]()
        while counter.waiting:
            place = counter.waiting.popleft()
            if seconds is not None and seconds <= place.patience_seconds:
                staying.append(place)
            elif not place.ticket.done():
                place.ticket.set_result(answer)
        counter.waiting = staying
