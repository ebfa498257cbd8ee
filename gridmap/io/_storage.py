"""A workspace's files: one writer at a time, changes whole or not at all, incidents by month.

A change is written beside the files that it will replace. It is committed once the new
``gridmap.toml`` is complete under its pending name; the next process that opens the workspace
completes it if the writer was killed before the last rename.

Incidents are one Parquet file per month, written and read in batches. Columns: ``x, y`` in the
working CRS, ``time``, ``category``; ``grid, beat, station, community``, the row of each layer that
an incident lies in, -1 for none; ``settled``, ``named_station`` and ``reported``, what a record
says itself, and ``case``, a digest of its number, where it does. ``gridmap.toml`` says in which
layers they were located.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import ConflictError, WorkspaceError
from gridmap.fields import Json
from gridmap.gdal.guards import load_pyogrio, require_format
from gridmap.i18n import tr
from gridmap.io.placing import new_folder_beside, put
from gridmap.model import IncidentBatch, Incidents, Kind, Layer
from gridmap.typing import Bools

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


_BATCH = 1_000_000
_MONTH = re.compile(r"(\d{4}-\d{2})-")


_REMEMBERED = ("sources", "read", "refused", "warnings")  # what a report says of an import


def store_incidents(
    incidents: Incidents, folder: Path, layers: Mapping[Kind, Layer]
) -> dict[str, Any]:
    """Write incidents, and where they lie, into a folder; return their entry.

    Parameters
    ----------
    incidents
        The incidents.
    folder
        Folder of the months; it is made.
    layers
        Grids, beats, stations and communities that they are located in; what is known of the
        same layers is not located again.
    """
    folder.mkdir(exist_ok=True)
    located = incidents.locate(layers)
    period = incidents.period
    return {
        "count": len(incidents),
        **({"precision": "month"} if incidents.precision == "month" else {}),
        "digest": incidents.digest,
        "period": [] if period is None else [moment.isoformat() for moment in period],
        "categories": list(incidents.categories),
        "located": {str(kind): layer.digest for kind, layer in layers.items()},
        "files": write_months(located, folder, tuple(layers)),
    }


def stored_incidents(folder: Path, entry: Mapping[str, Any] | None, crs: CRS) -> Incidents | None:
    """Return the incidents that an entry made by `store_incidents` stands for.

    Raises
    ------
    WorkspaceError
        If one of its files is not there.
    """
    if not entry:
        return None
    paths = [folder / name for name in entry["files"]]
    lost = [path.name for path in paths if not path.is_file()]
    if lost:
        raise WorkspaceError("io.error.incidents_lost", path=str(folder.parent), file=lost[0])
    categories = tuple(entry["categories"])
    located = {Kind(name): str(digest) for name, digest in entry.get("located", {}).items()}
    first_last = entry.get("period", ())
    known = (pd.Timestamp(first_last[0]), pd.Timestamp(first_last[1])) if first_last else None
    return Incidents(
        lambda: read_months(paths, categories, tuple(located)),
        int(entry["count"]),
        categories,
        crs,
        digest=str(entry["digest"]),
        located=located,
        reader=lambda names, since, until: read_columns(
            paths, categories, tuple(names), since=since, until=until
        ),
        known_period=known,
        precision="month" if entry.get("precision") == "month" else "second",
        provenance={name: entry[name] for name in _REMEMBERED if name in entry},
    )


def sweep_months(folder: Path, files: list[str]) -> None:
    """Remove the months of former imports, and what a killed one left.

    The new ones hold already, so a file that another program has open is left to the next
    import: Windows does not let go of it.
    """
    for path in folder.iterdir():
        if path.name not in files:
            with contextlib.suppress(OSError):
                path.unlink()


def write_months(incidents: Incidents, folder: Path, kinds: tuple[Kind, ...] = ()) -> list[str]:
    """Write incidents into new files of a folder and return their names.

    The names carry the digest of the incidents and of the layers they are located in, so
    files of another set are never overwritten; the configuration that lists the names decides
    which set is valid.
    """
    told = [incidents.digest, *(f"{kind}:{incidents.located[kind]}" for kind in kinds)]
    tag = hashlib.blake2b("|".join(told).encode(), digest_size=5).hexdigest()
    writers: dict[str, pq.ParquetWriter] = {}
    counts: dict[str, int] = {}
    try:
        for batch in incidents.batches():
            for month, part in _by_month(batch):
                name = f"{'unknown' if month == 'NaT' else month}-{tag}.parquet"
                table = _table(part, incidents.categories, kinds)
                if name not in writers:
                    # Fast to read: counts go through all incidents, again and again.
                    writers[name] = pq.ParquetWriter(
                        folder / f".{name}",
                        table.schema,
                        compression="lz4",
                        use_dictionary=["category", *map(str, kinds)],
                    )
                writers[name].write_table(table)
                counts[name] = counts.get(name, 0) + len(part)
    finally:
        for writer in writers.values():
            writer.close()
    if sum(counts.values()) != len(incidents):
        message = f"wrote {sum(counts.values())} of {len(incidents)} incidents"
        raise RuntimeError(message)
    for name in writers:
        hidden = folder / f".{name}"
        with hidden.open("rb+") as file:
            os.fsync(file.fileno())
        put(hidden, folder / name)
    return sorted(writers)


def read_months(
    paths: list[Path], categories: tuple[str, ...], kinds: tuple[Kind, ...] = ()
) -> Iterator[IncidentBatch]:
    """Yield batches of at most a million incidents, in the order of the files.

    Raises
    ------
    WorkspaceError
        If a file has gone since, or is damaged.
    """
    optional = ("settled", "named_station", "reported", "case")
    names = ["x", "y", "time", "category", *map(str, kinds)]
    for part in read_columns(paths, categories, names, optional=optional):
        yield IncidentBatch(
            part["x"],
            part["y"],
            part["time"],
            part["category"],
            part.get("settled"),
            part.get("named_station"),
            {kind: part[str(kind)] for kind in kinds},
            part.get("reported"),
            part.get("case"),
        )


def read_columns(
    paths: Sequence[Path],
    categories: tuple[str, ...],
    names: Sequence[str],
    *,
    optional: Sequence[str] = (),
    since: np.datetime64 | None = None,
    until: np.datetime64 | None = None,
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield some columns of at most a million incidents at a time, in the order of the files.

    Parameters
    ----------
    paths
        Files of months; those outside the period are not opened.
    categories
        Names that category numbers stand for.
    names
        Columns to read; ``month`` is a time in each incident's month, taken from the file's name.
    optional
        Columns to read where a file has them.
    since, until
        Yield incidents with ``since <= time < until`` only.

    Raises
    ------
    WorkspaceError
        If a file has gone since, or is damaged.
    """
    code_of = {name: code for code, name in enumerate(categories)}
    for path in paths:
        month = _month_of(path)
        inside = _is_inside(month, since, until)
        if inside == "no":
            continue
        where = {"path": str(path.parents[1]), "file": path.name}
        asked = {"time" if name == "month" and month is None else name for name in names}
        if inside == "partly":
            asked.add("time")
        # Without a column nothing would say how many there are.
        read = sorted(asked - {"month"}) or ["category"]
        try:
            with pq.ParquetFile(path, read_dictionary=["category"]) as file:
                columns = _stored_names(file.schema_arrow)
                wanted = {name: columns[name] for name in read}
                wanted |= {name: columns[name] for name in optional if name in columns}
                for part in file.iter_batches(_BATCH, columns=list(wanted.values())):
                    found: dict[str, NDArray[Any]] = {
                        name: _codes(part.column(stored), code_of)
                        if name == "category"
                        else _values(part.column(stored))
                        for name, stored in wanted.items()
                    }
                    if "month" in names:
                        found["month"] = (
                            found["time"] if month is None else np.full(len(part), month)
                        )
                    if inside == "partly":
                        keep = _between(found["time"], since, until)
                        found = {name: column[keep] for name, column in found.items()}
                    yield found
        except FileNotFoundError as error:
            raise WorkspaceError("io.error.incidents_lost", **where) from error
        except (pa.ArrowException, OSError, KeyError) as error:
            raise WorkspaceError("io.error.incidents_unreadable", **where) from error


