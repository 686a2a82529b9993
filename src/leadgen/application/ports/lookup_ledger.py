"""The ledger of paid lookups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from leadgen.domain.budget import OverBudget
from leadgen.domain.lookup import Lookup
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.value import value


@value(frozen=True, slots=True)
class LeadValue:
    """A number found for a lead, to be recorded together with its charge."""

    account: str
    lead_id: str
    phone: PhoneNumber
    provider: str
    question_version: int
    """The question that was asked, by ``Lead.question_version``."""


class ILookupLedger(ABC):
    """Every paid question, with its state and money; durable when a call returns.

    Raises ServiceUnavailable when the database does not answer; the same call may then be repeated, since
    each is idempotent.
    """

    @abstractmethod
    async def intend(
        self,
        lookup: Lookup,
        epoch: int = 0,
        *,
        may_repeat: bool = False,
        question_version: int | None = None,
    ) -> Lookup | OverBudget:
        """Records an intended lookup and holds its price, or reopens one of the same key that was not sent.

        With ``may_repeat`` one whose answer was lost is reopened too, while the provider knows its key.
        Raises StaleTicket, and records nothing, when ``epoch`` is no longer that of the provider's limits,
        and ChangedMeanwhile where the lead is gone, or has another ``question_version`` (None: whichever).

        The lookup that stands under this key afterwards: the caller's to send where it is intended by
        ``lookup.owner``. OverBudget, and nothing is recorded, when a budget does not cover it.
        """

    @abstractmethod
    async def close(self, lookup: Lookup, value: LeadValue | None) -> bool:
        """Records outcome, charge and lead value in one commit.

        False when the lookup is no longer intended by ``lookup.owner``: the lead stays as it is. An owner
        that was given up meanwhile still has its answer and charge booked, where nobody repeats the question.
        A value never replaces a number that the lead has, and is none of a lead whose question has become
        another one. Of a lead that was removed only the charge is booked.
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

    @abstractmethod
    async def intended(self, job_id: str) -> Sequence[Lookup]:
        """The lookups of a job that are still intended, those first whose lease ends first."""

    @abstractmethod
    async def abandoned(self, now: datetime, *, limit: int) -> Sequence[Lookup]:
        """Intended lookups whose owner can no longer settle them, up to ``limit``."""

    @abstractmethod
    async def unknown(self, since: datetime, *, after: str, limit: int) -> Sequence[Lookup]:
        """Unknown lookups made after ``since``, in order of key, from the one after ``after`` on."""
