"""Paid calls: the only place where money leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.rate_limiter import Ticket
from leadgen.application.ticket_desk import PATIENCE_SECONDS, TicketDesk
from leadgen.domain.budget import OverBudget
from leadgen.domain.errors import ServiceUnavailable, StaleTicket
from leadgen.domain.fair_queue import ANYBODY, Claimant
from leadgen.domain.lead import Lead, Question
from leadgen.domain.lookup import Lookup, LookupState, lookup_key
from leadgen.domain.provider import (
    Fault,
    Hit,
    IPhoneProvider,
    NotSent,
    OnUnknown,
    Outcome,
    ProviderConfig,
    Rejected,
    Unknown,
)
from leadgen.domain.waterfall import Answered, Ask, Held

LEASE_MARGIN = timedelta(seconds=5)
"""How much longer than its call a lookup belongs to its owner, who books the answer in that time."""

PARK_SECONDS = 60.0
"""How long a provider is left alone that refused the key or the wallet."""

BOOK_SECONDS = 300.0
"""So long an answer that was paid for is kept for a database that does not answer."""

GIVE_UP_SECONDS = 3.0
"""An owner whose lease is over gets so long to book what it could not while the database was down."""

_INSIST_SECONDS_MAX = 1.0
"""The longest pause of such an owner."""

_AWAIT_SECONDS = 0.25
_HELD_SECONDS = 1.0
"""After so long money that was held may have come back."""

_RECALL_SECONDS = 1.0
_RECALLS_SECONDS = (0.3, 1.0)
"""When a lost answer is asked for, one after the other; all within the lease's margin."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Who is asked what, about whom, and for which job."""

    lead: Lead
    question: Question
    job_id: str | None
    ask: Ask
    patience_seconds: float = PATIENCE_SECONDS
    """How long to queue for a provider that is free for nobody."""

    claimant: Claimant = ANYBODY
    """On whose behalf: whose turn it is among those who queue."""


