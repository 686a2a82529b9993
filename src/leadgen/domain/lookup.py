"""Lookup: one paid question to one provider about one lead, the states it goes through and what it costs.

INTENDED ──► SETTLED      an answer came: hit, miss or rejected
    │  ▲
    │  └───► NOT_SENT     it never left; the same lookup may be intended again
    └──────► UNKNOWN      it left, or may have; booked as estimated
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leadgen.domain.provider import Charges, Hit, Miss, NotSent, Outcome, Rejected, Unknown

REUSE = timedelta(days=30)
"""How long an answer is good for."""

FIELD = "phone"
"""What is asked for; part of the key, so that another field is another question."""


class LookupState(StrEnum):
    """Where a lookup stands."""

    INTENDED = "intended"
    SETTLED = "settled"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
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

    @property
    def cost_micros(self) -> int:
        """What this lookup costs as far as is known: posted and estimated."""
        return self.posted_micros + self.estimated_micros

    def answers_at(self, now: datetime) -> bool:
        """Whether its outcome still stands in for asking again."""
        return self.created_at > now - REUSE

    def is_abandoned(self, now: datetime) -> bool:
        """Whether it was intended by somebody who can no longer settle it."""
        return self.state is LookupState.INTENDED and self.lease_until <= now

    def closed(self, outcome: Outcome, config_charges: Charges, at: datetime) -> Lookup:
        """This lookup with its outcome, and what it costs."""
        posted, estimated = _charge(outcome, config_charges, self.held_micros)
        return dataclasses.replace(
            self,
            state=_state_after(outcome),
            outcome=outcome,
            held_micros=0,
            posted_micros=posted,
            estimated_micros=estimated,
            settled_at=at,
        )

    def abandoned(self, at: datetime) -> Lookup:
        """This lookup after its owner died: it may have been asked, so it counts as charged."""
        return self.closed(Unknown("its worker died before the answer came"), Charges.REQUEST, at)


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
