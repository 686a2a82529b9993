"""What every `ILookupLedger` must do with the quota of a month: no number of writers exceeds it.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from dataclasses import replace

import pytest

from leadgen.domain.budget import LOOKUP_MICROS, Budget, OverBudget, Span
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Fault, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import ACCOUNT
from tests.contracts.lookup_ledger import HIT, LATER, about
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads

COUNTED: tuple[Outcome, ...] = (HIT, Miss(), Unknown("timed out"))
FREE: tuple[Outcome, ...] = (NotSent("no route"), Rejected(Fault.BUSY, "429"))


async def quota(stores: Stores) -> Budget:
    """The quota of the account, which must be there."""
    (found,) = [each for each in await stores.budgets.all_of(ACCOUNT) if each.span is Span.MONTH]
    return found


async def counted(stores: Stores) -> tuple[int, int]:
    """How many lookups are held, and how many used."""
    found = await quota(stores)
    return found.held_micros // LOOKUP_MICROS, found.used_micros // LOOKUP_MICROS


async def buy(stores: Stores, intent: Lookup, outcome: Outcome) -> None:
    """The whole life of a lookup."""
    assert await stores.ledger.intend(intent) == intent
    assert await stores.ledger.close(intent.closed(outcome, Charges.HIT, LATER), None)


class LedgerQuotaContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 30)
        return stores

    async def test_what_counts(self, stores: Stores) -> None:
        """Whatever it costs, a lookup counts once it was answered, or may have been; else it does not."""
        await stores.budgets.cap(Span.MONTH, ACCOUNT, 10 * LOOKUP_MICROS)
        for number, outcome in enumerate((*COUNTED, *FREE)):
            intent = replace(about(number), held_micros=0)
            assert await stores.ledger.intend(intent) == intent
            assert (await counted(stores))[0] == 1
            await stores.ledger.close(intent.closed(outcome, Charges.HIT, LATER), None)
        assert await counted(stores) == (0, len(COUNTED))

    async def test_a_new_quota_knows_what_was_asked(self, stores: Stores) -> None:
        """A tier that comes later counts what was asked in this month, by this account."""
        for number, outcome in enumerate((*COUNTED, *FREE)):
            await buy(stores, about(number), outcome)
        await stores.ledger.intend(about(20))
        await stores.budgets.cap(Span.MONTH, ACCOUNT, 10 * LOOKUP_MICROS)
        await stores.budgets.cap(Span.MONTH, OTHER_ACCOUNT, 10 * LOOKUP_MICROS)
        assert await counted(stores) == (1, len(COUNTED))

    async def test_used_up(self, open_stores: OpenStores) -> None:
        """Thirty who ask at once, over two processes, get seven lookups of seven; then it is final."""
        processes = [open_stores(), open_stores()]
        await add_leads(processes[0], 30)
        await processes[0].budgets.cap(Span.MONTH, ACCOUNT, 7 * LOOKUP_MICROS)
        standing = await asyncio.gather(
            *(processes[number % 2].ledger.intend(about(number)) for number in range(30))
        )
        intents = [each for each in standing if isinstance(each, Lookup)]
        assert len(intents) == 7
        assert {each for each in standing if isinstance(each, OverBudget)} == {
            OverBudget(Span.MONTH, is_final=False)
        }
        for each in intents:
            await processes[0].ledger.close(each.closed(Miss(), Charges.REQUEST, LATER), None)
        refusal = await processes[1].ledger.intend(about(29, provider="astra"))
        assert refusal == OverBudget(Span.MONTH, is_final=True)
        assert "quota" in refusal.why
