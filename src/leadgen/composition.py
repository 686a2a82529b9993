"""The composition root: the only module that knows both ports and adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from httpx2 import AsyncClient
from temporalio.client import Client

from leadgen.adapters.persistence.accounts import SqlAccountRepository
from leadgen.adapters.persistence.books import SqlLedgerBooks
from leadgen.adapters.persistence.budgets import SqlBudgetRepository
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.providers import SqlProviderCatalog
from leadgen.adapters.providers.astra_dialer import AstraDialer
from leadgen.adapters.providers.http import new_client
from leadgen.adapters.providers.nimbus_lookup import NimbusLookup
from leadgen.adapters.providers.orion_connect import OrionConnect
from leadgen.adapters.providers.usage import UsageFile, UsageUrl
from leadgen.adapters.rate_limits.board import LimiterBoard
from leadgen.adapters.rate_limits.failover import FailoverRateLimiter
from leadgen.adapters.rate_limits.gauge import SqlLimitGauge
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock, Uuid7Source, process_name
from leadgen.adapters.temporal.connection import connect
from leadgen.adapters.temporal.job_runner import TemporalJobRunner
from leadgen.application.audit_ledger import AuditLedger
from leadgen.application.cancel_job import CancelJob
from leadgen.application.check_providers import CheckProviders
from leadgen.application.continue_job import ContinueJob
from leadgen.application.end_job import EndJob
from leadgen.application.export_leads import ExportLeads
from leadgen.application.find_phone import FindPhone
from leadgen.application.import_leads import ImportLeads
from leadgen.application.look_at_job import LookAtJob
from leadgen.application.mend_jobs import MendJobs
from leadgen.application.order_job import OrderJob
from leadgen.application.paid_calls import PaidCalls
from leadgen.application.pause_job import PauseJob
from leadgen.application.plan_job import PlanJob
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner
from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.application.ports.limit_gauge import ILimitGauge
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.usage_report import IUsageReport
from leadgen.application.round import OpenRound
from leadgen.application.run_chunk import RunChunk
from leadgen.application.search_lead import SearchLead
from leadgen.application.settle_unknown import SettleUnknown
from leadgen.application.show_job import ShowJob
from leadgen.application.show_lead import ShowLead
from leadgen.application.show_lookup import ShowLookup
from leadgen.application.ticket_desk import TicketDesk
from leadgen.application.wishes import Wishes
from leadgen.domain.limits import Limits, Timing, parse_rules
from leadgen.domain.provider import IPhoneProvider, ProviderConfig
from leadgen.domain.selection import Enabled, InputsPresent, SelectionPipeline, TierCovered, WithinBudget
from leadgen.settings import Settings, provider_access
from leadgen.workflows.find_phone.activities import FindPhoneActivities
from leadgen.workflows.find_phones.activities import FindPhonesActivities
from leadgen.workflows.upkeep.activities import UpkeepActivities


class BuildProvider(Protocol):
    """Makes the adapter of a provider; every adapter's class does."""

    def __call__(self, client: AsyncClient, *, url: str, api_key: str) -> IPhoneProvider:
        """An adapter that asks ``url`` through ``client``."""


PROVIDERS: Mapping[str, tuple[BuildProvider, ProviderConfig]] = {
    name: (
        build,
        ProviderConfig(name, priority, Limits(parse_rules(rate, "rate"), concurrency), price_micros),
    )
    for name, build, priority, rate, concurrency, price_micros in (
        ("orion", OrionConnect, 1, "5/1s", 3, 20_000),
        ("astra", AstraDialer, 2, "10/1s", 10, 10_000),
        ("nimbus", NimbusLookup, 3, "2/1s", 2, 15_000),
    )
}
"""Every provider: its adapter, and what is configured of it until somebody sets something else."""


@dataclass(frozen=True, slots=True)
class Leadgen:
    """The use cases, and the ports that the outside reads from directly."""

    import_leads: ImportLeads
    export_leads: ExportLeads
    show_job: ShowJob
    show_lead: ShowLead
    show_lookup: ShowLookup
    audit_ledger: AuditLedger
    order_job: OrderJob
    pause_job: PauseJob
    continue_job: ContinueJob
    cancel_job: CancelJob
    check_providers: CheckProviders
    leads: ILeadRepository
    jobs: IJobRepository
    catalog: IProviderCatalog
    budgets: IBudgetRepository
    limits: ILimitGauge
    runner: IJobRunner
    clock: IClock
    activities: Activities


@dataclass(frozen=True, slots=True)
class Activities:
    """What a worker serves."""

    find_phone: FindPhoneActivities
    find_phones: FindPhonesActivities
    upkeep: UpkeepActivities


@dataclass(frozen=True, slots=True)
class Overrides:
    """What to use in the place of what the settings would build."""

    providers: Mapping[str, IPhoneProvider] | None = None
    runner: IJobRunner | None = None
    clock: IClock | None = None


