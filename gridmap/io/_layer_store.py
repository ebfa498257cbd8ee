"""Layers in GeoPackage files of our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gridmap.errors import ConflictError, WorkspaceError
from gridmap.gdal.formats import require_format
from gridmap.gdal.libraries import load_pyogrio
from gridmap.i18n import tr
from gridmap.io._commit import cannot_write
from gridmap.model import Kind, Layer

__all__ = ["read_stored_layer", "require_unchanged", "stamp_of", "write_stored_layer"]

_HEAD = 28  # bytes of a SQLite file up to its count of changes


def read_stored_layer(path: Path, kind: Kind, crs: CRS, provenance: Mapping[str, object]) -> Layer:
    """Return a layer that gridmap wrote.

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
    return Layer(kind, frame, provenance)


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
