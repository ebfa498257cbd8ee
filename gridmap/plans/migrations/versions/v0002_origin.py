"""Which version the commands of a version start from: not always the one it was saved upon.

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


def upgrade() -> None:
    """Add the columns; nothing that is written changes."""
    op.add_column("versions", sa.Column("origin_plan", sa.String(200)))
    op.add_column("versions", sa.Column("origin_version", sa.Integer))
