"""Files and folders put in the place of others, on every system.

Windows lets nobody rename or replace what another program has open: a scanner that looks at
every new file, a reader in another thread, Excel. The first two let go within seconds, so
putting a file in place waits for that long.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from gridmap.errors import WorkspaceError

_WAIT_S = 10.0
_BEAT_S = 0.05
_IN_USE = {5, 32, 33}  # Windows: access denied, sharing violation, lock violation


def put(source: Path, target: Path, *, wait_s: float = _WAIT_S) -> None:
    """Rename a file over another, or a folder to a name that is free.

    Parameters
    ----------
    source
        What is complete.
    target
        Where it belongs, on the same disk.
    wait_s
        Seconds to wait where Windows says that another program has one of them open.

    Raises
    ------
    OSError
        If it cannot be renamed.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            source.replace(target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _IN_USE or time.monotonic() > until:
                raise
            time.sleep(_BEAT_S)
        else:
            return


def new_folder_beside(target: Path) -> Path:
    """Make a hidden folder beside a file or folder, to be put in its place or emptied into it.

    It has the rights of any new folder there. One from `tempfile` is its maker's alone, and
    so would be, on Windows, each file that is moved out of it.

    Parameters
    ----------
    target
        What will be there; the folders that lead to it are made.

    Raises
    ------
    OSError
        If nothing can be made there.
    """
    parent = target.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f".gridmap-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def check_new_folder(target: Path) -> None:
    """Refuse a target that is a file, or a folder that holds anything.

    Raises
    ------
    WorkspaceError
        If it is one.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WorkspaceError("io.error.folder_taken", path=str(target))
