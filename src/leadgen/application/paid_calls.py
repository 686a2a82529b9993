"""Paid calls: the only place where money leaves."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

from leadgen.application.permit import Permit
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.lookup_ledger import ILookupLedger, LeadValue
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.provider_watch import ProviderWatch
from leadgen.application.purchase import Purchase
from leadgen.application.single_flight import Flight, SingleFlight
from leadgen.application.ticket_desk import PATIENCE_SECONDS, Payer, TicketDesk, Unavailable
from leadgen.domain.budget import OverBudget
from leadgen.domain.errors import LeadgenError, ServiceUnavailable, StaleTicket
from leadgen.domain.lead import Question
from leadgen.domain.lookup import Lookup, LookupState
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
from leadgen.domain.waterfall import Answered, Held

log = logging.getLogger("leadgen.calls")

_BOOKING_MARGIN = timedelta(seconds=5)
"""How much longer than its call a lookup belongs to its owner, who books the answer in that time."""

PARK_SECONDS = 2.0
"""How long nobody asks a provider that refused the key or the wallet: by then its breaker is open."""

BOOK_SECONDS = 300.0
"""So long an answer that was paid for is kept for a database that does not answer."""

GIVE_UP_SECONDS = 3.0
"""An owner whose lease is over gets so long to book what it could not while the database was down."""

_INSIST_SECONDS_MAX = 1.0
"""The longest pause of such an owner."""

_AWAIT_SECONDS = 0.25
"""Between two looks at what somebody else is asking, and the first pause of such an owner."""

RENEWAL = timedelta(seconds=0.5)
"""So long after its intent a call may leave under another ticket than its first.

A limiter that begins anew counts an intent as if it left as late as any ticket does, which is later.
"""

_HELD_SECONDS = 1.0
"""After so long money that was held may have come back."""

_RECALL_SECONDS = 1.0
_RECALLS_SECONDS = (0.3, 1.0)
"""When a lost answer is asked for, one after the other; all within the lease's margin."""

_LET_GO = NotSent("let go: another one had a number", late=True)


