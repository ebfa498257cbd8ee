"""Writing to the workspace's log what a command brought in or took out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.io import Workspace

__all__ = ["log"]


def log(
    place: Workspace,
    action: Literal["import", "export"],
    subject: str,
    detail: Mapping[str, object],
) -> None:
    """Write down what was done: names of files, counts, digests, never a value of a row."""
    from gridmap.plans import LOCAL, Action, PlanStore

    with PlanStore.open(read_settings().database_url or place.database_path) as store:
        store.record(LOCAL, Action(action), subject, detail)
