"""The tables of the store; `migrations` makes them, and a test holds both to be the same."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Ids and digests are ASCII; moments are ISO 8601 in UTC, so that they sort as text and enter
# the log's hashes as they stand.
METADATA = MetaData()

GRID_SETS = Table(
    "grid_sets",
    METADATA,
    Column("digest", String(32), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("ids", LargeBinary, nullable=False),
)

# Fingerprints of the grids' shapes, by the digest of the layer that plans were made on.
GRID_SHAPES = Table(
    "grid_shapes",
    METADATA,
    Column("city_digest", String(32), primary_key=True),
    Column("grid_set", String(32), ForeignKey("grid_sets.digest"), nullable=False),
    Column("prints", LargeBinary, nullable=False),
)

PLANS = Table(
    "plans",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("at", String(32), nullable=False),
)

VERSIONS = Table(
    "versions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("plan_id", Integer, ForeignKey("plans.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("base", Integer),
    Column("at", String(32), nullable=False),
    Column("author", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("city_digest", String(64), nullable=False),
    Column("grid_set", String(32), ForeignKey("grid_sets.digest"), nullable=False),
    Column("beat_count", Integer, nullable=False),
    Column("assignment", LargeBinary, nullable=False),
    Column("beats", Text, nullable=False),
    Column("locks", Text, nullable=False),
    Column("faults", Text, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("origin_plan", String(200)),
    Column("origin_version", Integer),
    UniqueConstraint("plan_id", "number", name="versions_plan_number"),
    CheckConstraint("number > 0", name="versions_number"),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("version_id", Integer, ForeignKey("versions.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("record", Text, nullable=False),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("role", String(32), nullable=False),
    Column("action", String(32), nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

# One row: the last link of the log. Whoever writes locks it first, so the chain has one end.
AUDIT_HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
