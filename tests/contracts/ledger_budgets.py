"""What every `ILookupLedger` must do with budgets: hold, use and give back money in the commit of the lookup.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from leadgen.domain.budget import Budget, OverBudget, Span
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Fault, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import ACCOUNT, NOW
from tests.contracts.lookup_ledger import HIT, LATER, about
from tests.contracts.stores import OTHER_ACCOUNT, OpenStores, Stores, add_leads

PRICE = 20_000
CAPPED = (Span.JOB, Span.DAY, Span.ACCOUNT)
"""The budgets that money is taken out of."""
ROUNDS = 20


def intent_of(number: int, *, job_id: str | None = "job-1", price: int = PRICE, n: int = 0) -> Lookup:
    """An intent to ask about this person, for the first job."""
    return replace(about(number, n=n, owner=f"worker-{number}"), job_id=job_id, held_micros=price)


def owner_of(span: Span) -> str:
    """Whose budget it is: the first job's, or the account's."""
    return "job-1" if span is Span.JOB else ACCOUNT


async def budget(stores: Stores, span: Span) -> Budget:
    """The budget of this span, which must be there."""
    (found,) = [each for each in await stores.budgets.all_of(ACCOUNT, "job-1") if each.span is span]
    return found


async def money(stores: Stores, span: Span) -> tuple[int, int]:
    """What a budget holds, and what of it is used."""
    found = await budget(stores, span)
    return found.held_micros, found.used_micros


async def cap(stores: Stores, span: Span, micros: int | None) -> None:
    """Caps the first job, or the account."""
    await stores.budgets.cap(span, owner_of(span), micros)


async def buy(stores: Stores, intent: Lookup, outcome: Outcome, charges: Charges = Charges.REQUEST) -> Lookup:
    """The lookup after its whole life."""
    assert await stores.ledger.intend(intent) == intent
    end = intent.closed(outcome, charges, LATER)
    assert await stores.ledger.close(end, None)
    return end


class LedgerBudgetsContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 6)
        for number in (1, 2):
            await stores.jobs.add(Job(f"job-{number}", ACCOUNT, JobScope(), JobStatus.WAITING, NOW))
        return stores

    # what is held, used, given back

    @pytest.mark.parametrize("span", CAPPED)
    async def test_an_intent_holds_its_price(self, stores: Stores, span: Span) -> None:
        """From the intent on the money is held, and not used yet."""
        await cap(stores, span, 100_000)
        await stores.ledger.intend(intent_of(0))
        assert await money(stores, span) == (PRICE, 0)
        await stores.ledger.intend(intent_of(1, price=1))
        assert await money(stores, span) == (PRICE + 1, 0)

    @pytest.mark.parametrize("span", CAPPED)
    @pytest.mark.parametrize(
        ("outcome", "charges", "used"),
        [
            (HIT, Charges.REQUEST, PRICE),
            (HIT, Charges.HIT, PRICE),
            (Miss(), Charges.REQUEST, PRICE),
            (Miss(), Charges.HIT, 0),
            (Rejected(Fault.BROKEN, "500"), Charges.REQUEST, 0),
            (NotSent("no route"), Charges.REQUEST, 0),
            (Unknown("timed out"), Charges.REQUEST, PRICE),
            (Unknown("timed out"), Charges.HIT, PRICE),
        ],
        ids=str,
    )
    async def test_an_outcome_uses_the_money_or_gives_it_back(
        self, stores: Stores, span: Span, outcome: Outcome, charges: Charges, used: int
    ) -> None:
        """What was charged, or may have been, is used; nothing stays held."""
        await cap(stores, span, 100_000)
        await buy(stores, intent_of(0), outcome, charges)
        assert await money(stores, span) == (0, used)

    async def test_the_price_of_each_question_is_bounded(self, stores: Stores) -> None:
        """The budget of a lookup looks at single prices; what was spent before does not matter."""
        await cap(stores, Span.LOOKUP, PRICE)
        for number in range(4):
            await buy(stores, intent_of(number), HIT)
        dear = intent_of(4, price=PRICE + 1)
        assert await stores.ledger.intend(dear) == OverBudget(Span.LOOKUP, is_final=True)
        assert await money(stores, Span.LOOKUP) == (0, 0)

    async def test_an_abandoned_intent_uses_its_money(self, stores: Stores) -> None:
        """What a dead worker may have asked counts as spent; what it brings late comes off again."""
        await cap(stores, Span.JOB, 100_000)
        intent = intent_of(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(intent.abandoned(LATER), None)
        assert await money(stores, Span.JOB) == (0, PRICE)
        assert not await stores.ledger.close(intent.closed(Miss(), Charges.HIT, LATER), None)
        assert await money(stores, Span.JOB) == (0, 0)

    # what is refused

    @pytest.mark.parametrize("span", CAPPED)
    async def test_over_budget_for_good(self, stores: Stores, span: Span) -> None:
        """When too much is used, the question is refused for good: nothing is recorded, nothing held."""
        await cap(stores, span, 2 * PRICE - 1)
        await buy(stores, intent_of(0), HIT)
        refused = intent_of(1)
        assert await stores.ledger.intend(refused) == OverBudget(span, is_final=True)
        assert await stores.ledger.get(refused.key) is None
        assert await money(stores, span) == (0, PRICE)

    @pytest.mark.parametrize("span", CAPPED)
    async def test_over_budget_for_now(self, stores: Stores, span: Span) -> None:
        """While too much is held, it is refused for now; when the money comes back, it is accepted."""
        await cap(stores, span, 2 * PRICE - 1)
        first, second = intent_of(0), intent_of(1)
        await stores.ledger.intend(first)
        assert await stores.ledger.intend(second) == OverBudget(span, is_final=False)
        assert await stores.ledger.get(second.key) is None
        await stores.ledger.close(first.closed(Miss(), Charges.HIT, LATER), None)
        assert await stores.ledger.intend(second) == second

    async def test_what_is_over_for_good_is_told_first(self, stores: Stores) -> None:
        """Of several budgets that refuse, waiting for one would not help against the other."""
        await cap(stores, Span.ACCOUNT, 2 * PRICE - 1)
        await stores.ledger.intend(intent_of(0, job_id="job-2"))
        await cap(stores, Span.JOB, PRICE - 1)
        assert await stores.ledger.intend(intent_of(1)) == OverBudget(Span.JOB, is_final=True)
        assert await stores.ledger.intend(intent_of(1, job_id=None)) == OverBudget(
            Span.ACCOUNT, is_final=False
        )

    async def test_a_cap_is_met_exactly(self, stores: Stores) -> None:
        """The last micro-dollar may be spent, and no more."""
        await cap(stores, Span.JOB, 2 * PRICE + 1)
        for number in range(2):
            await buy(stores, intent_of(number), HIT)
        assert await stores.ledger.intend(intent_of(2, price=2)) == OverBudget(Span.JOB, is_final=True)
        last = intent_of(2, price=1)
        assert await stores.ledger.intend(last) == last
        assert (await budget(stores, Span.JOB)).left_micros == 0

    async def test_within_one_commit(self, stores: Stores) -> None:
        """Intents that come at once are counted one after the other: so many fit, and the rest do not."""
        await cap(stores, Span.JOB, 3 * PRICE)
        answers = await asyncio.gather(*(stores.ledger.intend(intent_of(number)) for number in range(6)))
        assert sum(isinstance(answer, OverBudget) for answer in answers) == 3
        assert await money(stores, Span.JOB) == (3 * PRICE, 0)

    async def test_budgets_of_others(self, stores: Stores) -> None:
        """Another job's and another account's money is not touched, and refuses nothing."""
        await stores.budgets.cap(Span.JOB, "job-2", 0)
        for span in (Span.ACCOUNT, Span.DAY, Span.LOOKUP):
            await stores.budgets.cap(span, OTHER_ACCOUNT, 0)
        await buy(stores, intent_of(0), HIT)
        await buy(stores, intent_of(1, job_id=None), HIT)
        others = [*await stores.budgets.all_of(OTHER_ACCOUNT), *await stores.budgets.all_of("", "job-2")]
        assert {(each.held_micros, each.used_micros) for each in others} == {(0, 0)}
        assert len(others) == 4

    async def test_a_question_outside_of_jobs(self, stores: Stores) -> None:
        """Counts for the account and its day, and for no job."""
        for span in CAPPED:
            await cap(stores, span, 100_000)
        await buy(stores, intent_of(0, job_id=None), HIT)
        assert [await money(stores, span) for span in CAPPED] == [(0, 0), (0, PRICE), (0, PRICE)]

    # once and only once

    async def test_an_intent_that_is_repeated_holds_once(self, stores: Stores) -> None:
        """A call whose reply was lost, and one who finds the question taken, hold nothing more."""
        await cap(stores, Span.JOB, 2 * PRICE - 1)
        intent = intent_of(0)
        for _ in range(2):
            assert await stores.ledger.intend(intent) == intent
        assert await stores.ledger.intend(replace(intent, owner="another")) == intent
        assert await money(stores, Span.JOB) == (PRICE, 0)

    async def test_a_close_that_is_repeated_uses_once(self, stores: Stores) -> None:
        """Nor does one who does not own the lookup move any money."""
        await cap(stores, Span.JOB, 100_000)
        end = await buy(stores, intent_of(0), HIT)
        assert await stores.ledger.close(end, None)
        assert not await stores.ledger.close(replace(end, owner="another"), None)
        assert await money(stores, Span.JOB) == (0, PRICE)

    async def test_what_was_not_sent_is_reopened_within_the_budget(self, stores: Stores) -> None:
        """It holds its price anew, where there is room for it, and counts for the job that asks now."""
        await stores.budgets.cap(Span.JOB, "job-2", PRICE)
        await cap(stores, Span.JOB, PRICE)
        ended = await buy(stores, intent_of(0), NotSent("no route"))
        again = replace(intent_of(0), owner="again", job_id="job-2")
        assert await stores.ledger.intend(again) == again
        assert await money(stores, Span.JOB) == (0, 0)
        (other,) = [each for each in await stores.budgets.all_of(ACCOUNT, "job-2") if each.span is Span.JOB]
        assert (other.held_micros, other.used_micros) == (PRICE, 0)
        assert ended.key == again.key
        second = await buy(stores, intent_of(1), NotSent("no route"))
        refused = replace(intent_of(1), job_id="job-2")
        assert await stores.ledger.intend(refused) == OverBudget(Span.JOB, is_final=False)
        assert await stores.ledger.get(second.key) == second

    async def test_a_correction_moves_money(self, stores: Stores) -> None:
        """What a report says is what is used, even beyond the cap."""
        await cap(stores, Span.JOB, PRICE)
        lost = await buy(stores, intent_of(0), Unknown("timed out"))
        dear = lost.charged(PRICE + 5_000, LATER)
        assert await stores.books.correct(lost, dear, source="report")
        assert await money(stores, Span.JOB) == (0, PRICE + 5_000)
        assert await stores.books.correct(dear, dear.charged(0, LATER), source="second report")
        assert await money(stores, Span.JOB) == (0, 0)

    # many at once

    async def test_many_processes_never_exceed_a_cap(self, open_stores: OpenStores, stores: Stores) -> None:
        """Two processes and two hundred intents at once: what is held and used is within the cap, exactly."""
        processes = [stores, open_stores()]
        await add_leads(stores, 200)
        for number in range(ROUNDS):
            for span in CAPPED:
                await cap(stores, span, 0)
            spent = {span: sum(await money(stores, span)) for span in CAPPED}
            caps = {
                span: spent[span] + 1_000_001 + (number + place) % 3 * 7_919
                for place, span in enumerate(CAPPED)
            }
            for span in CAPPED:
                await cap(stores, span, caps[span])
            intents = [intent_of(person, price=10_000 + person, n=number) for person in range(200)]
            answers = await asyncio.gather(
                *(processes[person % 2].ledger.intend(intent) for person, intent in enumerate(intents))
            )
            bought = [answer for answer in answers if isinstance(answer, Lookup)]
            held = sum(each.held_micros for each in bought)
            for span in CAPPED:
                assert sum(await money(stores, span)) == spent[span] + held <= caps[span]
            room = min(caps[span] - spent[span] - held for span in CAPPED)
            refused = [i for i, a in zip(intents, answers, strict=True) if isinstance(a, OverBudget)]
            assert len(refused) + len(bought) == 200
            assert len(bought) > 80
            assert all(each.held_micros > room for each in refused), "it was refused though there was room"
            await self._close_all(processes, bought, number)

    async def _close_all(self, processes: Sequence[Stores], bought: Sequence[Lookup], number: int) -> None:
        """Ends all at once, in every way; afterwards nothing is held, and what is used is what they cost."""
        ways: Sequence[Outcome] = (
            HIT,
            Miss(),
            Unknown("?"),
            NotSent("no route"),
            Rejected(Fault.BUSY, "429"),
        )
        before = {span: await money(processes[0], span) for span in CAPPED}
        ends = [
            each.closed(ways[(place + number) % 5], Charges.HIT, LATER) for place, each in enumerate(bought)
        ]
        assert all(
            await asyncio.gather(
                *(processes[place % 2].ledger.close(end, None) for place, end in enumerate(ends))
            )
        )
        for span in CAPPED:
            held = before[span][0] - sum(each.held_micros for each in bought)
            used = before[span][1] + sum(each.cost_micros for each in ends)
            assert await money(processes[0], span) == (held, used)
            assert held == 0

    async def test_one_question_of_many_processes_holds_once(
        self, open_stores: OpenStores, stores: Stores
    ) -> None:
        """Who loses the race for a question gives back what he was about to hold."""
        processes = [stores, open_stores(), open_stores()]
        await cap(stores, Span.ACCOUNT, 1_000_000)
        for number in range(ROUNDS):
            intents = [
                replace(intent_of(person, n=number), owner=f"{place}-{person}")
                for place in range(3)
                for person in range(6)
            ]
            await asyncio.gather(
                *(processes[place // 6].ledger.intend(intent) for place, intent in enumerate(intents))
            )
            held, _ = await money(stores, Span.ACCOUNT)
            assert held == 6 * PRICE
            for intent in intents:
                end = intent.closed(Rejected(Fault.BUSY, "429"), Charges.REQUEST, LATER)
                await stores.ledger.close(end, None)
            assert await money(stores, Span.ACCOUNT) == (0, 0)

    async def test_a_cap_that_is_set_meanwhile(self, open_stores: OpenStores, stores: Stores) -> None:
        """Whenever a budget is set while others buy, it counts everything, once."""
        processes = [stores, open_stores(), open_stores()]
        await add_leads(stores, 60)
        for number in range(ROUNDS):
            await cap(stores, Span.ACCOUNT, None)
            await asyncio.gather(
                *(processes[person % 2].ledger.intend(intent_of(person, n=number)) for person in range(30)),
                processes[2].budgets.cap(Span.ACCOUNT, ACCOUNT, 10**9),
                *(
                    processes[person % 2].ledger.intend(intent_of(person, n=number))
                    for person in range(30, 60)
                ),
            )
            assert await money(stores, Span.ACCOUNT) == ((number + 1) * 60 * PRICE, 0)
