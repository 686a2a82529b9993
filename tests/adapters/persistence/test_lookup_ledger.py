import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.writer_threads import T, Work
from leadgen.application.ports.lookup_ledger import ILookupLedger
from leadgen.domain.budget import Span
from leadgen.domain.errors import ServiceUnavailable
from leadgen.domain.provider import Hit
from tests.adapters.conftest import stores_on
from tests.builders import ACCOUNT
from tests.contracts.lookup_ledger import HIT, LookupLedgerContract, about, closed, value
from tests.contracts.stores import Stores, add_leads
from tests.fake_clock import FakeClock


class TestSqlLookupLedger(LookupLedgerContract):
    """On SQLite and on PostgreSQL."""


class Commits:
    """Counts the commits of a database."""

    def __init__(self, database: Database) -> None:
        self.count = 0
        event.listen(database._engine.sync_engine, "commit", self._counted)
        event.listen(database._threads._engine, "commit", self._counted)

    def _counted(self, _connection: object) -> None:
        self.count += 1


class ForgetfulDatabase(Database):
    """Makes its next commits without saying so."""

    replies_lost = 0

    async def transact(self, work: Work[T]) -> T:
        """See Database."""
        result = await super().transact(work)
        if self.replies_lost:
            self.replies_lost -= 1
            raise ServiceUnavailable("the database", self.address, "start it")
        return result


@pytest.fixture
async def stores(database: Database) -> Stores:
    """The stores of one process, with two hundred leads."""
    stores = stores_on(database, FakeClock())
    await add_leads(stores, 200)
    return stores


@pytest.fixture
async def forgetful(database_url: str) -> AsyncIterator[ForgetfulDatabase]:
    """A database whose replies get lost."""
    database = ForgetfulDatabase(database_url)
    yield database
    await database.close()


@pytest.fixture
def ledger(stores: Stores) -> ILookupLedger:
    """The ledger of this process."""
    return stores.ledger


@pytest.fixture
def commits(database: Database, stores: Stores) -> Commits:
    """The commits since the leads were recorded."""
    return Commits(database)


async def test_many_writes_share_a_commit(ledger: ILookupLedger, commits: Commits) -> None:
    """Two hundred intents and two hundred ends take less than a tenth of as many commits."""

    async def buy(number: int) -> None:
        intent = about(number)
        await ledger.intend(intent)
        await ledger.close(closed(intent, Hit(None, "?")), None)

    await asyncio.gather(*(buy(number) for number in range(200)))
    assert 2 <= commits.count < 40


async def test_what_arrives_during_a_commit_waits_for_the_next(
    ledger: ILookupLedger, commits: Commits
) -> None:
    """One writer per process: a write never opens a transaction beside another one."""
    first = asyncio.create_task(ledger.intend(about(0)))
    while not commits.count:
        await asyncio.sleep(0)
        if first.done():
            break
        await asyncio.gather(*(ledger.intend(about(number)) for number in range(1, 50)))
    await first
    assert commits.count <= 2


async def test_one_write_that_cannot_be_made_harms_no_other(ledger: ILookupLedger) -> None:
    """A lookup for a job that does not exist fails alone, whatever it shares a commit with."""
    intents = [about(number) for number in range(20)]
    intents[7] = replace(intents[7], job_id="nothing")
    answers = await asyncio.gather(*(ledger.intend(intent) for intent in intents), return_exceptions=True)
    assert isinstance(answers.pop(7), IntegrityError)
    assert answers == [*intents[:7], *intents[8:]]
    assert await ledger.get(intents[6].key) == intents[6]
    assert await ledger.get(intents[7].key) is None


async def test_who_stops_waiting_harms_no_other(ledger: ILookupLedger) -> None:
    """A write is made although its caller was cancelled, and those beside it too."""
    tasks = [asyncio.create_task(ledger.intend(about(number))) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert [answers[0], answers[2]] == [about(0), about(2)]
    assert await ledger.get(about(1).key) == about(1)


@pytest.mark.parametrize("raw", ["a\x00b", "\ud800", "\udc80 x"], ids=ascii)
async def test_a_value_that_no_database_can_hold(stores: Stores, raw: str) -> None:
    """What a provider sent as a number is booked, stripped of what text columns do not take."""
    intent = about(0)
    await stores.ledger.intend(intent)
    assert await stores.ledger.close(closed(intent, Hit(None, raw)), None)
    recorded = await stores.ledger.get(intent.key)
    assert recorded is not None
    assert isinstance(recorded.outcome, Hit)
    assert recorded.posted_micros == 20_000


async def test_a_repeated_commit_doubles_nothing(stores: Stores) -> None:
    """Both halves of a purchase, each written twice in one batch, are recorded once."""
    intent = about(0)
    assert await asyncio.gather(*(stores.ledger.intend(intent) for _ in range(5))) == [intent] * 5
    end = closed(intent, Hit(None, "?"))
    assert all(await asyncio.gather(*(stores.ledger.close(end, None) for _ in range(5))))
    assert await stores.ledger.get(intent.key) == end
    assert value(intent).lead_id == intent.lead_id


async def test_a_number_shares_the_commit_of_its_charge(ledger: ILookupLedger, commits: Commits) -> None:
    """Nobody can die between the one and the other."""
    intent = about(0)
    await ledger.intend(intent)
    before = commits.count
    assert await ledger.close(closed(intent, HIT), value(intent))
    assert commits.count == before + 1


async def test_a_commit_whose_reply_is_lost_is_repeated(forgetful: ForgetfulDatabase) -> None:
    """The caller learns nothing of it, and the budget is debited once."""
    stores = stores_on(forgetful, FakeClock())
    await add_leads(stores, 1)
    await stores.budgets.cap(Span.ACCOUNT, ACCOUNT, 50_000)
    intent = about(0)
    forgetful.replies_lost = 2
    assert await stores.ledger.intend(intent) == intent
    forgetful.replies_lost = 2
    assert await stores.ledger.close(closed(intent, HIT), value(intent))
    (budget,) = await stores.budgets.all_of(ACCOUNT)
    assert (budget.used_micros, budget.held_micros) == (20_000, 0)
