"""Which question a lead had when it was asked about: what is found out about another one is not its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    op.add_column("leads", sa.Column("question_version", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Takes this revision back."""
    op.drop_column("leads", "question_version")
