"""A limiter that can be made to fail, and one that needs nobody to seed it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from leadgen.adapters.rate_limits.carrier import ColdCarrierError, ICarrier, Seed, carrier_key
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Limits


class WarmCarrier(IRateLimiter):
    """Does what the carrier behind it does, and seeds it with all it gave so far where it is cold.

    One take at a time. Carriers that share a server are kept apart by what stands before their keys.
    """

    def __init__(self, carrier: ICarrier, clock: IClock, *, before: str = "") -> None:
        self._carrier = carrier
        self._clock = clock
        self._before = before
        self._given: dict[str, list[Ticket]] = defaultdict(list)
        self._keys: dict[str, str] = {}
        self._paused_until: dict[str, float] = {}
        self._turn = asyncio.Lock()

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        key = self._before + carrier_key(credential, 0, limits)

        async def given() -> Tickets:
            return await self._carrier.take(
                key,
                limits,
                wanted=wanted,
                lease_seconds=lease_seconds,
                lead_seconds=lead_seconds,
            )

        async with self._turn:
            if self._keys.get(credential) != key and credential in self._paused_until:
                await self._carrier.penalise(key, self._paused_until[credential] - self._clock.monotonic())
            self._keys[credential] = key
            try:
                tickets = await given()
            except ColdCarrierError:
                now = self._clock.monotonic()
                starts = [
                    round((each.opens_at - now) * MICROS_PER_SECOND) for each in self._given[credential]
                ]
                await self._carrier.seed(key, limits, Seed(starts))
                tickets = await given()
            mine = [replace(each, credential=credential) for each in tickets.tickets]
            self._given[credential] += mine
        return Tickets(mine, tickets.retry_seconds)

    async def release(self, ticket: Ticket) -> None:
        key = self._keys.get(ticket.credential, ticket.credential)
        await self._carrier.release(replace(ticket, credential=key))

    async def penalise(self, credential: str, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        self._paused_until[credential] = max(until, self._paused_until.get(credential, until))
        if credential in self._keys:
            await self._carrier.penalise(self._keys[credential], seconds)

    async def distrust(self, credential: str) -> None:
        await self._carrier.distrust(credential)


class TroubledRateLimiter(IRateLimiter):
    """Does what the limiter behind it does; ``trouble[name of method]`` is raised instead while it is there.

    ``wanted`` has how many tickets were asked for, call by call; ``granted`` counts those that were given.
    ``on_take`` is called at the beginning of every take. Its tickets are of ``epoch``.
    """

    def __init__(self, inner: IRateLimiter) -> None:
        self.epoch = 0
        self.trouble: dict[str, Exception] = {}
        self.wanted: list[int] = []
        self.granted = 0
        self.on_take: Callable[[], object] | None = None
        self._inner = inner

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        if self.on_take is not None:
            self.on_take()
        self._check("take")
        self.wanted.append(wanted)
        given = await self._inner.take(
            credential, limits, wanted=wanted, lease_seconds=lease_seconds, lead_seconds=lead_seconds
        )
        self.granted += len(given.tickets)
        return replace(given, tickets=[replace(each, epoch=self.epoch) for each in given.tickets])

    async def release(self, ticket: Ticket) -> None:
        self._check("release")
        await self._inner.release(ticket)

    async def penalise(self, credential: str, seconds: float) -> None:
        self._check("penalise")
        await self._inner.penalise(credential, seconds)

    async def distrust(self, credential: str) -> None:
        self._check("distrust")
        await self._inner.distrust(credential)

    def _check(self, method: str) -> None:
        if error := self.trouble.get(method):
            raise error
