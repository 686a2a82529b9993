"""What carries the admissions of a credential: memory, Redis or SQL."""

from __future__ import annotations

import functools
import hashlib
import random
from abc import abstractmethod
from collections.abc import Sequence

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.rate_limiter import IRateLimiter, Ticket, Tickets
from leadgen.domain.limits import MICROS_PER_SECOND, Granted, Limits, Timing
from leadgen.domain.value import value

TURN_SECONDS_MAX = 0.03
LEAP_MICROS_MAX = 250_000
"""A server whose clock gains more than this on that of this process has had its clock set."""


def turn() -> float:
    """When to ask again for a place that any process may get: at random, so that all get their share."""
    return random.uniform(0.0, TURN_SECONDS_MAX)  # noqa: S311 - fairness, no secret


@functools.lru_cache(maxsize=256)
def carrier_key(credential: str, epoch: int, limits: Limits) -> str:
    """Under which key an epoch is carried: other rules are another key, another cap alone is not."""
    rules = ",".join(f"{rule.calls}/{rule.window_micros}" for rule in limits.rules)
    return f"{credential}:{epoch}:{hashlib.sha256(rules.encode()).hexdigest()[:8]}"


class ColdCarrierError(Exception):
    """Nothing is known of what was admitted, which is not the same as nothing having been admitted."""


class LostCarrierError(Exception):
    """The carrier does not answer; what was asked may or may not have happened."""


@value(frozen=True, slots=True)
class Seed:
    """What was admitted before, in microseconds from now: starts (past ones negative), and ends of leases."""

    starts: Sequence[int] = ()
    lease_ends: Sequence[int] = ()


class ICarrier(IRateLimiter):
    """A limiter that admits nothing before it was seeded.

    Its credentials are opaque keys, each of one epoch and one set of rules. Each call may raise
    LostCarrierError; ``take`` raises ColdCarrierError where nothing is known.
    """

    @abstractmethod
    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """Begins a key with what the ledger knows; a key that is in use is never begun again."""

    @abstractmethod
    def forget(self, credential: str) -> None:
        """Lets go of what this process holds of a key that it uses no more."""


@value(frozen=True, slots=True)
class Reading:
    """A server's clock (microseconds), read between two moments of this process's own (seconds)."""

    now: int
    asked_at: float
    heard_at: float

    def leap_since(self, last: Reading) -> int:
        """How far the server's clock was set forward since then, at most; 0 where it was not."""
        passed = self.now - last.now
        longest = round((self.heard_at - last.asked_at) * MICROS_PER_SECOND)
        shortest = round((self.asked_at - last.heard_at) * MICROS_PER_SECOND)
        return passed - shortest if passed > longest + LEAP_MICROS_MAX else 0


class ServerCarrier(ICarrier):
    """A carrier that goes by a server's clock, of which this process knows no more than its readings."""

    def __init__(self, clock: IClock, timing: Timing) -> None:
        self._clock = clock
        self._timing = timing
        self._readings: dict[str, Reading] = {}

    def forget(self, credential: str) -> None:
        """See ICarrier."""
        self._readings.pop(credential, None)

    def _trust(self, credential: str, reading: Reading) -> None:
        """Raises ColdCarrierError where the clock was set forward: what it calls long ago was just now.

        It does so until the key is seeded: the reading from before the leap stays.
        """
        if reading.leap_since(self._readings.get(credential, reading)):
            raise ColdCarrierError(credential)
        self._readings[credential] = reading

    async def _tickets(
        self, credential: str, grants: Sequence[Granted], reading: Reading, retry_micros: int | None
    ) -> Tickets:
        """Their windows hold wherever between asking and hearing the clock was read.

        Where that leaves no window, because the answer took too long, the places are given back.
        """
        validity = self._timing.validity / MICROS_PER_SECOND
        tickets = [
            Ticket(credential, reading.heard_at + wait, reading.asked_at + wait + validity, grant.lease)
            for grant in grants
            for wait in [(grant.start - reading.now) / MICROS_PER_SECOND]
        ]
        if reading.heard_at > reading.asked_at + validity:
            for late in tickets:
                await self.release(late)
            tickets.clear()
        retry_seconds = None if retry_micros is None else max(retry_micros, 0) / MICROS_PER_SECOND
        return Tickets(tickets, retry_seconds, is_shared=True)
