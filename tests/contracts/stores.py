"""What the contract suites of the stores share: the stores of one process, and people to fill them with.

A subclass of such a suite has a fixture ``open_stores``. Each call of it gives the stores of one more process
on the same database, in which the accounts of ``ACCOUNTS`` are, and no lead of theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.api_key_repository import IApiKeyRepository
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.application.ports.idempotency_store import IIdempotencyStore
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.lead_repository import Arrival, Conclusion, ILeadRepository
from leadgen.application.ports.ledger_books import ILedgerBooks
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.application.ports.provider_board import IProviderBoard
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.tally_book import ITallyBook
from leadgen.domain.lead import EndState, Profile
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.provider import ProviderConfig
from leadgen.domain.tier import Tier
from leadgen.domain.waterfall import Verdict
from tests.builders import ACCOUNT, config, profile
from tests.fake_clock import FakeClock

OTHER_ACCOUNT = "umbrella"
ACCOUNTS: Mapping[str, Tier] = {ACCOUNT: Tier.PRO, OTHER_ACCOUNT: Tier.FREE}
DEFAULTS: Mapping[str, ProviderConfig] = {
    "orion": config("orion", priority=1),
    "astra": config("astra", priority=2, price_micros=10_000),
}


@dataclass(frozen=True)
class Stores:
    """The stores as one process has them; all processes of a test share one clock."""

    accounts: IAccountRepository
    api_keys: IApiKeyRepository
    books: ILedgerBooks
    budgets: IBudgetRepository
    catalog: IProviderCatalog
    idempotency: IIdempotencyStore
    jobs: IJobRepository
    leads: ILeadRepository
    ledger: ILookupLedger
    board: IProviderBoard
    tallies: ITallyBook
    clock: FakeClock


OpenStores = Callable[[], Stores]


def person(number: int) -> Profile:
    """The person with this number: another number is somebody else, and another question."""
    return profile(email=f"person{number}@lovelace.example", last_name=f"King {number}")


def arrival(
    number: int, *, about: Profile | None = None, lead_id: str | None = None, phone: PhoneNumber | None = None
) -> Arrival:
    """This person's row of a file; the lead is ``lead-NUMBER`` in ``ACCOUNT``."""
    return Arrival(id=lead_id or f"lead-{number:03}", profile=about or person(number), phone=phone)


async def add_leads(stores: Stores, count: int, *, account: str = ACCOUNT) -> Sequence[str]:
    """The ids of so many new leads, in order."""
    prefix = "lead" if account == ACCOUNT else account
    arrivals = [arrival(number, lead_id=f"{prefix}-{number:03}") for number in range(count)]
    await stores.leads.merge(account, arrivals)
    return [each.id for each in arrivals]


def ended(lead_id: str, state: EndState) -> Conclusion:
    """The search for a lead ended without a number."""
    return Conclusion(lead_id, Verdict(state))


def found(lead_id: str, phone: PhoneNumber, provider: str = "orion") -> Conclusion:
    """The search for a lead ended with a number."""
    return Conclusion(lead_id, Verdict(EndState.FOUND, phone, provider))
