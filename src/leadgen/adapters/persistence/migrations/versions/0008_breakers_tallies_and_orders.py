"""The breakers of providers, what is known of their hits, and in which order a job asks them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COUNTS = ("calls", "hits", "recent_calls", "recent_hits", "past_calls", "past_hits")


def upgrade() -> None:
    """Applies this revision."""
    op.create_table(
        "provider_breakers",
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_calls", sa.String(length=64), nullable=False),
        sa.Column("doubt", sa.Float(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_breakers")),
    )
    op.create_table(
        "provider_tallies",
        sa.Column("segment", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("missed", sa.String(length=255), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=False) for name in _COUNTS),
        sa.PrimaryKeyConstraint("segment", "provider", "missed", name=op.f("pk_provider_tallies")),
    )
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(
            sa.Column("ordering", sa.String(length=16), nullable=False, server_default="priority")
        )
        jobs.add_column(sa.Column("panel", sa.Float(), nullable=False, server_default="0"))
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("ordering", server_default=None)
        jobs.alter_column("panel", server_default=None)


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("panel")
        jobs.drop_column("ordering")
    op.drop_table("provider_tallies")
    op.drop_table("provider_breakers")
