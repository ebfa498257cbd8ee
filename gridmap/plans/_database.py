"""Opening a database, its transactions, and bringing it up to this version's tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from sqlite3 import Error as SQLiteError
from urllib.parse import quote, unquote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from gridmap.errors import InputError, MissingError, WorkspaceError
from gridmap.plans._rows import seal_versions

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
    with _told(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; on SQLite it waits until nobody else does."""
    with _told(engine), engine.execution_options(gridmap_write=True).begin() as connection:
        yield connection


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """Tell what the database cannot do (disk full, read-only, server gone) as our own error."""
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
        with _told(engine):
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
                "plans.error.database_newer", received=str(_revision_of(connection)), known=HEAD
            ) from error
        seal_versions(connection)


def _revision(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
