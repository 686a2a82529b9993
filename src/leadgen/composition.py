"""The composition root: the only module that knows both ports and adapters."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from temporalio.client import Client

from leadgen.adapters.persistence.accounts import SqlAccountRepository
from leadgen.adapters.persistence.api_keys import SqlApiKeyRepository
from leadgen.adapters.persistence.board import SqlProviderBoard
from leadgen.adapters.persistence.books import SqlLedgerBooks
from leadgen.adapters.persistence.budgets import SqlBudgetRepository
from leadgen.adapters.persistence.condition import SqlConditionGauge
from leadgen.adapters.persistence.database import Database
from leadgen.adapters.persistence.idempotency import SqlIdempotencyStore
from leadgen.adapters.persistence.jobs import SqlJobRepository
from leadgen.adapters.persistence.leads import SqlLeadRepository
from leadgen.adapters.persistence.ledger import SqlLookupLedger
from leadgen.adapters.persistence.market_history import SqlMarketHistory
from leadgen.adapters.persistence.outbox import Outbox
from leadgen.adapters.persistence.providers import SqlProviderCatalog
from leadgen.adapters.persistence.seal import Seal
from leadgen.adapters.persistence.tallies import SqlTallyBook
from leadgen.adapters.persistence.track_records import SqlTrackRecords
from leadgen.adapters.persistence.webhooks import SqlWebhookRepository
from leadgen.adapters.providers.astra_dialer import AstraDialer
from leadgen.adapters.providers.http import Client as HttpClient
from leadgen.adapters.providers.http import new_client
from leadgen.adapters.providers.nimbus_lookup import NimbusLookup
from leadgen.adapters.providers.orion_connect import OrionConnect
from leadgen.adapters.rate_limits.board import LimiterBoard
from leadgen.adapters.rate_limits.failover import FailoverRateLimiter
from leadgen.adapters.rate_limits.gauge import SqlLimitGauge
from leadgen.adapters.rate_limits.memory import InMemoryRateLimiter
from leadgen.adapters.rate_limits.redis import RedisRateLimiter, open_redis
from leadgen.adapters.rate_limits.sql import SqlRateLimiter
from leadgen.adapters.system import SystemClock, SystemSecrets, Uuid7Source, process_name
from leadgen.adapters.telemetry.correlation import log_calls
from leadgen.adapters.telemetry.metrics import MeteredRateLimiter, Metrics
from leadgen.adapters.telemetry.metrics_server import MetricsPage
from leadgen.adapters.telemetry.tracing import Tracing, open_tracing
from leadgen.adapters.temporal.connection import connector
from leadgen.adapters.temporal.job_runner import TemporalJobRunner
from leadgen.adapters.temporal.lead_searcher import TemporalLeadSearcher
from leadgen.adapters.temporal.webhook_runner import TemporalWebhookRunner
from leadgen.adapters.webhooks.sender import HttpWebhookSender
from leadgen.application.add_lead import AddLead
from leadgen.application.add_webhook import AddWebhook
from leadgen.application.audit_ledger import AuditLedger
from leadgen.application.authenticate_key import AuthenticateKey
from leadgen.application.backtest_order import BacktestOrder
from leadgen.application.cancel_job import CancelJob
from leadgen.application.change_lead import ChangeLead
from leadgen.application.change_webhook import ChangeWebhook
from leadgen.application.check_providers import CheckProviders
from leadgen.application.continue_job import ContinueJob
from leadgen.application.create_account import CreateAccount
from leadgen.application.create_key import CreateKey
from leadgen.application.end_job import EndJob
from leadgen.application.export_leads import ExportLeads, ListRecords
from leadgen.application.fail_search import FailSearch
from leadgen.application.find_phone import FindPhone
from leadgen.application.import_leads import ImportLeads
from leadgen.application.look_at_job import LookAtJob
from leadgen.application.look_at_search import LookAtSearch
from leadgen.application.look_up_phone import LookUpPhone
from leadgen.application.mend_jobs import MendJobs
from leadgen.application.order_job import OrderJob
from leadgen.application.paid_calls import PaidCalls
from leadgen.application.pause_job import PauseJob
from leadgen.application.plan_job import PlanJob
from leadgen.application.ports.account_repository import IAccountRepository
from leadgen.application.ports.api_key_repository import IApiKeyRepository
from leadgen.application.ports.budget_repository import IBudgetRepository
from leadgen.application.ports.clock import IClock
from leadgen.application.ports.id_source import IIdSource
from leadgen.application.ports.job_repository import IJobRepository
from leadgen.application.ports.job_runner import IJobRunner
from leadgen.application.ports.lead_repository import ILeadRepository
from leadgen.application.ports.lead_searcher import ILeadSearcher
from leadgen.application.ports.limit_gauge import ILimitGauge
from leadgen.application.ports.provider_catalog import IProviderCatalog
from leadgen.application.ports.webhook_repository import IWebhookRepository
from leadgen.application.ports.webhook_runner import IWebhookRunner
from leadgen.application.ports.webhook_sender import IWebhookSender
from leadgen.application.provider_watch import ProviderWatch
from leadgen.application.prune_deliveries import PruneDeliveries
from leadgen.application.remove_lead import RemoveLead
from leadgen.application.replay_webhook import ReplayWebhook
from leadgen.application.report_providers import ReportProviders
from leadgen.application.require_provider import RequireProvider
from leadgen.application.revoke_key import RevokeKey
from leadgen.application.round import OpenRound
from leadgen.application.run_chunk import RunChunk
from leadgen.application.run_once import RunOnce
from leadgen.application.search_lead import SearchLead
from leadgen.application.send_webhooks import SendWebhooks
from leadgen.application.settle_unknown import SettleUnknown
from leadgen.application.show_job import ShowJob
from leadgen.application.show_lead import ShowLead
from leadgen.application.show_lookup import ShowLookup
from leadgen.application.show_usage import ShowUsage
from leadgen.application.start_deliveries import StartDeliveries
from leadgen.application.ticket_desk import TicketDesk
from leadgen.application.wishes import Wishes
from leadgen.domain.egress import Egress, parse_networks
from leadgen.domain.limits import TIMING, Limits, parse_rules
from leadgen.domain.provider import IPhoneProvider, ProviderConfig
from leadgen.domain.selection import (
    BreakerClosed,
    Enabled,
    InputsPresent,
    SelectionPipeline,
    TierCovered,
    WithinBudget,
)
from leadgen.settings import Settings, provider_access, unknown_settings
from leadgen.workflows.deliver_webhooks.activities import DeliverWebhooksActivities
from leadgen.workflows.find_phone.activities import FindPhoneActivities
from leadgen.workflows.find_phones.activities import FindPhonesActivities
from leadgen.workflows.upkeep.activities import UpkeepActivities

log = logging.getLogger("leadgen.settings")


class BuildProvider(Protocol):
    """Makes the adapter of a provider; every adapter's class does."""

    def __call__(self, client: HttpClient, *, url: str, api_key: str) -> IPhoneProvider:
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