def _stored_names(schema: pa.Schema) -> dict[str, str]:
    """Return what each column is called in a file, by what it is.

    In workspaces of versions 1 and 2, ``station`` is the text that the record names.
    """
    names = {name: name for name in schema.names}
    if "station" in names and not pa.types.is_integer(schema.field("station").type):
        names["named_station"] = names.pop("station")
    return names


def _month_of(path: Path) -> np.datetime64 | None:
    """Return the first second of the month that a file is named after; None for no time."""
    named = _MONTH.match(path.name)
    return None if named is None else np.datetime64(named[1], "M").astype("datetime64[s]")


def _is_inside(
    month: np.datetime64 | None, since: np.datetime64 | None, until: np.datetime64 | None
) -> Literal["yes", "no", "partly"]:
    """Return whether the incidents of a file lie in a period."""
    if since is None and until is None:
        return "yes"
    if month is None:
        return "no"  # what has no time belongs to no period
    after = (month.astype("datetime64[M]") + 1).astype("datetime64[s]")
    if (since is not None and after <= since) or (until is not None and month >= until):
        return "no"
    whole = (since is None or since <= month) and (until is None or after <= until)
    return "yes" if whole else "partly"


def _between(
    time: NDArray[np.datetime64], since: np.datetime64 | None, until: np.datetime64 | None
) -> Bools:
    keep = ~np.isnat(time)
    if since is not None:
        keep &= time >= since
    if until is not None:
        keep &= time < until
    return keep


