"""How long a job stood still before it was continued: that is no time that it took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("idle_seconds", sa.Float(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("idle_seconds")