_PIPELINE = SelectionPipeline([Enabled(), InputsPresent(), TierCovered(), BreakerClosed(), WithinBudget()])


@dataclass(frozen=True, slots=True)
class Leadgen:
    """The use cases, and the ports that the outside reads from directly."""

    create_account: CreateAccount
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
    require_provider: RequireProvider
    market: Market
    accounts: IAccountRepository
    webhooks: Webhooks
    add_lead: AddLead
    change_lead: ChangeLead
    remove_lead: RemoveLead
    list_records: ListRecords
    look_up_phone: LookUpPhone
    look_at_search: LookAtSearch
    show_usage: ShowUsage
    run_once: RunOnce
    keys: Keys
    leads: ILeadRepository
    jobs: IJobRepository
    catalog: IProviderCatalog
    budgets: IBudgetRepository
    limits: ILimitGauge
    watch: ProviderWatch
    runner: IJobRunner
    clock: IClock
    telemetry: Telemetry
    activities: Activities


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What tells how leadgen is, and what it does; ``redis_answers`` is None where no Redis is set."""

    metrics_page: MetricsPage | None
    tracing: Tracing
    redis_answers: Callable[[], Awaitable[bool | None]]


@dataclass(frozen=True, slots=True)
class Market:
    """The use cases that look back at what providers did."""

    report: ReportProviders
    backtest: BacktestOrder


@dataclass(frozen=True, slots=True)
class Keys:
    """The use cases of API keys, and their store."""

    create: CreateKey
    revoke: RevokeKey
    authenticate: AuthenticateKey
    store: IApiKeyRepository


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The use cases of webhooks, and their store."""

    add: AddWebhook
    change: ChangeWebhook
    replay: ReplayWebhook
    start: StartDeliveries
    send: SendWebhooks
    store: IWebhookRepository


