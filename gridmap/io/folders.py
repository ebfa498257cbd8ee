"""Several workspaces in one folder."""

from __future__ import annotations

from pathlib import Path

from gridmap.errors import WorkspaceError
from gridmap.io.workspace import CONFIG, Workspace

__all__ = ["workspaces_at"]


def workspaces_at(path: str | Path) -> list[Workspace]:
    """Return the workspace in a folder, or those in the folders inside it, by name.

    An empty folder has none: it is one that workspaces are yet to be made in.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    WorkspaceError
        If there is no such folder, or it holds other things only.
    """
    folder = Path(path)
    if (folder / CONFIG).is_file():
        return [Workspace(folder)]
    if not folder.is_dir():
        raise WorkspaceError("io.error.not_workspace", path=str(path))
    # A hidden one is on its way to its place.
    inside = [
        Workspace(item.parent)
        for item in sorted(folder.glob(f"*/{CONFIG}"))
        if not item.parent.name.startswith(".")
    ]
    if not inside and any(folder.iterdir()):
        raise WorkspaceError("io.error.no_workspaces", path=str(path))
    return inside
