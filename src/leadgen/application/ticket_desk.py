"""The ticket desk: who gets a provider's next ticket within one process, in the order of its `FairQueue`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leadgen.application.pace import Pace
from leadgen.application.permit import Maturing, Permit
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.budget import Span
from leadgen.domain.fair_queue import ANYBODY, Claimant, FairQueue
from leadgen.domain.limits import MICROS_PER_SECOND, TIMING
from leadgen.domain.value import value

PATIENCE_SECONDS = 30.0
"""Nobody queues for longer than this for a provider that is free for nobody."""

PLACE_MARGIN_SECONDS = 5.0
"""How much longer than the longest call a place in the concurrency cap is held."""


RETURN_SECONDS = 0.25
"""After so long at the earliest it is worth to come back to a provider that was held."""

_TICKETS_MAX = 16
"""So many tickets are taken at once: more would open before as many calls can be made ready."""

_LEAD_SECONDS_MIN = TIMING.lead_min / MICROS_PER_SECOND
_VALID_SECONDS = TIMING.validity / MICROS_PER_SECOND


@value(frozen=True, slots=True)
class Unavailable:
    """No ticket: the provider is free for nobody for ``seconds``, or (None) until somebody mends it.

    ``over``: it may be free, but a budget does not cover the call.
    """

    why: str
    seconds: float | None
    over: Span | None = None


Payer = tuple[str, str | None]
"""The account and the job whose money calls take."""


@dataclass(slots=True)
class _Place:
    """Somebody in one queue or several, and how long they wait for a provider that is free for nobody."""

    permit: asyncio.Future[Permit | Mapping[str, Unavailable]]
    patience_seconds: float
    is_urgent: bool = False
    payer: Payer | None = None
    counters: dict[str, _Counter] = field(default_factory=dict)
    refused: dict[str, Unavailable] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether somebody still stands here."""
        return not self.permit.done()

    def serve(self, ticket: Ticket, now: float) -> Permit:
        """Hands a ticket out; other queues have a gap from now on."""
        permit = Permit(ticket, now, self.is_urgent)
        self.permit.set_result(permit)
        del self.counters[ticket.credential]
        self.leave()
        return permit

    def fail(self, error: Exception) -> None:
        """Out of all queues with the error that one of them met."""
        self.permit.set_exception(error)
        self.leave()

    def refuse(self, provider: str, answer: Unavailable) -> None:
        """Out of this queue; whoever stands in no other one hears why."""
        self.refused[provider] = answer
        self.counters.pop(provider, None)
        if not self.counters:
            self.permit.set_result(self.refused)

    def leave(self) -> None:
        """Out of all queues."""
        for counter in self.counters.values():
            counter.has_gaps = True


@dataclass(slots=True)
class _Counter:
    """The queue for one provider."""

    provider: str
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
    paused_until: float = 0.0
    """Until then its limit is used up."""
    maturing: Maturing = field(default_factory=Maturing)


