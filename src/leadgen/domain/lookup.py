"""Lookup: one paid question to one provider about one lead, the states it goes through and what it costs.

INTENDED ──► SETTLED      an answer came: hit, miss or rejected
  │ ▲  ▲
  │ │  └───► NOT_SENT     it never left; the same lookup may be intended again
  │ └──────┐
  └──────► UNKNOWN        it left, or may have; booked as estimated
             └──► SETTLED | NOT_SENT     by a late answer, a repeat under its key, the provider's report
"""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from leadgen.domain.provider import Charges, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from leadgen.domain.value import value

REUSE = timedelta(days=30)
"""How long a number is good for, and how long a lost answer is not asked for again."""

REUSE_MISSES = timedelta(days=7)
"""How long "no number" is good for, unless set otherwise: providers learn of people."""

REPEAT_WITHIN = timedelta(hours=24)
"""So long a provider keeps an idempotency key, after Stripe's promise; later a repeat is a new question."""

FIELD = "phone"
"""What is asked for; part of the key, so that another field is another question."""


class LookupState(StrEnum):
    """Where a lookup stands."""

    INTENDED = "intended"
    SETTLED = "settled"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@value(frozen=True, slots=True)
class Lookup:
    """A row of the ledger; money in micro-USD, times in UTC.

    ``held`` while the outcome is open, then ``posted`` (known) or ``estimated`` (assumed). ``owner`` sends
    until ``lease_until`` at the latest; past it an intended lookup has lost its owner.
    """

    key: str
    account: str
    lead_id: str
    job_id: str | None
    question: str
    provider: str
    n: int
    state: LookupState
    owner: str
    lease_until: datetime
    created_at: datetime
    held_micros: int
    posted_micros: int = 0
    estimated_micros: int = 0
    settled_at: datetime | None = None
    outcome: Outcome | None = None
    repeats: int = 0
    """How often it was sent again under its key, its answer having been lost."""
    position: int | None = None
    """Which place its provider had in its search, from 1 on; None where that is not on record."""
    reason: str = ""
    """Why it had that place, for people."""
    took_seconds: float | None = None
    """From the moment of its first byte to its outcome; None where nothing was sent, or nobody knows."""

    @property
    def cost_micros(self) -> int:
        """What this lookup costs as far as is known: posted and estimated."""
        return self.posted_micros + self.estimated_micros

    @property
    def has_number(self) -> bool:
        """Whether it tells a number, if only as text."""
        return isinstance(self.outcome, Hit)

    def answers_at(self, now: datetime, reuse_misses: timedelta = REUSE_MISSES) -> bool:
        """Whether its outcome still stands in for asking again.

        A lost answer that was free never does, nor does one whose number was removed with its person.
        """
        match self.outcome:
            case Hit(phone=None, raw=""):
                return False
            case Unknown() if self.state is LookupState.SETTLED and not self.cost_micros:
                return False
            case Miss() | Hit(phone=None) | Rejected():
                return self.created_at > now - min(reuse_misses, REUSE)
            case _:
                return self.created_at > now - REUSE

    def is_abandoned(self, now: datetime) -> bool:
        """Whether it was intended by somebody who can no longer settle it."""
        return self.state is LookupState.INTENDED and self.lease_until <= now

    def may_repeat(self, now: datetime) -> bool:
        """Whether the provider still knows its key, so that the same question costs nothing more."""
        return self.created_at > now - REPEAT_WITHIN

    def closed(
        self, outcome: Outcome, config_charges: Charges, at: datetime, *, took_seconds: float | None = None
    ) -> Lookup:
        """This lookup with its outcome, what it costs, and how long its call took where that is known.

        A repeat that brings no answer says nothing about the question that was sent first.
        """
        if self.repeats and not isinstance(outcome, Hit | Miss | Unknown):
            outcome = Unknown(f"repeated: {outcome.detail}")
        price = self.held_micros + self.estimated_micros
        posted, estimated = _charge(outcome, config_charges, price)
        took = self.took_seconds if took_seconds is None else took_seconds
        return Lookup(  # which is made for each call; `replace` would take five times as long
            self.key,
            self.account,
            self.lead_id,
            self.job_id,
            self.question,
            self.provider,
            self.n,
            _state_after(outcome),
            self.owner,
            self.lease_until,
            self.created_at,
            held_micros=0,
            posted_micros=posted,
            estimated_micros=estimated,
            settled_at=at,
            outcome=outcome,
            repeats=self.repeats,
            position=self.position,
            reason=self.reason,
            took_seconds=None if isinstance(outcome, NotSent) else took,
        )

    def forgotten(self) -> Lookup:
        """This lookup with nothing in it of the person, whose lead was removed."""
        return dataclasses.replace(self, outcome=Hit(None, "")) if self.has_number else self

    def abandoned(self, at: datetime) -> Lookup:
        """This lookup after its owner died: it may have been asked, so it counts as charged."""
        return self.closed(Unknown("its worker died before the answer came"), Charges.REQUEST, at)

    def charged(self, micros: int, at: datetime) -> Lookup:
        """This lookup at what the provider reports to have charged for it; nothing stays estimated.

        What was charged has been received, though we thought that it was never sent: its answer is lost.
        """
        lost = Unknown("the provider's report knows of it")
        return dataclasses.replace(
            self,
            state=LookupState.SETTLED,
            outcome=lost if isinstance(self.outcome, NotSent) else self.outcome,
            posted_micros=micros,
            estimated_micros=0,
            settled_at=self.settled_at or at,
        )

    def never_received(self, at: datetime) -> Lookup:
        """This lookup after the provider's report, which does not know of it."""
        unsent = NotSent("the provider's report does not know of it")
        return dataclasses.replace(self, repeats=0).closed(unsent, Charges.REQUEST, at)


def lookup_key(account: str, question: str, provider: str, n: int) -> str:
    """Identifies one purchase; nothing of a run, an attempt or a configuration goes in."""
    return hashlib.sha256("\x1f".join((account, question, FIELD, provider, str(n))).encode()).hexdigest()


def _state_after(outcome: Outcome) -> LookupState:
    match outcome:
        case NotSent():
            return LookupState.NOT_SENT
        case Unknown():
            return LookupState.UNKNOWN
        case _:
            return LookupState.SETTLED


def _charge(outcome: Outcome, charges: Charges, price_micros: int) -> tuple[int, int]:
    match outcome:
        case Hit():
            return price_micros, 0
        case Miss():
            return (price_micros if charges is Charges.REQUEST else 0), 0
        case Unknown():
            return 0, price_micros
        case Rejected() | NotSent():
            return 0, 0
