"""The store of plans: every saved plan is a version, nothing is overwritten."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd
from sqlalchemy import Connection, Engine, RowMapping, func, insert, select

from gridmap.errors import ConflictError, InputError, MissingError
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.io import ImportReport, Repair, Workspace, refuse_personal, refuse_personal_columns
from gridmap.model import Layer, Plan
from gridmap.plans import _database as database
from gridmap.plans._database import (
    AUDIT_HEAD,
    GRID_SETS,
    PLANS,
    VERSIONS,
    beats_text,
    faults_text,
    locks_text,
    normalised,
    open_engine,
    pack_ids,
    pack_rows,
    reading,
    writing,
)
from gridmap.plans.audit import (
    LOCAL,
    Action,
    Actor,
    Anchor,
    AuditRecord,
    AuditReport,
    Role,
    account_text,
    require,
    verify_chain,
)
from gridmap.plans.versions import (
    Command,
    Fault,
    Locks,
    PlanVersion,
    check_plan_name,
    fit_plan,
    grid_prints,
    plan_difference,
)


class PlanStore:
    """Plans, their versions and commands, roles and the log, in SQLite or PostgreSQL.

    Open one with `PlanStore.open`; it may be used by several threads.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, where: str | Path, *, create: bool = True) -> Self:
        """Open a store, making its tables or bringing them up to date.

        Parameters
        ----------
        where
            A workspace (its ``plans.db``), the path of an SQLite file, or the SQLAlchemy URL
            of a PostgreSQL database.
        create
            Make an SQLite file that is not there yet.

        Raises
        ------
        MissingError
            If the file does not exist and ``create`` is False.
        InputError
            If the URL cannot be used, or the store was made by a later gridmap.
        WorkspaceError
            If the database cannot be opened.
        """
        return cls(open_engine(where, create=create))

    @classmethod
    def of(cls, workspace: Path, *, url: str = "", create: bool = True) -> Self:
        """Open the store of a workspace: the department's where there is a URL, or its own.

        Parameters
        ----------
        workspace
            The workspace's folder.
        url
            SQLAlchemy URL of a department's store, ``""`` for none.
        create
            As in `open`.

        Raises
        ------
        MissingError, InputError, WorkspaceError
            As in `open`.
        """
        return cls.open(url or workspace / "plans.db", create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<PlanStore {self._engine.url.render_as_string(hide_password=True)}>"

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # -- plans ---------------------------------------------------------------------------

    def save(  # noqa: PLR0913 - each is a fact of the version
        self,
        plan: Plan,
        *,
        author: Actor,
        base_version: int | None = None,
        commands: Sequence[Command] = (),
        note: str = "",
        locks: Locks | None = None,
        faults: tuple[Fault, ...] = (),
        grids: Layer | None = None,
        origin: tuple[str, int] | None = None,
    ) -> PlanVersion:
        """Save a plan as a new version of the plan of its name.

        Parameters
        ----------
        plan
            The plan.
        author
            Who saves it.
        base_version
            The version that it was made of. If somebody has saved a later one, nothing is
            written and both changes are told. 0 says that the name must be new; None appends
            whatever is there.
        commands
            The commands that led here from ``origin``.
        note
            A word about it.
        locks, faults
            What stays as it is, and beats left in pieces (`Draft.locks`, `Draft.faults`).
        grids
            The grid layer that the plan was made on: its shapes are remembered, so that a
            later check can name the grids that changed.
        origin
            Name and number of the version that the commands start from, where it is not
            ``base_version``: somebody who saves twice in one sitting saves on top of their own
            first version, but may have undone beyond it.

        Returns
        -------
        PlanVersion
            The version; once it is returned it survives a crash.

        Raises
        ------
        PermissionDeniedError
            If the author's role may not save.
        InputError
            If the name cannot be used (`check_plan_name`), or ``grids`` are not the plan's.
        ConflictError
            If somebody else saved in between. ``values`` holds ``their_version``,
            ``their_change`` and ``your_change`` (`PlanDifference`), ``their_commands`` and
            ``your_commands``.
        """
        work = Work(
            normalised(plan),
            base_version,
            tuple(commands),
            note,
            locks or Locks(),
            tuple(faults),
            grids,
            origin or ((plan.name, base_version) if base_version else None),
        )
        return save_work(self._engine, work, author=author, action=Action.SAVE)

    def import_plan(
        self,
        plan: Plan,
        *,
        author: Actor,
        source: str,
        base_version: int | None = None,
        grids: Layer | None = None,
    ) -> PlanVersion:
        """Save a plan that came from a file (`plan_from_table`, `plan_from_layer`).

        Parameters
        ----------
        plan
            The plan.
        author
            Who imports it.
        source
            Name of the file, for the log.
        base_version, grids
            As in `save`.

        Raises
        ------
        PermissionDeniedError
            If the author's role may not import.
        InputError, ConflictError
            As in `save`.
        """
        work = Work(normalised(plan), base_version, (), source, Locks(), (), grids, None)
        return save_work(self._engine, work, author=author, action=Action.IMPORT)

    def export_plan(
        self, name: str, version: int | None = None, *, author: Actor, target: str
    ) -> Plan:
        """Return a saved plan that somebody takes out, and write that to the log.

        Parameters
        ----------
        name, version
            As in `load`.
        author
            Who exports it.
        target
            Name of the file or format, for the log.

        Raises
        ------
        PermissionDeniedError
            If the author's role may not export.
        MissingError
            If there is no such plan or version.
        """
        with writing(self._engine) as connection:
            database.require_here(connection, author, Action.EXPORT)
            row = database.find_version(connection, name, version)
            plan = database.plan_of(connection, row)
            detail = {"version": row["number"], "digest": row["digest"], "target": target}
            database.append_record(connection, author, "export_plan", name, detail)
        return plan

    def load(self, name: str, version: int | None = None, *, grids: Layer | None = None) -> Plan:
        """Return a saved plan.

        Parameters
        ----------
        name
            Name of the plan.
        version
            Number of the version, the latest if None.
        grids
            The city's grid layer, to check that the plan still fits it.

        Raises
        ------
        MissingError
            If there is no such plan or version.
        InputError
            If the grids have changed since; the difference is listed.
        """
        with reading(self._engine) as connection:
            row = database.find_version(connection, name, version)
            plan = database.plan_of(connection, row)
            prints = (
                database.prints_of(connection, plan.city_digest) if grids is not None else None
            )
        return plan if grids is None else fit_plan(plan, grids, known=prints)

    def version(self, name: str, version: int | None = None) -> PlanVersion:
        """Return what is known of a version, the latest if None.

        Raises
        ------
        MissingError
            If there is no such plan or version.
        """
        with reading(self._engine) as connection:
            return database.version_of(database.find_version(connection, name, version))

    def commands(self, name: str, version: int | None = None) -> tuple[Command, ...]:
        """Return the commands that led to a version, the latest if None.

        Raises
        ------
        MissingError
            If there is no such plan or version.
        """
        with reading(self._engine) as connection:
            return database.commands_of(
                connection, database.find_version(connection, name, version)["id"]
            )

    def list(self) -> tuple[PlanVersion, ...]:
        """Return the latest version of every plan, by name."""
        with reading(self._engine) as connection:
            found = connection.execute(database.latest_facts()).mappings()
            return tuple(database.version_of(row) for row in found)

    def history(self, name: str) -> tuple[PlanVersion, ...]:
        """Return all versions of a plan, the first one first.

        Raises
        ------
        MissingError
            If there is no such plan.
        """
        with reading(self._engine) as connection:
            query = (
                database.version_facts().where(PLANS.c.name == name).order_by(VERSIONS.c.number)
            )
            found = tuple(database.version_of(row) for row in connection.execute(query).mappings())
            if not found:
                raise database.missing_plan(connection, name)
        return found

    # -- people and the log --------------------------------------------------------------

    def roles(self) -> dict[str, Role]:
        """Return everybody who was given a role, and the last one they were given."""
        with reading(self._engine) as connection:
            return dict(sorted(database.roles(connection).items()))

    def actor_of(self, person: str) -> Actor:
        """Return a logged-in user with their role, viewer if none was assigned.

        Raises
        ------
        InputError
            If the account is blank, or is the name of the one local user.
        """
        if person.strip() == LOCAL.name:
            raise InputError("plans.error.actor_local", received=person)
        return Actor(person, self.roles().get(person, Role.VIEWER))

    def assign_role(self, person: str, role: Role, *, author: Actor) -> None:
        """Give a person a role.

        Parameters
        ----------
        person
            Their account.
        role
            The role; it replaces the one they had.
        author
            Who gives it.

        Raises
        ------
        PermissionDeniedError
            If the author is no administrator.
        """
        given = Actor(person, role)
        with writing(self._engine) as connection:
            database.require_here(connection, author, Action.ASSIGN_ROLE)
            database.append_record(
                connection, author, "assign_role", given.name, {"role": str(given.role)}
            )

    def record(
        self, actor: Actor, action: Action, subject: str, detail: Mapping[str, Json]
    ) -> None:
        """Write to the log what somebody did outside the store: an import or an export.

        Parameters
        ----------
        actor
            Who.
        action
            What; the actor's role must allow it.
        subject
            To what.
        detail
            Files' names, digests, counts: values that JSON knows, nothing about persons.

        Raises
        ------
        PermissionDeniedError
            If the actor's role does not allow the action.
        """
        with writing(self._engine) as connection:
            database.require_here(connection, actor, action)
            database.append_record(connection, actor, str(action), subject, detail)

    def require(self, actor: Actor, action: Action) -> None:
        """Refuse what an actor's role does not allow, before anything is done.

        Raises
        ------
        PermissionDeniedError
            If the role claimed, or the one given in this store, does not allow the action.
        WorkspaceError
            If nothing can be written to the store.
        """
        # In a transaction that writes: where nothing can be logged, nothing is done.
        with writing(self._engine) as connection:
            database.require_here(connection, actor, action)

    def audit_records(self) -> tuple[AuditRecord, ...]:
        """Return the log, the first record first."""
        with reading(self._engine) as connection:
            return tuple(database.audit_records(connection))

    def verify(self, anchors: Iterable[Anchor] = ()) -> AuditReport:
        """Check the log link by link, and every saved version against it.

        Parameters
        ----------
        anchors
            Heads of this log that were noted outside (`AuditReport.anchor`).
        """
        with reading(self._engine) as connection:
            head = connection.execute(select(AUDIT_HEAD)).mappings().first()
            records = list(database.audit_records(connection))
            report = verify_chain(
                records,
                head_number=head["number"] if head else 0,
                head_hash=head["hash"] if head else "",
                anchors=anchors,
            )
            broken = database.broken_version(connection, records[: report.records])
            versions = connection.execute(select(func.count()).select_from(VERSIONS)).scalar_one()
            accounts = len(database.roles(connection))
        first = min(
            (link for link in (report.broken, broken) if link),
            key=lambda link: link.number,
            default=None,
        )
        return AuditReport(report.records, report.head, first, versions, accounts)


# -- saving a plan in one transaction, and the conflict of two who save on one version


_LOGGED = {Action.SAVE: "save", Action.IMPORT: "import_plan"}


@dataclass(frozen=True, eq=False, slots=True)
class Work:
    """What somebody asks to save."""

    plan: Plan
    base: int | None
    commands: tuple[Command, ...]
    note: str
    locks: Locks
    faults: tuple[Fault, ...]
    grids: Layer | None
    origin: tuple[str, int] | None


def _refuse_persons(work: Work) -> None:
    """Refuse a plan whose name, note or beats are records of persons."""
    plan = work.plan
    refuse_personal({tr("plans.text.name"): plan.name, tr("plans.text.note"): work.note})
    columns = {
        tr("field.beat"): [beat.id for beat in plan.beats],
        tr("field.name"): [beat.name for beat in plan.beats],
        tr("field.station"): [beat.station for beat in plan.beats],
        tr("field.room"): [beat.room for beat in plan.beats],
    }
    refuse_personal_columns(pd.DataFrame(columns, dtype="object"), where=plan.name)


def _conflict(connection: Connection, work: Work, latest: RowMapping | None) -> ConflictError:
    """Return the error that holds what both have changed since the version in common."""
    plan, base = work.plan, work.base or 0
    if latest is None:
        return ConflictError("plans.error.base_missing", plan=plan.name, base=base)
    theirs = database.plan_of(connection, latest)
    if base == 0 or base > latest["number"]:
        return ConflictError(
            "plans.error.base_taken" if base == 0 else "plans.error.base_missing",
            plan=plan.name,
            base=base,
            latest=latest["number"],
            author=account_text(latest["author"]),
            their_version=database.version_of(latest),
            your_commands=work.commands,
        )
    common = database.plan_of(connection, database.find_version(connection, plan.name, base))
    since = [
        command
        for number in range(base + 1, latest["number"] + 1)
        for command in database.commands_of(
            connection, database.find_version(connection, plan.name, number)["id"]
        )
    ]
    their_change, your_change = plan_difference(common, theirs), plan_difference(common, plan)
    return ConflictError(
        "plans.error.conflict",
        plan=plan.name,
        base=base,
        latest=latest["number"],
        author=account_text(latest["author"]),
        their_version=database.version_of(latest),
        their_change=their_change,
        your_change=your_change,
        both=len(their_change.grids & your_change.grids),
        their_commands=tuple(since),
        your_commands=work.commands,
    )


def save_work(engine: Engine, work: Work, *, author: Actor, action: Action) -> PlanVersion:
    """Write a plan, its commands and its record in the log: all of it or nothing.

    Raises
    ------
    PermissionDeniedError
        If the author's role does not allow the action.
    InputError
        If the name cannot be used, or the grids are not the plan's.
    ConflictError
        If somebody else saved in between.
    """
    require(author, action)
    plan = work.plan
    check_plan_name(plan.name)
    _refuse_persons(work)
    prints = None
    if work.grids is not None:
        fit_plan(plan, work.grids)
        prints = grid_prints(work.grids)
    at = database.now()
    grid_set, ids = pack_ids(plan.grid_ids)
    values = {
        "base": work.base or None,
        "at": at,
        "author": author.name,
        "note": work.note,
        "city_digest": plan.city_digest,
        "grid_set": grid_set,
        "beat_count": len(plan),
        "assignment": pack_rows(plan.assignment),
        "beats": beats_text(plan.beats),
        "locks": locks_text(work.locks),
        "faults": faults_text(work.faults),
        "digest": plan.digest,
        "origin_plan": work.origin[0] if work.origin else None,
        "origin_version": work.origin[1] if work.origin else None,
    }
    with writing(engine) as connection:
        database.require_here(connection, author, action)
        place = database.lock_plan(connection, plan.name, at)
        latest = database.latest_version(connection, place["id"])
        last = latest["number"] if latest else 0
        if work.base is not None and work.base != last:
            raise _conflict(connection, work, latest)
        values |= {"plan_id": place["id"], "number": last + 1}
        database.put_once(connection, GRID_SETS, digest=grid_set, size=len(plan.grid_ids), ids=ids)
        shapes = []
        if prints is not None and plan.city_digest:
            shapes = database.put_shapes(connection, plan.city_digest, grid_set, prints.pack())
        query = insert(VERSIONS).values(**values).returning(VERSIONS.c.id)
        texts = database.command_texts(work.commands)
        database.put_commands(connection, connection.execute(query).scalar_one(), texts)
        told = {**values, "name": plan.name}
        detail = {
            "version": last + 1,
            "base": work.base or None,
            "digest": plan.digest,
            "commands": len(work.commands),
            "facts": database.version_digest(told, place["at"], texts),
            "shapes": shapes,
        }
        database.append_record(connection, author, _LOGGED[action], plan.name, detail)
    return database.version_of(told)


# -- what is done outside the store, and still stands in its log: imports, repairs, reports


@contextmanager
def logged(
    workspace: Path, actor: Actor, action: Action, subject: str, *, url: str = ""
) -> Iterator[dict[str, Json]]:
    """Check that an actor may do something, do it, and write it to the log.

    Parameters
    ----------
    workspace
        Folder of the workspace that it is done in; it may not be there before.
    actor
        Who.
    action
        What.
    subject
        To what: a kind of layer, ``report``.
    url
        SQLAlchemy URL of a department's store, ``""`` for none.

    Yields
    ------
    dict
        To be filled in with what the log records: names of files, counts, digests; never
        a value of a row. What ends in an error is not written.

    Raises
    ------
    PermissionDeniedError
        If the actor's role does not allow the action; nothing has been done then.
    WorkspaceError
        If the store cannot be opened or written; nothing has been done then.
    """
    require(actor, action)
    try:
        # Made before only where that fails: what ends in an error leaves nothing behind.
        locked = Workspace(workspace).exists and not os.access(workspace, os.W_OK)
        with PlanStore.of(workspace, url=url, create=locked) as store:
            store.require(actor, action)
    except MissingError:
        pass  # no store yet, so no roles: what is done makes it
    detail: dict[str, Json] = {}
    yield detail
    with PlanStore.of(workspace, url=url) as store:
        store.record(actor, action, subject, detail)


def import_detail(report: ImportReport) -> dict[str, Json]:
    """Return what the log records of an import."""
    return {"files": list(report.files), "read": report.read, "features": report.features}


def repair_detail(repair: Repair) -> dict[str, Json]:
    """Return what the log records of a repair: rows repaired by layer and kind of fault."""
    return {f"{item.layer}.{item.kind}": item.rows for item in repair.done if item.rows}