class TicketDesk:
    """Hands out a provider's tickets: who is urgent first, then accounts by weight, each in its own order."""

    def __init__(self, *, limiter: IRateLimiter, catalog: IProviderCatalog, clock: IClock) -> None:
        self._limiter = limiter
        self._catalog = catalog
        self._clock = clock
        self._counters: dict[str, _Counter] = {}
        self._pace = Pace()
        self._maturing = 0
        """How many calls have a ticket and have not left yet."""
        self._has_room = asyncio.Event()

    @property
    def has_queue(self) -> bool:
        """Whether somebody waits for a ticket."""
        return any(counter.waiting for counter in self._counters.values())

    async def take(
        self,
        provider: str,
        patience_seconds: float = PATIENCE_SECONDS,
        claimant: Claimant = ANYBODY,
        payer: Payer | None = None,
    ) -> Permit | Unavailable:
        """A ticket, as soon as those who are before ``claimant`` are served.

        Who has no patience is turned away where others wait already, or no call is allowed just now.
        """
        taken = await self.take_first((provider,), patience_seconds, claimant, payer)
        return taken if isinstance(taken, Permit) else taken[provider]

    async def take_first(
        self,
        providers: Sequence[str],
        patience_seconds: float,
        claimant: Claimant,
        payer: Payer | None = None,
    ) -> Permit | Mapping[str, Unavailable]:
        """The first ticket that any of them has, waiting in all queues at once; or why each has none."""
        permit = asyncio.get_running_loop().create_future()
        place = _Place(permit, patience_seconds, claimant.is_urgent, payer)
        for provider in providers:
            if provider not in self._counters:
                self._counters[provider] = _Counter(provider)
            place.counters[provider] = self._counters[provider]
        for counter in list(place.counters.values()):
            self._queue(counter, place, claimant)
        return await self._taken(place)

    async def _taken(self, place: _Place) -> Permit | Mapping[str, Unavailable]:
        """What comes of waiting; who stops waiting takes nothing along."""
        permit = place.permit
        try:
            return await permit
        except asyncio.CancelledError:
            place.leave()
            if (
                not permit.cancelled()
                and not permit.exception()
                and isinstance(taken := permit.result(), Permit)
            ):
                await self.give_back(taken)
            raise

    def _queue(self, counter: _Counter, place: _Place, claimant: Claimant) -> None:
        if counter.parked_until > self._clock.monotonic():
            place.refuse(counter.provider, Unavailable(counter.parked_why, None))
            return
        if place.patience_seconds <= 0 and len(counter.waiting) >= counter.room:
            place.refuse(counter.provider, Unavailable("others wait for it", RETURN_SECONDS))
            return
        pause_seconds = counter.paused_until - self._clock.monotonic()
        if not claimant.is_urgent and place.patience_seconds < pause_seconds:
            place.refuse(counter.provider, _used_up(pause_seconds))
            return
        counter.waiting.push(place, claimant)
        if claimant.is_urgent:
            counter.urged.set()
        self._open(counter)

    async def give_back(self, permit: Permit) -> None:
        """Frees the place that a ticket holds; whoever waits is served at once."""
        counter = self._counters[permit.ticket.credential]
        self._leave(counter, permit)
        await self._limiter.release(permit.ticket)
        counter.released.set()

    async def renew(self, permit: Permit) -> bool:
        """Whether there is another ticket for one that ran out, within the time that its call may leave.

        Before all others: its call was served in its turn, and all that it needs besides is there.
        """
        await self.give_back(permit)
        counter, now = self._counters[permit.ticket.credential], self._clock.monotonic()
        closes_at = now + max(counter.maturing.lead_seconds, _LEAD_SECONDS_MIN) + _VALID_SECONDS
        if counter.parked_until > now or closes_at > permit.leaves_by:
            return False
        place = _Place(
            asyncio.get_running_loop().create_future(),
            0.0,
            permit.is_urgent,
            counters={counter.provider: counter},
        )
        counter.renewing.append(place)
        counter.urged.set()
        self._has_room.set()  # whoever waits for room looks here first
        self._open(counter)
        answer = await self._taken(place)
        if not isinstance(answer, Permit):
            return False
        ran_out, permit.ticket = permit.ticket, answer.ticket
        return permit.ticket.epoch == ran_out.epoch and permit.ticket.closes_at <= permit.leaves_by

    def note_ready(self, permit: Permit) -> None:
        """Its call can be sent from now on, the sooner if others whose tickets open before are not ready.

        The next tickets leave time for as much as it took.
        """
        if permit.ready_at is not None:
            return
        counter = self._counters[permit.ticket.credential]
        counter.maturing.note_ready(permit, self._clock.monotonic())

    def note_sent(self, permit: Permit) -> None:
        """The call leaves now, or would have: the next ones are made ready."""
        if permit.has_left:
            return
        counter, now = self._counters[permit.ticket.credential], self._clock.monotonic()
        is_full = bool(counter.waiting) and self._maturing >= self._pace.room / 2
        due_at = max(permit.ticket.opens_at, permit.ready_at or 0.0)
        self._pace.note(now - due_at, now, is_full=is_full)
        self._leave(counter, permit)

    def _leave(self, counter: _Counter, permit: Permit) -> None:
        if permit.has_left:
            return
        permit.has_left = True
        if permit.ready_at is None:
            counter.maturing.leave(permit)
        self._maturing -= 1
        if self._room() >= _TICKETS_MAX:
            self._has_room.set()

    def _room(self) -> int:
        """How many more calls this process can make ready now."""
        return int(self._pace.room) - self._maturing

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
        self._turn_away(counter, Unavailable(why, None))

    def dismiss(self, provider: str, payer: Payer, answer: Unavailable) -> None:
        """Turns away all who queue at this payer's expense: they need no ticket to hear this."""

        def stays(place: _Place) -> bool:
            if place.is_waiting and place.payer == payer:
                place.refuse(provider, answer)
                return False
            return place.is_waiting

        self._counters[provider].waiting.keep(stays)

    def _open(self, counter: _Counter) -> None:
        if counter.server is None or counter.server.done():
            counter.server = asyncio.create_task(self._serve(counter))

    async def _serve(self, counter: _Counter) -> None:
        try:
            while counter.waiting or counter.renewing:
                while counter.renewing:
                    await self._renew_all(counter)
                if counter.waiting:
                    await self._serve_once(counter)
        except Exception as error:  # noqa: BLE001 - whoever waits gets the error, whatever it is
            while counter.waiting or counter.renewing:
                place = counter.renewing.popleft() if counter.renewing else counter.waiting.pop()
                if place.is_waiting:
                    place.fail(error)

    async def _renew_all(self, counter: _Counter) -> None:
        """Serves those whose tickets ran out; whom no call is allowed now is turned away."""
        config = (await self._catalog.configs())[counter.provider]
        late = [counter.renewing.popleft() for _ in range(min(len(counter.renewing), _TICKETS_MAX))]
        is_urgent = any(place.is_urgent for place in late)
        given = deque[Ticket]()
        try:
            taken = await self._limiter.take(
                counter.provider,
                config.limits if is_urgent else config.limits.for_bulk(),
                wanted=len(late),
                lease_seconds=config.timeout_seconds + PLACE_MARGIN_SECONDS,
                lead_seconds=counter.maturing.lead_seconds,  # none opens before one that was given already
            )
            given.extend(taken.tickets)
        finally:
            for place in late:
                if not place.is_waiting:
                    continue
                if given:
                    place.serve(given.popleft(), self._clock.monotonic()).has_left = True
                else:
                    place.refuse(counter.provider, Unavailable("not now", 0.0))
        for left in given:
            await self._limiter.release(left)

    async def _serve_once(self, counter: _Counter) -> None:
        counter.released.clear()
        counter.urged.clear()
        config = (await self._catalog.configs())[counter.provider]
        counter.room = config.limits.concurrency
        if counter.has_gaps:  # a ticket for nobody would still count against the limits
            counter.has_gaps = False
            counter.waiting.keep(lambda place: place.is_waiting)
            if not counter.waiting:
                return
        room = self._room()
        if room <= 0:
            self._has_room.clear()
            if not counter.renewing:  # or else it came while we looked
                await self._has_room.wait()
            return
        urgent = counter.waiting.urgent
        given = await self._limiter.take(
            counter.provider,
            config.limits if urgent else config.limits.for_bulk(),
            wanted=min(urgent or len(counter.waiting), room, _TICKETS_MAX),
            lease_seconds=config.timeout_seconds + PLACE_MARGIN_SECONDS,
            lead_seconds=counter.maturing.lead_seconds,
        )
        for ticket in given.tickets:
            await self._hand_out(counter, ticket)
        if given.retry_seconds is None or not counter.waiting:
            await asyncio.sleep(0)  # those who were served go on before others are
            return
        self._turn_away(counter, _used_up(given.retry_seconds))
        if counter.waiting and not counter.renewing:
            await self._pause(counter, given)

    async def _hand_out(self, counter: _Counter, ticket: Ticket) -> None:
        while counter.waiting:
            place = counter.waiting.pop()
            if place.is_waiting:
                counter.maturing.add(place.serve(ticket, self._clock.monotonic()))
                self._maturing += 1
                return
        await self._limiter.release(ticket)

    async def _pause(self, counter: _Counter, given: Tickets) -> None:
        """Until it is time to ask again, somebody urgent comes, or a place is free that is ours to give."""
        counter.paused_until = self._clock.monotonic() + (given.retry_seconds or 0.0)
        naps = [asyncio.create_task(self._clock.sleep(given.retry_seconds or 0.0))]
        naps.append(asyncio.create_task(_set(counter.urged)))
        if not given.is_shared:
            naps.append(asyncio.create_task(_set(counter.released)))
        try:
            await asyncio.wait(naps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            counter.paused_until = 0.0
            for nap in naps:
                nap.cancel()

    def _turn_away(self, counter: _Counter, answer: Unavailable) -> None:
        """Sends those away who do not wait so long."""
        seconds = answer.seconds

        def stays(place: _Place) -> bool:
            is_patient = seconds is not None and seconds <= place.patience_seconds
            if not is_patient and place.is_waiting:
                place.refuse(counter.provider, answer)
            return is_patient

        counter.waiting.keep(stays)


def _used_up(seconds: float | None) -> Unavailable:
    return Unavailable("its limit is used up", seconds if seconds is None else max(seconds, RETURN_SECONDS))


async def _set(event: asyncio.Event) -> None:
    """Until it is set."""
    await event.wait()
