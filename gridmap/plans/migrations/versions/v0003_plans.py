"""Plans, versions, commands and the log; what is written stays as it is.

Revision ID: 0003
Revises: -
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"  # those before it were never released
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("grid_sets", "grid_shapes", "plans", "versions", "commands", "audit")


def upgrade() -> None:
    """Make the tables."""
    _plans()
    _log()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION gridmap_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'gridmap: % is append-only', TG_TABLE_NAME; END $$"
        )
    for table in _APPEND_ONLY:
        _guard(table)


def _plans() -> None:
    op.create_table(
        "grid_sets",
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("ids", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "grid_shapes",
        sa.Column("city_digest", sa.String(32), primary_key=True),
        sa.Column("grid_set", sa.String(32), sa.ForeignKey("grid_sets.digest"), nullable=False),
        sa.Column("prints", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("plan_id", sa.Integer, sa.ForeignKey("plans.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("base", sa.Integer),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("city_digest", sa.String(64), nullable=False),
        sa.Column("grid_set", sa.String(32), sa.ForeignKey("grid_sets.digest"), nullable=False),
        sa.Column("beat_count", sa.Integer, nullable=False),
        sa.Column("assignment", sa.LargeBinary, nullable=False),
        sa.Column("beats", sa.Text, nullable=False),
        sa.Column("locks", sa.Text, nullable=False),
        sa.Column("faults", sa.Text, nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("origin_plan", sa.String(200)),
        sa.Column("origin_version", sa.Integer),
        sa.UniqueConstraint("plan_id", "number", name="versions_plan_number"),
        sa.CheckConstraint("number > 0", name="versions_number"),
    )
    op.create_table(
        "commands",
        sa.Column("version_id", sa.Integer, sa.ForeignKey("versions.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("record", sa.Text, nullable=False),
    )


def _log() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("action", sa.String(32), nullable=False, index=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": ""}])


def _guard(table: str) -> None:
    """Let the database itself refuse to change or delete a row."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION gridmap_append_only()"
        )
        # TRUNCATE passes by the guards of rows; SQLite has no such statement.
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION gridmap_append_only()"
        )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'gridmap: {table} is append-only'); END"
        )