@dataclass(frozen=True, slots=True)
class Activities:
    """What a worker serves."""

    find_phone: FindPhoneActivities
    find_phones: FindPhonesActivities
    upkeep: UpkeepActivities
    deliver_webhooks: DeliverWebhooksActivities


@dataclass(frozen=True, slots=True)
class _Parts:
    """What use cases are made of."""

    database: Database
    clock: IClock
    ids: IIdSource
    providers: Mapping[str, IPhoneProvider]
    accounts: IAccountRepository
    catalog: IProviderCatalog
    leads: ILeadRepository
    jobs: IJobRepository
    budgets: IBudgetRepository
    ledger: SqlLookupLedger
    desk: TicketDesk
    paid_calls: PaidCalls
    watch: ProviderWatch
    runner: IJobRunner
    searcher: ILeadSearcher


@dataclass(frozen=True, slots=True)
class Overrides:
    """What to use in the place of what the settings would build."""

    providers: Mapping[str, IPhoneProvider] | None = None
    runner: IJobRunner | None = None
    webhook_runner: IWebhookRunner | None = None
    webhook_sender: IWebhookSender | None = None
    searcher: ILeadSearcher | None = None
    clock: IClock | None = None


@asynccontextmanager
async def compose(settings: Settings, overrides: Overrides | None = None) -> AsyncIterator[Leadgen]:
    """leadgen, put together; what was opened is closed in reverse, after the calls under way are booked."""
    given = overrides or Overrides()
    clock = given.clock or SystemClock()
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        tracing = open_tracing(
            settings.traces_endpoint, ratio=settings.traces_ratio, bulk_ratio=settings.traces_bulk_ratio
        )
        stack.push_async_callback(tracing.close)
        providers = given.providers
        if providers is None:
            _warn_of_unknown_settings()
            providers = _providers(await stack.enter_async_context(new_client()))
        accounts = SqlAccountRepository(database, clock)
        connected = connector(settings.temporal_address, settings.temporal_namespace, tracing.interceptors)
        runner = given.runner or TemporalJobRunner(connected, settings.task_queue, accounts)
        outbox = Outbox(database)
        owner = process_name()
        catalog = SqlProviderCatalog(
            database, clock, {name: config for name, (_, config) in PROVIDERS.items()}
        )
        metrics = Metrics() if settings.metrics_address else None
        ledger = SqlLookupLedger(database, [log_calls, *([metrics.note_closed] if metrics else [])])
        limiter = _limiter(settings, database, clock, owner)
        stack.push_async_callback(limiter.close)
        watch = ProviderWatch(board=SqlProviderBoard(database), tallies=SqlTallyBook(database), clock=clock)
        stack.push_async_callback(watch.drain)
        desk = TicketDesk(
            limiter=MeteredRateLimiter(limiter, metrics) if metrics else limiter, catalog=catalog, clock=clock
        )
        paid_calls = PaidCalls(
            watch=watch,
            ledger=ledger,
            desk=desk,
            providers=tracing.providers(providers),
            catalog=catalog,
            clock=clock,
            owner=owner,
        )
        stack.push_async_callback(paid_calls.drain)
        page = MetricsPage(metrics, SqlConditionGauge(database, clock), clock) if metrics else None
        parts = _Parts(
            database=database,
            clock=clock,
            ids=Uuid7Source(),
            providers=providers,
            accounts=accounts,
            catalog=catalog,
            leads=SqlLeadRepository(database, clock, outbox),
            jobs=SqlJobRepository(database, clock, outbox),
            budgets=SqlBudgetRepository(database),
            ledger=ledger,
            desk=desk,
            paid_calls=paid_calls,
            watch=watch,
            runner=runner,
            searcher=given.searcher or TemporalLeadSearcher(connected, settings.task_queue),
        )
        webhooks = _webhooks(settings, given, parts, outbox, connected)
        yield _use_cases(
            parts,
            webhooks,
            telemetry=Telemetry(page, tracing, limiter.redis_answers),
            activities=_activities(parts, webhooks, timedelta(days=settings.reuse_misses_days)),
        )


