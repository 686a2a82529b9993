"""How jobs search: their options, why providers had their place, what was reused, second-best numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("options", _JSON, nullable=False, server_default="{}"))
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("options", server_default=None)
    with op.batch_alter_table("job_items") as items:
        items.add_column(sa.Column("reused_calls", sa.Integer(), nullable=True))
        items.add_column(sa.Column("saved_micros", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("leads") as leads:
        leads.add_column(sa.Column("second_best", _JSON, nullable=True))
    with op.batch_alter_table("lookups") as lookups:
        lookups.add_column(sa.Column("position", sa.Integer(), nullable=True))
        lookups.add_column(sa.Column("reason", sa.Text(), nullable=True))


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("lookups") as lookups:
        lookups.drop_column("reason")
        lookups.drop_column("position")
    with op.batch_alter_table("leads") as leads:
        leads.drop_column("second_best")
    with op.batch_alter_table("job_items") as items:
        items.drop_column("saved_micros")
        items.drop_column("reused_calls")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("options")
