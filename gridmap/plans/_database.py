"""The store's database: its tables, its rows, its transactions and its migrations.

`migrations` makes the tables, and a test compares the two.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from sqlite3 import Error as SQLiteError
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from gridmap.errors import GridmapError, InputError, MissingError, WorkspaceError, some_ids
from gridmap.model import BeatInfo, Plan
from gridmap.plans.audit import (
    LOCAL,
    Action,
    Actor,
    AuditRecord,
    BrokenLink,
    Role,
    facts_digest,
    is_own_hash,
    link_hash,
    require,
)
from gridmap.plans.versions import (
    Command,
    Fault,
    GridPrints,
    Locks,
    PlanVersion,
    command_from_record,
    command_record,
)
from gridmap.typing import Ints32

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

# One row: the last link of the log. A writer locks it first, so the chain has one end.
AUDIT_HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)


HEAD = "0003"
MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x67726964  # "grid": a number that nobody else takes on a shared server
_BUSY_S = 60.0


def open_engine(where: str | Path, *, create: bool = True) -> Engine:
    """Return the engine of a store, its tables made or brought up to date.

    Raises
    ------
    MissingError
        If the SQLite file does not exist and ``create`` is False.
    InputError
        If the URL cannot be used, or the store was made by a later gridmap.
    WorkspaceError
        If the database cannot be opened.
    """
    url = _url(where)
    shown = _shown(url)
    file = url.database if url.get_backend_name() == "sqlite" else None
    if file and not create and not _is_begun(Path(file)):
        raise MissingError("plans.error.no_store", where=file)
    try:
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _server(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise InputError("plans.error.database_url", received=shown) from error
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _is_begun(file: Path) -> bool:
    """Return whether a file is there and holds anything: a full disk leaves an empty one."""
    return file.exists() and file.stat().st_size > 0


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one state of the store."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with _own_errors(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; on SQLite it waits until nobody else does."""
    with _own_errors(engine), engine.execution_options(gridmap_write=True).begin() as connection:
        yield connection


@contextmanager
def _own_errors(engine: Engine) -> Iterator[None]:
    """Raise what the database cannot do (disk full, read-only, server gone) as our own error."""
    try:
        yield
    except (DatabaseError, SQLiteError) as error:
        if isinstance(error, IntegrityError):
            raise  # a fault of the program, not of the place
        shown = _shown(engine.url)
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        raise WorkspaceError("plans.error.database", where=shown, reason=reason) from error


def _url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        path = Path(where)
        return URL.create("sqlite", database=str(path / "plans.db" if path.is_dir() else path))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise InputError("plans.error.database_url", received="...") from error
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _shown(url: URL) -> str:
    """Return what a message calls a database: a file, or an address without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return unquote(url.database.removeprefix("file:"))
    return url.render_as_string(hide_password=True)


def _sqlite(url: URL) -> Engine:
    # No pool: the last connection to close folds the write-ahead log into the file, so a
    # workspace at rest is one file that can be copied.
    engine = create_engine(_readable(url), poolclass=NullPool, connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def _prepare(raw: SQLiteConnection, _record: ConnectionPoolEntry) -> None:
        raw.isolation_level = None  # begin as we say, not as the driver guesses
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("gridmap_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _readable(url: URL) -> URL:
    """Return the URL, or one that only reads where nothing may be written.

    A log written ahead wants files beside the database, even of readers.
    """
    file = Path(url.database or "")
    if not file.exists() or (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        return url
    quoted = quote(str(file.resolve()))
    return url.set(
        database=f"file:{quoted}", query={"mode": "ro", "immutable": "1", "uri": "true"}
    )


def _server(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)


def _migrate(engine: Engine) -> None:
    if _revision(engine) == HEAD:
        return
    if engine.dialect.name == "sqlite":
        with _own_errors(engine):
            raw = engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                raw.close()
    # Heavy, and needed once in a store's life.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
            )
        if _revision_of(connection) == HEAD:  # somebody else was faster
            return
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise InputError(
                "plans.error.database_version", received=str(_revision_of(connection)), known=HEAD
            ) from error


def _revision(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


Row = Mapping[str, Any]

_SAVES = frozenset({"save", "import_plan"})
_ASSIGN = "assign_role"
_IS_ROLE = AUDIT.c.action == _ASSIGN
_DAMAGED = (GridmapError, LookupError, TypeError, ValueError, zlib.error, sa.exc.NoResultFound)


def now() -> str:
    """Return the present moment as the store writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def versions() -> Select[Any]:
    """Return the query of all versions with the names of their plans."""
    return select(PLANS.c.name, VERSIONS).join(PLANS, PLANS.c.id == VERSIONS.c.plan_id)