def _use_cases(parts: _Parts, webhooks: Webhooks, *, telemetry: Telemetry, activities: Activities) -> Leadgen:
    leads, jobs, ids, clock, runner = parts.leads, parts.jobs, parts.ids, parts.clock, parts.runner
    accounts, budgets, catalog = parts.accounts, parts.budgets, parts.catalog
    books, wishes = SqlLedgerBooks(parts.database, parts.ledger), Wishes(jobs=jobs, runner=runner)
    check = CheckProviders(catalog=catalog, providers=parts.providers)
    require = RequireProvider(check=check)
    return Leadgen(
        create_account=CreateAccount(accounts=accounts),
        import_leads=ImportLeads(leads=leads, ids=ids),
        export_leads=ExportLeads(leads=leads),
        show_job=ShowJob(jobs=jobs, catalog=catalog, clock=clock),
        show_lead=ShowLead(leads=leads, ledger=parts.ledger),
        show_lookup=ShowLookup(books=books),
        audit_ledger=AuditLedger(books=books, clock=clock),
        order_job=OrderJob(jobs=jobs, leads=leads, runner=runner, ids=ids, clock=clock),
        pause_job=PauseJob(wishes=wishes),
        continue_job=ContinueJob(jobs=jobs, runner=runner, ids=ids, wishes=wishes),
        cancel_job=CancelJob(wishes=wishes),
        check_providers=check,
        require_provider=require,
        market=_market(parts.database, catalog),
        accounts=accounts,
        webhooks=webhooks,
        add_lead=AddLead(leads=leads, ids=ids),
        change_lead=ChangeLead(leads=leads),
        remove_lead=RemoveLead(leads=leads),
        list_records=ListRecords(leads=leads),
        look_up_phone=LookUpPhone(leads=leads, searcher=parts.searcher, require_provider=require),
        look_at_search=LookAtSearch(leads=leads, searcher=parts.searcher),
        show_usage=ShowUsage(accounts=accounts, budgets=budgets, books=books, clock=clock),
        run_once=RunOnce(store=SqlIdempotencyStore(parts.database), ids=ids, clock=clock),
        keys=_keys(SqlApiKeyRepository(parts.database), clock),
        leads=leads,
        jobs=jobs,
        catalog=catalog,
        budgets=budgets,
        limits=SqlLimitGauge(parts.database, TIMING),
        watch=parts.watch,
        runner=runner,
        clock=clock,
        telemetry=telemetry,
        activities=activities,
    )


def _keys(store: IApiKeyRepository, clock: IClock) -> Keys:
    return Keys(
        create=CreateKey(keys=store, ids=Uuid7Source(), secrets=SystemSecrets(), clock=clock),
        revoke=RevokeKey(keys=store, clock=clock),
        authenticate=AuthenticateKey(keys=store, clock=clock),
        store=store,
    )


def _market(database: Database, catalog: IProviderCatalog) -> Market:
    history = SqlMarketHistory(database)
    return Market(ReportProviders(history=history), BacktestOrder(history=history, catalog=catalog))


