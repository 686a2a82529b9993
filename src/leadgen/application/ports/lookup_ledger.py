"""The ledger of paid lookups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from leadgen.domain.lookup import Lookup
from leadgen.domain.phone import PhoneNumber


@dataclass(frozen=True, slots=True)
class LeadValue:
    """A number found for a lead, to be recorded together with its charge."""

    account: str
    lead_id: str
    phone: PhoneNumber
    provider: str


class ILookupLedger(ABC):
    """Every paid question, with its state and money; durable when a call returns.

    Raises ServiceUnavailable when the database does not answer; the same call may then be repeated, since
    each is idempotent.
    """

    @abstractmethod
    async def intend(self, lookup: Lookup, epoch: int = 0) -> Lookup | None:
        """Records an intended lookup, or reopens one of the same key that was not sent.

        Raises StaleTicket, and records nothing, when ``epoch`` is no longer that of the provider's limits.

        None when it is now recorded as ``lookup.owner``'s; otherwise the one that stands under this key.
        """

    @abstractmethod
    async def close(self, lookup: Lookup, value: LeadValue | None) -> bool:
        """Records outcome, charge and lead value in one commit.

        False, and nothing is changed, when the lookup is no longer intended by ``lookup.owner``. A value
        never replaces a number that the lead has.
        """

    @abstractmethod
    async def get(self, key: str) -> Lookup | None:
        """The lookup of this key."""

    @abstractmethod
    async def history(self, account: str, questions: Sequence[str]) -> Sequence[Lookup]:
        """All lookups of these questions, in the order of n, then of provider."""

    @abstractmethod
    async def of_lead(self, account: str, lead_id: str) -> Sequence[Lookup]:
        """All lookups made for this lead, oldest first."""
