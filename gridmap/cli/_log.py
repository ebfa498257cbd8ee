"""The workspace's store as commands use it, and the log of what they bring in or take out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from gridmap.api.open import open_store, plan_of
from gridmap.api.options import Options, option_specs
from gridmap.errors import WorkspaceError
from gridmap.fields import Json
from gridmap.settings import read_settings

if TYPE_CHECKING:
    import pandas as pd

    from gridmap.io import Workspace
    from gridmap.model import City, Plan

__all__ = ["load_plan", "logged", "open_store", "put_sheet", "put_table", "with_plans"]

O = TypeVar("O", bound=Options)  # noqa: E741 - the options' type


def load_plan(place: Workspace, city: City, name: str) -> Plan:
    """Return the plan that a command names; see `gridmap.api.open.plan_of`."""
    return plan_of(place.path, city, name)


def with_plans(place: Workspace, city: City, options: O) -> O:
    """Return options in which the saved plans that they name are loaded.

    ``present`` is what a verb takes anyway where no plan is given.
    """
    named = {
        spec.name: value
        for spec in option_specs(type(options))
        if spec.is_plan and isinstance(value := getattr(options, spec.name), str) and value
    }
    if not named:
        return options
    from gridmap.plans import PRESENT  # the store takes longer to load than most commands run

    loaded = {
        name: None if value == PRESENT else load_plan(place, city, value)
        for name, value in named.items()
    }
    return replace(options, **loaded)


def put_table(place: Workspace, out: Path | None, frame: pd.DataFrame, subject: str) -> None:
    """Write a verb's table where one was asked for, and log it."""
    if out is None:
        return
    from gridmap.io import write_frame

    with logged(place.path, "export", subject) as detail:
        write_frame(frame, out)
        detail.update(file=out.name, rows=len(frame))


def put_sheet(place: Workspace, out: Path | None, make: Callable[[], bytes], verb: str) -> None:
    """Write a verb's printed sheet where one was asked for, whole or not at all, and log it.

    Raises
    ------
    WorkspaceError
        If it cannot be written.
    """
    if out is None:
        return
    from gridmap.io.placing import new_folder_beside, put

    with logged(place.path, "export", verb) as detail:
        data = make()
        try:
            folder = new_folder_beside(out)
            try:
                (folder / out.name).write_bytes(data)
                put(folder / out.name, out)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorkspaceError(
                "io.error.cannot_write_file", path=str(out), reason=reason
            ) from error
        detail.update(file=out.name, bytes=len(data))


@contextmanager
def logged(
    workspace: Path, action: Literal["import", "export", "repair"], subject: str
) -> Iterator[dict[str, Json]]:
    """Let the local user do something, and write to the log what is put into the details."""
    from gridmap import plans

    with plans.logged(
        workspace, plans.LOCAL, plans.Action(action), subject, url=read_settings().database_url
    ) as detail:
        yield detail