def version_facts() -> Select[Any]:
    """Return the query of what is known of all versions, without the plans themselves."""
    heavy = {VERSIONS.c.assignment, VERSIONS.c.beats}
    light = [column for column in VERSIONS.c if column not in heavy]
    return select(PLANS.c.name, *light).join(PLANS, PLANS.c.id == VERSIONS.c.plan_id)


def latest_facts() -> Select[Any]:
    """Return the query of what is known of the latest version of each plan, by name."""
    last = select(sa.func.max(VERSIONS.c.id)).group_by(VERSIONS.c.plan_id)
    return version_facts().where(VERSIONS.c.id.in_(last)).order_by(PLANS.c.name)


def version_of(row: Row | RowMapping) -> PlanVersion:
    """Return the contents of a row of `versions`."""
    return PlanVersion(
        name=row["name"],
        number=row["number"],
        base=row["base"],
        at=datetime.fromisoformat(row["at"]),
        author=row["author"],
        note=row["note"],
        city_digest=row["city_digest"],
        digest=row["digest"],
        beats=row["beat_count"],
        locks=locks_of(row["locks"]),
        faults=faults_of(row["faults"]),
        origin=(row["origin_plan"], row["origin_version"]) if row["origin_plan"] else None,
    )


def find_version(connection: Connection, name: str, number: int | None) -> RowMapping:
    """Return the row of a version, the latest if None.

    Raises
    ------
    MissingError
        If there is no such plan or version.
    """
    query = versions().where(PLANS.c.name == name).order_by(VERSIONS.c.number.desc()).limit(1)
    latest = connection.execute(query).mappings().first()
    if latest is None:
        raise missing_plan(connection, name)
    if number is None or number == latest["number"]:
        return latest
    query = versions().where(PLANS.c.name == name, VERSIONS.c.number == number)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise MissingError(
            "plans.error.no_version", plan=name, received=number, latest=latest["number"]
        )
    return row


def missing_plan(connection: Connection, name: str) -> MissingError:
    """Return the error that names the plans which are there."""
    names = connection.execute(select(PLANS.c.name).order_by(PLANS.c.name)).scalars().all()
    return MissingError("plans.error.no_plan", plan=name, known=some_ids(names))


def plan_of(connection: Connection, row: Row | RowMapping) -> Plan:
    """Return the plan of a row of `versions`."""
    query = select(GRID_SETS.c.ids).where(GRID_SETS.c.digest == row["grid_set"])
    return Plan(
        name=row["name"],
        grid_ids=unpack_ids(connection.execute(query).scalar_one()),
        assignment=unpack_rows(row["assignment"]),
        beats=beats_of(row["beats"]),
        city_digest=row["city_digest"],
    )


