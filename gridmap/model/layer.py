"""One frozen set of features of one kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, InputError, some_ids
from gridmap.fields import AREA_KINDS, Json, Kind, fields_of
from gridmap.typing import Bools, Floats

_DIMENSIONS = {
    **dict.fromkeys(AREA_KINDS, (2,)),
    Kind.ROOM: (0,),
    Kind.FACILITY: (0,),
    Kind.ROAD: (1,),
    Kind.BARRIER: (1, 2),
}


@dataclass(frozen=True, eq=False)
class Layer:
    """One frozen set of features: kind, frame, CRS and where they came from.

    Parameters
    ----------
    kind
        What the features are.
    frame
        One row per feature, with a ``geometry``, a text column ``id`` without blanks or
        repeats, and any of the columns of `gridmap.fields`. It is copied; treat
        `Layer.frame` as read-only.
    provenance
        Where the features came from: files, encoding, CRS, mapping, what was refused.
    stored_digest
        The digest that was stored with the same features; computed if blank.

    Raises
    ------
    CRSError
        If the frame has no CRS.
    InputError
        If ids are missing, blank or repeated, a count is not a number, or a geometry is of
        the wrong dimension for the kind.

    Notes
    -----
    Two layers with the same features have the same `digest`, whatever file they came from.
    """

    kind: Kind
    frame: gpd.GeoDataFrame
    provenance: Mapping[str, Json] = field(default_factory=dict)
    stored_digest: InitVar[str] = ""
    _stored: str = field(init=False, repr=False)

    def __post_init__(self, stored_digest: str) -> None:
        """Check the whole invariant."""
        frame = self.frame.copy()
        frame.index = pd.RangeIndex(len(frame))
        label = f"{self.kind}"
        if frame.crs is None:
            raise CRSError("model.error.layer_no_crs", kind=label)
        if "id" not in frame.columns:
            raise InputError("model.error.layer_no_id", kind=label)
        ids = frame["id"]
        if ids.isna().any() or (ids.astype(str).str.strip() == "").any():
            rows = np.flatnonzero(ids.isna() | (ids.astype(str).str.strip() == ""))
            raise InputError("model.error.layer_blank_id", kind=label, rows=some_ids(rows + 1))
        frame["id"] = ids.astype(str)
        if frame["id"].duplicated().any():
            repeated = frame["id"][frame["id"].duplicated()].unique()
            raise InputError("model.error.layer_repeated_id", kind=label, ids=some_ids(repeated))
        shapes = frame.geometry.to_numpy()
        wrong = ~np.isin(shapely.get_dimensions(shapes), _DIMENSIONS[self.kind])
        wrong &= ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
        if wrong.any():
            raise InputError(
                "model.error.layer_wrong_geometry",
                kind=label,
                received=", ".join(sorted(set(frame.geometry.geom_type[wrong]))),
                ids=some_ids(frame["id"][wrong]),
            )
        for name, spec in fields_of(self.kind).items():
            if spec.content == "count" and name in frame.columns:
                if not pd.api.types.is_numeric_dtype(frame[name]):
                    raise InputError("model.error.layer_not_numeric", kind=label, field=name)
                frame[name] = frame[name].astype("float64")
        object.__setattr__(self, "_stored", stored_digest)
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"<Layer {self.kind}: {len(self)} features, {self.crs.to_string()}>"

    @property
    def crs(self) -> CRS:
        """The CRS of the geometry."""
        return CRS(self.frame.crs)

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """The ids, text, shape (n,)."""
        return self.frame["id"].to_numpy(dtype=object)

    @cached_property
    def geometry(self) -> NDArray[np.object_]:
        """The shapely geometries, shape (n,)."""
        return np.asarray(self.frame.geometry.to_numpy(), dtype=object)

    @cached_property
    def area_m2(self) -> Floats:
        """The areas in square metres, shape (n,); the CRS must be in metres."""
        return np.asarray(shapely.area(self.geometry), dtype=float)

    @cached_property
    def names(self) -> NDArray[np.object_]:
        """The names, text, shape (n,); the id where there is no name."""
        if "name" not in self.frame.columns:
            return self.ids
        name = self.frame["name"].astype(object)
        return np.where(name.isna(), self.ids, name.astype(str)).astype(object)

    def has(self, name: str) -> bool:
        """Return whether the frame has a column of this name."""
        return name in self.frame.columns

    def counts(self, name: str) -> Floats:
        """Return a column of counts, shape (n,); a missing column or value counts as 0."""
        if name not in self.frame.columns:
            return np.zeros(len(self))
        values = pd.to_numeric(self.frame[name], errors="coerce")
        return np.nan_to_num(values.to_numpy(dtype=float), nan=0.0)

    def is_counted(self, name: str) -> bool:
        """Return whether the column exists and holds at least one number."""
        if name not in self.frame.columns:
            return False
        return bool(pd.to_numeric(self.frame[name], errors="coerce").notna().any())

    def texts(self, name: str) -> NDArray[np.object_]:
        """Return a column of text, shape (n,); a missing column or value is ``""``."""
        if name not in self.frame.columns:
            return np.full(len(self), "", dtype=object)
        column = self.frame[name].astype(object)
        return column.where(column.notna(), "").astype(str).to_numpy(dtype=object)

    @cached_property
    def digest(self) -> str:
        """Sixteen bytes in hex over geometry, columns and CRS."""
        if self._stored:
            return self._stored
        sums = hashlib.blake2b(digest_size=16)
        sums.update(f"{self.kind}|{self.crs.to_wkt()}".encode())
        for wkb in shapely.to_wkb(self.geometry, include_srid=False):
            sums.update(wkb or b"\0")
        for name in sorted(set(self.frame.columns) - {"geometry"}):
            sums.update(f"|{name}|".encode())
            column = self.frame[name]
            if pd.api.types.is_numeric_dtype(column):
                sums.update(column.to_numpy(dtype=float, na_value=np.nan).tobytes())
            else:
                sums.update("\x1f".join(map(str, column)).encode())
        return sums.hexdigest()


# -- grids joined to the ground of a beat: the polygons that are drawn, exported and measured


_OVERLAP_M = 0.001  # by which what bridges a gap reaches into both sides


def join_grids(shapes: NDArray[np.object_], *, gap_m: float = 0.0) -> shapely.Geometry:
    """Return the union of grids, in one polygon where they are neighbours.

    Grids count as neighbours across gaps of up to ``gap_m`` (`Adjacency.build`). Where such a
    gap parts the union, the strip between is added; other gaps and holes stay as drawn.

    Parameters
    ----------
    shapes
        Polygons in metres; those that cross themselves are repaired first.
    gap_m
        Widest gap that neighbours may have, metres.
    """
    if bool(shapely.coverage_is_valid(shapes)):
        union = shapely.coverage_union_all(shapes)
    else:
        sound = shapely.is_valid(shapes) | shapely.is_missing(shapes)
        union = shapely.union_all(shapes if sound.all() else shapely.make_valid(shapes))
    if gap_m <= 0.0 or shapely.get_num_geometries(union) < 2:
        return union
    # A closing fills all that is narrower than the gap; what touches two parts bridges them.
    reach = gap_m / 2.0 * (1.0 + 1e-6)
    wide = shapely.buffer(union, reach, join_style="mitre")
    closed = shapely.buffer(wide, -reach, join_style="mitre")
    strips = shapely.get_parts(shapely.difference(closed, union))
    strips = shapely.buffer(strips, _OVERLAP_M, join_style="mitre")
    parts = shapely.get_parts(union)
    strip = shapely.STRtree(parts).query(strips, predicate="intersects")[0]
    touched = np.bincount(strip, minlength=len(strips))
    bridges = strips[touched > 1]
    return shapely.union_all([union, *bridges]) if len(bridges) else union


def join_rows(
    shapes: NDArray[np.object_],
    row_of_grid: NDArray[np.integer],
    size: int,
    *,
    gap_m: float = 0.0,
    chosen: Bools | None = None,
) -> NDArray[np.object_]:
    """Return the ground of each row that grids make up, shape (size,).

    Parameters
    ----------
    shapes
        Polygons of the grids.
    row_of_grid
        Row of each grid, -1 for none.
    size
        Number of rows.
    gap_m
        As for `join_grids`.
    chosen
        Which rows to join, shape (size,); all if None. Others, and rows without grids, are
        empty.
    """
    joined = np.full(size, shapely.Polygon(), dtype=object)
    order = np.argsort(row_of_grid, kind="stable")
    held = np.asarray(row_of_grid)[order]
    starts = np.flatnonzero(np.append(True, held[1:] != held[:-1])) if len(held) else held[:0]
    for row, members in zip(held[starts], np.split(order, starts[1:]), strict=False):
        if row >= 0 and (chosen is None or chosen[row]):
            joined[row] = join_grids(shapes[members], gap_m=gap_m)
    return joined


def polsby_popper(area_m2: Floats, perimeter_m: Floats) -> Floats:
    """Return ``4 pi area / perimeter**2``: 1 for a circle, 0 for nothing.

    Polsby and Popper (1991), *Yale Law and Policy Review* 9.

    Parameters
    ----------
    area_m2, perimeter_m
        Of each shape.
    """
    square = perimeter_m**2
    return np.divide(
        4.0 * np.pi * area_m2, square, out=np.zeros(np.shape(area_m2)), where=square > 0
    )
