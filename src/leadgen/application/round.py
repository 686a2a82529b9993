"""A round: what is known when the search for some leads begins, loaded for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.domain.budget import Budget
from leadgen.domain.errors import NotConfigured
from leadgen.domain.fair_queue import Claimant
from leadgen.domain.lead import Input, Lead
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import IPhoneProvider
from leadgen.domain.standing import Standing
from leadgen.domain.tier import Tier
from leadgen.domain.waterfall import WhenHeld


@dataclass(frozen=True, slots=True)
class Round:
    """The standings, the account's tier and budgets, and each question's lookups.

    ``since``: when this search was ordered.
    """

    job_id: str | None
    since: datetime
    now: datetime
    when_held: WhenHeld
    tier: Tier
    budgets: Sequence[Budget]
    standings: Sequence[Standing]
    claimant: Claimant
    history: Mapping[str, Sequence[Lookup]]


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
        clock: IClock,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._accounts = accounts
        self._budgets = budgets
        self._providers = providers
        self._clock = clock

    async def run(
        self,
        account: str,
        leads: Sequence[Lead],
        *,
        job_id: str | None,
        since: datetime,
        when_held: WhenHeld = WhenHeld.WAIT,
    ) -> Round:
        """The round for leads of one account, in a fixed number of queries.

        Raises NotConfigured where no provider can be asked at all: that is our fault, and no "not found".
        """
        if not self._providers:
            raise NotConfigured("no provider has a key on this worker: set LEADGEN_<NAME>_URL and _API_KEY")
        configs = await self._catalog.configs()
        history: dict[str, list[Lookup]] = defaultdict(list)
        for lookup in await self._ledger.history(account, [lead.profile.question().digest for lead in leads]):
            history[lookup.question].append(lookup)
        tier = await self._accounts.tier(account)
        return Round(
            job_id=job_id,
            since=since,
            now=self._clock.now(),
            when_held=when_held,
            tier=tier,
            budgets=await self._budgets.all_of(account, job_id),
            claimant=Claimant(account, tier.weight, is_urgent=job_id is None),
            standings=[Standing(config, self._needs(name)) for name, config in configs.items()],
            history=history,
        )

    def _needs(self, name: str) -> frozenset[Input] | None:
        provider = self._providers.get(name)
        return provider.needs if provider else None
