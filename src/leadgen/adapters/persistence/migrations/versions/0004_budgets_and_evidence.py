"""Budgets, evidence that comes late, repeats under one key, and what to do where an answer is lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    op.create_table(
        "budgets",
        sa.Column("span", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("cap_micros", sa.BigInteger(), nullable=False),
        sa.Column("used_micros", sa.BigInteger(), nullable=False),
        sa.Column("held_micros", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("span", "owner", name=op.f("pk_budgets")),
    )
    op.create_table(
        "evidence",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_before", sa.String(length=16), nullable=False),
        sa.Column("state_after", sa.String(length=16), nullable=False),
        sa.Column("cost_before_micros", sa.BigInteger(), nullable=False),
        sa.Column("cost_after_micros", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["key"], ["lookups.key"], name=op.f("fk_evidence_key_lookups")),
        sa.PrimaryKeyConstraint("key", "source", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("provider_configs") as configs:
        configs.add_column(
            sa.Column("on_unknown", sa.String(length=16), nullable=False, server_default="assume")
        )
    with op.batch_alter_table("provider_configs") as configs:
        configs.alter_column("on_unknown", server_default=None)
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("is_over_budget", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("is_over_budget", server_default=None)
    with op.batch_alter_table("lookups") as lookups:
        lookups.add_column(sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("lookups") as lookups:
        lookups.alter_column("repeats", server_default=None)
        lookups.create_index(op.f("ix_lookups_state_lease_until"), ["state", "lease_until"])


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("lookups") as lookups:
        lookups.drop_index(op.f("ix_lookups_state_lease_until"))
        lookups.drop_column("repeats")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("is_over_budget")
    with op.batch_alter_table("provider_configs") as configs:
        configs.drop_column("on_unknown")
    op.drop_table("evidence")
    op.drop_table("budgets")
