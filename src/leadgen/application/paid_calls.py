"""Paid calls: the only place where money leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from leadgen.application.ports.clock import IClock
from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.rate_limiter import Ticket
from leadgen.application.ticket_desk import PATIENCE_SECONDS, TicketDesk
from leadgen.domain.errors import StaleTicket
from leadgen.domain.lead import Lead, Question
from leadgen.domain.lookup import Lookup, LookupState, lookup_key
from leadgen.domain.provider import (
    Fault,
    Hit,
    IPhoneProvider,
    NotSent,
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

_AWAIT_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Purchase:
    """Who is asked what, about whom, and for which job."""

    lead: Lead
    question: Question
    job_id: str | None
    ask: Ask
    patience_seconds: float = PATIENCE_SECONDS
    """How long to queue for a provider that is free for nobody."""


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
        ticket = await self._desk.take(provider, purchase.patience_seconds)
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
        try:
            config = (await self._catalog.configs())[purchase.ask.provider]
            if not config.enabled:
                return Held(config.name, "disabled meanwhile", None)
            lookup = self._intend(purchase, config, ticket)
            try:
                standing = await self._ledger.intend(lookup, ticket.epoch)
            except StaleTicket:
                await self._desk.distrust(config.name)
                return Answered(config.name, lookup.n, NotSent("the limits changed hands", late=True))
            if standing is None:
                return await self._send(purchase, config, lookup, ticket)
        finally:
            await self._desk.give_back(ticket)
        return await self._outcome_of(standing)

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
    ) -> Answered | Held:
        outcome = await self._ask(config, purchase.question, ticket)
        try:
            await self._heed(config.name, outcome)
        finally:  # a limiter that is lost must not keep a paid answer out of the books
            answered = await self._book(lookup, config, outcome)
        return answered

    async def _ask(self, config: ProviderConfig, question: Question, ticket: Ticket) -> Outcome:
        """Connects while the ticket matures; the first byte leaves inside its window, or none does."""

        async def may_send() -> bool:
            await self._clock.sleep(ticket.opens_at - self._clock.monotonic())
            in_time = self._clock.monotonic() <= ticket.closes_at
            self._desk.note(config.name, late=not in_time)
            return in_time

        provider = self._providers[config.name]
        try:
            return await provider.ask(question, timeout_seconds=config.timeout_seconds, may_send=may_send)
        except Exception as error:  # noqa: BLE001 - a fault of an adapter must not leave its call out of the books
            return Unknown(f"its adapter failed ({type(error).__name__})")

    async def _heed(self, provider: str, outcome: Outcome) -> None:
        """What an answer means for everybody who waits for this provider."""
        match outcome:
            case Rejected(fault=Fault.ACCOUNT):
                self._desk.park(provider, f"parked: {outcome.detail}", PARK_SECONDS)
            case Rejected(fault=Fault.BUSY):
                await self._desk.penalise(provider, outcome.retry_after_seconds or 1.0)
            case _:
                pass

    async def _book(self, lookup: Lookup, config: ProviderConfig, outcome: Outcome) -> Answered:
        closed = lookup.closed(outcome, config.charges, self._clock.now())
        value = None
        if isinstance(outcome, Hit) and outcome.phone:
            value = LeadValue(lookup.account, lookup.lead_id, outcome.phone, lookup.provider)
        if not await self._ledger.close(closed, value):
            outcome = Unknown("its answer came after it had been given up")
        return Answered(lookup.provider, lookup.n, outcome)

    async def _outcome_of(self, standing: Lookup) -> Answered | Held:
        """What came, or comes, of a lookup that somebody else has made."""
        while standing.state is LookupState.INTENDED:
            now = self._clock.now()
            if standing.is_abandoned(now):
                await self._ledger.close(standing.abandoned(now), None)
            else:
                await self._clock.sleep(_AWAIT_SECONDS)
            standing = await self._ledger.get(standing.key) or standing
        return Answered(standing.provider, standing.n, standing.outcome or Unknown("no outcome is on record"))
