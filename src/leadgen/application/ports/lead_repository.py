"""Leads."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from leadgen.domain.lead import EndState, Lead, Profile
from leadgen.domain.lead_row import Column
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.selection import Refusal
from leadgen.domain.value import value
from leadgen.domain.waterfall import Verdict


@value(frozen=True, slots=True)
class Arrival:
    """A person from a file, with the id it gets if it is new, and the number it came with."""

    id: str
    profile: Profile
    phone: PhoneNumber | None


@value(frozen=True, slots=True)
class Conclusion:
    """How the search for a lead ended."""

    lead_id: str
    verdict: Verdict
    question_version: int | None = None
    """The question that was asked, by ``Lead.question_version``; None where it stands for whichever."""


@value(frozen=True, slots=True)
class LeadLine:
    """A lead with what its lookups cost (posted and estimated), in micro-USD."""

    lead: Lead
    cost_micros: int

    @property
    def version(self) -> str:
        """Tells this state of the lead from all others."""
        extra = sorted(self.lead.profile.extra.items())
        return hashlib.sha256(repr((self.lead, extra, self.cost_micros)).encode()).hexdigest()[:32]


class LeadRecord(NamedTuple):
    """What an export tells of a lead: a tuple, because there are many of them."""

    id: str
    known: Sequence[str]
    """The values of ``lead_row.FIELD_HEADERS``, in their order."""
    extra: Mapping[str, str]
    phone: str | None
    phone_provider: str | None
    phone_status: str | None
    cost_micros: int
    second_phone: str | None


@value(frozen=True, slots=True)
class LeadFilter:
    """Which leads to look at: those with one of these end states (None: not searched yet), of this e-mail.

    Nothing given is no condition.
    """

    statuses: frozenset[EndState | None] = field(default_factory=frozenset)
    email: str | None = None
    """In the form in which it identifies a person."""


EVERY_LEAD = LeadFilter()


class ILeadRepository(ABC):
    """The leads of all accounts; a lead of another account is never seen.

    Raises ServiceUnavailable when the database does not answer.
    """

    @abstractmethod
    async def merge(self, account: str, arrivals: Sequence[Arrival]) -> int:
        """Records people by their identity, all or none; how many of them are new.

        A person that is there gets the new values by ``Profile.merged_with``; a number that is there stays.
        Somebody whose question has become another one counts as not searched yet.
        """

    @abstractmethod
    async def add_columns(self, account: str, columns: Sequence[Column]) -> None:
        """Remembers columns for exports, in order, each field and each header once, for good."""

    @abstractmethod
    async def columns(self, account: str) -> Sequence[Column]:
        """The columns of all files and of all single leads so far, in the order in which they first came."""

    @abstractmethod
    async def get(self, account: str, lead_id: str) -> LeadLine | None:
        """One lead."""

    @abstractmethod
    async def unasked(self, account: str, lead_id: str) -> Sequence[Refusal]:
        """Who was not asked in the lead's last search, and why."""

    @abstractmethod
    async def many(self, account: str, lead_ids: Sequence[str]) -> Sequence[Lead]:
        """The leads of these ids, in any order; unknown ids are passed over."""

    @abstractmethod
    async def page(
        self, account: str, *, after: str, limit: int, only: LeadFilter = EVERY_LEAD
    ) -> Sequence[LeadLine]:
        """Up to ``limit`` leads whose id follows ``after`` (empty: from the first), in order of id."""

    @abstractmethod
    async def records(self, account: str, *, after: str, limit: int) -> Sequence[LeadRecord]:
        """As ``page``, of all leads, with what an export tells of them."""

    @abstractmethod
    async def find(self, account: str, profile: Profile) -> LeadLine | None:
        """The lead that is the same person."""

    @abstractmethod
    async def replace(
        self, account: str, before: LeadLine, profile: Profile, phone: PhoneNumber | None
    ) -> bool:
        """Gives a lead another profile, and the number that came with it where it has none.

        False, and nothing is changed, where the lead is no longer as ``before``. One whose question becomes
        another one counts as not searched yet. Raises NotPossible where another lead is that person.
        """

    @abstractmethod
    async def remove(self, account: str, before: LeadLine) -> bool:
        """Forgets a person: what was paid for stays in the ledger, with nothing of the person in it.

        False, and nothing is changed, where the lead is no longer as ``before``. Raises NotPossible while
        the lead is being searched.
        """

    @abstractmethod
    async def conclude(self, account: str, conclusion: Conclusion) -> bool:
        """Records how a search ended: end state, number, and who was not asked.

        False, and nothing is recorded, where the lead's question has become another one meanwhile, or the
        lead was removed.
        """
