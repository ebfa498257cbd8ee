"""One frozen set of features of one kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, InputError, some_ids
from gridmap.fields import Json, fields_of

__all__ = ["AREA_KINDS", "Kind", "Layer"]


class Kind(StrEnum):
    """What a layer's features are."""

    GRID = "grid"
    BEAT = "beat"
    STATION = "station"
    COMMUNITY = "community"
    ROOM = "room"
    FACILITY = "facility"
    ROAD = "road"
    BARRIER = "barrier"


AREA_KINDS = (Kind.GRID, Kind.BEAT, Kind.STATION, Kind.COMMUNITY)

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
        One row a feature, with a ``geometry``, a text column ``id`` without blanks or
        repeats, and any of the columns of `gridmap.fields`. It is copied; treat
        `Layer.frame` as read-only.
    provenance
        Where the features came from: files, encoding, CRS, mapping, what was refused.

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

    def __post_init__(self) -> None:
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
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    def with_provenance(self, provenance: Mapping[str, Json]) -> Layer:
        """Return the same features with another account of where they came from."""
        other = object.__new__(Layer)
        other.__dict__.update(self.__dict__)
        other.__dict__["provenance"] = MappingProxyType(dict(provenance))
        return other

    def with_digest(self, digest: str) -> Layer:
        """Return the same features with the digest that was stored with them.

        Only whoever read them from where they were stored, unchanged, knows it.
        """
        other = self.with_provenance(self.provenance)
        other.__dict__["digest"] = digest
        return other

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
    def area_m2(self) -> NDArray[np.float64]:
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

    def counts(self, name: str) -> NDArray[np.float64]:
        """Return a column of counts, shape (n,); a missing column or value counts as 0."""
        if name not in self.frame.columns:
            return np.zeros(len(self))
        values = pd.to_numeric(self.frame[name], errors="coerce")
        return np.nan_to_num(values.to_numpy(dtype=float), nan=0.0)

    def is_counted(self, name: str) -> bool:
        """Return whether somebody counted this: the column is there and has a number."""
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
