"""The ticket desk: first come, first served per provider within one process."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from leadgen.application.pace import Pace
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.fair_queue import ANYBODY, Claimant, FairQueue

PATIENCE_SECONDS = 30.0
"""Nobody queues for longer than this for a provider that is free for nobody."""

LEASE_MARGIN_SECONDS = 5.0
"""How much longer than the longest call a place in the concurrency cap is held."""


RETURN_SECONDS = 0.25
"""After so long at the earliest it is worth to come back to a provider that was held."""

LEAD_SECONDS_MAX = 2.0
_TICKETS_MAX = 16
"""So many tickets are taken at once: more would open before as many calls can be made ready."""

_CALLS_KEPT = 20
"""Tickets open as late as all but two of the last calls needed: a slow one now and then is no distance."""


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

    @property
    def is_waiting(self) -> bool:
        """Whether somebody still stands here."""
        return not self.ticket.done()


@dataclass(slots=True)
class _Counter:
    """The queue for one provider."""

    waiting: FairQueue[_Place] = field(default_factory=FairQueue)
    renewing: deque[_Place] = field(default_factory=deque)
    """Those whose tickets ran out before their calls could leave."""
    has_gaps: bool = False
    """Whether somebody has left the queue."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    urged: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody urgent has come, who may be served before bulk is again."""
    room: int = 1
    """How many may wait before somebody without patience finds the queue too long."""
    server: asyncio.Task[None] | None = None
    parked_until: float = 0.0
    parked_why: str = ""
    given_at: dict[Ticket, float] = field(default_factory=dict)
    """Those whose calls have not left yet."""
    took_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_CALLS_KEPT))
    """How long the last calls took from their ticket to being ready, above all to connect."""

    @property
    def lead_seconds(self) -> float:
        """How far ahead tickets have to open for calls to be ready in time."""
        return min(*sorted(self.took_seconds)[-3:], LEAD_SECONDS_MAX) if self.took_seconds else 0.0


