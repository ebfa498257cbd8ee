"""The workspace's store as commands use it, and the log of what they bring in or take out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.plans import PlanStore

__all__ = ["logged", "open_store"]


def open_store(workspace: Path, *, create: bool = True) -> PlanStore:
    """Open the department's store where one is set, or the workspace's own.

    Raises
    ------
    MissingError
        If there is none yet and none shall be made.
    """
    from gridmap.plans import PlanStore

    return PlanStore.of(workspace, url=read_settings().database_url, create=create)


@contextmanager
def logged(
    workspace: Path, action: Literal["import", "export", "repair"], subject: str
) -> Iterator[dict[str, object]]:
    """Let the local user do something, and write to the log what is put into the details."""
    from gridmap import plans

    with plans.logged(
        workspace, plans.LOCAL, plans.Action(action), subject, url=read_settings().database_url
    ) as detail:
        yield detail
