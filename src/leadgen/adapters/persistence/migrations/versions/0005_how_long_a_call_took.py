"""How long a provider took to answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("lookups") as lookups:
        lookups.add_column(sa.Column("took_millis", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("lookups") as lookups:
        lookups.drop_column("took_millis")
