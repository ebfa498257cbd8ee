"""One writer at a time, and two files that change together or not at all.

A change is written beside the files that it will replace. It is committed once the new
``gridmap.toml`` is complete under its pending name; the next process that opens the workspace
completes it if the writer was killed before the last rename.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
from filelock import FileLock, Timeout
from pyproj import CRS

from gridmap.errors import ConflictError, WorkspaceError
from gridmap.fields import Json
from gridmap.gdal.formats import load_pyogrio, require_format
from gridmap.i18n import tr
from gridmap.io.placing import new_folder_beside, put
from gridmap.model import Kind, Layer

_HEAD = 28  # bytes of a SQLite file up to its count of changes


def read_stored_layer(
    path: Path, kind: Kind, crs: CRS, provenance: Mapping[str, Json], stamp: object
) -> Layer:
    """Return a layer that gridmap wrote.

    Parameters
    ----------
    path, kind, crs, provenance
        The file, the layer in it, its CRS, and what the workspace remembers of it.
    stamp
        The file's stamp when the digest was stored: another program that edits the file makes
        other layers of it. None computes the digest.

    Raises
    ------
    WorkspaceError
        If the file or the layer cannot be read.
    """
    pyogrio = load_pyogrio()
    unreadable = pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError
    try:
        require_format(path)
        frame = pyogrio.read_dataframe(path, layer=str(kind), use_arrow=True)
    except (*unreadable, OSError, ValueError) as error:
        raise WorkspaceError(
            "io.error.layer_unreadable", kind=str(kind), path=str(path.parent)
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise WorkspaceError("io.error.layer_unreadable", kind=str(kind), path=str(path.parent))
    frame.set_crs(crs, allow_override=True, inplace=True)
    digest = str(provenance.get("digest", "")) if stamp == stamp_of(path) else ""
    return Layer(kind, frame, provenance, digest)


def write_stored_layer(layer: Layer, path: Path) -> None:
    """Write a layer into a GeoPackage, in the place of the one of its kind.

    Raises
    ------
    WorkspaceError
        If it cannot be written: the disk may be full.
    """
    pyogrio = load_pyogrio()
    # The same layers give the same bytes: no clock in the file.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00Z"})
    frame = gpd.GeoDataFrame(layer.frame)
    for name in frame.columns:
        if name != "geometry" and frame[name].dtype == object:
            frame[name] = frame[name].map(lambda v: None if pd.isna(v) else str(v))
    try:
        pyogrio.write_dataframe(
            frame, path, layer=str(layer.kind), driver="GPKG", geometry_name="geom",
            promote_to_multi=False, use_arrow=False,
        )  # fmt: skip
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        size = path.stat().st_size if path.exists() else 0
        raise cannot_write(path.parent, error, size=size) from error
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def stamp_of(path: Path) -> int:
    """Return how often a GeoPackage was changed, as SQLite counts it in the file's head; or -1.

    Any program that writes into the file counts on; a copy has the same number.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return -1
    return int.from_bytes(head[24:28], "big") if len(head) == _HEAD else -1


def require_unchanged(
    entries: Mapping[str, Mapping[str, object]], upon: Mapping[Kind, str], folder: Path
) -> None:
    """Refuse to write what was made from layers that a workspace no longer holds.

    Parameters
    ----------
    entries
        What the workspace says of its layers, by kind.
    upon
        Digest of each layer as it was read, blank for one that was not there.

    Raises
    ------
    ConflictError
        If somebody has stored another of these since.
    """
    for kind, digest in upon.items():
        if str(entries.get(str(kind), {}).get("digest", "")) != digest:
            what = tr(f"io.layer.{kind}")
            raise ConflictError("io.error.layer_changed", kind=what, path=str(folder))


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
    lock = FileLock(folder / LOCK, timeout=wait_s, poll_interval=_BEAT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError("io.error.locked", path=str(folder)) from error
    try:
        yield
    finally:
        # Unlinked while held: a waiter sees that its file is gone and takes a new one.
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        lock.release()


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
            # Nothing is in place yet, and the caller gets the error: the change is withdrawn.
            (folder / PENDING_CONFIG).unlink(missing_ok=True)
        raise


def carry_through(folder: Path) -> None:
    """Complete a committed change, and remove an uncommitted one."""
    config, layers = folder / PENDING_CONFIG, folder / PENDING_LAYERS
    if config.exists():
        if layers.exists():
            put(layers, folder / "city.gpkg")
        put(config, folder / "gridmap.toml")
    _sweep(folder)
    _sync_folder(folder)


def sweep_pending(folder: Path) -> None:
    """Remove what a change that failed has left: on a full disk it would stay in the way.

    A committed change (its ``gridmap.toml`` is complete) is left to be carried
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
    folder.chmod(0o700)  # from Python there is no umask of ours
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