class TicketDesk:
    """Hands out a provider's tickets: who is urgent first, then accounts by weight, each in its own order."""

    def __init__(self, *, limiter: IRateLimiter, catalog: IProviderCatalog, clock: IClock) -> None:
        self._limiter = limiter
        self._catalog = catalog
        self._clock = clock
        self._counters: dict[str, _Counter] = {}
        self._pace = Pace()
        self._has_room = asyncio.Event()

    async def take(
        self, provider: str, patience_seconds: float = PATIENCE_SECONDS, claimant: Claimant = ANYBODY
    ) -> Ticket | Unavailable:
        """A ticket, as soon as those who are before ``claimant`` are served.

        Who has no patience is turned away where others wait already, or no call is allowed just now.
        """
        counter = self._counters.setdefault(provider, _Counter())
        if counter.parked_until > self._clock.monotonic():
            return Unavailable(counter.parked_why, None)
        if patience_seconds <= 0 and len(counter.waiting) >= counter.room:
            return Unavailable("others wait for it", RETURN_SECONDS)
        place: asyncio.Future[Ticket | Unavailable] = asyncio.get_running_loop().create_future()
        counter.waiting.push(_Place(place, patience_seconds), claimant)
        if claimant.is_urgent:
            counter.urged.set()
        self._open(provider, counter)
        try:
            return await place
        except asyncio.CancelledError:
            counter.has_gaps = True
            if (
                not place.cancelled()
                and not place.exception()
                and isinstance(ticket := place.result(), Ticket)
            ):
                await self.give_back(ticket)
            raise

    async def give_back(self, ticket: Ticket) -> None:
        """Frees the place that a ticket holds; whoever waits is served at once."""
        counter = self._counters[ticket.credential]
        self._leave(counter, ticket)
        await self._limiter.release(ticket)
        counter.released.set()

    async def renew(self, ticket: Ticket) -> Ticket | None:
        """Another ticket in the place of one that ran out, or None where the provider is not free now.

        Before all others: its call was served in its turn, and all that it needs besides is there.
        """
        await self.give_back(ticket)
        provider = ticket.credential
        counter = self._counters[provider]
        if counter.parked_until > self._clock.monotonic():
            return None
        place: asyncio.Future[Ticket | Unavailable] = asyncio.get_running_loop().create_future()
        counter.renewing.append(_Place(place, 0.0))
        counter.urged.set()
        self._has_room.set()  # whoever waits for room looks here first
        self._open(provider, counter)
        answer = await place
        return answer if isinstance(answer, Ticket) else None

    def note_ready(self, ticket: Ticket) -> None:
        """The call of this ticket can be sent from now on: the next tickets leave time for as much."""
        counter = self._counters[ticket.credential]
        if (given_at := counter.given_at.get(ticket)) is not None:
            counter.took_seconds.append(self._clock.monotonic() - given_at)

    def note_sent(self, ticket: Ticket) -> None:
        """The call of this ticket leaves now, or would have: the next ones are made ready."""
        counter, now = self._counters[ticket.credential], self._clock.monotonic()
        is_full = bool(counter.waiting) and self._maturing() >= self._pace.room / 2
        self._pace.note(now - ticket.opens_at, now, is_full=is_full)
        self._leave(counter, ticket)

    def _leave(self, counter: _Counter, ticket: Ticket) -> None:
        if counter.given_at.pop(ticket, None) is not None and self._room() >= _TICKETS_MAX:
            self._has_room.set()

    def _maturing(self) -> int:
        return sum(len(counter.given_at) for counter in self._counters.values())

    def _room(self) -> int:
        """How many more calls this process can make ready now."""
        return int(self._pace.room) - self._maturing()

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

    def _open(self, provider: str, counter: _Counter) -> None:
        if counter.server is None or counter.server.done():
            counter.server = asyncio.create_task(self._serve(provider, counter))

    async def _serve(self, provider: str, counter: _Counter) -> None:
        try:
            while counter.waiting or counter.renewing:
                if counter.renewing:
                    await self._renew_all(provider, counter)
                if counter.waiting:
                    await self._serve_once(provider, counter)
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            while counter.waiting or counter.renewing:
                place = counter.renewing.popleft() if counter.renewing else counter.waiting.pop()
                if place.is_waiting:
                    place.ticket.set_exception(error)

    async def _renew_all(self, provider: str, counter: _Counter) -> None:
        """Serves those whose tickets ran out; whom no call is allowed now is turned away."""
        config = (await self._catalog.configs())[provider]
        late = [counter.renewing.popleft() for _ in range(min(len(counter.renewing), _TICKETS_MAX))]
        given = deque[Ticket]()
        try:
            taken = await self._limiter.take(
                provider,
                config.limits.for_bulk(),
                wanted=len(late),
                lease_seconds=config.timeout_seconds + LEASE_MARGIN_SECONDS,
                lead_seconds=counter.lead_seconds,  # no ticket opens before one that was given already
            )
            given.extend(taken.tickets)
        finally:
            for place in late:
                if place.is_waiting:
                    place.ticket.set_result(given.popleft() if given else Unavailable("not now", 0.0))
        for left in given:
            await self._limiter.release(left)

    async def _serve_once(self, provider: str, counter: _Counter) -> None:
        counter.released.clear()
        counter.urged.clear()
        config = (await self._catalog.configs())[provider]
        counter.room = config.limits.concurrency
        if counter.has_gaps:  # a ticket for nobody would still count against the limits
            counter.has_gaps = False
            counter.waiting.keep(lambda place: place.is_waiting)
            if not counter.waiting:
                return
        room = self._room()
        if room <= 0:
            self._has_room.clear()
            await self._has_room.wait()
            return
        urgent = counter.waiting.urgent
        given = await self._limiter.take(
            provider,
            config.limits if urgent else config.limits.for_bulk(),
            wanted=min(urgent or len(counter.waiting), room, _TICKETS_MAX),
            lease_seconds=config.timeout_seconds + LEASE_MARGIN_SECONDS,
            lead_seconds=counter.lead_seconds,
        )
        for ticket in given.tickets:
            await self._hand_out(counter, ticket)
        if given.retry_seconds is None or not counter.waiting:
            await asyncio.sleep(0)  # those who were served go on before others are
            return
        self._turn_away(counter, "its limit is used up", given.retry_seconds)
        if counter.waiting:
            await self._pause(counter, given)

    async def _hand_out(self, counter: _Counter, ticket: Ticket) -> None:
        while counter.waiting:
            place = counter.waiting.pop()
            if place.is_waiting:
                counter.given_at[ticket] = self._clock.monotonic()
                place.ticket.set_result(ticket)
                return
        await self._limiter.release(ticket)

    async def _pause(self, counter: _Counter, given: Tickets) -> None:
        """Until it is time to ask again, somebody urgent comes, or a place is free that is ours to give."""
        naps = [asyncio.create_task(self._clock.sleep(given.retry_seconds or 0.0))]
        naps.append(asyncio.create_task(_set(counter.urged)))
        if not given.is_shared:
            naps.append(asyncio.create_task(_set(counter.released)))
        try:
            await asyncio.wait(naps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for nap in naps:
                nap.cancel()

    def _turn_away(self, counter: _Counter, why: str, seconds: float | None) -> None:
        """Sends those away who do not wait so long."""
        answer = Unavailable(why, seconds if seconds is None else max(seconds, RETURN_SECONDS))

        def stays(place: _Place) -> bool:
            is_patient = seconds is not None and seconds <= place.patience_seconds
            if not is_patient and place.is_waiting:
                place.ticket.set_result(answer)
            return is_patient

        counter.waiting.keep(stays)


async def _set(event: asyncio.Event) -> None:
    """Until it is set."""
    await event.wait()