def prints_of(connection: Connection, city_digest: str) -> GridPrints | None:
    """Return the shapes of a grid layer, or None where nobody gave them."""
    query = (
        select(GRID_SHAPES.c.prints, GRID_SETS.c.ids)
        .join(GRID_SETS, GRID_SETS.c.digest == GRID_SHAPES.c.grid_set)
        .where(GRID_SHAPES.c.city_digest == city_digest)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return GridPrints.unpack(unpack_ids(row["ids"]), row["prints"])


def commands_of(connection: Connection, version_id: int) -> tuple[Command, ...]:
    """Return the commands of a version, the oldest first."""
    query = (
        select(COMMANDS.c.record)
        .where(COMMANDS.c.version_id == version_id)
        .order_by(COMMANDS.c.position)
    )
    records = connection.execute(query).scalars()
    return tuple(command_from_record(json.loads(record)) for record in records)


def command_texts(commands: Iterable[Command]) -> list[str]:
    """Return commands as they are stored."""
    return [json.dumps(command_record(command), ensure_ascii=False) for command in commands]


def put_commands(connection: Connection, version_id: int, texts: list[str]) -> None:
    """Write the commands of a version."""
    if texts:
        rows = [
            {"version_id": version_id, "position": position, "record": text}
            for position, text in enumerate(texts)
        ]
        connection.execute(insert(COMMANDS), rows)


def put_once(connection: Connection, table: Table, **values: object) -> None:
    """Write a row unless one of its key is there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())


def put_shapes(
    connection: Connection, city_digest: str, grid_set: str, prints: bytes
) -> list[list[str]]:
    """Write the shapes of a layer's grids unless they are there; return what the log records."""
    put_once(connection, GRID_SHAPES, city_digest=city_digest, grid_set=grid_set, prints=prints)
    query = select(GRID_SHAPES).where(GRID_SHAPES.c.city_digest == city_digest)
    row = connection.execute(query).mappings().one()
    return [[city_digest, shapes_digest(row["grid_set"], row["prints"])]]


def lock_plan(connection: Connection, name: str, at: str) -> RowMapping:
    """Return the row of a plan, made if it is new; nobody else saves it until the end."""
    query = select(PLANS).where(PLANS.c.name == name).with_for_update()
    found = connection.execute(query).mappings().first()
    if found is None:
        put_once(connection, PLANS, name=name, at=at)
        found = connection.execute(query).mappings().one()
    return found


def latest_version(connection: Connection, plan_id: int) -> RowMapping | None:
    """Return the row of the latest version of a plan, or None."""
    query = versions().where(PLANS.c.id == plan_id).order_by(VERSIONS.c.number.desc()).limit(1)
    return connection.execute(query).mappings().first()


def roles(connection: Connection) -> dict[str, Role]:
    """Return everybody who was given a role, and the last one they were given.

    The log is where roles are kept. A record that is no link of the chain gives none.
    """
    before = AUDIT.alias()
    query = (
        select(AUDIT, before.c.hash.label("hash_before"))
        .join(before, before.c.number == AUDIT.c.number - 1, isouter=True)
        .where(_IS_ROLE)
        .order_by(AUDIT.c.number)
    )
    given: dict[str, Role] = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        hash_before = values.pop("hash_before")
        record = AuditRecord(**values)
        if not is_own_hash(record) or record.previous != (hash_before or ""):
            continue
        try:
            given[record.subject] = Role(json.loads(record.detail)["role"])
        except _DAMAGED:
            continue
    return given


def require_here(connection: Connection, actor: Actor, action: Action) -> None:
    """Refuse what an actor's role does not allow: the role claimed, and the one given here.

    A role may have been taken back since somebody logged in, and a caller may claim what it
    likes. Where nobody has been given a role yet, the caller's word is all there is.

    Raises
    ------
    PermissionDeniedError
        If one of them does not allow the action.
    """
    require(actor, action)
    if actor == LOCAL:
        return
    given = roles(connection)
    if given or connection.execute(select(AUDIT.c.number).where(_IS_ROLE).limit(1)).first():
        require(Actor(actor.name, given.get(actor.name, Role.VIEWER)), action)


def append_record(
    connection: Connection, actor: Actor, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Write the next link of the log; the head's lock keeps the chain single."""
    head = connection.execute(select(AUDIT_HEAD).with_for_update()).mappings().first()
    if head is None:
        raise WorkspaceError("plans.error.no_head")
    record = AuditRecord(
        number=head["number"] + 1,
        at=now(),
        actor=actor.name,
        role=str(actor.role),
        action=action,
        subject=subject,
        detail=json.dumps(detail, ensure_ascii=False, sort_keys=True),
        previous=head["hash"],
        hash="",
    )
    link = link_hash(record)
    connection.execute(
        insert(AUDIT).values(
            number=record.number,
            at=record.at,
            actor=record.actor,
            role=record.role,
            action=action,
            subject=subject,
            detail=record.detail,
            previous=record.previous,
            hash=link,
        )
    )
    connection.execute(update(AUDIT_HEAD).values(number=record.number, hash=link))


def audit_records(connection: Connection) -> Iterator[AuditRecord]:
    """Yield the log, the first record first."""
    for row in connection.execute(select(AUDIT).order_by(AUDIT.c.number)).mappings():
        yield AuditRecord(**row)


def version_digest(row: Row | RowMapping, plan_at: str, commands: list[str]) -> str:
    """Return the digest of all that is stored of a version; ``row`` is one of `versions`."""
    facts = {column.name: row[column.name] for column in VERSIONS.c if column.name not in _PLACES}
    return facts_digest({**facts, "name": row["name"], "plan_at": plan_at}, commands)


_PLACES = frozenset({"id", "plan_id"})  # where a row lies, not what it says


def shapes_digest(grid_set: str, prints: bytes) -> str:
    """Return the digest of the grids' shapes that are stored for a layer."""
    return facts_digest({"grid_set": grid_set, "prints": prints}, [])


def broken_version(connection: Connection, records: list[AuditRecord]) -> BrokenLink | None:
    """Return the first record whose saved plan is gone or is another, or a plan without one."""
    told: set[tuple[str, int]] = set()
    shapes = _stored_shapes(connection)
    told_shapes: dict[str, str] = {}
    for record in records:
        try:
            if record.action not in _SAVES:
                continue
            detail = json.loads(record.detail)
            place = (record.subject, detail["version"])
            told.add(place)
            if not _is_as_logged(connection, place, detail["digest"], detail["facts"]):
                return BrokenLink(record.number, "version", record.subject)
            for city, digest in detail["shapes"]:
                told_shapes.setdefault(city, digest)
                if shapes.get(city) != told_shapes[city]:
                    return BrokenLink(record.number, "version", record.subject)
        except _DAMAGED:
            return BrokenLink(record.number, "version", record.subject)
    # A plan without any version was saved by nobody either.
    query = select(PLANS.c.name, VERSIONS.c.number).outerjoin(
        VERSIONS, PLANS.c.id == VERSIONS.c.plan_id
    )
    for row in connection.execute(query).mappings():
        if (row["name"], row["number"]) not in told:
            return BrokenLink(len(records) + 1, "untold", str(row["name"]))
    for city in shapes.keys() - told_shapes.keys():
        return BrokenLink(len(records) + 1, "untold", city[:12])
    return None


def _whole_versions() -> Select[Any]:
    return (
        select(PLANS.c.name, PLANS.c.at.label("plan_at"), VERSIONS)
        .join(PLANS, PLANS.c.id == VERSIONS.c.plan_id)
        .order_by(VERSIONS.c.id)
    )


def _stored_digest(connection: Connection, row: RowMapping) -> str:
    query = select(COMMANDS.c.position, COMMANDS.c.record)
    query = query.where(COMMANDS.c.version_id == row["id"]).order_by(COMMANDS.c.position)
    commands = connection.execute(query).all()
    if [one.position for one in commands] != list(range(len(commands))):
        return "-"  # as no save writes them
    return version_digest(row, row["plan_at"], [one.record for one in commands])


def _stored_shapes(connection: Connection) -> dict[str, str]:
    """Return the digest of the shapes that are stored for each layer."""
    found = connection.execute(select(GRID_SHAPES)).mappings()
    return {row["city_digest"]: shapes_digest(row["grid_set"], row["prints"]) for row in found}


def _is_as_logged(connection: Connection, place: tuple[str, int], digest: str, facts: str) -> bool:
    """Return whether a version is stored as its record says."""
    name, number = place
    query = _whole_versions().where(PLANS.c.name == name, VERSIONS.c.number == number)
    row = connection.execute(query).mappings().first()
    if row is None:
        return False
    if _stored_digest(connection, row) != facts:
        return False
    plan = plan_of(connection, row)
    version_of(row)  # its locks, faults and moment can be read
    return (
        plan.digest == digest
        and row["beat_count"] == len(plan)
        and (_is_own_set(connection, row["grid_set"]))
    )


def _is_own_set(connection: Connection, digest: str) -> bool:
    """Return whether ids of grids are those of the digest that they are found by."""
    query = select(GRID_SETS).where(GRID_SETS.c.digest == digest)
    row = connection.execute(query).mappings().one()
    raw = zlib.decompress(row["ids"])
    return (
        hashlib.blake2b(raw, digest_size=16).hexdigest() == digest
        and len(json.loads(raw)) == row["size"]
    )


# -- plans as the bytes and texts that the store keeps, and back


def normalised(plan: Plan) -> Plan:
    """Return a plan whose texts are texts and numbers floats, so that its digest is stable."""
    beats = tuple(
        BeatInfo(
            str(beat.id),
            str(beat.name),
            str(beat.station),
            str(beat.room),
            float(beat.officers),
            float(beat.auxiliaries),
        )
        for beat in plan.beats
    )
    return replace(plan, beats=beats)


def pack_ids(ids: NDArray[np.object_]) -> tuple[str, bytes]:
    """Return the digest of ids and their bytes."""
    raw = json.dumps([str(name) for name in ids], ensure_ascii=False).encode()
    return hashlib.blake2b(raw, digest_size=16).hexdigest(), zlib.compress(raw)


def unpack_ids(packed: bytes) -> NDArray[np.object_]:
    """Return the ids again, as text."""
    return np.array(json.loads(zlib.decompress(packed)), dtype=object)


def pack_rows(assignment: Ints32) -> bytes:
    """Return an assignment as compressed little-endian integers of 32 bits."""
    return zlib.compress(assignment.astype("<i4").tobytes())


def unpack_rows(packed: bytes) -> Ints32:
    """Return an assignment again."""
    return np.frombuffer(zlib.decompress(packed), dtype="<i4").astype(np.int32)


def beats_text(beats: tuple[BeatInfo, ...]) -> str:
    """Return beats as JSON."""
    return json.dumps([list(asdict(beat).values()) for beat in beats], ensure_ascii=False)


def beats_of(text: str) -> tuple[BeatInfo, ...]:
    """Return beats again."""
    return tuple(BeatInfo(*values) for values in json.loads(text))


def locks_text(locks: Locks) -> str:
    """Return locks as JSON."""
    return json.dumps([sorted(locks.beats), sorted(locks.grids)], ensure_ascii=False)


def locks_of(text: str) -> Locks:
    """Return locks again."""
    beats, grids = json.loads(text)
    return Locks(frozenset(beats), frozenset(grids))


def faults_text(faults: tuple[Fault, ...]) -> str:
    """Return faults as JSON."""
    return json.dumps([[f.beat, f.pieces, list(f.detached)] for f in faults], ensure_ascii=False)


def faults_of(text: str) -> tuple[Fault, ...]:
    """Return faults again."""
    return tuple(Fault(beat, pieces, tuple(grids)) for beat, pieces, grids in json.loads(text))
