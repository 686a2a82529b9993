"""A purchase: who is asked what, about whom, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from leadgen.application.ticket_desk import PATIENCE_SECONDS, Payer
from leadgen.domain.fair_queue import ANYBODY, Claimant
from leadgen.domain.lead import Lead, Question
from leadgen.domain.lookup import lookup_key
from leadgen.domain.phone import PhoneNumber, WantedLine
from leadgen.domain.value import value
from leadgen.domain.waterfall import Ask


@dataclass(slots=True, eq=False)
class Entry:
    """A question in a race: until its first byte has left it can be let go; ``on_sent`` is called then."""

    is_let_go: bool = False
    on_sent: Callable[[], None] | None = None


@value(frozen=True, slots=True)
class Purchase:
    """Who is asked what, about whom, and for which job; ``position`` and ``reason``: why this provider."""

    lead: Lead
    question: Question
    job_id: str | None
    ask: Ask
    patience_seconds: float = PATIENCE_SECONDS
    """How long to queue for a provider that is free for nobody."""

    claimant: Claimant = ANYBODY
    """On whose behalf: whose turn it is among those who queue."""

    line: WantedLine = WantedLine.ANY
    entry: Entry | None = None
    position: int | None = None
    reason: str = ""
    missed: frozenset[str] | None = None
    """Who has been asked before and had no usable number; None where it is asked for another reason."""

    @property
    def is_let_go(self) -> bool:
        """Whether nobody wants it to be sent any more."""
        return self.entry is not None and self.entry.is_let_go

    @property
    def payer(self) -> Payer:
        """Whose money it would take."""
        return self.lead.account, self.job_id

    @property
    def purse(self) -> tuple[Payer, str]:
        """Whose money it would take, and for whom."""
        return self.payer, self.ask.provider

    def note_sent(self) -> None:
        """Tells the race that the question is on its way, if only by another one who asks the same."""
        if self.entry is not None and self.entry.on_sent is not None:
            self.entry.on_sent()

    def key(self) -> str:
        """Under which key the ledger has it."""
        return lookup_key(self.lead.account, self.question.digest, self.ask.provider, self.ask.n)

    def is_settled_by(self, phone: PhoneNumber) -> bool:
        """Whether this number is the lead's at once; in a race that is decided when the race is."""
        return self.entry is None and self.line.takes(phone.line)

    def may_follow(self, leader: Purchase) -> bool:
        """Whether it can await a leader's answer: one that is served no later than it would be itself."""
        is_as_urgent = leader.claimant.is_urgent or not self.claimant.is_urgent
        return is_as_urgent and leader.patience_seconds <= self.patience_seconds
