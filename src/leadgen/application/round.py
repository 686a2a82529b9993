"""A round: what is known when the search for some leads begins, loaded for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.track_records import ITrackRecords
from leadgen.application.provider_watch import ProviderWatch
from leadgen.domain.budget import LOOKUP_MICROS, Budget, Span
from leadgen.domain.errors import NotConfigured
from leadgen.domain.fair_queue import Claimant
from leadgen.domain.lead import Input, Lead
from leadgen.domain.learning import ordering_of
from leadgen.domain.lookup import REUSE_MISSES, Lookup
from leadgen.domain.ordering import IOrdering, Order
from leadgen.domain.provider import IPhoneProvider, ProviderConfig
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.standing import Standing
from leadgen.domain.tier import Tier
from leadgen.domain.track_record import TrackRecord
from leadgen.domain.value import value
from leadgen.domain.waterfall import Plan, WhenHeld


@value(frozen=True, slots=True)
class Round:
    """The standings, the order in which to ask, the account's tier and budgets, and each question's lookups.

    ``since``: when this search was ordered. ``records``: how providers have done so far, where the options
    need that.
    """

    job_id: str | None
    since: datetime
    now: datetime
    when_held: WhenHeld
    tier: Tier
    budgets: Sequence[Budget]
    standings: Sequence[Standing]
    ordering: IOrdering
    panel: float
    claimant: Claimant
    history: Mapping[str, Sequence[Lookup]]
    options: SearchOptions
    reuse_misses: timedelta
    records: Mapping[str, TrackRecord]
    plans: dict[frozenset[Input], Plan] = field(default_factory=dict)
    """Those of questions that nobody has asked before, by what is known of their leads."""

    @property
    def waits_out_outages(self) -> bool:
        """Whether a lead waits for a provider that is left alone; not where somebody waits for the lead."""
        return self.when_held is not WhenHeld.SKIP and not self.claimant.is_urgent


class OpenRound:
    """Loads a round."""

    def __init__(
        self,
        *,
        ledger: ILookupLedger,
        catalog: IProviderCatalog,
        accounts: IAccountRepository,
        budgets: IBudgetRepository,
        providers: Mapping[str, IPhoneProvider],
        watch: ProviderWatch,
        records: ITrackRecords,
        clock: IClock,
        reuse_misses: timedelta = REUSE_MISSES,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._accounts = accounts
        self._budgets = budgets
        self._providers = providers
        self._watch = watch
        self._records = records
        self._clock = clock
        self._reuse_misses = reuse_misses

    async def run(
        self,
        account: str,
        leads: Sequence[Lead],
        *,
        job_id: str | None,
        since: datetime,
        when_held: WhenHeld = WhenHeld.WAIT,
        order: Order = Order.PRIORITY,
        panel: float = 0.0,
        is_urgent: bool = False,
        options: SearchOptions = AS_USUAL,
    ) -> Round:
        """The round for leads of one account, in a fixed number of queries; ``is_urgent``: somebody waits.

        Raises NotConfigured where no provider can be asked at all: that is our fault, and no "not found".
        """
        if not self._providers:
            raise NotConfigured("no provider has a key on this worker: set LEADGEN_<NAME>_URL and _API_KEY")
        configs = await self._catalog.configs()
        history: dict[str, list[Lookup]] = defaultdict(list)
        for lookup in await self._ledger.history(account, [lead.profile.question.digest for lead in leads]):
            history[lookup.question].append(lookup)
        tier = await self._accounts.tier(account)
        budgets = await self._keep_to_quota(account, tier, await self._budgets.all_of(account, job_id))
        experience = await self._watch.experience()
        seed = f"{job_id} {leads[0].id if leads else ''}"
        return Round(
            job_id=job_id,
            since=since,
            now=self._clock.now(),
            when_held=when_held,
            tier=tier,
            budgets=budgets,
            claimant=Claimant(account, tier.weight, is_urgent),
            standings=await self._standings(configs),
            ordering=ordering_of(order, experience, seed),
            panel=panel,
            history=history,
            options=options,
            reuse_misses=self._reuse_misses,
            records=await self._records.of(configs) if options.needs_track_records else {},
        )

    async def renew(self, around: Round) -> Round:
        """The same round, with who may be asked and what may be spent as they are now.

        Raises ServiceUnavailable.
        """
        budgets = await self._budgets.all_of(around.claimant.account, around.job_id)
        return replace(
            around,
            budgets=await self._keep_to_quota(around.claimant.account, around.tier, budgets),
            standings=await self._standings(await self._catalog.configs()),
            plans={},
        )

    async def _keep_to_quota(self, account: str, tier: Tier, budgets: Sequence[Budget]) -> Sequence[Budget]:
        """The budgets, with the tier's quota among them: no question is asked before the ledger has it."""
        quota = None if tier.lookups_per_month is None else tier.lookups_per_month * LOOKUP_MICROS
        if quota == next((budget.cap_micros for budget in budgets if budget.span is Span.MONTH), None):
            return budgets
        await self._budgets.cap(Span.MONTH, account, quota)
        others = [budget for budget in budgets if budget.span is not Span.MONTH]
        return others + [each for each in await self._budgets.all_of(account) if each.span is Span.MONTH]

    async def _standings(self, configs: Mapping[str, ProviderConfig]) -> list[Standing]:
        barred = {name: await self._watch.refusal(name) for name in configs}
        return [Standing(config, self._needs(name), barred[name]) for name, config in configs.items()]

    def _needs(self, name: str) -> frozenset[Input] | None:
        provider = self._providers.get(name)
        return provider.needs if provider else None
