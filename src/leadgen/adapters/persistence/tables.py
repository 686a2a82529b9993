"""The tables, as the migrations make them: money in micro-USD, times in UTC, ids of our own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

DEFAULT_ACCOUNT = "default"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, in UTC whatever the database makes of it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database, in UTC."""
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json() -> Any:
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


accounts = Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tier", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

leads = Table(
    "leads",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("identity", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("job_title", Text, nullable=False),
    Column("country_code", Text, nullable=False),
    Column("company_name", Text, nullable=False),
    Column("company_website", Text, nullable=False),
    Column("linkedin_url", Text, nullable=False),
    Column("years_in_role", Text, nullable=False),
    Column("phone_number", Text, nullable=False),
    Column("extra", _json(), nullable=False),
    Column("phone", String(20)),
    Column("phone_country", String(2)),
    Column("phone_line", String(24)),
    Column("phone_provider", String(64)),
    Column("phone_status", String(16)),
    Column("unasked", _json(), nullable=False),
    Column("second_best", _json()),
    Column("question_version", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    UniqueConstraint("account_id", "identity"),
    Index(None, "email"),
    Index(None, "phone"),
    Index(None, "account_id", "id"),
)

lead_columns = Table(
    "lead_columns",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("header", Text, nullable=False),
    Column("field", String(32)),
)

provider_configs = Table(
    "provider_configs",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("priority", Integer, nullable=False),
    Column("rules", Text, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("price_micros", BigInteger, nullable=False),
    Column("charges", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("tier", String(16), nullable=False),
    Column("timeout_seconds", Float, nullable=False),
    Column("on_unknown", String(16), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

provider_breakers = Table(
    "provider_breakers",
    metadata,
    Column("provider", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("cause", String(16)),
    Column("why", Text, nullable=False),
    Column("since", UtcDateTime),
    Column("until", UtcDateTime),
    Column("times", Integer, nullable=False),
    Column("last_calls", String(64), nullable=False),
    Column("doubt", Float, nullable=False),
    Column("probes", Integer, nullable=False),
)

provider_tallies = Table(
    "provider_tallies",
    metadata,
    Column("segment", String(64), primary_key=True),
    Column("provider", String(64), primary_key=True),
    Column("missed", String(255), primary_key=True),
    *(
        Column(name, Float, nullable=False)
        for name in ("calls", "hits", "recent_calls", "recent_hits", "past_calls", "past_hits")
    ),
    Column("seen_at", Float, nullable=False, server_default="0"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("lead_id", ForeignKey("leads.id")),
    Column("again", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("carrier", Text, nullable=False),
    Column("when_held", String(16), nullable=False),
    Column("is_over_budget", Boolean, nullable=False),
    Column("wanted", String(16), nullable=False),
    Column("wanted_at", UtcDateTime),
    Column("idle_seconds", Float, nullable=False, server_default="0"),
    Column("only_state", String(16)),
    Column("of_job_id", ForeignKey("jobs.id")),
    Column("options", _json(), nullable=False),
    Column("events", BigInteger, nullable=False, server_default="0"),
    Column("ordering", String(16), nullable=False),
    Column("panel", Float, nullable=False),
    Index(None, "account_id", "created_at"),
    Index(None, "status"),
)

job_items = Table(
    "job_items",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("lead_id", ForeignKey("leads.id"), nullable=False),
    Column("state", String(16)),
    Column("ended_at", UtcDateTime),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("reused_calls", Integer),
    Column("saved_micros", BigInteger),
    UniqueConstraint("job_id", "lead_id"),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", ForeignKey("jobs.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("lead_id", ForeignKey("leads.id")),
    Column("status", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", _json(), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "account_id", "id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("subject", String(36), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("held_until", UtcDateTime),
    Column("status", Integer),
    Column("location", Text),
    Column("body", Text),
    Index(None, "created_at"),
)

limiters = Table(
    "limiters",
    metadata,
    Column("credential", String(64), primary_key=True),
    Column("mode", String(16), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("holder_until_micros", BigInteger, nullable=False),
)

limiter_rings = Table(
    "limiter_rings",
    metadata,
    Column("credential", String(96), primary_key=True),
    Column("ring", LargeBinary, nullable=False),
)

limiter_members = Table(
    "limiter_members",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("until_micros", BigInteger, nullable=False),
)

lookups = Table(
    "lookups",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("lead_id", ForeignKey("leads.id"), nullable=False),
    Column("job_id", ForeignKey("jobs.id")),
    Column("question", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("intended_micros", BigInteger, nullable=False),
    Column("discarded", Integer, nullable=False, server_default="0"),
    Column("settled_at", UtcDateTime),
    Column("held_micros", BigInteger, nullable=False),
    Column("posted_micros", BigInteger, nullable=False),
    Column("estimated_micros", BigInteger, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("position", Integer),
    Column("reason", Text),
    Column("took_millis", Integer),
    Column("outcome", String(16)),
    Column("fault", String(16)),
    Column("detail", Text),
    Column("raw", Text),
    Column("phone", String(20)),
    Column("phone_country", String(2)),
    Column("phone_line", String(24)),
    Index(None, "lead_id"),
    Index(None, "job_id"),
    Index(None, "account_id", "question"),
    Index(None, "provider", "created_at"),
    Index(None, "provider", "intended_micros"),
    Index(None, "state", "lease_until"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("key", ForeignKey("lookups.key"), primary_key=True),
    Column("source", String(255), primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("state_before", String(16), nullable=False),
    Column("state_after", String(16), nullable=False),
    Column("cost_before_micros", BigInteger, nullable=False),
    Column("cost_after_micros", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("span", String(16), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("cap_micros", BigInteger, nullable=False),
    Column("used_micros", BigInteger, nullable=False),
    Column("held_micros", BigInteger, nullable=False),
    Column("day", Date, nullable=False),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", _json(), nullable=False),
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("rotated_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_why", Text),
    Index(None, "account_id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("endpoint_id", ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("event", String(32), nullable=False),
    Column("data", _json(), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("answer", Text),
    Column("next_at", UtcDateTime),
    Index(None, "endpoint_id", "state", "next_at"),
    Index(None, "state", "next_at"),
    Index(None, "state", "created_at"),
)
