"""What Alembic runs for every command; the connection comes from ``schema.py``."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from leadgen.adapters.persistence.tables import UtcDateTime, metadata


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Migrations know the databases' own types only, so that they stay true when ours change."""
    is_moment = kind == "type" and isinstance(item, UtcDateTime)
    return "sa.DateTime(timezone=True)" if is_moment else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
