"""Jobs over the leads of other jobs, when a job's leads ended, and which of them killed a worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this revision."""
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("only_state", sa.String(length=16), nullable=True))
        jobs.add_column(sa.Column("of_job_id", sa.String(length=36), nullable=True))
        jobs.create_foreign_key(op.f("fk_jobs_of_job_id_jobs"), "jobs", ["of_job_id"], ["id"])
    with op.batch_alter_table("job_items") as items:
        items.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        items.add_column(sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Takes this revision back."""
    with op.batch_alter_table("job_items") as items:
        items.drop_column("deaths")
        items.drop_column("ended_at")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint(op.f("fk_jobs_of_job_id_jobs"), type_="foreignkey")
        jobs.drop_column("of_job_id")
        jobs.drop_column("only_state")
