"""Rows of the store's tables, read and written inside a transaction that the store holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping, Select, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gridmap.errors import MissingError, some_ids
from gridmap.model import Plan
from gridmap.plans import _packing as packing
from gridmap.plans._schema import (
    AUDIT,
    AUDIT_HEAD,
    COMMANDS,
    GRID_SETS,
    GRID_SHAPES,
    PLANS,
    ROLES,
    VERSIONS,
)
from gridmap.plans.audit import AuditRecord, BrokenLink, link_hash
from gridmap.plans.commands import Command, command_from_record, command_record
from gridmap.plans.fingerprints import GridPrints
from gridmap.plans.people import LOCAL, Action, Actor, Role, require
from gridmap.plans.versions import PlanVersion

Row = Mapping[str, Any]


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
    """Return what a row of `versions` tells."""
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
        locks=packing.locks_of(row["locks"]),
        faults=packing.faults_of(row["faults"]),
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
    return MissingError("plans.error.no_plan", plan=name, known=some_ids(names) or "-")


def plan_of(connection: Connection, row: Row | RowMapping) -> Plan:
    """Return the plan of a row of `versions`."""
    query = select(GRID_SETS.c.ids).where(GRID_SETS.c.digest == row["grid_set"])
    return Plan(
        name=row["name"],
        grid_ids=packing.unpack_ids(connection.execute(query).scalar_one()),
        assignment=packing.unpack_rows(row["assignment"]),
        beats=packing.beats_of(row["beats"]),
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
    return GridPrints.unpack(packing.unpack_ids(row["ids"]), row["prints"])


def commands_of(connection: Connection, version_id: int) -> tuple[Command, ...]:
    """Return the commands of a version, the oldest first."""
    query = (
        select(COMMANDS.c.record)
        .where(COMMANDS.c.version_id == version_id)
        .order_by(COMMANDS.c.position)
    )
    records = connection.execute(query).scalars()
    return tuple(command_from_record(json.loads(record)) for record in records)


def put_commands(connection: Connection, version_id: int, commands: tuple[Command, ...]) -> None:
    """Write the commands of a version."""
    if commands:
        rows = [
            {
                "version_id": version_id,
                "position": position,
                "record": json.dumps(command_record(command), ensure_ascii=False),
            }
            for position, command in enumerate(commands)
        ]
        connection.execute(insert(COMMANDS), rows)


def put_once(connection: Connection, table: Table, **values: object) -> None:
    """Write a row unless one of its key is there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())


def lock_plan(connection: Connection, name: str, at: str) -> int:
    """Return the number of a plan, made if it is new; nobody else saves it until the end."""
    query = select(PLANS.c.id).where(PLANS.c.name == name).with_for_update()
    found = connection.execute(query).scalar()
    if found is None:
        put_once(connection, PLANS, name=name, at=at)
        found = connection.execute(query).scalar_one()
    return int(found)


def latest_version(connection: Connection, plan_id: int) -> RowMapping | None:
    """Return the row of the latest version of a plan, or None."""
    query = versions().where(PLANS.c.id == plan_id).order_by(VERSIONS.c.number.desc()).limit(1)
    return connection.execute(query).mappings().first()


def roles(connection: Connection) -> dict[str, Role]:
    """Return everybody who was given a role, and the last one they were given."""
    query = select(ROLES.c.person, ROLES.c.role).order_by(ROLES.c.id)
    return {row.person: Role(row.role) for row in connection.execute(query)}


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
    if given:
        require(Actor(actor.name, given.get(actor.name, Role.VIEWER)), action)


def append_record(
    connection: Connection, actor: Actor, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Write the next link of the log; the head's lock keeps the chain single."""
    head = connection.execute(select(AUDIT_HEAD).with_for_update()).mappings().one()
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


def broken_version(connection: Connection, records: list[AuditRecord]) -> BrokenLink | None:
    """Return the first record whose saved plan is gone or is another, or a plan without one."""
    told: set[tuple[str, int]] = set()
    for record in records:
        detail = json.loads(record.detail)
        if record.action not in {"save", "import_plan"}:
            continue
        told.add((record.subject, detail["version"]))
        query = versions().where(
            PLANS.c.name == record.subject, VERSIONS.c.number == detail["version"]
        )
        row = connection.execute(query).mappings().first()
        if row is None or plan_of(connection, row).digest != detail["digest"]:
            return BrokenLink(record.number, "version", record.subject)
    query = sa.select(PLANS.c.name, VERSIONS.c.number).join(
        VERSIONS, PLANS.c.id == VERSIONS.c.plan_id
    )
    for row in connection.execute(query).mappings():
        if (row["name"], row["number"]) not in told:
            return BrokenLink(len(records) + 1, "untold", row["name"])
    return None
