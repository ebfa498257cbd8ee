"""What is done outside the store, and still stands in its log: imports, repairs, reports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridmap.errors import MissingError
from gridmap.fields import Json
from gridmap.io import ImportReport, Repair, Workspace
from gridmap.plans.people import Action, Actor, require
from gridmap.plans.store import PlanStore

__all__ = ["import_detail", "logged", "repair_detail"]


@contextmanager
def logged(
    workspace: Path, actor: Actor, action: Action, subject: str, *, url: str = ""
) -> Iterator[dict[str, Json]]:
    """Ask whether somebody may do a thing, let it be done, and write it to the log.

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
        To be filled in with what the log shall tell: names of files, counts, digests; never
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
    """Return what the log tells of an import."""
    return {"files": list(report.files), "read": report.read, "features": report.features}


def repair_detail(repair: Repair) -> dict[str, Json]:
    """Return what the log tells of a repair: rows mended by layer and kind of fault."""
    return {f"{item.layer}.{item.kind}": item.rows for item in repair.done if item.rows}
