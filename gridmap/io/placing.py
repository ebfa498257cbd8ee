"""Files and folders put in the place of others, and arrays kept in the user's cache folder.

Windows lets nobody rename or replace what another program has open: a scanner that looks at
every new file, a reader in another thread, Excel. The first two let go within seconds, so
putting a file in place waits for that long.

What is kept in the cache can always be made again: a file that is missing, broken or of another
format is ignored, and a folder that cannot be written keeps nothing. Each file belongs to the
very code that wrote it, since another gridmap may make another thing of the same data.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import code_digest
from gridmap.errors import WorkspaceError
from gridmap.settings import read_settings

_DEVICE = re.compile("con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)  # names of Windows' own
_WAIT_S = 10.0
_BEAT_S = 0.05
_IN_USE = {5, 32, 33}  # Windows: access denied, sharing violation, lock violation


def safe_name(name: str) -> str:
    """Return a name that a file or folder may have on every system, and that stays in its place.

    >>> safe_name("../东城 2025"), safe_name("con")
    ('___东城 2025', 'con_')
    """
    plain = "".join(item if item.isalnum() or item in " -" else "_" for item in name)[:60].strip()
    return f"{plain}_" if _DEVICE.fullmatch(plain) else plain


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


_MOST_FILES = 400
_MOST_BYTES = 2_000_000_000
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def kept_arrays(name: str) -> dict[str, NDArray[np.generic]] | None:
    """Return arrays that were kept under a name, or None.

    Parameters
    ----------
    name
        A digest of all the data and choices that the arrays depend on.
    """
    path = _path(name)
    if path is None or not path.is_file():
        return None
    try:
        # Reading each array whole checks the sum that the file holds of it.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            found = {key: held[key] for key in held.files}
    except _BROKEN:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the least recently used go first
    return found


def keep_arrays(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Keep arrays under a name, and drop what was not used for longest.

    Parameters
    ----------
    name
        As for `kept_arrays`.
    arrays
        Numbers and flags; no Python objects.
    """
    path = _path(name)
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **dict[str, Any](arrays))
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(path)
        finally:
            Path(part).unlink(missing_ok=True)
        _sweep(path.parent)


def _path(name: str) -> Path | None:
    folder = read_settings().cache
    return Path(folder) / f"{name}-{code_digest('.py', '.toml')}.npz" if folder else None


def _sweep(folder: Path) -> None:
    """Remove the files beyond the newest few, or beyond what they may hold together."""
    found = [(item.stat().st_mtime, item.stat().st_size, item) for item in folder.glob("*.npz")]
    held = 0
    for rank, (_, size, item) in enumerate(sorted(found, reverse=True)):
        held += size
        if rank and (rank >= _MOST_FILES or held > _MOST_BYTES):
            item.unlink(missing_ok=True)
