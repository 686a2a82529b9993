"""Deliveries by their age, so that old ones are found without a look at all."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INDEX = "ix_webhook_deliveries_state_created_at"


def upgrade() -> None:
    """Applies this revision."""
    op.create_index(op.f(_INDEX), "webhook_deliveries", ["state", "created_at"])


def downgrade() -> None:
    """Takes this revision back."""
    op.drop_index(op.f(_INDEX), table_name="webhook_deliveries")
