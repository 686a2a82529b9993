"""The board of the rate limiters, when intents were recorded by the database's clock, and jobs that spill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    op.create_table(
        "limiters",
        sa.Column("credential", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("is_seeded", sa.Boolean(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("holder_until_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("credential", name=op.f("pk_limiters")),
    )
    op.create_table(
        "limiter_rings",
        sa.Column("credential", sa.String(length=96), nullable=False),
        sa.Column("ring", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("credential", name=op.f("pk_limiter_rings")),
    )
    op.create_table(
        "limiter_members",
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("until_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_limiter_members")),
    )
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("when_held", sa.String(length=16), nullable=False, server_default="wait"))
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("when_held", server_default=None)
    with op.batch_alter_table("lookups") as lookups:
        lookups.add_column(sa.Column("intended_micros", sa.BigInteger(), nullable=False, server_default="0"))
        lookups.add_column(sa.Column("discarded", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("lookups") as lookups:
        lookups.alter_column("intended_micros", server_default=None)
        lookups.create_index(op.f("ix_lookups_provider_intended_micros"), ["provider", "intended_micros"])


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("lookups") as lookups:
        lookups.drop_index(op.f("ix_lookups_provider_intended_micros"))
        lookups.drop_column("discarded")
        lookups.drop_column("intended_micros")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("when_held")
    op.drop_table("limiter_members")
    op.drop_table("limiter_rings")
    op.drop_table("limiters")
