"""The ledger as a whole, for those who check it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from leadgen.domain.lookup import Lookup
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class ProviderTotals:
    """What one provider's lookups add up to, in micro-USD."""

    lookups: int = 0
    posted_micros: int = 0
    held_micros: int = 0
    estimated_micros: int = 0


@value(frozen=True, slots=True)
class LedgerTotals:
    """What all lookups add up to; ``oldest_unknown`` is when the oldest unknown one was made."""

    intents_open: int
    unknown_open: int
    oldest_unknown: datetime | None
    providers: Mapping[str, ProviderTotals] = field(default_factory=dict)


@value(frozen=True, slots=True)
class Evidence:
    """What came to light after a lookup had been closed, and what it changed (micro-USD)."""

    source: str
    received_at: datetime
    state_before: str
    state_after: str
    cost_before_micros: int
    cost_after_micros: int
    detail: str


class ILedgerBooks(ABC):
    """Reads the ledger of all accounts, and corrects it. Raises ServiceUnavailable."""

    @abstractmethod
    async def totals(self, account: str | None = None) -> LedgerTotals:
        """What everything, or one account, adds up to now, in one state of the database."""

    @abstractmethod
    async def totals_of(
        self, account: str, *, since: datetime, until: datetime
    ) -> Mapping[str, ProviderTotals]:
        """What an account's lookups add up to that were made in that time, by provider."""

    @abstractmethod
    async def page(self, *, after: str, limit: int) -> Sequence[Lookup]:
        """Up to ``limit`` lookups whose key follows ``after``, in order of key."""

    @abstractmethod
    async def correct(self, before: Lookup, after: Lookup, *, source: str) -> bool:
        """Books what a report says, with the evidence; False where the lookup is no longer ``before``."""

    @abstractmethod
    async def find(self, account: str, beginning: str) -> Lookup | None:
        """The lookup of an account whose key begins so; None where there is none, or more than one."""

    @abstractmethod
    async def evidence(self, key: str) -> Sequence[Evidence]:
        """What came to light about a lookup, oldest first."""
