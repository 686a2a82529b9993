"""The ledger's commits: made twice they book once, and days roll over by the database's clock."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select, update
from sqlalchemy.exc import IntegrityError

from leadgen.adapters.persistence.database import Database, now_micros
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.ledger_commit import Change, Close, Correct, Intend, LedgerCommit
from leadgen.adapters.persistence.tables import budgets, evidence, leads, limiters, lookups
from leadgen.adapters.rate_limits.board import LimiterBoard, Mode
from leadgen.domain.budget import Budget, OverBudget, Span
from leadgen.domain.errors import StaleTicket
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lookup import Lookup
from leadgen.domain.provider import Charges, Miss, NotSent, Outcome, Unknown
from tests.adapters.conftest import stores_on
from tests.builders import ACCOUNT, NOW
from tests.contracts.ledger_budgets import intent_of
from tests.contracts.lookup_ledger import HIT, LATER, closed, value
from tests.contracts.stores import Stores, add_leads
from tests.fake_clock import FakeClock

PRICE = 20_000
DAY_MICROS = 86_400_000_000


@pytest.fixture
async def stores(database: Database) -> Stores:
    """The stores of one process: ten leads, and a job with a budget in every span."""
    stores = stores_on(database, FakeClock())
    await add_leads(stores, 10)
    await stores.jobs.add(Job("job-1", ACCOUNT, JobScope(), JobStatus.WAITING, NOW), budget_micros=200_000)
    for span in (Span.DAY, Span.ACCOUNT):
        await stores.budgets.cap(span, ACCOUNT, 200_000)
    return stores


async def commit(database: Database, changes: Sequence[Change]) -> list[Any]:
    """The results of one commit of these changes."""
    async with database.write() as conn:
        return await LedgerCommit(conn, database).run(changes)


async def everything(database: Database) -> dict[str, Sequence[object]]:
    """All that a commit of the ledger may touch, but the moments at which evidence came."""
    async with database.read() as conn:
        content: dict[str, Sequence[object]] = {}
        tables: Sequence[tuple[Table, str]] = (
            (lookups, "key"), (budgets, "span"), (leads, "id"), (evidence, "key"),
        )  # fmt: skip
        for table, order in tables:
            columns = [column for column in table.c if column.name != "received_at"]
            content[table.name] = (await conn.execute(select(*columns).order_by(table.c[order]))).all()
        return content


def intends(*lookups_: Lookup, may_repeat: bool = False) -> list[Change]:
    """Intents under no epoch."""
    return [Intend(lookup, 0, may_repeat) for lookup in lookups_]


# ---------------------------------------------------------------- the reply to a COMMIT is lost


def intends_all(intents: Sequence[Lookup]) -> list[Change]:
    """They are about to be asked."""
    return intends(*intents)


def answers(intents: Sequence[Lookup]) -> list[Change]:
    """The ends of some intents, one of each kind."""
    ends: Sequence[Outcome] = (HIT, Miss(), Unknown("?"), NotSent("no route"))
    return [
        Close(closed(intent, end), value(intent) if end == HIT else None)
        for intent, end in zip(intents, ends, strict=True)
    ]


def late_answers(intents: Sequence[Lookup]) -> list[Change]:
    """What their owners bring after they were given up."""
    return [Close(closed(intent, HIT), value(intent)) for intent in intents]


def given_up(intents: Sequence[Lookup]) -> list[Change]:
    """Their owners are dead."""
    return [Close(intent.abandoned(LATER), None) for intent in intents]


def repeats(intents: Sequence[Lookup]) -> list[Change]:
    """Others repeat what was given up."""
    again = [replace(intent, owner=f"{intent.owner} again") for intent in intents]
    return intends(*again, may_repeat=True)


def corrections(intents: Sequence[Lookup]) -> list[Change]:
    """A report about what was given up."""
    lost = [intent.abandoned(LATER) for intent in intents]
    return [Correct(each, each.charged(7_000, LATER), "report") for each in lost]


def everything_at_once(intents: Sequence[Lookup]) -> list[Change]:
    """Late answers, corrections, repeats and new intents in one commit."""
    first, second, third, _ = intents
    return [
        *late_answers([first]),
        *corrections([second]),
        *repeats([third]),
        *intends(intent_of(8), intent_of(9)),
    ]


Phase = Callable[[Sequence[Lookup]], list[Change]]


@pytest.mark.parametrize(
    "phases",
    [
        (intends_all,),
        (intends_all, answers),
        (intends_all, given_up),
        (intends_all, given_up, late_answers),
        (intends_all, given_up, repeats),
        (intends_all, given_up, repeats, late_answers),
        (intends_all, given_up, corrections),
        (intends_all, given_up, everything_at_once),
    ],
    ids=["intend", "close", "abandon", "late", "repeat", "zombie", "correct", "mixed"],
)
async def test_a_commit_made_twice_books_once(
    stores: Stores, database: Database, phases: Sequence[Phase]
) -> None:
    """Whoever does not learn that his commit was made repeats it: nothing is booked or held twice."""
    intents = [intent_of(number) for number in range(4)]
    for phase in phases[:-1]:
        await commit(database, phase(intents))
    last = phases[-1](intents)
    before = await everything(database)
    first = await commit(database, last)
    after = await everything(database)
    assert after != before
    second = await commit(database, last)
    assert await everything(database) == after
    for change, one, other in zip(last, first, second, strict=True):
        if isinstance(change, Intend):
            assert one == other
    await _agree(stores)


async def test_a_refusal_twice(stores: Stores, database: Database) -> None:
    """What a budget does not cover is refused again, and nothing is there of it."""
    await stores.budgets.cap(Span.JOB, "job-1", 2 * PRICE)
    batch = intends(*(intent_of(number) for number in range(4)))
    first = await commit(database, batch)
    assert await commit(database, batch) == first
    assert first[2:] == [OverBudget(Span.JOB, is_final=False)] * 2
    await _agree(stores)


async def test_a_commit_that_fails_leaves_nothing(stores: Stores, database: Database) -> None:
    """Money is held in the transaction of the lookup: without the one there is not the other."""
    before = await everything(database)
    with pytest.raises(IntegrityError):
        await commit(database, intends(intent_of(0), replace(intent_of(1), account="nobody")))
    assert await everything(database) == before
    assert (await _budget(stores, Span.JOB)).held_micros == 0


async def test_one_question_twice_in_a_commit(stores: Stores, database: Database) -> None:
    """Two who intend it within one batch are two: the first has it, and its price is held once."""
    ours = intent_of(0)
    theirs = replace(ours, owner="another")
    assert await commit(database, intends(ours, theirs)) == [ours, ours]
    assert (await _budget(stores, Span.JOB)).held_micros == PRICE


async def test_intent_and_end_in_one_commit(stores: Stores, database: Database) -> None:
    """A batch is decided in its order: what is intended first may be closed after it."""
    intent = intent_of(0)
    end = closed(intent, Miss())
    assert await commit(database, [*intends(intent), Close(end, None)]) == [intent, True]
    assert await stores.ledger.get(intent.key) == end
    await _agree(stores)


async def test_an_old_ticket_harms_no_other(stores: Stores, database: Database) -> None:
    """A stale intent is an answer of its own within the commit, holds nothing, and leaves a doubt alone."""
    await _set_epoch(database, "orion", 7)
    lost = intent_of(0)
    current = [Intend(lost, 7, may_repeat=False), Intend(intent_of(1), 7, may_repeat=False)]
    stale = Intend(intent_of(2), 6, may_repeat=False)
    results = await commit(database, [*current, stale])
    assert results[:2] == [lost, intent_of(1)]
    assert isinstance(results[2], StaleTicket)
    doubt = lost.abandoned(LATER)
    await commit(database, [Close(doubt, None)])
    again = replace(lost, owner="again")
    (result,) = await commit(database, [Intend(again, 6, may_repeat=True)])
    assert isinstance(result, StaleTicket)
    assert await stores.ledger.get(lost.key) == doubt
    await _agree(stores)


async def test_a_ticket_that_is_being_used_holds_up_the_next_epoch(
    database: Database, stores: Stores
) -> None:
    """Who raises the epoch finds the intents of the last one in the ledger, all of them."""
    board = LimiterBoard(database, "another")
    epoch = await board.flip("orion", Mode.SQL, after=None)
    assert epoch is not None
    async with database.write() as conn:
        assert await LedgerCommit(conn, database).run([Intend(intent_of(0), epoch, may_repeat=False)])
        raised = asyncio.create_task(board.flip("orion", Mode.SQL, after=epoch))
        done, _ = await asyncio.wait([raised], timeout=0.5)
        assert not done
    assert await raised == epoch + 1


# ---------------------------------------------------------------- days


async def test_a_day_is_the_database_s(stores: Stores, database: Database) -> None:
    """However wrong the clock of a worker is, its questions belong to the day on which they are intended."""
    for number, days in enumerate((-400, 0, 400)):
        await stores.ledger.intend(replace(intent_of(number), created_at=NOW + timedelta(days=days)))
    day = await _budget(stores, Span.DAY)
    assert (day.held_micros, day.day) == (3 * PRICE, await _today(database))


async def test_a_day_s_budget_begins_anew(stores: Stores, database: Database) -> None:
    """What was used and held yesterday does not count today; job and account go on counting."""
    used, held = intent_of(0), intent_of(1)
    await stores.ledger.intend(used)
    await stores.ledger.close(closed(used, Miss()), None)
    await stores.ledger.intend(held)
    await stores.budgets.cap(Span.DAY, ACCOUNT, PRICE)
    assert await stores.ledger.intend(intent_of(2)) == OverBudget(Span.DAY, is_final=True)
    await _let_a_day_pass(database)
    assert (await _budget(stores, Span.DAY)).left_micros == PRICE
    assert await stores.ledger.intend(intent_of(2)) == intent_of(2)
    assert await stores.ledger.intend(intent_of(3)) == OverBudget(Span.DAY, is_final=False)
    assert (await _budget(stores, Span.DAY)).held_micros == PRICE
    assert (await _budget(stores, Span.ACCOUNT)).held_micros == 2 * PRICE
    await _agree(stores)


@pytest.mark.parametrize("is_another_there", [False, True])
async def test_an_answer_after_midnight_belongs_to_its_question_s_day(
    stores: Stores, database: Database, *, is_another_there: bool
) -> None:
    """It neither uses up nor frees anything of the new day."""
    intent = intent_of(0)
    await stores.ledger.intend(intent)
    await _let_a_day_pass(database)
    if is_another_there:
        await stores.ledger.intend(intent_of(1))
    await stores.ledger.close(closed(intent, Miss()), None)
    day = await _budget(stores, Span.DAY)
    assert (day.used_micros, day.held_micros) == (0, PRICE * is_another_there)
    assert (await _budget(stores, Span.JOB)).used_micros == PRICE
    await _agree(stores)


async def test_a_repeat_on_the_next_day(stores: Stores, database: Database) -> None:
    """Its money is that of the day on which it is repeated."""
    intent = intent_of(0)
    await stores.ledger.intend(intent)
    await stores.ledger.close(intent.abandoned(LATER), None)
    await _let_a_day_pass(database)
    again = replace(intent, owner="again")
    await stores.budgets.cap(Span.DAY, ACCOUNT, PRICE - 1)
    refusal = await stores.ledger.intend(again, may_repeat=True)
    assert refusal == OverBudget(Span.DAY, is_final=True)
    await stores.budgets.cap(Span.DAY, ACCOUNT, PRICE)
    standing = await stores.ledger.intend(again, may_repeat=True)
    assert isinstance(standing, Lookup)
    day = await _budget(stores, Span.DAY)
    assert (day.used_micros, day.held_micros) == (0, PRICE)
    await _agree(stores)


async def test_a_cap_of_a_day_that_is_set_later(stores: Stores, database: Database) -> None:
    """Counts what was intended since midnight, and nothing of the day before."""
    await stores.budgets.cap(Span.DAY, ACCOUNT, None)
    for number in range(3):
        await stores.ledger.intend(intent_of(number))
    await _let_a_day_pass(database)
    today = intent_of(3)
    await stores.ledger.intend(today)
    await stores.ledger.close(today.closed(Unknown("?"), Charges.HIT, LATER), None)
    await stores.budgets.cap(Span.DAY, ACCOUNT, 100_000)
    day = await _budget(stores, Span.DAY)
    assert (day.used_micros, day.held_micros, day.day) == (PRICE, 0, await _today(database))


async def test_a_correction_on_another_day(stores: Stores, database: Database) -> None:
    """What yesterday's question turns out to have cost is no money of today."""
    intent = intent_of(0)
    await stores.ledger.intend(intent)
    lost = intent.abandoned(LATER)
    await stores.ledger.close(lost, None)
    await _let_a_day_pass(database)
    await stores.ledger.intend(intent_of(1))
    assert await stores.books.correct(lost, lost.charged(3, LATER), source="report")
    day = await _budget(stores, Span.DAY)
    assert (day.used_micros, day.held_micros) == (0, PRICE)
    assert (await _budget(stores, Span.ACCOUNT)).used_micros == 3
    await _agree(stores)