class PaidCalls:
    """Asks a provider one question: ticket, committed intent, call, and one commit of all that came of it."""

    def __init__(
        self,
        *,
        ledger: ILookupLedger,
        desk: TicketDesk,
        providers: Mapping[str, IPhoneProvider],
        catalog: IProviderCatalog,
        watch: ProviderWatch,
        clock: IClock,
        owner: str,
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._providers = providers
        self._catalog = catalog
        self._watch = watch
        self._clock = clock
        self._owner = owner
        self._numbers = count()
        self._under_way: set[asyncio.Task[Answered | Held]] = set()
        self._flights = SingleFlight()
        self._out_of_money: dict[tuple[Payer, str], Held] = {}

    async def ask(self, purchase: Purchase) -> Answered | Held:
        """What came of the question, which is paid for once whoever else asks it too.

        From the intent on it is never cancelled: whoever stops waiting leaves it to settle itself.
        """
        key, provider = purchase.key(), purchase.ask.provider
        if self._flights.has(key) and (standing := await self._followed(key, purchase)):
            purchase.note_sent()
            return await self._outcome_of(standing, purchase)
        flight = self._flights.begin(key, purchase)
        end: asyncio.Future[Answered | Held] | None = None
        try:
            if held := await self._refusal(purchase):
                return held
            permit = await self._desk.take(
                provider, purchase.patience_seconds, purchase.claimant, purchase.payer
            )
            if not isinstance(permit, Permit):
                return self._held(provider, permit)
            end = self._begin(flight, permit)
        finally:
            if end is None:
                self._flights.end(flight)
        return await end

    async def ask_first(self, purchases: Sequence[Purchase]) -> Sequence[Answered | Held]:
        """What came of the question, of these about one lead, whose provider is free first; or why none is.

        It waits in all their queues at once, for as long as anybody waits in one.
        """
        by_provider = {purchase.ask.provider: purchase for purchase in purchases}
        refused = [held for purchase in purchases if (held := await self._refusal(purchase))]
        if refused:
            return refused
        first = purchases[0]
        taken = await self._desk.take_first(tuple(by_provider), PATIENCE_SECONDS, first.claimant, first.payer)
        if not isinstance(taken, Permit):
            return [self._held(name, unavailable) for name, unavailable in taken.items()]
        purchase = by_provider[taken.ticket.credential]
        key = purchase.key()
        if self._flights.has(key):  # somebody else asks the same: that answer will do
            await self._desk.give_back(taken)
            return [await self.ask(purchase)]
        return [await self._begin(self._flights.begin(key, purchase), taken)]

    def _begin(self, flight: Flight, permit: Permit) -> asyncio.Future[Answered | Held]:
        """What will have come of the call, which goes on though nobody waits for that."""
        end: asyncio.Future[Answered | Held] = asyncio.get_running_loop().create_future()
        call = asyncio.create_task(self._call(flight, permit))
        self._under_way.add(call)
        call.add_done_callback(functools.partial(self._end, flight, end))
        return end

    def _held(self, provider: str, unavailable: Unavailable) -> Held:
        seconds = unavailable.seconds
        until = None if seconds is None else self._clock.now() + timedelta(seconds=seconds)
        return Held(provider, unavailable.why, until, unavailable.over)

    async def drain(self) -> None:
        """Waits until all calls under way are booked."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _followed(self, key: str, purchase: Purchase) -> Lookup | None:
        """What stands once somebody else in this process has asked the same, without a ticket of our own."""
        while await self._flights.follow(key, purchase):
            standing = await self._ledger.get(key)
            if standing is not None and standing.state is not LookupState.NOT_SENT:
                return standing
        return None

    def _end(
        self, flight: Flight, end: asyncio.Future[Answered | Held], call: asyncio.Task[Answered | Held]
    ) -> None:
        self._under_way.discard(call)
        self._flights.end(flight)
        if call.cancelled():
            end.cancel()
        elif error := call.exception():
            if end.done():
                log.error("a call that nobody waited for has failed: %s", type(error).__name__)
            else:
                end.set_exception(error)
        elif not end.done():
            end.set_result(call.result())

    async def _call(self, flight: Flight, permit: Permit) -> Answered | Held:
        purchase, may_be_at_work = flight.purchase, False
        try:
            if purchase.is_let_go:
                return Answered(purchase.ask.provider, purchase.ask.n, _LET_GO)
            config = (await self._catalog.configs())[purchase.ask.provider]
            if not config.enabled:
                return Held(config.name, "disabled meanwhile", None)
            if config.name not in self._providers:
                return Held(config.name, "no key on this worker", None)
            if barred := await self._watch.admit(config.name):
                return Held(config.name, barred.why, None, again_at=barred.again_at)
            lookup = self._intend(flight, config, permit)
            version = purchase.lead.question_version
            standing = await self._record(lookup, config, permit.ticket.epoch, version)
            if isinstance(standing, OverBudget):
                return self._over_budget(purchase, standing)
            if isinstance(standing, NotSent):
                return Answered(config.name, lookup.n, standing)
            if standing.state is LookupState.INTENDED and standing.owner == lookup.owner:
                answered = await self._send(flight, config, standing, permit)
                may_be_at_work = isinstance(answered.outcome, Unknown) and answered.outcome.is_timeout
                return answered
        finally:
            if not may_be_at_work:  # else its place is free when its lease ends, some seconds from now
                await self._desk.give_back(permit)
        flight.note_sent()
        return await self._outcome_of(standing, purchase)

    async def _record(
        self, lookup: Lookup, config: ProviderConfig, epoch: int, version: int
    ) -> Lookup | OverBudget | NotSent:
        """The lookup that stands once the intent is durable, or why this question must not be sent."""
        may_repeat = config.on_unknown is OnUnknown.REPEAT
        try:
            return await self._ledger.intend(lookup, epoch, may_repeat=may_repeat, question_version=version)
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

    def _over_budget(self, purchase: Purchase, refusal: OverBudget) -> Held:
        """Given up for good, together with all who queue for the same, or until held money may be back."""
        provider = purchase.ask.provider
        if refusal.is_final:
            self._desk.dismiss(provider, purchase.payer, Unavailable(refusal.why, None, refusal.span))
            return Held(provider, refusal.why, None, refusal.span)
        until = self._clock.now() + timedelta(seconds=_HELD_SECONDS)
        held = self._out_of_money[purchase.purse] = Held(provider, refusal.why, until, refusal.span)
        return held

    async def _refusal(self, purchase: Purchase) -> Held | None:
        """Why no ticket is worth it: the provider is left alone, or the purse was empty a moment ago."""
        provider = purchase.ask.provider
        if barred := await self._watch.refusal(provider):
            return Held(provider, barred.why, None, again_at=barred.again_at)
        if self._out_of_money:
            now = self._clock.now()
            self._out_of_money = {
                purse: held for purse, held in self._out_of_money.items() if held.until and held.until > now
            }
            return self._out_of_money.get(purchase.purse)
        return None

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

    def _intend(self, flight: Flight, config: ProviderConfig, permit: Permit) -> Lookup:
        now, at = self._clock.now(), self._clock.monotonic()
        permit.leaves_by = max(permit.ticket.closes_at, at + RENEWAL.total_seconds())
        leaves_in = timedelta(seconds=permit.leaves_by - at)
        purchase, lead = flight.purchase, flight.purchase.lead
        return Lookup(
            key=flight.key,
            account=lead.account,
            lead_id=lead.id,
            job_id=purchase.job_id,
            question=purchase.question.digest,
            provider=config.name,
            n=purchase.ask.n,
            state=LookupState.INTENDED,
            owner=f"{self._owner}/{next(self._numbers)}",  # two calls of one process are two owners
            lease_until=now + leaves_in + timedelta(seconds=config.timeout_seconds) + _BOOKING_MARGIN,
            created_at=now,
            held_micros=config.price_micros,
            position=purchase.position,
            reason=purchase.reason,
        )

    async def _send(self, flight: Flight, config: ProviderConfig, lookup: Lookup, permit: Permit) -> Answered:
        purchase = flight.purchase
        outcome, took_seconds = await self._ask(flight, config, permit)
        if isinstance(outcome, Unknown) and config.on_unknown is OnUnknown.RECALL:
            outcome = await self._recall(config, purchase.question, lookup.key) or outcome
        try:
            self._watch.note(purchase.question, config.name, purchase.missed, outcome)
            await self._heed(config.name, outcome)
        finally:  # nothing that goes wrong with those may keep a paid answer out of the books
            answered = await self._book(purchase, lookup, config, outcome, took_seconds)
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
        self, flight: Flight, config: ProviderConfig, permit: Permit
    ) -> tuple[Outcome, float | None]:
        """Connects while the ticket matures; the first byte leaves inside the window of one, or none does.

        The outcome, and how many seconds after the first byte's moment it was there.
        """
        purchase = flight.purchase
        sent_at: float | None = None

        async def may_send() -> bool:
            nonlocal sent_at
            while True:
                self._desk.note_ready(permit)
                ticket = permit.ticket
                if (early_seconds := ticket.opens_at - self._clock.monotonic()) > 0:
                    await self._clock.sleep(early_seconds)
                self._desk.note_sent(permit)
                if purchase.is_let_go:
                    return False
                if (now := self._clock.monotonic()) <= ticket.closes_at:
                    sent_at = now
                    flight.note_sent()
                    return True
                if not await self._renew(permit):
                    return False

        provider = self._providers[config.name]
        try:
            outcome = await provider.ask(
                purchase.question,
                reference=flight.key,
                timeout_seconds=config.timeout_seconds,
                may_send=may_send,
            )
        except Exception as error:  # noqa: BLE001 - a fault of an adapter must not leave its call out of the books
            outcome = Unknown(f"its adapter failed ({type(error).__name__})")
        if purchase.is_let_go and isinstance(outcome, NotSent):
            outcome = _LET_GO
        return outcome, self._clock.monotonic() - sent_at if sent_at is not None else None

    async def _renew(self, permit: Permit) -> bool:
        """Whether there is another ticket for an intent that stands: its own ran out before it could leave.

        Of the same epoch only, since the intent was recorded under that one.
        """
        try:
            return await self._desk.renew(permit)
        except LeadgenError:
            return False

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
        self,
        purchase: Purchase,
        lookup: Lookup,
        config: ProviderConfig,
        outcome: Outcome,
        took_seconds: float | None,
    ) -> Answered:
        closed = lookup.closed(outcome, config.charges, self._clock.now(), took_seconds=took_seconds)
        value = None
        if isinstance(outcome, Hit) and outcome.phone and purchase.is_settled_by(outcome.phone):
            version = purchase.lead.question_version
            value = LeadValue(lookup.account, lookup.lead_id, outcome.phone, lookup.provider, version)
        until = self._clock.now() + timedelta(seconds=BOOK_SECONDS)
        booked = closed.outcome or outcome
        if not await self._insist(lambda: self._ledger.close(closed, value), until=until):
            standing = await self._ledger.get(lookup.key) or lookup
            if standing.owner != lookup.owner or standing.state is not LookupState.SETTLED:
                booked = Unknown("its answer came after it had been given up")
        return Answered(lookup.provider, lookup.n, booked)

    async def _outcome_of(self, standing: Lookup, purchase: Purchase) -> Answered | Held:
        """What came, or comes, of a lookup that somebody else has made, and what that saves."""
        overdue: datetime | None = None
        while standing.state is LookupState.INTENDED:
            now = self._clock.now()
            if not standing.is_abandoned(now):
                overdue = None  # somebody else may have asked anew
            elif overdue is None:
                overdue = now + timedelta(seconds=GIVE_UP_SECONDS)
            if overdue and overdue <= now:
                await self._ledger.close(standing.abandoned(now), None)
            else:
                await self._clock.sleep(_AWAIT_SECONDS)
            standing = await self._ledger.get(standing.key) or standing
        outcome = standing.outcome or Unknown("no outcome is on record")
        is_another_s = standing.job_id != purchase.job_id
        return Answered(
            standing.provider, standing.n, outcome, standing.cost_micros if is_another_s else None
        )
