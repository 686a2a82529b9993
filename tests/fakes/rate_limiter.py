"""A limiter that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable

from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.limits import Limits


class TroubledRateLimiter(IRateLimiter):
    """Does what the limiter behind it does; ``trouble[name of method]`` is raised instead while it is there.

    ``wanted`` has how many tickets were asked for, call by call; ``granted`` counts those that were given.
    ``on_take`` is called at the beginning of every take.
    """

    def __init__(self, inner: IRateLimiter) -> None:
        self.trouble: dict[str, Exception] = {}
        self.wanted: list[int] = []
        self.granted = 0
        self.on_take: Callable[[], object] | None = None
        self._inner = inner

    async def take(self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float) -> Tickets:
        if self.on_take is not None:
            self.on_take()
        self._check("take")
        self.wanted.append(wanted)
        given = await self._inner.take(credential, limits, wanted=wanted, lease_seconds=lease_seconds)
        self.granted += len(given.tickets)
        return given

    async def release(self, ticket: Ticket) -> None:
        self._check("release")
        await self._inner.release(ticket)

    async def penalise(self, credential: str, seconds: float) -> None:
        self._check("penalise")
        await self._inner.penalise(credential, seconds)

    def _check(self, method: str) -> None:
        if error := self.trouble.get(method):
            raise error
