"""Roles are read from the log; the table beside it, which no hash covered, goes.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the table of roles: each of its rows has a record in the log."""
    op.drop_table("roles")
    op.create_index("ix_audit_action", "audit", ["action"])