@asynccontextmanager
async def compose(settings: Settings, overrides: Overrides | None = None) -> AsyncIterator[Leadgen]:
    """leadgen, put together; what was opened is closed in reverse, after the calls under way are booked."""
    given = overrides or Overrides()
    clock = given.clock or SystemClock()
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        providers = given.providers
        if providers is None:
            providers = _providers(await stack.enter_async_context(new_client()))
        runner = given.runner or _runner(settings)
        owner = process_name()
        catalog = SqlProviderCatalog(
            database, clock, {name: config for name, (_, config) in PROVIDERS.items()}
        )
        ledger = SqlLookupLedger(database)
        limiter = _limiter(settings, database, clock, owner)
        stack.push_async_callback(limiter.close)
        paid_calls = PaidCalls(
            ledger=ledger,
            desk=TicketDesk(limiter=limiter, catalog=catalog, clock=clock),
            providers=providers,
            catalog=catalog,
            clock=clock,
            owner=owner,
        )
        stack.push_async_callback(paid_calls.drain)
        yield _use_cases(
            database=database,
            clock=clock,
            providers=providers,
            catalog=catalog,
            ledger=ledger,
            paid_calls=paid_calls,
            runner=runner,
        )


def _use_cases(
    *,
    database: Database,
    clock: IClock,
    providers: Mapping[str, IPhoneProvider],
    catalog: IProviderCatalog,
    ledger: SqlLookupLedger,
    paid_calls: PaidCalls,
    runner: IJobRunner,
) -> Leadgen:
    ids = Uuid7Source()
    leads, jobs = SqlLeadRepository(database, clock), SqlJobRepository(database, clock)
    wishes = Wishes(jobs=jobs, runner=runner)
    accounts = SqlAccountRepository(database)
    budgets, books = SqlBudgetRepository(database), SqlLedgerBooks(database, ledger)
    pipeline = SelectionPipeline([Enabled(), InputsPresent(), TierCovered(), WithinBudget()])
    search = SearchLead(paid_calls=paid_calls, pipeline=pipeline, clock=clock)
    open_round = OpenRound(
        ledger=ledger,
        catalog=catalog,
        accounts=accounts,
        budgets=budgets,
        providers=providers,
        clock=clock,
    )
    return Leadgen(
        import_leads=ImportLeads(leads=leads, ids=ids),
        export_leads=ExportLeads(leads=leads),
        show_job=ShowJob(jobs=jobs, catalog=catalog, clock=clock),
        show_lead=ShowLead(leads=leads, ledger=ledger),
        show_lookup=ShowLookup(books=books),
        audit_ledger=AuditLedger(books=books, clock=clock),
        order_job=OrderJob(jobs=jobs, leads=leads, runner=runner, ids=ids, clock=clock),
        pause_job=PauseJob(wishes=wishes),
        continue_job=ContinueJob(jobs=jobs, runner=runner, ids=ids, wishes=wishes),
        cancel_job=CancelJob(wishes=wishes),
        check_providers=CheckProviders(catalog=catalog, providers=providers),
        leads=leads,
        jobs=jobs,
        catalog=catalog,
        budgets=budgets,
        limits=SqlLimitGauge(database, Timing()),
        runner=runner,
        clock=clock,
        activities=Activities(
            find_phone=FindPhoneActivities(FindPhone(leads=leads, open_round=open_round, search=search)),
            find_phones=FindPhonesActivities(
                PlanJob(jobs=jobs, accounts=accounts, clock=clock),
                RunChunk(jobs=jobs, leads=leads, open_round=open_round, search=search, clock=clock),
                LookAtJob(jobs=jobs),
                EndJob(jobs=jobs, ledger=ledger, clock=clock),
            ),
            upkeep=UpkeepActivities(
                MendJobs(jobs=jobs, runner=runner, clock=clock),
                SettleUnknown(
                    ledger=ledger, leads=leads, catalog=catalog, paid_calls=paid_calls, clock=clock
                ),
            ),
        ),
    )


@asynccontextmanager
async def usage_report(source: str) -> AsyncIterator[IUsageReport]:
    """The usage report in a file, or behind an http URL."""
    if not source.startswith(("http://", "https://")):
        yield UsageFile(Path(source))
        return
    async with new_client() as client:
        yield UsageUrl(source, client)


def _providers(client: AsyncClient) -> dict[str, IPhoneProvider]:
    """The providers that have an address and a key."""
    built: dict[str, IPhoneProvider] = {}
    for name, (build, _) in PROVIDERS.items():
        access = provider_access(name)
        if access.url and access.api_key:
            built[name] = build(client, url=str(access.url), api_key=access.api_key.get_secret_value())
    return built


def _limiter(settings: Settings, database: Database, clock: IClock, owner: str) -> FailoverRateLimiter:
    timing = Timing()
    redis = RedisRateLimiter(open_redis(settings.redis_url), clock, timing) if settings.redis_url else None
    return FailoverRateLimiter(
        board=LimiterBoard(database, owner),
        owner=owner,
        memory=InMemoryRateLimiter(clock, timing),
        sql=SqlRateLimiter(database, clock, timing),
        redis=redis,
        clock=clock,
        timing=timing,
    )


def _runner(settings: Settings) -> IJobRunner:
    clients: list[Client] = []

    async def connected() -> Client:
        if not clients:
            clients.append(await connect(settings.temporal_address, settings.temporal_namespace))
        return clients[0]

    return TemporalJobRunner(connected, settings.task_queue)