# ---------------------------------------------------------------- what the tests look at


async def _budget(stores: Stores, span: Span) -> Budget:
    (found,) = [each for each in await stores.budgets.all_of(ACCOUNT, "job-1") if each.span is span]
    return found


async def _today(database: Database) -> object:
    async with database.read() as conn:
        now = await now_micros(conn, database)
    return datetime.fromtimestamp(now / 1_000_000, UTC).date()


async def _let_a_day_pass(database: Database) -> None:
    """Everything that is on record has happened a day earlier."""
    async with database.write() as conn:
        await conn.execute(update(lookups).values(intended_micros=lookups.c.intended_micros - DAY_MICROS))
        days = (await conn.execute(select(budgets.c.span, budgets.c.owner, budgets.c.day))).all()
        for span, owner, day in days:
            is_this = (budgets.c.span == span) & (budgets.c.owner == owner)
            await conn.execute(update(budgets).where(is_this).values(day=day - timedelta(days=1)))


async def _set_epoch(database: Database, provider: str, epoch: int) -> None:
    row = {"credential": provider, "mode": "sql", "epoch": epoch}
    async with database.write() as conn:
        await conn.execute(limiters.insert().values({**row, "holder": "", "holder_until_micros": 0}))


async def _agree(stores: Stores) -> None:
    """Budgets say what the lookups say: a new one, counted from them, is the old one."""
    for span in (Span.JOB, Span.DAY, Span.ACCOUNT):
        kept = await _budget(stores, span)
        await stores.budgets.cap(span, kept.owner, None)
        await stores.budgets.cap(span, kept.owner, kept.cap_micros)
        counted = await _budget(stores, span)
        assert replace(counted, day=kept.day) == kept


async def test_an_observer_that_fails_keeps_no_answer_back(database: Database, stores: Stores) -> None:
    """What is committed is told to who waits for it, and the next change finds a writer."""

    def fail(_closed: Sequence[Lookup]) -> None:
        raise ZeroDivisionError

    ledger = SqlLookupLedger(database, [fail])
    for n in range(2):
        intent = intent_of(n)
        async with asyncio.timeout(5):
            assert await ledger.intend(intent) == intent
            assert await ledger.close(closed(intent, Miss()), None)
