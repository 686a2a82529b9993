"""The world of a use case: a real database, real limits, scripted providers, and time that a test moves."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Executable, RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from leadgen.adapters.persistence.accounts import SqlAccountRepository
from leadgen.adapters.persistence.board import SqlProviderBoard
from leadgen.adapters.persistence.books import SqlLedgerBooks
from leadgen.adapters.persistence.budgets import SqlBudgetRepository
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.providers import SqlProviderCatalog
from leadgen.adapters.persistence.rows import lookup_of
from leadgen.adapters.persistence.tables import accounts, lookups
from leadgen.adapters.persistence.tallies import SqlTallyBook
from leadgen.adapters.persistence.track_records import SqlTrackRecords
from leadgen.adapters.persistence.writer_threads import Work
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.application.find_phone import FindPhone
from leadgen.application.paid_calls import PaidCalls
from leadgen.application.ports.lead_repository import Arrival
from leadgen.application.provider_watch import ProviderWatch
from leadgen.application.purchase import Purchase
from leadgen.application.race import Parked
from leadgen.application.round import OpenRound
from leadgen.application.run_chunk import RunChunk
from leadgen.application.search_lead import SearchLead
from leadgen.application.settle_unknown import SettleUnknown
from leadgen.application.ticket_desk import TicketDesk
from leadgen.domain.job import Job, JobScope, JobStatus
from leadgen.domain.lead import Input, Lead, Profile, Question
from leadgen.domain.limits import TIMING, Limits, Rule
from leadgen.domain.lookup import Lookup, LookupState, lookup_key
from leadgen.domain.phone import PhoneNumber
from leadgen.domain.provider import Hit, ProviderConfig
from leadgen.domain.search_options import AS_USUAL, SearchOptions
from leadgen.domain.selection import (
    BreakerClosed,
    Enabled,
    InputsPresent,
    SelectionPipeline,
    TierCovered,
    WithinBudget,
)
from leadgen.domain.tier import Tier
from leadgen.domain.waterfall import Answered, Ask, Held, Verdict, WhenHeld
from tests import builders
from tests.builders import ACCOUNT
from tests.fake_clock import FakeClock
from tests.fakes.lookup_ledger import TroubledLedger
from tests.fakes.phone_provider import ScriptedProvider
from tests.fakes.rate_limiter import TroubledRateLimiter, WarmCarrier

T = TypeVar("T")

_STEPS_MAX = 5_000
_QUIET_TURNS = 20
_REAL_SECONDS = 0.1
"""Only ``RunChunk`` waits for the loop's own time: half a second between two records."""

AMPLE = Limits((Rule(1_000, 1_000_000),), concurrency=50)
CONFIGS = {
    each.name: each
    for each in (
        builders.config("orion", priority=1, limits=AMPLE, price_micros=20_000),
        builders.config("astra", priority=2, limits=AMPLE, price_micros=10_000),
        builders.config("nimbus", priority=3, limits=AMPLE, price_micros=15_000),
    )
}
NEEDS = {
    "orion": (Input.FULL_NAME, Input.WEBSITE),
    "astra": (Input.EMAIL,),
    "nimbus": (Input.EMAIL, Input.JOB_TITLE),
}


def a_hit(last: int = 0) -> Hit:
    """A usable number."""
    phone = builders.us_phone(last)
    return Hit(phone, phone.e164)


