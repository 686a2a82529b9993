"""Budgets: what may be spent for one question, in a job, in a day and by an account in all.

Money is held when a question is intended, and becomes used when it is known, or assumed, to be charged.
``used + held`` never exceeds the cap.

The quota of an account's tier is a budget too, of a month, in lookups instead of money: a lookup is held
while it is under way and used once it was answered, or may have been; one that was turned down or not sent
counts for nothing.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from enum import StrEnum

from leadgen.domain.lookup import Lookup, LookupState
from leadgen.domain.provider import Rejected
from leadgen.domain.value import value

LOOKUP_MICROS = 1_000_000
"""A lookup in the budget of a month, which counts in millionths of lookups as others in those of dollars."""


class Span(StrEnum):
    """What a budget covers."""

    LOOKUP = "lookup"
    """One question; whatever it costs, the next one has as much."""
    JOB = "job"
    DAY = "day"
    """A day (UTC) of an account."""
    ACCOUNT = "account"
    MONTH = "month"
    """A month (UTC) of an account, in lookups: the quota of its tier."""


@value(frozen=True, slots=True)
class Budget:
    """A cap and what of it is gone, in micro-USD, of a month in millionths of lookups.

    ``day`` (UTC) is what a daily budget counts, and lies in the month that a monthly one counts.
    """

    span: Span
    owner: str
    """The id of the job or the account."""
    cap_micros: int
    used_micros: int = 0
    held_micros: int = 0
    day: date = date.min

    @property
    def left_micros(self) -> int:
        """What can still be held."""
        return max(self.cap_micros - self.used_micros - self.held_micros, 0)

    def on(self, day: date) -> Budget:
        """This budget on a day; a daily one begins anew on a later day, a monthly one in a later month."""
        is_over = (self.span is Span.DAY and self.day < day) or (
            self.span is Span.MONTH and _month(self.day) < _month(day)
        )
        if not is_over:
            return self
        return dataclasses.replace(self, day=day, used_micros=0, held_micros=0)

    def refusal(self, price_micros: int) -> OverBudget | None:
        """Why a question of this price is not asked, or None where it may be."""
        micros = LOOKUP_MICROS if self.span is Span.MONTH else price_micros
        if self.used_micros + self.held_micros + micros <= self.cap_micros:
            return None
        return OverBudget(self.span, is_final=self.used_micros + micros > self.cap_micros)

    def plus(self, lookup: Lookup) -> Budget:
        """This budget with what a lookup holds and has used."""
        held, used = self._share(lookup)
        return self.moved(held_micros=held, used_micros=used)

    def minus(self, lookup: Lookup) -> Budget:
        """This budget without what a lookup holds and has used."""
        held, used = self._share(lookup)
        return self.moved(held_micros=-held, used_micros=-used)

    def moved(self, *, held_micros: int, used_micros: int) -> Budget:
        """This budget after money was held or released, used or given back."""
        if self.span is Span.LOOKUP:
            return self
        return dataclasses.replace(
            self,
            held_micros=self.held_micros + held_micros,
            used_micros=self.used_micros + used_micros,
        )

    def covers(self, lookup: Lookup, day: date) -> bool:
        """Whether the money of a lookup that was intended on this day belongs here."""
        match self.span:
            case Span.JOB:
                return lookup.job_id == self.owner
            case Span.DAY:
                return lookup.account == self.owner and day == self.day
            case Span.MONTH:
                return lookup.account == self.owner and _month(day) == _month(self.day)
            case _:
                return lookup.account == self.owner

    def _share(self, lookup: Lookup) -> tuple[int, int]:
        """What of a lookup is held, and what is used."""
        if self.span is not Span.MONTH:
            return lookup.held_micros, lookup.cost_micros
        is_used = lookup.state in {LookupState.SETTLED, LookupState.UNKNOWN}
        is_used &= not isinstance(lookup.outcome, Rejected)
        return LOOKUP_MICROS * (lookup.state is LookupState.INTENDED), LOOKUP_MICROS * is_used


@value(frozen=True, slots=True)
class OverBudget:
    """A question that was not asked since it would exceed a budget; nothing was held, nothing recorded.

    Unless it ``is_final`` money is held that may come back.
    """

    span: Span
    is_final: bool

    @property
    def why(self) -> str:
        """The reason, for people."""
        if self.span is Span.MONTH:
            return "quota: the month's lookups are used up"
        return f"budget: the {self.span}'s is used up"


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month
