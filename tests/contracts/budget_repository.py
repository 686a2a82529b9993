"""What every `IBudgetRepository` must do: caps are set, changed and taken away, and count what was spent.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadgen.domain.budget import Budget, Span
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.provider import Charges, Fault, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import ACCOUNT, NOW
from tests.contracts.lookup_ledger import HIT, LATER, about
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads

PRICE = 20_000
OWNERS = {span: "job-1" if span is Span.JOB else ACCOUNT for span in Span}


async def budgets(stores: Stores) -> dict[Span, Budget]:
    """All budgets of the account and of its first job."""
    return {each.span: each for each in await stores.budgets.all_of(ACCOUNT, "job-1")}


class BudgetRepositoryContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 6)
        await stores.jobs.add(Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW))
        return stores

    async def test_without_budgets(self, stores: Stores) -> None:
        """Nobody has a budget who was given none."""
        assert await stores.budgets.all_of(ACCOUNT, "job-1") == []
        assert await stores.budgets.all_of("nobody", "nothing") == []

    @pytest.mark.parametrize("span", Span)
    @pytest.mark.parametrize("micros", [0, 1, 20_000, 10**15])
    async def test_cap(self, stores: Stores, span: Span, micros: int) -> None:
        """The budget stands there with its cap and nothing gone."""
        await stores.budgets.cap(span, OWNERS[span], micros)
        found = await budgets(stores)
        assert set(found) == {span}
        standing = found[span]
        assert (standing.owner, standing.cap_micros) == (OWNERS[span], micros)
        assert (standing.used_micros, standing.held_micros, standing.left_micros) == (0, 0, micros)

    async def test_budgets_of_all_spans(self, stores: Stores) -> None:
        """An account has each kind once, a job its own, and none of them is another's."""
        for place, span in enumerate(Span):
            await stores.budgets.cap(span, OWNERS[span], 1_000 + place)
        await stores.budgets.cap(Span.JOB, "job-2", 5)
        await stores.budgets.cap(Span.ACCOUNT, OTHER_ACCOUNT, 6)
        found = await stores.budgets.all_of(ACCOUNT, "job-1")
        assert {each.span: each.cap_micros for each in found} == {
            span: 1_000 + place for place, span in enumerate(Span)
        }
        assert len(found) == len(Span)
        assert {each.span for each in await stores.budgets.all_of(ACCOUNT)} == set(Span) - {Span.JOB}
        assert [each.cap_micros for each in await stores.budgets.all_of(OTHER_ACCOUNT, "job-2")] == [6, 5]

    async def test_an_account_named_like_a_job(self, stores: Stores) -> None:
        """A job's budget is not that of an account with the same name."""
        await stores.budgets.cap(Span.JOB, ACCOUNT, 1)
        await stores.budgets.cap(Span.ACCOUNT, "job-1", 2)
        assert await stores.budgets.all_of(ACCOUNT, "job-1") == []

    @pytest.mark.parametrize("span", [Span.JOB, Span.DAY, Span.ACCOUNT])
    async def test_a_new_budget_knows_what_is_spent(self, stores: Stores, span: Span) -> None:
        """Posted and estimated money is used, that of open lookups is held; free outcomes cost nothing."""
        await self._spend(stores)
        await stores.budgets.cap(span, OWNERS[span], 1_000_000)
        standing = (await budgets(stores))[span]
        assert (standing.used_micros, standing.held_micros) == (3 * PRICE, PRICE)

    async def test_a_new_budget_of_a_lookup_knows_nothing(self, stores: Stores) -> None:
        """What others cost is no matter for the next one."""
        await self._spend(stores)
        await stores.budgets.cap(Span.LOOKUP, ACCOUNT, PRICE)
        standing = (await budgets(stores))[Span.LOOKUP]
        assert (standing.used_micros, standing.held_micros) == (0, 0)

    async def test_a_new_budget_of_somebody_else(self, stores: Stores) -> None:
        """Begins with what its own owner has spent: nothing."""
        await self._spend(stores)
        for span in (Span.DAY, Span.ACCOUNT):
            await stores.budgets.cap(span, OTHER_ACCOUNT, 5)
        found = await stores.budgets.all_of(OTHER_ACCOUNT)
        assert [(each.used_micros, each.held_micros) for each in found] == [(0, 0)] * 2

    @pytest.mark.parametrize("span", [Span.JOB, Span.DAY, Span.ACCOUNT])
    @pytest.mark.parametrize("micros", [0, PRICE, 1_000_000])
    async def test_another_cap(self, stores: Stores, span: Span, micros: int) -> None:
        """What is gone stays gone, whether the cap is above it or below."""
        await stores.budgets.cap(span, OWNERS[span], 500_000)
        await self._spend(stores)
        before = (await budgets(stores))[span]
        await stores.budgets.cap(span, OWNERS[span], micros)
        assert (await budgets(stores))[span] == replace(before, cap_micros=micros)

    async def test_no_cap(self, stores: Stores) -> None:
        """The budget is gone, and everything is covered; taking away what is not there is no error."""
        await stores.budgets.cap(Span.ACCOUNT, ACCOUNT, 0)
        for _ in range(2):
            await stores.budgets.cap(Span.ACCOUNT, ACCOUNT, None)
        assert await stores.budgets.all_of(ACCOUNT) == []
        assert await stores.ledger.intend(about(0)) == about(0)

    async def test_a_cap_that_comes_back(self, stores: Stores) -> None:
        """Counts what was spent while there was none."""
        await stores.budgets.cap(Span.ACCOUNT, ACCOUNT, 10)
        await stores.budgets.cap(Span.ACCOUNT, ACCOUNT, None)
        await self._spend(stores)
        await stores.budgets.cap(Span.ACCOUNT, ACCOUNT, 1_000_000)
        standing = (await budgets(stores))[Span.ACCOUNT]
        assert (standing.used_micros, standing.held_micros) == (3 * PRICE, PRICE)

    async def _spend(self, stores: Stores) -> None:
        """Three lookups that cost, two that do not, and one that is open."""
        ends: Sequence[Outcome | None] = [
            HIT, Miss(), Unknown("?"), NotSent("no route"), Rejected(Fault.BUSY, "429"), None,
        ]  # fmt: skip
        for number, outcome in enumerate(ends):
            intent = replace(about(number), job_id="job-1")
            assert await stores.ledger.intend(intent) == intent
            if outcome:
                assert await stores.ledger.close(intent.closed(outcome, Charges.REQUEST, LATER), None)
