"""Which version the commands of a version start from; no table may be emptied at a stroke.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


_APPEND_ONLY = ("grid_sets", "grid_shapes", "plans", "versions", "commands", "roles", "audit")


def upgrade() -> None:
    """Add the columns and the guards; nothing that is written changes."""
    op.add_column("versions", sa.Column("origin_plan", sa.String(200)))
    op.add_column("versions", sa.Column("origin_version", sa.Integer))
    if op.get_bind().dialect.name == "postgresql":
        # TRUNCATE passes by the guards of rows; SQLite has no such statement.
        for table in _APPEND_ONLY:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION gridmap_append_only()"
            )
