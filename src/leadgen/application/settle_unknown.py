"""Settles what dead workers and lost answers left in the ledger, without anybody being asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from leadgen.application.paid_calls import GIVE_UP_SECONDS, PaidCalls
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Conclusion, ILeadRepository
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.purchase import Purchase
from leadgen.domain.errors import ChangedMeanwhile
from leadgen.domain.lead import EndState, Lead, Question
from leadgen.domain.lookup import REPEAT_WITHIN, Lookup
from leadgen.domain.phone import WantedLine
from leadgen.domain.provider import Hit, NotSent, OnUnknown, Outcome, ProviderConfig, Unknown
from leadgen.domain.value import value
from leadgen.domain.waterfall import Answered, Ask, Verdict

_BATCH = 500
_REPEATS_MAX = 5
"""So often a question is sent again, each time as a call that counts against the limits."""

_SETTLED_MAX = 200
"""So many lost answers are asked for in one go: each costs a provider's time."""


@value(frozen=True, slots=True)
class Settled:
    """How many intents of dead workers were closed, and how many lost answers were found."""

    abandoned: int
    found: int


class SettleUnknown:
    """Closes intents whose owner is dead, then asks the providers that tell what came of a lost question."""

    def __init__(
        self,
        *,
        ledger: ILookupLedger,
        leads: ILeadRepository,
        jobs: IJobRepository,
        catalog: IProviderCatalog,
        paid_calls: PaidCalls,
        clock: IClock,
    ) -> None:
        self._ledger = ledger
        self._leads = leads
        self._jobs = jobs
        self._catalog = catalog
        self._paid_calls = paid_calls
        self._clock = clock
        self._after = ""
        """Up to which key the last run came, so that the next one goes on behind it."""

    async def run(self) -> Settled:
        """What was settled. Raises ServiceUnavailable."""
        return Settled(await self._close_abandoned(), await self._find_lost())

    async def _close_abandoned(self) -> int:
        closed = 0
        if await self._ledger.abandoned(self._clock.now(), limit=1):
            await self._clock.sleep(GIVE_UP_SECONDS)  # the database may have been down, and its owner alive
        while lookups := await self._ledger.abandoned(
            self._clock.now() - timedelta(seconds=GIVE_UP_SECONDS), limit=_BATCH
        ):
            now = self._clock.now()
            closed += sum(
                await asyncio.gather(*(self._ledger.close(lookup.abandoned(now), None) for lookup in lookups))
            )
            if len(lookups) < _BATCH:
                break
        return closed

    async def _find_lost(self) -> int:
        """Goes through unknown lookups whose key the providers still know, a bounded number in each run."""
        configs, since = await self._catalog.configs(), self._clock.now() - REPEAT_WITHIN
        found = tried = 0
        while lookups := await self._ledger.unknown(since, after=self._after, limit=_BATCH):
            for lookup in lookups:
                config = configs.get(lookup.provider)
                if config is not None and _may_tell(config, lookup):
                    if tried == _SETTLED_MAX:
                        return found
                    tried += 1
                    found += await self._find(lookup, config)
                self._after = lookup.key
        self._after = ""
        return found

    async def _find(self, lookup: Lookup, config: ProviderConfig) -> bool:
        leads: Sequence[Lead] = await self._leads.many(lookup.account, [lookup.lead_id])
        question = leads[0].profile.question if leads else None
        if question is None or question.digest != lookup.question:
            return False  # the person has changed since; only the provider's report can tell
        lead, line = leads[0], await self._line(lookup)
        if config.on_unknown is OnUnknown.RECALL:
            outcome = await self._recall(lookup, config, question)
        else:
            outcome = await self._repeat(lookup, question, lead, line)
        if outcome is None or isinstance(outcome, Unknown):
            return False
        phone = outcome.phone if isinstance(outcome, Hit) else None
        if phone and line.takes(phone.line) and lead.phone_status is not None:
            # Its search has ended without it; a running one finds it itself.
            found = Verdict(EndState.FOUND, phone, lookup.provider)
            await self._leads.conclude(lookup.account, Conclusion(lead.id, found, lead.question_version))
        return True

    async def _repeat(
        self, lookup: Lookup, question: Question, lead: Lead, line: WantedLine
    ) -> Outcome | None:
        """What the provider answers to the same question under the same key; None where it was not asked."""
        purchase = Purchase(
            lead,
            question,
            lookup.job_id,
            Ask(lookup.provider, lookup.n),
            patience_seconds=0.0,
            line=line,
            position=lookup.position,
            reason=lookup.reason,
        )
        try:
            result = await self._paid_calls.ask(purchase)
        except ChangedMeanwhile:
            return None
        return result.outcome if isinstance(result, Answered) else None

    async def _recall(self, lookup: Lookup, config: ProviderConfig, question: Question) -> Outcome | None:
        """What the provider has on record for a question, booked; None where it is too early to tell."""
        outcome = await self._paid_calls.recall(lookup.provider, question, lookup.key)
        if outcome is None or isinstance(outcome, Unknown):
            return None
        if isinstance(outcome, NotSent) and not lookup.lease_until <= self._clock.now():
            return None  # it may still be on its way
        await self._ledger.close(lookup.closed(outcome, config.charges, self._clock.now()), None)
        return outcome

    async def _line(self, lookup: Lookup) -> WantedLine:
        """Which numbers will do for whoever asked; of a single lead that is not on record.

        What will do for anybody ends its search; any other number is there for the next one, for nothing.
        """
        job = await self._jobs.get(lookup.job_id) if lookup.job_id else None
        return job.options.line if job else WantedLine.MOBILE


def _may_tell(config: ProviderConfig, lookup: Lookup) -> bool:
    """Whether the provider can be asked what came of a lookup, and was not asked in vain too often."""
    match config.on_unknown:
        case OnUnknown.RECALL:
            return True
        case OnUnknown.REPEAT:
            return lookup.repeats < _REPEATS_MAX
        case _:
            return False
