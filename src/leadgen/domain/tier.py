"""The tiers of an account, lowest first."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """What an account has booked; a provider may ask for a lowest one."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"

    @property
    def weight(self) -> int:
        """How many turns an account of this tier gets for one of a free account."""
        return {Tier.FREE: 1, Tier.PRO: 2, Tier.ENTERPRISE: 4}[self]

    @property
    def lookups_per_month(self) -> int | None:
        """How many lookups an account of this tier gets in a month (UTC); None where nothing limits them."""
        return {Tier.FREE: 100, Tier.PRO: 1_000, Tier.ENTERPRISE: None}[self]

    def covers(self, needed: Tier) -> bool:
        """Whether an account of this tier may use what is offered from ``needed`` upwards."""
        ranks = list(Tier)
        return ranks.index(self) >= ranks.index(needed)
