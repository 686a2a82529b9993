"""What every `ILookupLedger` must do about lost answers: repeat under one key, take what comes late, correct.

A subclass has the fixture ``open_stores`` of ``tests/contracts/stores.py``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from leadgen.domain.budget import OverBudget, Span
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lookup import REPEAT_WITHIN, Lookup, LookupState
from leadgen.domain.provider import Charges, Fault, Hit, Miss, NotSent, Outcome, Rejected, Unknown
from tests.builders import ACCOUNT, LEASE, NOW, us_phone
from tests.contracts.ledger_budgets import PRICE, buy, cap, intent_of, money
from tests.contracts.lookup_ledger import HIT, LATER, about, closed, value
from tests.contracts.stores import OpenStores, Stores, add_leads

LOST = Unknown("timed out")


def job(number: int = 1) -> Job:
    """The waiting job with this number."""
    return Job(f"job-{number}", ACCOUNT, JobScope(), JobStatus.WAITING, NOW)


def again(lookup: Lookup, *, owner: str = "repeater", after: timedelta = timedelta(hours=1)) -> Lookup:
    """The same question, intended by somebody else some time later."""
    at = lookup.created_at + after
    return replace(about(0), job_id=lookup.job_id, owner=owner, created_at=at, lease_until=at + LEASE)


async def lose(stores: Stores, *, job_id: str | None = None) -> Lookup:
    """A question whose answer was lost."""
    return await buy(stores, replace(about(0), job_id=job_id), LOST)


async def repeat(stores: Stores, lost: Lookup, *, owner: str = "repeater") -> Lookup:
    """The lookup that stands after somebody has begun to repeat it."""
    standing = await stores.ledger.intend(again(lost, owner=owner), may_repeat=True)
    assert isinstance(standing, Lookup)
    return standing


class LedgerRepeatsContract:
    """Subclass it as ``Test...``."""

    @pytest.fixture
    async def stores(self, open_stores: OpenStores) -> Stores:
        stores = open_stores()
        await add_leads(stores, 3)
        return stores

    # repeats

    async def test_a_lost_answer_is_repeated_under_its_key(self, stores: Stores) -> None:
        """It is the caller's to send; when it was first asked is kept, and the repeat is counted."""
        lost = await lose(stores)
        standing = await repeat(stores, lost)
        assert standing == replace(again(lost), created_at=lost.created_at, repeats=1)
        assert standing.key == lost.key
        assert (standing.state, standing.held_micros, standing.cost_micros) == (
            LookupState.INTENDED, PRICE, 0,
        )  # fmt: skip
        assert await stores.ledger.get(lost.key) == standing

    async def test_a_repeat_whose_reply_was_lost(self, stores: Stores) -> None:
        """Intended once more by its owner it is still his, and counted once."""
        lost = await lose(stores)
        first = await repeat(stores, lost)
        assert await repeat(stores, lost) == first

    async def test_repeats_are_counted(self, stores: Stores) -> None:
        """Each one, while the time since the first question is that of the first question."""
        standing = await lose(stores)
        for number in range(1, 4):
            standing = await repeat(stores, standing, owner=f"repeater-{number}")
            assert (standing.repeats, standing.created_at) == (number, NOW)
            assert await stores.ledger.close(standing.closed(LOST, Charges.REQUEST, LATER), None)

    async def test_no_repeat_where_the_provider_keeps_no_keys(self, stores: Stores) -> None:
        """Without leave to repeat the doubt stands."""
        lost = await lose(stores)
        assert await stores.ledger.intend(again(lost)) == lost
        assert await stores.ledger.get(lost.key) == lost

    @pytest.mark.parametrize(
        ("after", "may"), [(REPEAT_WITHIN - timedelta(microseconds=1), True), (REPEAT_WITHIN, False)]
    )
    async def test_a_key_is_forgotten_after_a_day(self, stores: Stores, after: timedelta, may: bool) -> None:
        """Later than that a repeat would be another purchase: the doubt stands."""
        lost = await lose(stores)
        standing = await stores.ledger.intend(again(lost, after=after), may_repeat=True)
        assert isinstance(standing, Lookup)
        assert (standing.state is LookupState.INTENDED) is may
        assert may or standing == lost

    async def test_the_day_begins_with_the_first_question(self, stores: Stores) -> None:
        """A repeat does not make the provider remember any longer."""
        lost = await lose(stores)
        late_repeat = again(lost, after=timedelta(hours=23))
        standing = await stores.ledger.intend(late_repeat, may_repeat=True)
        assert isinstance(standing, Lookup)
        await stores.ledger.close(standing.closed(LOST, Charges.REQUEST, LATER), None)
        doubt = await stores.ledger.get(lost.key)
        too_late = again(lost, owner="third", after=timedelta(hours=25))
        assert await stores.ledger.intend(too_late, may_repeat=True) == doubt

    @pytest.mark.parametrize("outcome", [HIT, Miss(), Rejected(Fault.QUESTION, "404")])
    async def test_what_was_answered_is_not_repeated(self, stores: Stores, outcome: Outcome) -> None:
        """Only a lost answer is asked for again."""
        end = await buy(stores, about(0), outcome)
        assert await stores.ledger.intend(again(end), may_repeat=True) == end

    async def test_what_is_under_way_is_not_repeated(self, stores: Stores) -> None:
        """Nobody repeats a question that its owner may still have answered."""
        intent = about(0)
        await stores.ledger.intend(intent)
        assert await stores.ledger.intend(again(intent), may_repeat=True) == intent

    async def test_what_was_not_sent_is_no_repeat(self, stores: Stores) -> None:
        """It is a first question, made now."""
        unsent = await buy(stores, about(0), NotSent("no route"))
        assert await stores.ledger.intend(again(unsent), may_repeat=True) == again(unsent)

    async def test_many_repeat_one_question(self, open_stores: OpenStores, stores: Stores) -> None:
        """Of those who want to repeat it at once one may, and the others get that one's lookup."""
        lost = await lose(stores)
        processes = [stores, open_stores(), open_stores()]
        answers = await asyncio.gather(
            *(
                processes[n % 3].ledger.intend(again(lost, owner=f"repeater-{n}"), may_repeat=True)
                for n in range(30)
            )
        )
        winner = await stores.ledger.get(lost.key)
        assert winner is not None
        assert winner.repeats == 1
        assert answers == [winner] * 30

    @pytest.mark.parametrize("outcome", [HIT, Miss()])
    async def test_the_answer_to_a_repeat(self, stores: Stores, outcome: Outcome) -> None:
        """Settles the question at its price, and gives the lead its number."""
        standing = await repeat(stores, await lose(stores))
        end = standing.closed(outcome, Charges.REQUEST, LATER)
        assert await stores.ledger.close(end, value(end) if outcome == HIT else None)
        assert await stores.ledger.get(standing.key) == end
        line = await stores.leads.get(ACCOUNT, "lead-000")
        assert line is not None
        assert line.cost_micros == PRICE
        assert line.lead.phone == (us_phone(7) if outcome == HIT else None)

    @pytest.mark.parametrize(
        "outcome", [NotSent("no route"), Rejected(Fault.BROKEN, "500"), Rejected(Fault.QUESTION, "404")]
    )
    async def test_a_repeat_without_an_answer(self, stores: Stores, outcome: Outcome) -> None:
        """Leaves the first question in doubt, and its price estimated."""
        standing = await repeat(stores, await lose(stores))
        assert await stores.ledger.close(standing.closed(outcome, Charges.REQUEST, LATER), None)
        doubt = await stores.ledger.get(standing.key)
        assert doubt is not None
        assert (doubt.state, doubt.estimated_micros, doubt.repeats) == (LookupState.UNKNOWN, PRICE, 1)

    # repeats and money

    async def test_a_repeat_costs_nothing_more(self, stores: Stores) -> None:
        """What is estimated is held instead, even where the budget is used up to the last micro-dollar."""
        await stores.jobs.add(job())
        await cap(stores, Span.JOB, PRICE)
        standing = await repeat(stores, await lose(stores, job_id="job-1"))
        assert standing.state is LookupState.INTENDED
        assert await money(stores, Span.JOB) == (PRICE, 0)
        await stores.ledger.close(standing.closed(Miss(), Charges.REQUEST, LATER), None)
        assert await money(stores, Span.JOB) == (0, PRICE)

    async def test_a_repeat_at_a_higher_price(self, stores: Stores) -> None:
        """Has to fit as a whole; where it does not the doubt stands as it was."""
        await stores.jobs.add(job())
        await cap(stores, Span.JOB, PRICE)
        lost = await lose(stores, job_id="job-1")
        dear = replace(again(lost), held_micros=PRICE + 1)
        refusal = OverBudget(Span.JOB, is_final=True)
        assert await stores.ledger.intend(dear, may_repeat=True) == refusal
        assert await stores.ledger.get(lost.key) == lost
        assert await money(stores, Span.JOB) == (0, PRICE)

    async def test_a_repeat_that_another_job_makes(self, stores: Stores) -> None:
        """Needs room in that job's budget, and what was estimated in the first one is free again."""
        for number in (1, 2):
            await stores.jobs.add(job(number))
        await cap(stores, Span.JOB, PRICE)
        lost = await lose(stores, job_id="job-1")
        await stores.budgets.cap(Span.JOB, "job-2", PRICE - 1)
        theirs = replace(again(lost), job_id="job-2")
        refusal = OverBudget(Span.JOB, is_final=True)
        assert await stores.ledger.intend(theirs, may_repeat=True) == refusal
        await stores.budgets.cap(Span.JOB, "job-2", PRICE)
        assert isinstance(await stores.ledger.intend(theirs, may_repeat=True), Lookup)
        assert await money(stores, Span.JOB) == (0, 0)

    # what comes late

    @pytest.mark.parametrize(
        ("outcome", "state", "cost"),
        [
            (HIT, LookupState.SETTLED, PRICE),
            (Miss(), LookupState.SETTLED, PRICE),
            (Rejected(Fault.BROKEN, "500"), LookupState.SETTLED, 0),
            (NotSent("its ticket ran out", late=True), LookupState.NOT_SENT, 0),
        ],
    )
    async def test_an_answer_after_abandonment(
        self, stores: Stores, outcome: Outcome, state: LookupState, cost: int
    ) -> None:
        """Is booked with its charge where nobody has repeated the question, and leaves a trace."""
        intent = about(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(intent.abandoned(LATER), None)
        found = value(intent) if isinstance(outcome, Hit) else None
        assert not await stores.ledger.close(closed(intent, outcome), found)
        booked = await stores.ledger.get(intent.key)
        assert booked is not None
        assert (booked.state, booked.cost_micros) == (state, cost)
        (trace,) = await stores.books.evidence(intent.key)
        assert (trace.state_before, trace.state_after) == ("unknown", state.value)
        assert (trace.cost_before_micros, trace.cost_after_micros) == (PRICE, cost)
        assert intent.owner in trace.source
        line = await stores.leads.get(ACCOUNT, intent.lead_id)
        assert line is not None
        assert (line.lead.phone, line.cost_micros) == (found and found.phone, cost)

    async def test_a_doubt_after_abandonment(self, stores: Stores) -> None:
        """Who comes late and knows nothing changes nothing, and is no news."""
        intent = about(0)
        await stores.ledger.intend(intent)
        given_up = intent.abandoned(LATER)
        await stores.ledger.close(given_up, None)
        assert not await stores.ledger.close(closed(intent, LOST), None)
        assert await stores.ledger.get(intent.key) == given_up
        assert await stores.books.evidence(intent.key) == []

    @pytest.mark.parametrize(
        "outcome", [HIT, Miss(), NotSent("late", late=True), Rejected(Fault.BUSY, "429")]
    )
    async def test_a_zombie_after_a_repeat_began(self, stores: Stores, outcome: Outcome) -> None:
        """The repeat decides: the late answer is on record as evidence, and changes nothing else."""
        zombie = about(0)
        await stores.ledger.intend(zombie)
        given_up = zombie.abandoned(LATER)
        await stores.ledger.close(given_up, None)
        standing = await repeat(stores, given_up)
        assert not await stores.ledger.close(closed(zombie, outcome), value(zombie))
        assert await stores.ledger.get(zombie.key) == standing
        (trace,) = await stores.books.evidence(zombie.key)
        assert (trace.state_before, trace.state_after) == ("intended", "intended")
        assert trace.cost_before_micros == trace.cost_after_micros
        assert trace.detail == type(outcome).__name__.lower()
        await self._ends(stores, standing)

    @pytest.mark.parametrize("outcome", [HIT, Miss()])
    async def test_a_zombie_after_a_repeat_ended(self, stores: Stores, outcome: Outcome) -> None:
        """Whatever the repeat came to stands, and is charged once."""
        zombie = about(0)
        await stores.ledger.intend(zombie)
        given_up = zombie.abandoned(LATER)
        await stores.ledger.close(given_up, None)
        ended = await self._ends(stores, await repeat(stores, given_up))
        assert not await stores.ledger.close(closed(zombie, outcome), value(zombie))
        assert await stores.ledger.get(zombie.key) == ended
        line = await stores.leads.get(ACCOUNT, zombie.lead_id)
        assert line is not None
        assert (line.lead.phone, line.cost_micros) == (None, PRICE)

    async def _ends(self, stores: Stores, standing: Lookup) -> Lookup:
        end = standing.closed(Miss(), Charges.REQUEST, LATER)
        assert await stores.ledger.close(end, None)
        return end

    async def test_a_late_answer_twice(self, stores: Stores) -> None:
        """Is booked once and leaves one trace, whatever the second call is told."""
        await stores.jobs.add(job())
        await cap(stores, Span.JOB, 100_000)
        intent = intent_of(0)
        await stores.ledger.intend(intent)
        await stores.ledger.close(intent.abandoned(LATER), None)
        for _ in range(2):
            await stores.ledger.close(closed(intent, HIT), value(intent))
        assert await stores.ledger.get(intent.key) == closed(intent, HIT)
        assert len(await stores.books.evidence(intent.key)) == 1
        assert await money(stores, Span.JOB) == (0, PRICE)

    # what is open

    async def test_intended(self, stores: Stores) -> None:
        """The open lookups of one job, those first whose lease ends first."""
        for number in (1, 2):
            await stores.jobs.add(job(number))
        intents = [
            replace(intent_of(number), lease_until=NOW + timedelta(seconds=seconds))
            for number, seconds in ((0, 30), (1, 10), (2, 20))
        ]
        others = [replace(about(0, provider="astra"), job_id="job-2"), about(1, provider="astra")]
        for each in (*intents, *others):
            await stores.ledger.intend(each)
        assert await stores.ledger.intended("job-1") == [intents[1], intents[2], intents[0]]
        await stores.ledger.close(closed(intents[1], Miss()), None)
        await stores.ledger.close(intents[2].abandoned(LATER), None)
        assert await stores.ledger.intended("job-1") == [intents[0]]
        assert await stores.ledger.intended("nothing") == []

    async def test_abandoned(self, stores: Stores) -> None:
        """Open lookups of all jobs and accounts whose lease is over, the oldest first, as many as wanted."""
        leases = [30, 10, 20, 40]
        intents: Sequence[Lookup] = [
            replace(about(0, provider=provider), lease_until=NOW + timedelta(seconds=seconds))
            for provider, seconds in zip(("orion", "astra", "nimbus", "vega"), leases, strict=True)
        ]
        for each in intents:
            await stores.ledger.intend(each)
        await buy(stores, about(1), Miss())
        await buy(stores, about(2), LOST)
        first, second, third = intents[1], intents[2], intents[0]
        now = NOW + timedelta(seconds=30)
        assert await stores.ledger.abandoned(now, limit=9) == [first, second, third]
        assert await stores.ledger.abandoned(now, limit=2) == [first, second]
        assert await stores.ledger.abandoned(now - timedelta(microseconds=1), limit=9) == [first, second]
        assert await stores.ledger.abandoned(NOW, limit=9) == []

    async def test_unknown(self, stores: Stores) -> None:
        """Lookups in doubt, made after a moment, in the order of their keys, page by page."""
        lost = [
            await buy(stores, replace(about(0, provider=f"p{number}"), created_at=at), LOST)
            for number, at in enumerate(NOW + timedelta(minutes=minutes) for minutes in range(5))
        ]
        await buy(stores, about(1), Miss())
        await stores.ledger.intend(about(2))
        recent = sorted(lost[2:], key=lambda each: each.key)
        since = NOW + timedelta(minutes=1)
        assert await stores.ledger.unknown(since, after="", limit=9) == recent
        assert await stores.ledger.unknown(since, after="", limit=2) == recent[:2]
        assert await stores.ledger.unknown(since, after=recent[0].key, limit=9) == recent[1:]
        assert await stores.ledger.unknown(since, after=recent[-1].key, limit=9) == []
