"""Carries a request out once, however often it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.idempotency_store import Answer, Claim, IIdempotencyStore
from leadgen.domain.errors import InvalidInput, LeadgenError, ServiceUnavailable, StillRunning

KEPT = timedelta(hours=24)
"""So long an answer is given again."""

_HELD = timedelta(minutes=2)
"""So long a request is left to whoever carries it out; it may have died since."""


class RunOnce:
    """Gives senders of the same request the same answer; what it makes has the same id in every try."""

    def __init__(self, *, store: IIdempotencyStore, ids: IIdSource, clock: IClock) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock

    async def run(
        self, account: str, key: str, fingerprint: str, work: Callable[[str], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """The answer, and whether it had been given before; ``work`` gets the id of what it is to make.

        Raises InvalidInput where the key stands for another request, StillRunning while somebody else carries
        it out, ServiceUnavailable, and whatever ``work`` raises: then the request can be sent again.
        """
        now = self._clock.now()
        claim = await self._store.claim(
            account,
            key,
            Claim(fingerprint, self._ids.new()),
            now=now,
            until=now + _HELD,
            since=now - KEPT,
        )
        if claim.fingerprint != fingerprint:
            raise InvalidInput("this Idempotency-Key was sent with another request")
        if claim.answer is not None:
            return claim.answer, True
        if not claim.is_ours:
            raise StillRunning("the request with this Idempotency-Key is being carried out")
        try:
            answer = await work(claim.subject)
        except BaseException as error:
            has_changed_nothing = isinstance(error, LeadgenError) and not isinstance(
                error, ServiceUnavailable
            )
            await self._store.let_go(account, key, forget=has_changed_nothing)
            raise
        await self._store.settle(account, key, answer)
        return answer, False
