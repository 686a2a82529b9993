"""What is wanted of a job: that it runs, pauses or ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("wanted", sa.String(length=16), nullable=False, server_default="run"))
        jobs.add_column(sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("wanted", server_default=None)


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("wanted_at")
        jobs.drop_column("wanted")
