"""Saving a plan in one transaction, and the conflict of two who save on one version."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, Engine, RowMapping, insert

from gridmap.errors import ConflictError, InputError
from gridmap.i18n import tr
from gridmap.io import refuse_personal, refuse_personal_columns
from gridmap.model import Layer, Plan
from gridmap.plans import _packing as packing
from gridmap.plans import _rows as rows
from gridmap.plans._database import writing
from gridmap.plans._schema import GRID_SETS, VERSIONS
from gridmap.plans.commands import Command
from gridmap.plans.differences import plan_difference
from gridmap.plans.draft import Fault, Locks
from gridmap.plans.fingerprints import fit_plan, grid_prints
from gridmap.plans.people import Action, Actor, account_text, require
from gridmap.plans.versions import PRESENT, PlanVersion

_LONGEST_NAME = 200
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


def check_name(name: str) -> None:
    """Refuse a name that a plan cannot have.

    Raises
    ------
    InputError
        If it is blank, too long, or stands for today's beats.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or name == PRESENT:
        raise InputError("plans.error.plan_name", received=name, limit=_LONGEST_NAME)


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
    theirs = rows.plan_of(connection, latest)
    if base == 0 or base > latest["number"]:
        return ConflictError(
            "plans.error.base_taken" if base == 0 else "plans.error.base_missing",
            plan=plan.name,
            base=base,
            latest=latest["number"],
            author=account_text(latest["author"]),
            their_version=rows.version_of(latest),
            your_commands=work.commands,
        )
    common = rows.plan_of(connection, rows.find_version(connection, plan.name, base))
    since = [
        command
        for number in range(base + 1, latest["number"] + 1)
        for command in rows.commands_of(
            connection, rows.find_version(connection, plan.name, number)["id"]
        )
    ]
    their_change, your_change = plan_difference(common, theirs), plan_difference(common, plan)
    return ConflictError(
        "plans.error.conflict",
        plan=plan.name,
        base=base,
        latest=latest["number"],
        author=account_text(latest["author"]),
        their_version=rows.version_of(latest),
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
    check_name(plan.name)
    _refuse_persons(work)
    prints = None
    if work.grids is not None:
        fit_plan(plan, work.grids)
        prints = grid_prints(work.grids)
    at = rows.now()
    grid_set, ids = packing.pack_ids(plan.grid_ids)
    values = {
        "base": work.base or None,
        "at": at,
        "author": author.name,
        "note": work.note,
        "city_digest": plan.city_digest,
        "grid_set": grid_set,
        "beat_count": len(plan),
        "assignment": packing.pack_rows(plan.assignment),
        "beats": packing.beats_text(plan.beats),
        "locks": packing.locks_text(work.locks),
        "faults": packing.faults_text(work.faults),
        "digest": plan.digest,
        "origin_plan": work.origin[0] if work.origin else None,
        "origin_version": work.origin[1] if work.origin else None,
    }
    with writing(engine) as connection:
        rows.require_here(connection, author, action)
        place = rows.lock_plan(connection, plan.name, at)
        latest = rows.latest_version(connection, place["id"])
        last = latest["number"] if latest else 0
        if work.base is not None and work.base != last:
            raise _conflict(connection, work, latest)
        values |= {"plan_id": place["id"], "number": last + 1}
        rows.put_once(connection, GRID_SETS, digest=grid_set, size=len(plan.grid_ids), ids=ids)
        shapes = []
        if prints is not None and plan.city_digest:
            shapes = rows.put_shapes(connection, plan.city_digest, grid_set, prints.pack())
        query = insert(VERSIONS).values(**values).returning(VERSIONS.c.id)
        texts = rows.command_texts(work.commands)
        rows.put_commands(connection, connection.execute(query).scalar_one(), texts)
        told = {**values, "name": plan.name}
        detail = {
            "version": last + 1,
            "base": work.base or None,
            "digest": plan.digest,
            "commands": len(work.commands),
            "facts": rows.version_digest(told, place["at"], texts),
            "shapes": shapes,
        }
        rows.append_record(connection, author, _LOGGED[action], plan.name, detail)
    return rows.version_of(told)
