"""What the service answers, as JSON documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, Field

from leadgen.application.check_providers import ProviderHealth
from leadgen.application.import_leads import REJECTIONS_MAX, ImportReceipt
from leadgen.application.look_at_search import LookedUp
from leadgen.application.ports.lead_repository import LeadLine
from leadgen.application.show_job import JobStory
from leadgen.application.show_usage import Usage
from leadgen.domain.api_key import ApiKey, Scope
from leadgen.domain.job import JobEvent, JobReport, JobStatus, Wanted
from leadgen.domain.lead import EndState
from leadgen.domain.money import MICROS_PER_USD
from leadgen.domain.phone import LineType
from leadgen.domain.provider import Charges, OnUnknown, ProviderConfig
from leadgen.domain.search_options import Strategy
from leadgen.domain.tier import Tier


def usd(micros: int) -> float:
    """An amount as a JSON number with at most six decimals."""
    return round(micros / MICROS_PER_USD, 6)


class LeadDocument(BaseModel):
    """A lead: what is known of the person, the number once there is one, and what finding it has cost."""

    id: str
    email: str
    first_name: str
    last_name: str
    job_title: str
    country_code: str
    company_name: str
    company_website: str
    linkedin_url: str
    years_in_role: str
    phone_number: str
    extra: dict[str, str]
    phone: str | None
    phone_country: str | None
    phone_line: LineType | None
    phone_provider: str | None
    phone_status: EndState | None
    cost_usd: float

    @classmethod
    def of(cls, line: LeadLine) -> LeadDocument:
        """The document of a lead."""
        lead, profile = line.lead, line.lead.profile
        known = {name: getattr(profile, name) for name in cls.model_fields if hasattr(profile, name)}
        return cls(
            id=lead.id,
            **{**known, "extra": dict(profile.extra)},
            phone=lead.phone.e164 if lead.phone else None,
            phone_country=lead.phone.country if lead.phone else None,
            phone_line=lead.phone.line if lead.phone else None,
            phone_provider=lead.phone_provider,
            phone_status=lead.phone_status,
            cost_usd=usd(line.cost_micros),
        )


class SearchedLeadDocument(LeadDocument):
    """A lead, and where its last search failed why."""

    phone_reason: str | None = Field(description="Why it failed, and what to do; null where it did not.")

    @classmethod
    def of_line(cls, line: LeadLine, reason: str | None) -> SearchedLeadDocument:
        """The document of a lead, with the reason of its failure, if it is one."""
        return cls(**LeadDocument.of(line).model_dump(), phone_reason=reason)


class LeadPage(BaseModel):
    """Leads in the order in which they came."""

    leads: list[LeadDocument]
    next: str | None


class RejectionDocument(BaseModel):
    """A row of a file that did not go in; the header is row 1."""

    row: int
    reason: str


class ReceiptDocument(BaseModel):
    """What became of every row of a file: rows = created + merged + rejected_count."""

    rows: int
    created: int
    merged: int
    rejected_count: int
    rejected: list[RejectionDocument] = Field(
        max_length=REJECTIONS_MAX, description="The first of the rejected rows, by their numbers."
    )
    rejected_truncated: bool = Field(description="Whether more rows were rejected than are listed.")
    warnings: list[str]

    @classmethod
    def of(cls, receipt: ImportReceipt) -> ReceiptDocument:
        """The document of a receipt."""
        return cls(
            rows=receipt.rows,
            created=receipt.created,
            merged=receipt.merged,
            rejected_count=receipt.rejected,
            rejected=[RejectionDocument(row=each.row, reason=each.reason) for each in receipt.rejections],
            rejected_truncated=receipt.rejected > len(receipt.rejections),
            warnings=[str(each) for each in receipt.warnings],
        )


class SpendDocument(BaseModel):
    """What one provider did in a job."""

    calls: int
    hits: int
    cost_usd: float


class PlacedSpendDocument(SpendDocument):
    """The same, and about how many leads it was asked first, and why (of one of its calls)."""

    first_choices: int
    reason: str


class ReusedDocument(BaseModel):
    """Answers that were there already, or that another job paid for."""

    calls: int
    saved_usd: float


class JobDocument(BaseModel):
    """A job, and what came of it so far."""

    job_id: str
    status: JobStatus
    wanted: Wanted
    leads: int
    settled: int
    found: int
    not_found: int
    incomplete: int
    failed: int
    cost_usd: float
    budget_usd: float | None
    strategy: Strategy
    reused: ReusedDocument
    providers: Mapping[str, SpendDocument]
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, report: JobReport) -> JobDocument:
        """The document of a job."""
        job = report.job
        return cls(
            job_id=job.id,
            status=job.status,
            wanted=job.wanted,
            leads=report.leads,
            settled=report.settled,
            found=report.found,
            not_found=report.not_found,
            incomplete=report.incomplete,
            failed=report.failed,
            cost_usd=usd(report.cost_micros),
            budget_usd=usd(report.budget.cap_micros) if report.budget else None,
            strategy=job.options.strategy,
            reused=ReusedDocument(calls=report.reused.calls, saved_usd=usd(report.reused.saved_micros)),
            providers={
                name: SpendDocument(calls=each.calls, hits=each.hits, cost_usd=usd(each.cost_micros))
                for name, each in report.providers.items()
            },
            created_at=job.created_at,
            ended_at=job.ended_at,
        )


class JobStoryDocument(JobDocument):
    """A job, how long it took beside the least that the providers' limits allow, and how fast it goes now."""

    providers: Mapping[str, PlacedSpendDocument]
    seconds: float = Field(description="Less the time that it stood still.")
    idle_seconds: float = Field(description="The time that it was paused, or out of budget until it went on.")
    bound_seconds: float | None
    leads_per_second: float | None = Field(description="Over the last half minute; null while it stands.")
    seconds_left: float | None = Field(description="About; null where nothing can be said.")

    @classmethod
    def of_story(cls, story: JobStory) -> JobStoryDocument:
        """The document of a job's story."""
        told = JobDocument.of(story.report).model_dump()
        for name, spend in story.report.providers.items():
            told["providers"][name] |= {"first_choices": spend.first_choices, "reason": spend.reason}
        return cls(
            **told,
            seconds=round(story.seconds, 3),
            idle_seconds=round(story.idle_seconds, 3),
            bound_seconds=_rounded(story.bound_seconds),
            leads_per_second=_rounded(story.progress.leads_per_second),
            seconds_left=_rounded(story.progress.seconds_left),
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


class JobPage(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobDocument]
    next: str | None


class EventDocument(BaseModel):
    """Something that happened in a job: a lead came to an end, or the job (``lead_id`` null) to a status."""

    id: int
    kind: str
    job_id: str
    lead_id: str | None
    status: EndState | JobStatus
    at: datetime

    @classmethod
    def of(cls, job_id: str, event: JobEvent) -> EventDocument:
        """The document of an event."""
        kind = "job" if event.lead_id is None else "lead"
        return cls(
            id=event.number,
            kind=kind,
            job_id=job_id,
            lead_id=event.lead_id,
            status=event.status,
            at=event.at,
        )


class PhoneDocument(BaseModel):
    """How the search for one lead's number stands; while ``status`` is null it goes on."""

    lead_id: str
    status: EndState | None
    reason: str | None = Field(description="Why it failed, and what to do; null where it did not.")
    phone: str | None
    phone_country: str | None
    phone_line: LineType | None
    provider: str | None
    cost_usd: float

    @classmethod
    def of(cls, found: LookedUp) -> PhoneDocument:
        """The document of a search."""
        lead = LeadDocument.of(found.line)
        return cls(
            lead_id=lead.id,
            status=found.status,
            reason=found.reason,
            phone=lead.phone,
            phone_country=lead.phone_country,
            phone_line=lead.phone_line,
            provider=lead.phone_provider,
            cost_usd=lead.cost_usd,
        )


class ProviderDocument(BaseModel):
    """What is configured of a provider."""

    name: str
    rate: str
    concurrency: int
    price: float
    charges: Charges
    priority: int
    enabled: bool
    tier: Tier
    timeout: str
    unknown: OnUnknown
    has_key: bool

    @classmethod
    def of(cls, health: ProviderHealth, config: ProviderConfig | None = None) -> ProviderDocument:
        """The document of a provider, as it was found or with another configuration."""
        config = config or health.config
        return cls(
            name=config.name,
            rate=",".join(str(rule) for rule in config.limits.rules),
            concurrency=config.limits.concurrency,
            price=usd(config.price_micros),
            charges=config.charges,
            priority=config.priority,
            enabled=config.enabled,
            tier=config.tier,
            timeout=f"{config.timeout_seconds:g}s",
            unknown=config.on_unknown,
            has_key=health.has_key,
        )


class ProviderList(BaseModel):
    """All providers, in the order in which they are asked."""

    providers: list[ProviderDocument]


class ProviderUsage(BaseModel):
    """What one provider's lookups add up to."""

    lookups: int
    posted_usd: float
    held_usd: float
    estimated_usd: float


class QuotaDocument(BaseModel):
    """The lookups of the current month: how many the tier gives, and how many are used or under way."""

    lookups: int
    used: int
    left: int


class UsageDocument(BaseModel):
    """A month (UTC) of an account."""

    month: str
    tier: Tier
    quota: QuotaDocument | None
    cost_usd: float
    providers: dict[str, ProviderUsage]

    @classmethod
    def of(cls, usage: Usage) -> UsageDocument:
        """The document of a month."""
        quota = None
        if usage.quota is not None:
            left = max(usage.quota - usage.used, 0)
            quota = QuotaDocument(lookups=usage.quota, used=usage.used, left=left)
        totals = usage.providers
        return cls(
            month=f"{usage.month:%Y-%m}",
            tier=usage.tier,
            quota=quota,
            cost_usd=usd(sum(each.posted_micros + each.estimated_micros for each in totals.values())),
            providers={
                name: ProviderUsage(
                    lookups=each.lookups,
                    posted_usd=usd(each.posted_micros),
                    held_usd=usd(each.held_micros),
                    estimated_usd=usd(each.estimated_micros),
                )
                for name, each in totals.items()
            },
        )


class KeyDocument(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyDocument:
        """The document of a key."""
        return cls(
            id=key.id,
            name=key.name,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
        )


class NewKeyDocument(KeyDocument):
    """A key that was just made; ``key`` is null where the request that made it is sent again."""

    key: str | None


class KeyPage(BaseModel):
    """Keys that are not revoked, oldest first."""

    keys: list[KeyDocument]
    next: str | None


class Health(BaseModel):
    """Whether the service is well; `detail` says what it does without."""

    status: str
    detail: str | None = None


def month_of(text: str) -> date:
    """The first day of a month such as ``2026-03``; raises ValueError."""
    return date.fromisoformat(f"{text}-01")