class WatchedDatabase(Database):
    """Tells when nobody reads or writes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.idle = asyncio.Event()
        self.idle.set()
        self._busy = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """See Database."""
        with self._counted():
            async with super().read() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """See Database."""
        with self._counted():
            async with super().write() as connection:
                yield connection

    async def look(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[RowMapping]:
        """See Database."""
        with self._counted():
            return await super().look(statement, parameters)

    async def transact(self, work: Work[T]) -> T:
        """See Database."""
        with self._counted():
            return await super().transact(work)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._busy += 1
        self.idle.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self.idle.set()


class PatientClock(FakeClock):
    """Lets nobody wake before the database, too, has done what it was asked for."""

    def __init__(self, database: WatchedDatabase) -> None:
        super().__init__()
        self._database = database

    async def _settle(self) -> None:
        quiet = 0
        while quiet < _QUIET_TURNS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._database.idle.is_set() else 0
            await self._database.idle.wait()


class Process:
    """What one process has for itself over the common database: ledger writer, limiter, desk, use cases."""

    def __init__(self, world: World, owner: str) -> None:
        written = SqlLookupLedger(world.database)
        self.ledger = TroubledLedger(written)
        self.books = SqlLedgerBooks(world.database, written)
        self.memory = InMemoryRateLimiter(world.clock, TIMING)
        self.limiter = TroubledRateLimiter(WarmCarrier(self.memory, world.clock))
        self.desk = TicketDesk(limiter=self.limiter, catalog=world.catalog, clock=world.clock)
        self.watch = ProviderWatch(
            board=SqlProviderBoard(world.database), tallies=SqlTallyBook(world.database), clock=world.clock
        )
        self.paid_calls = PaidCalls(
            watch=self.watch,
            ledger=self.ledger,
            desk=self.desk,
            providers=world.providers,
            catalog=world.catalog,
            clock=world.clock,
            owner=owner,
        )
        self.search = SearchLead(
            paid_calls=self.paid_calls,
            pipeline=SelectionPipeline(
                [Enabled(), InputsPresent(), TierCovered(), BreakerClosed(), WithinBudget()]
            ),
            clock=world.clock,
        )
        self.open_round = OpenRound(
            watch=self.watch,
            ledger=self.ledger,
            catalog=world.catalog,
            accounts=world.accounts,
            budgets=world.budgets,
            providers=world.providers,
            records=SqlTrackRecords(world.database, world.clock),
            clock=world.clock,
        )
        self.find_phone = FindPhone(leads=world.leads, open_round=self.open_round, search=self.search)
        self.run_chunk = RunChunk(
            jobs=world.jobs,
            leads=world.leads,
            open_round=self.open_round,
            search=self.search,
            desk=self.desk,
            clock=world.clock,
        )

        self.settle_unknown = SettleUnknown(
            ledger=self.ledger,
            leads=world.leads,
            jobs=world.jobs,
            catalog=world.catalog,
            paid_calls=self.paid_calls,
            clock=world.clock,
        )

    def places_taken(self) -> int:
        """How many places in all concurrency caps are taken."""
        return sum(len(ring.leases) for ring in self.memory._rings.values())


class World:
    """One database, three providers, one clock, and a process (``here``); ``process`` makes further ones."""

    def __init__(self, database_url: str) -> None:
        self.database = WatchedDatabase(database_url)
        self.clock = PatientClock(self.database)
        self.catalog = SqlProviderCatalog(self.database, self.clock, CONFIGS)
        self.accounts = SqlAccountRepository(self.database, self.clock)
        self.budgets = SqlBudgetRepository(self.database)
        self.leads = SqlLeadRepository(self.database, self.clock)
        self.jobs = SqlJobRepository(self.database, self.clock)
        self.providers = {name: ScriptedProvider(self.clock, *needs) for name, needs in NEEDS.items()}
        self.processes: list[Process] = []
        self.estimated_elsewhere_micros = 0
        """What is booked as estimated though no provider of this world has answered it."""
        self.books_are_exact = True
        """Unset it where prices or charges change, or the ledger fails, in the middle of a test."""
        self.here = self.process("worker-1")

    @property
    def orion(self) -> ScriptedProvider:
        """The provider that is asked first."""
        return self.providers["orion"]

    @property
    def astra(self) -> ScriptedProvider:
        """The second one."""
        return self.providers["astra"]

    @property
    def nimbus(self) -> ScriptedProvider:
        """The third one."""
        return self.providers["nimbus"]

    def process(self, owner: str) -> Process:
        """A further process over the same database."""
        process = Process(self, owner)
        self.processes.append(process)
        return process

    # ------------------------------------------------------------ time

    async def settle(self) -> None:
        """Lets everything run until all wait for the clock, for a provider, or for nothing."""
        await self.clock._settle()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives; as much time passes as it needs."""
        return await self.wait_for(asyncio.create_task(work))

    async def wait_for(self, task: asyncio.Task[T]) -> T:
        """What a task gives; as much time passes as it needs."""
        for _ in range(_STEPS_MAX):
            await self.settle()
            if task.done():
                return task.result()
            if self.clock.sleepers:
                await self.clock.advance(self._seconds_to_next())
            else:
                await asyncio.wait([task], timeout=_REAL_SECONDS)
                await self.clock.advance(_REAL_SECONDS)  # else what was read once would stay fresh for ever
        task.cancel()
        raise AssertionError("it does not end")

    def _seconds_to_next(self) -> float:
        moments = [moment for moment, _, alarm in self.clock._asleep if not alarm.done()]
        return (min(moments) - self.clock._micros) / 1_000_000

    async def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """The work as a task that has gone as far as it can without time."""
        task = asyncio.create_task(work)
        await self.settle()
        return task

    # ------------------------------------------------------------ what there is

    async def configure(self, name: str, **changes: Any) -> ProviderConfig:
        """Changes a provider's configuration."""
        config = dataclasses.replace((await self.catalog.configs())[name], **changes)
        await self.catalog.save(config)
        return config

    async def add_account(self, name: str, tier: Tier = Tier.FREE) -> str:
        """A further account."""
        row = {"id": name, "tier": tier.value, "created_at": self.clock.now()}
        async with self.database.write() as conn:
            await conn.execute(insert(accounts).values(row))
        return name

    async def add_lead(
        self, number: int = 1, *, about: Profile | None = None, phone: PhoneNumber | None = None
    ) -> Lead:
        """The lead with this number, as it stands in the database."""
        lead = builders.lead(number, about=about)
        await self.leads.merge(ACCOUNT, [Arrival(lead.id, lead.profile, phone)])
        return await self.lead(lead.id)

    async def add_leads(self, count: int) -> list[Lead]:
        """That many leads."""
        return [await self.add_lead(number) for number in range(1, count + 1)]

    async def add_job(
        self,
        job_id: str = "job-1",
        scope: JobScope | None = None,
        *,
        budget_micros: int | None = None,
        options: SearchOptions = AS_USUAL,
    ) -> Job:
        """A job that is planned and running."""
        new = Job(job_id, ACCOUNT, scope or JobScope(), JobStatus.WAITING, self.clock.now(), options=options)
        await self.jobs.plan(await self.jobs.add(new, budget_micros=budget_micros), "carrier")
        job = await self.jobs.get(job_id)
        assert job is not None
        return job

    async def jobs_with_budget(self, *budgets: int) -> None:
        """Running jobs over the leads that there are, each with a budget."""
        for number, micros in enumerate(budgets, 1):
            await self.add_job(f"job-{number}", budget_micros=micros)

    async def lead(self, lead_id: str = "lead-1") -> Lead:
        """A lead as it stands in the database."""
        line = await self.leads.get(ACCOUNT, lead_id)
        assert line is not None
        return line.lead

    def change_while_asked(self, lead: Lead, profile: Profile) -> None:
        """The lead becomes this person while orion is asked about who it was."""

        async def change(question: Question) -> None:
            line = await self.leads.get(ACCOUNT, lead.id)
            if line is not None and question.email == line.lead.profile.email == lead.profile.email:
                await self.leads.replace(ACCOUNT, line, profile, None)

        self.orion.while_asked = change

    async def cost(self, lead_id: str = "lead-1") -> int:
        """What a lead's lookups cost, in micro-USD."""
        line = await self.leads.get(ACCOUNT, lead_id)
        assert line is not None
        return line.cost_micros

    async def lookups(self, *providers: str) -> list[Lookup]:
        """The whole ledger, or that of some providers, in the order of intents."""
        statement = select(lookups).order_by(lookups.c.created_at, lookups.c.provider, lookups.c.n)
        if providers:
            statement = statement.where(lookups.c.provider.in_(providers))
        async with self.database.read() as conn:
            return [lookup_of(row) for row in (await conn.execute(statement)).mappings()]

    async def the_lookup(self) -> Lookup:
        """The only lookup that there is."""
        (only,) = await self.lookups()
        return only

    async def leave_intent(
        self,
        lead: Lead,
        provider: str = "orion",
        *,
        lease: timedelta,
        age: timedelta = timedelta(seconds=60),
        job_id: str | None = None,
    ) -> Lookup:
        """An intent of a process that died; ``lease`` is how long it is still its owner's."""
        intent = builders.lookup(
            about=lead.profile.question,
            lead_id=lead.id,
            provider=provider,
            job_id=job_id,
            owner="dead worker",
            created_at=self.clock.now() - age,
            lease_until=self.clock.now() + lease,
            held_micros=CONFIGS[provider].price_micros,
        )
        assert await self.here.ledger.intend(intent) == intent
        return intent

    # ------------------------------------------------------------ what is done

    def purchase(
        self, lead: Lead, provider: str = "orion", n: int = 0, *, job_id: str | None = None
    ) -> Purchase:
        """The n-th question to a provider about a lead."""
        return Purchase(lead, lead.profile.question, job_id, Ask(provider, n))

    async def ask(
        self, lead: Lead, provider: str = "orion", n: int = 0, *, job_id: str | None = None
    ) -> Answered | Held:
        """What comes of that question in this process."""
        return await self.run(self.here.paid_calls.ask(self.purchase(lead, provider, n, job_id=job_id)))

    def key(self, lead: Lead, provider: str = "orion", n: int = 0) -> str:
        """Under which key the ledger has it."""
        return lookup_key(lead.account, lead.profile.question.digest, provider, n)

    async def search(
        self,
        lead: Lead,
        *,
        since: datetime | None = None,
        when_held: WhenHeld = WhenHeld.WAIT,
        job_id: str | None = None,
        options: SearchOptions = AS_USUAL,
    ) -> Verdict | Parked:
        """A search for one lead, ordered now or at ``since``."""
        around = await self.here.open_round.run(
            ACCOUNT,
            [lead],
            job_id=job_id,
            since=since or self.clock.now(),
            when_held=when_held,
            options=options,
        )
        return await self.run(self.here.search.run(lead, around))

    # ------------------------------------------------------------ what must hold in the end

    async def close(self) -> None:
        """Everything that was sent is booked, at what the providers charge, and every place is free again."""
        for provider in self.providers.values():
            provider.release()
        try:
            await self._check_books()
        finally:
            await asyncio.sleep(0)  # a copy may be about to be read anew
            await self.database.idle.wait()
            await self.database.close()

    async def _check_books(self) -> None:
        for process in self.processes:
            await self.run(process.paid_calls.drain())
            await process.watch.drain()
            assert process.places_taken() == 0
        if not self.books_are_exact:
            return
        booked = await self.lookups()
        configs = await self.catalog.configs()
        assert sum(each.cost_micros for each in booked) == self.estimated_elsewhere_micros + sum(
            configs[name].price_micros * provider.charged(configs[name].charges)
            for name, provider in self.providers.items()
        )
        assert all((each.held_micros > 0) == (each.state is LookupState.INTENDED) for each in booked), (
            "money is held for open lookups alone"
        )
