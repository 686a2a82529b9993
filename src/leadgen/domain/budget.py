"""Budgets: what may be spent for one question, in a job, in a day and by an account in all.

Money is held when a question is intended, and becomes used when it is known, or assumed, to be charged.
``used + held`` never exceeds the cap.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from leadgen.domain.lookup import Lookup


class Span(StrEnum):
    """What a budget covers."""

    LOOKUP = "lookup"
    """One question; whatever it costs, the next one has as much."""
    JOB = "job"
    DAY = "day"
    """A day (UTC) of an account."""
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Budget:
    """A cap and what of it is gone, in micro-USD; ``day`` (UTC) is what a daily budget counts."""

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
        """This budget on a day; a daily one begins anew on a later day."""
        if self.span is not Span.DAY or self.day >= day:
            return self
        return dataclasses.replace(self, day=day, used_micros=0, held_micros=0)

    def refusal(self, price_micros: int) -> OverBudget | None:
        """Why a question of this price is not asked, or None where it may be."""
        if self.used_micros + self.held_micros + price_micros <= self.cap_micros:
            return None
        return OverBudget(self.span, is_final=self.used_micros + price_micros > self.cap_micros)

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
            case _:
                return lookup.account == self.owner


@dataclass(frozen=True, slots=True)
class OverBudget:
    """A question that was not asked since it would exceed a budget; nothing was held, nothing recorded.

    Unless it ``is_final`` money is held that may come back.
    """

    span: Span
    is_final: bool

    @property
    def why(self) -> str:
        """The reason, for people."""
        return f"budget: the {self.span}'s is used up"
