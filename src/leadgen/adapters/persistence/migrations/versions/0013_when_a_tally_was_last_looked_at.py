"""How many calls its segment had seen when a tally was last added to: what is old fades."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("provider_tallies") as tallies:
        tallies.add_column(sa.Column("seen_at", sa.Float(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("provider_tallies") as tallies:
        tallies.drop_column("seen_at")
