"""The admission rule in Redis or Valkey: one script, one round trip, the server's own time."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from importlib.resources import files

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from leadgen.adapters.rate_limits.carrier import (
    ColdCarrierError,
    LostCarrierError,
    Reading,
    Seed,
    ServerCarrier,
    turn,
)
from leadgen.application.background import heard
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.limits import BULK_GAPS_OF_THREE, MICROS_PER_SECOND, Granted, Limits, Timing

TIMEOUT_SECONDS = 0.25
SERVER_CLOCK = "local t = redis.call('TIME'); local now = t[1] * 1000000 + t[2]\n"
RULE = files(__package__).joinpath("admission.lua").read_text(encoding="utf-8")
_LOST = (RedisError, OSError, RuntimeError)
"""What a client raises whose server is gone; uvloop says RuntimeError of a connection that was reset."""

_COLD, _ALL, _FULL = -1, 1, 2
_SIGN, _SIGN_MILLIS = "leadgen:takes-writes", 10_000


def open_redis(url: str) -> Redis:
    """A client that tries once and waits a quarter of a second: a repeated script would admit twice."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        max_connections=16,
    )


class RedisRateLimiter(ServerCarrier):
    """Exact over all processes that share the server."""

    def __init__(self, client: Redis, clock: IClock, timing: Timing, clock_line: str = SERVER_CLOCK) -> None:
        super().__init__(clock, timing)
        self._client = client
        self._script = clock_line + RULE
        self._digest = hashlib.sha1(self._script.encode()).hexdigest()  # noqa: S324 - the server's own name for it
        self._highest: dict[str, int] = {}
        self._pauses: dict[str, float] = {}
        self._released: defaultdict[str, list[int]] = defaultdict(list)
        self._releasing: asyncio.Task[None] | None = None
        """Gives back what has gathered, once what is on its way has arrived."""
        self._one_release = asyncio.Lock()

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        if credential in self._pauses:
            await self.penalise(credential, self._pauses[credential] - self._clock.monotonic())
        timing = self._timing
        lead = timing.lead_of(round(lead_seconds * MICROS_PER_SECOND))
        asked_at = self._clock.monotonic()
        status, more, now, *given = await self._run(
            credential,
            "take",
            lead,
            timing.validity,
            timing.reach(lead, limits),
            limits.gap(timing.validity),
            limits.least_gap(timing.validity),
            BULK_GAPS_OF_THREE,
            limits.concurrency,
            round(lease_seconds * MICROS_PER_SECOND),
            wanted,
            self._highest.get(credential, 0),
            len(limits.rules),
            *(number for rule in limits.rules for number in (rule.calls, rule.window_micros)),
        )
        reading = Reading(now, asked_at, self._clock.monotonic())
        if status == _COLD:
            raise ColdCarrierError(credential)
        self._trust(credential, reading)
        grants = [Granted(now + wait, lease) for lease, wait in zip(given[::2], given[1::2], strict=True)]
        if grants:
            self._highest[credential] = grants[-1].lease + 1
        retry = None if status == _ALL else more
        if status == _FULL:
            retry = min(more, round(turn() * MICROS_PER_SECOND))
        return await self._tickets(credential, grants, reading, retry)

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter; what arrives while others are on their way goes together, after them."""
        self._released[ticket.credential].append(ticket.lease)
        if self._releasing is None:
            self._releasing = asyncio.create_task(self._release_all())
            self._releasing.add_done_callback(heard)
        await asyncio.shield(self._releasing)

    async def _release_all(self) -> None:
        async with self._one_release:
            released, self._released, self._releasing = self._released, defaultdict(list), None
            try:
                for credential, leases in released.items():
                    await self._client.zrem(_keys(credential)[2], *leases)
            except _LOST as error:
                raise LostCarrierError(type(error).__name__) from error

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        until = self._clock.monotonic() + seconds
        self._pauses[credential] = max(until, self._pauses.get(credential, until))
        micros = round((self._pauses[credential] - self._clock.monotonic()) * MICROS_PER_SECOND)
        (status,) = await self._run(credential, "penalise", max(micros, 0))
        if status != _COLD:
            self._pauses.pop(credential, None)

    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """See ICarrier."""
        size = max(rule.calls for rule in limits.rules)
        window = max(rule.window_micros for rule in limits.rules)
        starts = sorted(seed.starts)[-size:]
        self._highest.pop(credential, None)
        self._readings.pop(credential, None)
        await self._run(
            credential,
            "seed",
            size,
            window + self._timing.latest,
            len(starts),
            *(-start for start in starts),
            len(seed.lease_ends),
            *seed.lease_ends,
        )

    def forget(self, credential: str) -> None:
        """See ICarrier."""
        super().forget(credential)
        self._highest.pop(credential, None)
        self._pauses.pop(credential, None)

    async def ping(self) -> bool:
        """Whether the server takes what is written within its time: one that only answers admits nobody."""
        try:
            return bool(await self._client.set(_SIGN, 1, px=_SIGN_MILLIS))
        except _LOST:
            return False

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def _run(self, key: str, *arguments: str | int) -> Sequence[int]:
        keys = _keys(key)
        try:
            try:
                reply = await self._client.evalsha(self._digest, len(keys), *keys, *arguments)
            except NoScriptError:  # the one answer that promises that nothing has happened
                reply = await self._client.eval(self._script, len(keys), *keys, *arguments)
        except _LOST as error:
            raise LostCarrierError(type(error).__name__) from error
        return list(reply)


def _keys(key: str) -> tuple[str, str, str]:
    return f"leadgen:{{{key}}}:state", f"leadgen:{{{key}}}:ring", f"leadgen:{{{key}}}:leases"