def _by_month(batch: IncidentBatch) -> Iterator[tuple[str, IncidentBatch]]:
    """Yield the incidents of each month, in the order of the batch."""
    days = batch.time.astype("datetime64[D]")
    known = ~np.isnat(days)
    months = np.full(len(days), -1, dtype=np.int32)
    names = np.empty(0, "datetime64[M]")
    if known.any():
        # The calendar is asked once a day, not once an incident.
        first, last = days[known].min(), days[known].max()
        names, month_of_day = np.unique(
            np.arange(first, last + 1).astype("datetime64[M]"), return_inverse=True
        )
        months[known] = month_of_day[(days[known] - first).astype(np.int64)]
    if (months[1:] < months[:-1]).any():
        order = np.argsort(months, kind="stable")
        batch, months = batch.take(order), months[order]
    changes = np.flatnonzero(months[1:] != months[:-1]) + 1
    starts = [0, *map(int, changes)] if len(months) else []
    for start, end in pairwise([*starts, len(months)]):
        name = "NaT" if months[start] < 0 else str(names[months[start]])
        yield name, batch if end - start == len(months) else batch.take(slice(start, end))


def _table(batch: IncidentBatch, categories: tuple[str, ...], kinds: tuple[Kind, ...]) -> pa.Table:
    codes = pa.array(batch.category, mask=batch.category < 0, type=pa.int16())
    columns: dict[str, object] = {
        "x": batch.x,
        "y": batch.y,
        "time": pa.array(batch.time.astype("datetime64[s]")),
        "category": pa.DictionaryArray.from_arrays(codes, pa.array(categories, pa.string())),
    }
    columns |= {str(kind): batch.rows[kind] for kind in kinds}
    if batch.settled is not None:
        columns["settled"] = pa.array(batch.settled.astype("datetime64[s]"))
    if batch.reported is not None:
        columns["reported"] = pa.array(batch.reported.astype("datetime64[s]"))
    if batch.case is not None:
        columns["case"] = pa.array(batch.case, pa.uint64())
    if batch.station is not None:
        columns["named_station"] = pa.array(batch.station, pa.string())
    return pa.table(columns)


def _codes(column: pa.DictionaryArray, code_of: dict[str, int]) -> NDArray[np.int16]:
    words = column.dictionary.to_pylist()
    lookup = np.array([*(code_of[word] for word in words), -1], dtype=np.int16)
    codes = column.indices
    if codes.null_count:
        codes = codes.fill_null(len(words))
    found: NDArray[np.int16] = lookup[codes.to_numpy(zero_copy_only=False)]
    return found


def _values(column: pa.Array) -> NDArray[Any]:
    values = column.to_numpy(zero_copy_only=False)
    return values.astype("datetime64[s]") if values.dtype.kind == "M" else values
