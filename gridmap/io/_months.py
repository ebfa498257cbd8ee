"""Incidents on disk: one Parquet file a month, written and read in batches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS

from gridmap.errors import WorkspaceError
from gridmap.io.placing import put
from gridmap.model import IncidentBatch, Incidents

__all__ = ["read_months", "store_incidents", "stored_incidents", "sweep_months", "write_months"]

_BATCH = 1_000_000


def store_incidents(incidents: Incidents, folder: Path) -> dict[str, Any]:
    """Write incidents into a folder and return the entry that makes them hold."""
    folder.mkdir(exist_ok=True)
    return {
        "count": len(incidents),
        "digest": incidents.digest,
        "categories": list(incidents.categories),
        "files": write_months(incidents, folder),
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
    return Incidents(
        lambda: read_months(paths, categories),
        int(entry["count"]),
        categories,
        crs,
        str(entry["digest"]),
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


def write_months(incidents: Incidents, folder: Path) -> list[str]:
    """Write incidents into new files of a folder and return their names.

    The names carry the digest, so files of another set are never overwritten; which set
    holds is said by whoever lists the names.
    """
    tag = incidents.digest[:10]
    writers: dict[str, pq.ParquetWriter] = {}
    counts: dict[str, int] = {}
    try:
        for batch in incidents.batches():
            months = batch.time.astype("datetime64[M]").astype(str)
            for month in np.unique(months):
                part = batch.take(months == month)
                name = f"{'unknown' if month == 'NaT' else month}-{tag}.parquet"
                table = _table(part, incidents.categories)
                if name not in writers:
                    writers[name] = pq.ParquetWriter(
                        folder / f".{name}", table.schema, compression="zstd"
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


def read_months(paths: list[Path], categories: tuple[str, ...]) -> Iterator[IncidentBatch]:
    """Yield batches of at most a million incidents, in the order of the files.

    Raises
    ------
    WorkspaceError
        If a file has gone since, or is damaged.
    """
    code_of = {name: code for code, name in enumerate(categories)}
    for path in paths:
        where = {"path": str(path.parents[1]), "file": path.name}
        try:
            with pq.ParquetFile(path, read_dictionary=["category"]) as file:
                for part in file.iter_batches(batch_size=_BATCH):
                    yield _batch(part, code_of)
        except FileNotFoundError as error:
            raise WorkspaceError("io.error.incidents_lost", **where) from error
        except (pa.ArrowException, OSError, KeyError) as error:
            raise WorkspaceError("io.error.incidents_unreadable", **where) from error


def _table(batch: IncidentBatch, categories: tuple[str, ...]) -> pa.Table:
    codes = pa.array(batch.category, mask=batch.category < 0, type=pa.int16())
    columns: dict[str, object] = {
        "x": batch.x,
        "y": batch.y,
        "time": pa.array(batch.time.astype("datetime64[s]")),
        "category": pa.DictionaryArray.from_arrays(codes, pa.array(categories, pa.string())),
    }
    if batch.settled is not None:
        columns["settled"] = pa.array(batch.settled.astype("datetime64[s]"))
    if batch.station is not None:
        columns["station"] = pa.array(batch.station, pa.string())
    return pa.table(columns)


def _batch(part: pa.RecordBatch, code_of: dict[str, int]) -> IncidentBatch:
    column = part.column("category")
    words = column.dictionary.to_pylist()
    lookup = np.array([*(code_of[word] for word in words), -1], dtype=np.int16)
    codes = column.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    names = part.schema.names

    def times(name: str) -> np.ndarray:
        return part.column(name).to_numpy(zero_copy_only=False).astype("datetime64[s]")

    return IncidentBatch(
        part.column("x").to_numpy(),
        part.column("y").to_numpy(),
        times("time"),
        lookup[codes],
        times("settled") if "settled" in names else None,
        part.column("station").to_numpy(zero_copy_only=False) if "station" in names else None,
    )