class PaidCalls:
    """Asks a provider one question: ticket, committed intent, call, and one commit of all that came of it."""

    def __init__(
        self,
        *,
        ledger: ILookupLedger,
        desk: TicketDesk,
        providers: Mapping[str, IPhoneProvider],
        catalog: IProviderCatalog,
        clock: IClock,
        owner: str,
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._providers = providers
        self._catalog = catalog
        self._clock = clock
        self._owner = owner
        self._numbers = count()
        self._under_way: set[asyncio.Task[Answered | Held]] = set()

    async def ask(self, purchase: Purchase) -> Answered | Held:
        """What came of the question, which is paid for once whoever else asks it too.

        From the intent on it is never cancelled: whoever stops waiting leaves it to settle itself.
        """
        provider = purchase.ask.provider
        ticket = await self._desk.take(provider, purchase.patience_seconds, purchase.claimant)
        if not isinstance(ticket, Ticket):
            until = None if ticket.seconds is None else self._clock.now() + timedelta(seconds=ticket.seconds)
            return Held(provider, ticket.why, until)
        call = asyncio.create_task(self._call(purchase, ticket))
        self._under_way.add(call)
        call.add_done_callback(self._under_way.discard)
        return await asyncio.shield(call)

    async def drain(self) -> None:
        """Waits until all calls under way are booked."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _call(self, purchase: Purchase, ticket: Ticket) -> Answered | Held:
        may_be_at_work = False
        try:
            config = (await self._catalog.configs())[purchase.ask.provider]
            if not config.enabled:
                return Held(config.name, "disabled meanwhile", None)
            if config.name not in self._providers:
                return Held(config.name, "no key on this worker", None)
            lookup = self._intend(purchase, config, ticket)
            standing = await self._record(lookup, config, ticket)
            if isinstance(standing, OverBudget):
                return self._over_budget(config.name, standing)
            if isinstance(standing, NotSent):
                return Answered(config.name, lookup.n, standing)
            if standing.state is LookupState.INTENDED and standing.owner == lookup.owner:
                answered = await self._send(purchase, config, standing, ticket)
                may_be_at_work = isinstance(answered.outcome, Unknown) and answered.outcome.is_timeout
                return answered
        finally:
            if not may_be_at_work:  # else its place is free when its lease ends, some seconds from now
                await self._desk.give_back(ticket)
        return await self._outcome_of(standing)

    async def _record(
        self, lookup: Lookup, config: ProviderConfig, ticket: Ticket
    ) -> Lookup | OverBudget | NotSent:
        """The lookup that stands once the intent is durable, or why this question must not be sent."""
        may_repeat = config.on_unknown is OnUnknown.REPEAT
        try:
            return await self._ledger.intend(lookup, ticket.epoch, may_repeat=may_repeat)
        except StaleTicket:
            await self._desk.distrust(config.name)
            return NotSent("the limits changed hands", late=True)
        except ServiceUnavailable:
            await self._insist(lambda: self._withdraw(lookup, config), until=lookup.lease_until)
            raise

    async def _withdraw(self, lookup: Lookup, config: ProviderConfig) -> bool:
        """Closes an intent of which nobody knows whether it is on record; nothing was sent for it."""
        standing = await self._ledger.get(lookup.key)
        if standing is None or standing.owner != lookup.owner:
            return False
        unsent = NotSent("the ledger did not answer")
        return await self._ledger.close(standing.closed(unsent, config.charges, self._clock.now()), None)

    def _over_budget(self, provider: str, refusal: OverBudget) -> Held:
        """Given up for good, or until money that is held may have come back."""
        until = None if refusal.is_final else self._clock.now() + timedelta(seconds=_HELD_SECONDS)
        return Held(provider, refusal.why, until, refusal.span)

    async def _insist(self, write: Callable[[], Awaitable[bool]], *, until: datetime) -> bool:
        """Writes as soon as the database answers; raises ServiceUnavailable when it does not in time."""
        pause = _AWAIT_SECONDS
        while True:
            try:
                return await write()
            except ServiceUnavailable:
                if self._clock.now() >= until:
                    raise
            await self._clock.sleep(pause)
            pause = min(2 * pause, _INSIST_SECONDS_MAX)

    def _intend(self, purchase: Purchase, config: ProviderConfig, ticket: Ticket) -> Lookup:
        now = self._clock.now()
        opens_in = timedelta(seconds=ticket.closes_at - self._clock.monotonic())
        lead, n, question = purchase.lead, purchase.ask.n, purchase.question.digest
        return Lookup(
            key=lookup_key(lead.account, question, config.name, n),
            account=lead.account,
            lead_id=lead.id,
            job_id=purchase.job_id,
            question=question,
            provider=config.name,
            n=n,
            state=LookupState.INTENDED,
            owner=f"{self._owner}/{next(self._numbers)}",  # two calls of one process are two owners
            lease_until=now + opens_in + timedelta(seconds=config.timeout_seconds) + LEASE_MARGIN,
            created_at=now,
            held_micros=config.price_micros,
        )

    async def _send(
        self, purchase: Purchase, config: ProviderConfig, lookup: Lookup, ticket: Ticket
    ) -> Answered:
        outcome, took_seconds = await self._ask(config, purchase.question, ticket, lookup.key)
        if isinstance(outcome, Unknown) and config.on_unknown is OnUnknown.RECALL:
            outcome = await self._recall(config, purchase.question, lookup.key) or outcome
        try:
            await self._heed(config.name, outcome)
        finally:  # a limiter that is lost must not keep a paid answer out of the books
            answered = await self._book(lookup, config, outcome, took_seconds)
        return answered

    async def _recall(self, config: ProviderConfig, question: Question, reference: str) -> Outcome | None:
        """What the provider tells of a call whose answer was lost; None when it does not tell in time."""
        for pause in _RECALLS_SECONDS:
            await self._clock.sleep(pause)
            outcome = await self.recall(config.name, question, reference)
            if outcome is not None and not isinstance(outcome, NotSent):  # it may still be on its way
                return outcome
        return None

    async def recall(self, provider: str, question: Question, reference: str) -> Outcome | None:
        """What the provider tells of an earlier question, for nothing; None where it does not."""
        try:
            return await self._providers[provider].recall(
                question, reference=reference, timeout_seconds=_RECALL_SECONDS
            )
        except Exception:  # noqa: BLE001 - a fault of an adapter must not leave its call out of the books
            return None

    async def _ask(
        self, config: ProviderConfig, question: Question, ticket: Ticket, reference: str
    ) -> tuple[Outcome, float | None]:
        """Connects while the ticket matures; the first byte leaves inside its window, or none does.

        The outcome, and how many seconds after the first byte's moment it was there.
        """
        sent_at: list[float] = []

        async def may_send() -> bool:
            self._desk.note_ready(ticket)
            await self._clock.sleep(ticket.opens_at - self._clock.monotonic())
            if self._clock.monotonic() > ticket.closes_at:
                return False
            sent_at.append(self._clock.monotonic())
            return True

        provider = self._providers[config.name]
        try:
            outcome = await provider.ask(
                question,
                reference=reference,
                timeout_seconds=config.timeout_seconds,
                may_send=may_send,
            )
        except Exception as error:  # noqa: BLE001 - a fault of an adapter must not leave its call out of the books
            outcome = Unknown(f"its adapter failed ({type(error).__name__})")
        return outcome, self._clock.monotonic() - sent_at[0] if sent_at else None

    async def _heed(self, provider: str, outcome: Outcome) -> None:
        """What an answer means for everybody who waits for this provider."""
        match outcome:
            case Rejected(fault=Fault.ACCOUNT):
                self._desk.park(provider, f"parked: {outcome.detail}", PARK_SECONDS)
            case Rejected(fault=Fault.BUSY):
                await self._desk.penalise(provider, outcome.retry_after_seconds or 1.0)
            case _:
                pass

    async def _book(
        self, lookup: Lookup, config: ProviderConfig, outcome: Outcome, took_seconds: float | None
    ) -> Answered:
        closed = lookup.closed(outcome, config.charges, self._clock.now(), took_seconds=took_seconds)
        value = None
        if isinstance(outcome, Hit) and outcome.phone:
            value = LeadValue(lookup.account, lookup.lead_id, outcome.phone, lookup.provider)
        until = self._clock.now() + timedelta(seconds=BOOK_SECONDS)
        if not await self._insist(lambda: self._ledger.close(closed, value), until=until):
            return Answered(lookup.provider, lookup.n, Unknown("its answer came after it had been given up"))
        return Answered(lookup.provider, lookup.n, closed.outcome or outcome)

    async def _outcome_of(self, standing: Lookup) -> Answered | Held:
        """What came, or comes, of a lookup that somebody else has made."""
        overdue: datetime | None = None
        while standing.state is LookupState.INTENDED:
            now = self._clock.now()
            if standing.is_abandoned(now):
                overdue = overdue or now + timedelta(seconds=GIVE_UP_SECONDS)
            if overdue and overdue <= now:
                await self._ledger.close(standing.abandoned(now), None)
            else:
                await self._clock.sleep(_AWAIT_SECONDS)
            standing = await self._ledger.get(standing.key) or standing
        return Answered(standing.provider, standing.n, standing.outcome or Unknown("no outcome is on record"))
