"""Providers: the port to ask one, what is configured of one, and all that an answer can be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import field
from enum import StrEnum

from leadgen.domain.errors import InvalidSetting
from leadgen.domain.lead import Input, Question
from leadgen.domain.limits import Limits
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.tier import Tier
from leadgen.domain.value import value


class Charges(StrEnum):
    """What a provider charges for: every question it answers, or those it answers with a number."""

    REQUEST = "request"
    HIT = "hit"


class OnUnknown(StrEnum):
    """What to do about a question that left and whose answer was lost, by what the provider offers."""

    ASSUME = "assume"
    """It offers nothing: count the question as charged, ask the next provider, take a late answer."""
    REPEAT = "repeat"
    """It keeps idempotency keys: send the same question under the same key, which it charges once."""
    RECALL = "recall"
    """It tells what came of a call: look it up by our reference, for nothing."""
    RETRY = "retry"
    """It charges for hits alone: ask once more, at the risk of one more hit's price."""


@value(frozen=True, slots=True)
class ProviderConfig:
    """What is configured of a provider; ``priority`` 1 goes first, ``tier`` is the lowest that may ask."""

    name: str
    priority: int
    limits: Limits
    price_micros: int
    charges: Charges = Charges.REQUEST
    enabled: bool = True
    tier: Tier = Tier.FREE
    timeout_seconds: float = 10.0
    on_unknown: OnUnknown = OnUnknown.ASSUME

    def __post_init__(self) -> None:
        """Raises InvalidSetting where a question whose answer was lost could be charged twice."""
        if self.on_unknown is OnUnknown.RETRY and self.charges is not Charges.HIT:
            raise InvalidSetting("unknown", "retry", "charges=hit beside it, or a lost miss is paid twice")


@value(frozen=True, slots=True)
class Hit:
    """The provider gave something as a number: ``phone`` where it could be placed, else only ``raw``."""

    phone: PhoneNumber | None
    raw: str


@value(frozen=True, slots=True)
class Miss:
    """The provider knows of no number."""


class Fault(StrEnum):
    """Why a provider turned a question down, by what follows from it."""

    QUESTION = "question"
    """This question will never be answered."""
    ACCOUNT = "account"
    """Nothing will be answered until somebody mends the key or the wallet."""
    BUSY = "busy"
    """Too many calls: ask again after a pause."""
    BROKEN = "broken"
    """An error of the provider's own: ask again."""


@value(frozen=True, slots=True)
class Rejected:
    """The provider turned the question down and charged nothing."""

    fault: Fault
    detail: str
    retry_after_seconds: float | None = None


@value(frozen=True, slots=True)
class NotSent:
    """The question never left: nothing was asked, nothing is owed."""

    detail: str
    late: bool = False
    """The ticket ran out before the question was sent, which is nobody's fault."""


@value(frozen=True, slots=True)
class Unknown:
    """The question left and no usable answer came back; it may have been charged."""

    detail: str
    is_timeout: bool = field(default=False, compare=False)
    """Nothing said that it was over, so the provider may still be at work on it. On no record."""


Outcome = Hit | Miss | Rejected | NotSent | Unknown


MaySend = Callable[[], Awaitable[bool]]


class IPhoneProvider(ABC):
    """A source of phone numbers.

    ``ask`` sends one question at most once: no repeats, no redirects. Connecting takes ``timeout_seconds`` at
    most, sending and reading together as long again, whatever the other side does. Nothing that the other
    side does is raised: each such thing is an outcome. ``Rejected`` promises that nothing was charged,
    ``NotSent`` that no byte of the question left; whatever is in doubt is ``Unknown``.
    """

    @property
    @abstractmethod
    def needs(self) -> frozenset[Input]:
        """The inputs without which this provider cannot be asked."""

    @abstractmethod
    async def ask(
        self, question: Question, *, reference: str, timeout_seconds: float, may_send: MaySend
    ) -> Outcome:
        """What the provider answers; the caller has made sure that ``needs`` are there.

        ``reference`` goes with the question as its idempotency key: a provider that keeps such keys charges
        a repeat under the same one nothing. ``may_send`` waits for the question's time; it is awaited once
        the connection stands, with nothing between it and the first byte. Where it says no, nothing is sent
        and the outcome is a late ``NotSent``.
        """

    @abstractmethod
    async def recall(self, question: Question, *, reference: str, timeout_seconds: float) -> Outcome | None:
        """What came of an earlier question of this reference, for nothing.

        ``NotSent`` where the provider never received it; None where it cannot tell, or not yet.
        """

    @abstractmethod
    async def is_reachable(self, *, timeout_seconds: float) -> bool:
        """Whether the provider's host accepts connections; asks nothing that could be charged."""
