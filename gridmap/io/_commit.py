"""One writer at a time, and two files that change together or not at all.

A change is written beside the files that it will replace. It holds from the moment the new
``gridmap.toml`` stands complete under its pending name; whoever opens the workspace next
carries it through if the writer was killed before the last rename.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from gridmap.errors import WorkspaceError
from gridmap.io.placing import new_folder_beside, put

__all__ = [
    "LOCK",
    "PENDING_CONFIG",
    "PENDING_LAYERS",
    "cannot_write",
    "carry_through",
    "commit",
    "flushed",
    "locked",
    "made_folder",
    "sweep_pending",
]

LOCK = ".gridmap.lock"
PENDING_CONFIG = ".pending-gridmap.toml"
PENDING_LAYERS = ".pending-city.gpkg"
_WAIT_S = 10.0
_BEAT_S = 0.05
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LEAST_ROOM = 1_000_000  # bytes that a disk has free when it is no longer called full


def cannot_write(folder: Path, error: Exception, *, size: int = 0) -> WorkspaceError:
    """Return what to raise when a workspace cannot be written.

    Where a file can grow no more, GDAL names what it was doing (``Layer grid already
    exists``), so the disk itself is asked too.

    Parameters
    ----------
    folder
        The workspace.
    error
        What went wrong.
    size
        Bytes of the file that a library was writing.
    """
    reason = str(error)
    if isinstance(error, OSError):
        full, reason = error.errno in _FULL, error.strerror or reason
    else:
        full = any(words in reason for words in ("already exists", "disk is full"))
        with contextlib.suppress(OSError):
            full |= shutil.disk_usage(folder).free < _LEAST_ROOM + 2 * size
    if full:
        return WorkspaceError("io.error.disk_full", path=str(folder))
    return WorkspaceError("io.error.cannot_write", path=str(folder), reason=reason)


@contextlib.contextmanager
def locked(folder: Path, *, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Hold the workspace's lock; the system frees it if the process dies.

    Raises
    ------
    WorkspaceError
        If somebody else holds it for longer than ``wait_s`` seconds.
    """
    until = time.monotonic() + wait_s
    while True:
        file = (folder / LOCK).open("a+b")
        if _try_lock(file) and _still_there(file, folder / LOCK):
            break
        file.close()
        if time.monotonic() > until:
            raise WorkspaceError("io.error.locked", path=str(folder))
        time.sleep(_BEAT_S)
    try:
        yield
    finally:
        # Unlinked while held: a waiter sees that its file is gone and takes a new one.
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        file.close()


def _try_lock(file: IO[bytes]) -> bool:
    try:
        import fcntl
    except ImportError:
        return _try_lock_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_lock_windows(file: IO[bytes]) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    try:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _still_there(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def flushed(path: Path) -> None:
    """Make sure that a file's bytes are on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def commit(folder: Path, config: str) -> None:
    """Put a new ``gridmap.toml`` in place, and ``city.gpkg`` with it if one is pending."""
    draft = folder / f"{PENDING_CONFIG}.draft"
    draft.write_text(config, encoding="utf-8")
    flushed(draft)
    put(draft, folder / PENDING_CONFIG)
    layers = folder / PENDING_LAYERS
    held = layers.exists()
    try:
        carry_through(folder)
    except OSError:
        if layers.exists() or not held:
            # Nothing is in place yet, and whoever made the change is told so: it is withdrawn.
            (folder / PENDING_CONFIG).unlink(missing_ok=True)
        raise


def carry_through(folder: Path) -> None:
    """Finish a change that holds already, and sweep up one that never did."""
    config, layers = folder / PENDING_CONFIG, folder / PENDING_LAYERS
    if config.exists():
        if layers.exists():
            put(layers, folder / "city.gpkg")
        put(config, folder / "gridmap.toml")
    _sweep(folder)
    _sync_folder(folder)


def sweep_pending(folder: Path) -> None:
    """Remove what a change that failed has left: on a full disk it would stay in the way.

    A change that holds already (its ``gridmap.toml`` stands complete) is left to be carried
    through.
    """
    if not (folder / PENDING_CONFIG).exists():
        _sweep(folder)


def _sweep(folder: Path) -> None:
    for leftover in folder.glob(".pending-*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def made_folder(target: Path, *, is_made: Callable[[], bool]) -> Iterator[Path]:
    """Yield a new folder beside the target, and rename it into place when all went well.

    Raises
    ------
    WorkspaceError
        If somebody else has made the target in the meantime.
    """
    folder = new_folder_beside(target)
    try:
        yield folder
        try:
            if target.is_dir():
                target.rmdir()
            put(folder, target)
        except OSError as error:
            if is_made():
                raise WorkspaceError("io.error.locked", path=str(target)) from error
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