def _activities(parts: _Parts, webhooks: Webhooks, reuse_misses: timedelta) -> Activities:
    leads, jobs, ledger, clock = parts.leads, parts.jobs, parts.ledger, parts.clock
    accounts, catalog, paid_calls = parts.accounts, parts.catalog, parts.paid_calls
    search = SearchLead(paid_calls=paid_calls, pipeline=_PIPELINE, clock=clock)
    open_round = OpenRound(
        watch=parts.watch,
        ledger=ledger,
        catalog=catalog,
        accounts=accounts,
        budgets=parts.budgets,
        providers=parts.providers,
        records=SqlTrackRecords(parts.database, clock),
        clock=clock,
        reuse_misses=reuse_misses,
    )
    return Activities(
        find_phone=FindPhoneActivities(
            FindPhone(leads=leads, open_round=open_round, search=search), FailSearch(leads=leads)
        ),
        find_phones=FindPhonesActivities(
            PlanJob(jobs=jobs, accounts=accounts, clock=clock),
            RunChunk(
                jobs=jobs, leads=leads, open_round=open_round, search=search, desk=parts.desk, clock=clock
            ),
            LookAtJob(jobs=jobs),
            EndJob(jobs=jobs, ledger=ledger, clock=clock),
        ),
        upkeep=UpkeepActivities(
            MendJobs(jobs=jobs, runner=parts.runner, clock=clock),
            SettleUnknown(
                ledger=ledger, leads=leads, jobs=jobs, catalog=catalog, paid_calls=paid_calls, clock=clock
            ),
            webhooks.start,
            PruneDeliveries(webhooks=webhooks.store, clock=clock),
        ),
        deliver_webhooks=DeliverWebhooksActivities(webhooks.send),
    )


def _warn_of_unknown_settings() -> None:
    for name, meant in unknown_settings(PROVIDERS).items():
        log.warning(
            "%s sets nothing: %s", name, f"is {meant} meant?" if meant else "leadgen knows no such name"
        )


def _providers(client: HttpClient) -> dict[str, IPhoneProvider]:
    """The providers that have an address and a key."""
    built: dict[str, IPhoneProvider] = {}
    for name, (build, _) in PROVIDERS.items():
        access = provider_access(name)
        if access.url and access.api_key:
            built[name] = build(client, url=str(access.url), api_key=access.api_key.get_secret_value())
    return built


def _limiter(settings: Settings, database: Database, clock: IClock, owner: str) -> FailoverRateLimiter:
    redis = RedisRateLimiter(open_redis(settings.redis_url), clock, TIMING) if settings.redis_url else None
    return FailoverRateLimiter(
        board=LimiterBoard(database, owner),
        owner=owner,
        memory=InMemoryRateLimiter(clock, TIMING),
        sql=SqlRateLimiter(database, clock, TIMING),
        redis=redis,
        clock=clock,
        timing=TIMING,
    )


def _webhooks(
    settings: Settings,
    given: Overrides,
    parts: _Parts,
    outbox: Outbox,
    connected: Callable[[], Awaitable[Client]],
) -> Webhooks:
    clock, secrets = parts.clock, SystemSecrets()
    store = SqlWebhookRepository(parts.database, outbox, Seal(settings.secrets_keys))
    egress = Egress(parse_networks(settings.webhook_allow, "LEADGEN_WEBHOOK_ALLOW"))
    runner = given.webhook_runner or TemporalWebhookRunner(connected, settings.task_queue)
    sender = given.webhook_sender or HttpWebhookSender(egress)
    return Webhooks(
        add=AddWebhook(webhooks=store, egress=egress, ids=parts.ids, secrets=secrets, clock=clock),
        change=ChangeWebhook(webhooks=store, secrets=secrets, clock=clock),
        replay=ReplayWebhook(webhooks=store, runner=runner),
        start=StartDeliveries(webhooks=store, runner=runner, clock=clock),
        send=SendWebhooks(webhooks=store, sender=sender, clock=clock),
        store=store,
    )
