"""The admission rule in Redis or Valkey: one script, one round trip, the server's own time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from leadgen.adapters.rate_limits.carrier import ColdCarrierError, ICarrier, LostCarrierError, Seed, turn
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Limits, Timing

TIMEOUT_SECONDS = 0.25
SERVER_CLOCK = "local t = redis.call('TIME'); local now = t[1] * 1000000 + t[2]\n"
RULE = files(__package__).joinpath("admission.lua").read_text(encoding="utf-8")
_COLD, _ALL, _FULL = -1, 1, 2


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


class RedisRateLimiter(ICarrier):
    """Exact over all processes that share the server; other limits are other keys, and so begin cold."""

    def __init__(self, client: Redis, clock: IClock, timing: Timing, clock_line: str = SERVER_CLOCK) -> None:
        self._client = client
        self._clock = clock
        self._timing = timing
        self._script = clock_line + RULE
        self._digest = hashlib.sha1(self._script.encode()).hexdigest()  # noqa: S324 - the server's own name for it
        self._highest: dict[str, int] = {}
        self._limits: dict[str, Limits] = {}
        self._pauses: dict[str, float] = {}

    async def take(
        self, credential: str, limits: Limits, *, wanted: int, lease_seconds: float, lead_seconds: float = 0.0
    ) -> Tickets:
        """See IRateLimiter."""
        self._limits[credential] = limits
        key = _key(credential, limits)
        if credential in self._pauses:
            await self.penalise(credential, self._pauses[credential] - self._clock.monotonic())
        timing = self._timing
        lead = timing.lead_of(round(lead_seconds * MICROS_PER_SECOND))
        asked_at = self._clock.monotonic()
        status, more, *given = await self._run(
            key,
            "take",
            lead,
            timing.validity,
            timing.reach(lead),
            limits.gap(timing.validity),
            limits.concurrency,
            round(lease_seconds * MICROS_PER_SECOND),
            wanted,
            self._highest.get(key, 0),
            len(limits.rules),
            *(number for rule in limits.rules for number in (rule.calls, rule.window_micros)),
        )
        if status == _COLD:
            raise ColdCarrierError(credential)
        tickets = [
            self._ticket(credential, lease, wait, asked_at)
            for lease, wait in zip(given[::2], given[1::2], strict=True)
        ]
        if tickets:
            self._highest[key] = tickets[-1].lease + 1
        usable = [ticket for ticket in tickets if ticket.opens_at <= ticket.closes_at]
        for late in tickets[: len(tickets) - len(usable)]:
            await self.release(late)
        retry = None if status == _ALL else more / MICROS_PER_SECOND
        if status == _FULL:
            retry = min(more / MICROS_PER_SECOND, turn())
        return Tickets(usable, retry, is_shared=True)

    async def release(self, ticket: Ticket) -> None:
        """See IRateLimiter."""
        limits = self._limits.get(ticket.credential)
        if limits is None:
            return
        try:
            await self._client.zrem(_keys(_key(ticket.credential, limits))[2], ticket.lease)
        except (RedisError, OSError) as error:
            raise LostCarrierError(type(error).__name__) from error

    async def distrust(self, credential: str) -> None:
        """See IRateLimiter."""

    async def penalise(self, credential: str, seconds: float) -> None:
        """See IRateLimiter."""
        until = self._clock.monotonic() + seconds
        self._pauses[credential] = max(until, self._pauses.get(credential, until))
        if limits := self._limits.get(credential):
            micros = round((self._pauses[credential] - self._clock.monotonic()) * MICROS_PER_SECOND)
            (status,) = await self._run(_key(credential, limits), "penalise", max(micros, 0))
            if status != _COLD:
                self._pauses.pop(credential, None)

    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """See ICarrier."""
        size = max(rule.calls for rule in limits.rules)
        window = max(rule.window_micros for rule in limits.rules)
        starts = sorted(seed.starts)[-size:]
        key = _key(credential, limits)
        self._highest.pop(key, None)
        await self._run(
            key,
            "seed",
            size,
            window + self._timing.latest,
            len(starts),
            *(-start for start in starts),
            len(seed.lease_ends),
            *seed.lease_ends,
        )

    async def ping(self) -> bool:
        """Whether the server answers within its time."""
        try:
            return bool(await self._client.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    def _ticket(self, credential: str, lease: int, wait_micros: int, asked_at: float) -> Ticket:
        """The window that holds wherever between asking and hearing the server's clock was read."""
        wait = wait_micros / MICROS_PER_SECOND
        return Ticket(
            credential=credential,
            opens_at=self._clock.monotonic() + wait,
            closes_at=asked_at + wait + self._timing.validity / MICROS_PER_SECOND,
            lease=lease,
        )

    async def _run(self, key: str, *arguments: str | int) -> Sequence[int]:
        keys = _keys(key)
        try:
            try:
                reply = await self._client.evalsha(self._digest, len(keys), *keys, *arguments)
            except NoScriptError:  # the one answer that promises that nothing has happened
                reply = await self._client.eval(self._script, len(keys), *keys, *arguments)
        except (RedisError, OSError) as error:
            raise LostCarrierError(type(error).__name__) from error
        return list(reply)


def _key(credential: str, limits: Limits) -> str:
    rules = ",".join(f"{rule.calls}/{rule.window_micros}" for rule in limits.rules)
    return f"{credential}:{hashlib.sha256(rules.encode()).hexdigest()[:8]}"


def _keys(key: str) -> tuple[str, str, str]:
    return f"leadgen:{{{key}}}:state", f"leadgen:{{{key}}}:ring", f"leadgen:{{{key}}}:leases"
