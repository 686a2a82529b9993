"""What carries the admissions of a credential: memory, Redis or SQL."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from leadgen.application.ports.rate_limiter import IRateLimiter
from leadgen.domain.limits import Limits

TURN_SECONDS_MAX = 0.03


def turn() -> float:
    """When to ask again for a place that any process may get: at random, so that all get their share."""
    return random.uniform(0.0, TURN_SECONDS_MAX)  # noqa: S311 - fairness, no secret


class ColdCarrierError(Exception):
    """Nothing is known of what was admitted, which is not the same as nothing having been admitted."""


class LostCarrierError(Exception):
    """The carrier does not answer; what was asked may or may not have happened."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What was admitted before, in microseconds from now: starts (past ones negative), and ends of leases."""

    starts: Sequence[int] = ()
    lease_ends: Sequence[int] = ()


class ICarrier(IRateLimiter):
    """A limiter that admits nothing before it was seeded.

    Its credentials are keys that name an epoch too: what belongs to another epoch is another credential.
    Each call may raise LostCarrierError; ``take`` raises ColdCarrierError where nothing is known.
    """

    @abstractmethod
    async def seed(self, credential: str, limits: Limits, seed: Seed) -> None:
        """Begins anew with what the ledger knows; whoever calls holds the lock of the credential."""
