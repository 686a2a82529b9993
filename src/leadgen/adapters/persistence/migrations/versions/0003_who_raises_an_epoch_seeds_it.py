"""Who raises an epoch seeds it, so that is not noted; no epoch is that of another database any more."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("limiters") as limiters:
        limiters.drop_column("is_seeded")
    epoch = sa.column("epoch", sa.BigInteger())
    op.execute(sa.table("limiters", epoch).update().values(epoch=epoch + time.time_ns() // 1_000_000))
    op.execute("DELETE FROM limiter_rings")


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("limiters") as limiters:
        limiters.add_column(sa.Column("is_seeded", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("limiters") as limiters:
        limiters.alter_column("is_seeded", server_default=None)
