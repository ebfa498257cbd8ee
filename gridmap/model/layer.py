"""What a city is made of: layers of features, and incidents.

A layer is one frozen set of features of one kind. Incidents are columns of place, time and
category, and hold nothing about anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, InputError, some_ids
from gridmap.fields import AREA_KINDS, Json, Kind, fields_of
from gridmap.model.crs import require_metres
from gridmap.model.polygon_index import PolygonIndex
from gridmap.typing import Bools, Floats, Ints32

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


_MOST_AT_MIDNIGHT = 20  # times, from which on all of them at midnight are dates
_MOST_HELD = 20_000_000  # incidents whose rows are kept in memory, 4 bytes for each layer


@dataclass(frozen=True, eq=False)
class IncidentBatch:
    """Some incidents in memory; all arrays have shape (n,).

    Parameters
    ----------
    x, y
        Coordinates in the city's working CRS, metres; finite.
    time
        Local time of the incident, ``datetime64[s]``; NaT where unknown.
    category
        Index into `Incidents.categories`, int16; -1 where unknown.
    settled
        When a dispute was settled, ``datetime64[s]``; NaT where it is open. None where the
        city has no such column.
    station
        Station id that the record names, text; None where the city has no such column.
    rows
        Row of the grid, beat, station and community that each incident lies in, int32, -1 for
        none; for the layers it was located in (`Incidents.located`).
    reported
        When the incident was reported, ``datetime64[s]``; NaT where unknown. None where the
        city has no such column beside the time of the incident.
    case
        A digest of the case number, uint64, by which an import finds a case again; 0 where there
        is none. The number itself is not kept. None where the city has no such column.
    """

    x: Floats
    y: Floats
    time: NDArray[np.datetime64]
    category: NDArray[np.int16]
    settled: NDArray[np.datetime64] | None = None
    station: NDArray[np.object_] | None = None
    rows: Mapping[Kind, Ints32] = field(default_factory=dict)
    reported: NDArray[np.datetime64] | None = None
    case: NDArray[np.uint64] | None = None

    def __post_init__(self) -> None:
        """Check that columns are of one length and coordinates finite."""
        lengths = {len(self.x), len(self.y), len(self.time), len(self.category)}
        told = (self.settled, self.station, self.reported, self.case)
        lengths |= {len(column) for column in told if column is not None}
        lengths |= {len(column) for column in self.rows.values()}
        if len(lengths) != 1:
            raise InputError("model.error.incidents_lengths", received=sorted(lengths))
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            bad = int((~(np.isfinite(self.x) & np.isfinite(self.y))).sum())
            raise InputError("model.error.incidents_not_finite", count=bad)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[np.intp] | Bools | slice) -> IncidentBatch:
        """Return the chosen rows."""
        return IncidentBatch(
            self.x[rows],
            self.y[rows],
            self.time[rows],
            self.category[rows],
            None if self.settled is None else self.settled[rows],
            None if self.station is None else self.station[rows],
            {kind: column[rows] for kind, column in self.rows.items()},
            None if self.reported is None else self.reported[rows],
            None if self.case is None else self.case[rows],
        )

    def column(self, name: str) -> NDArray[np.generic] | None:
        """Return a column by its name; ``grid``, ``beat`` ... are the rows in those layers."""
        if name in set(self.rows):
            return self.rows[Kind(name)]
        column: NDArray[np.generic] | None = getattr(self, name)
        return column


ColumnReader = Callable[
    [Iterable[str], "np.datetime64 | None", "np.datetime64 | None"],
    Iterator[dict[str, NDArray[Any]]],
]


@dataclass(frozen=True, eq=False)
class Incidents:
    """The incidents of one city, read in batches so that memory stays flat.

    Parameters
    ----------
    opener
        Called each time the incidents are walked through; yields batches in a fixed order.
    length
        Number of incidents.
    categories
        Names that the batches' category indices stand for.
    crs
        The working CRS.
    digest
        Content digest, known where they were stored; it does not depend on the layers.
    located
        Digest of the layer of each kind whose rows the batches carry.
    reader
        Yields some columns of the incidents of a period, as `columns` does, and reads no more
        than it needs. Without one, batches are read whole.
    known_period
        First and last known time, where it was stored with them.
    precision
        ``second``, or ``month`` where the record has no day: the first of a month stands for
        it, and nothing can be said by day, weekday or hour.
    provenance
        What their import said: files, rows read and refused, notes; empty where unknown.

    Notes
    -----
    `from_batch` makes incidents of arrays; `gridmap.io` makes them of a folder of Parquet.
    """

    opener: Callable[[], Iterator[IncidentBatch]]
    length: int
    categories: tuple[str, ...]
    crs: CRS
    digest: str
    located: Mapping[Kind, str] = field(default_factory=dict)
    reader: ColumnReader | None = None
    known_period: tuple[pd.Timestamp, pd.Timestamp] | None = None
    precision: Literal["second", "month"] = "second"
    provenance: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the CRS."""
        require_metres(self.crs, what="incidents")

    @classmethod
    def from_batch(
        cls, batch: IncidentBatch, *, categories: tuple[str, ...], crs: CRS
    ) -> Incidents:
        """Return incidents that are held in memory."""
        sums = hashlib.blake2b(digest_size=16)
        for column in (
            batch.x,
            batch.y,
            batch.time.astype("datetime64[s]").astype(np.int64),
            batch.category,
        ):
            sums.update(np.ascontiguousarray(column).tobytes())
        sums.update("\x1f".join(categories).encode())
        # A dispute that was settled since makes other incidents of the same calls.
        for moments in (batch.settled, batch.reported):
            if moments is not None:
                sums.update(moments.astype("datetime64[s]").astype(np.int64).tobytes())
        if batch.case is not None:
            sums.update(np.ascontiguousarray(batch.case).tobytes())
        if batch.station is not None:
            sums.update("\x1f".join(map(str, batch.station)).encode())
        return cls(lambda: iter((batch,)), len(batch), categories, crs, sums.hexdigest())

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"<Incidents: {self.length:,} in {len(self.categories)} categories>"

    def batches(
        self, *, since: np.datetime64 | None = None, until: np.datetime64 | None = None
    ) -> Iterator[IncidentBatch]:
        """Yield batches of the incidents with ``since <= time < until``.

        An incident whose time is unknown belongs to no period: it is left out as soon as
        either end is given.
        """
        for batch in self.opener():
            keep = _inside(batch.time, since, until)
            yield batch if keep is None else batch.take(keep)

    def columns(
        self,
        names: Iterable[str],
        *,
        since: np.datetime64 | None = None,
        until: np.datetime64 | None = None,
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield some columns of the incidents with ``since <= time < until``, batch by batch.

        Parameters
        ----------
        names
            ``x, y, time, category``, or the kind of a layer that they were located in;
            ``month`` is a time in the month of each, which may be cheaper to read.
        since, until
            As of `batches`.
        """
        names = tuple(names)
        if self.reader is not None:
            yield from self.reader(names, since, until)
            return
        for batch in self.batches(since=since, until=until):
            yield {
                name: batch.time if name == "month" else np.asarray(batch.column(name))
                for name in names
            }

    def locate(self, layers: Mapping[Kind, Layer]) -> Incidents:
        """Return incidents that know the row of each layer that they lie in.

        A point on a border, or where polygons overlap, lies in the polygon that comes first.
        Layers that these incidents were located in already cost nothing; the others are found
        in the first walk and kept.

        Parameters
        ----------
        layers
            Areas by kind: grids, beats, stations, communities.
        """
        known = {kind: layer.digest for kind, layer in layers.items()}
        stale = {kind: layers[kind] for kind in known if self.located.get(kind) != known[kind]}
        if not stale:
            return self
        finder = _Finder(self, stale)
        return replace(
            self, opener=finder.batches, reader=finder.columns, located={**self.located, **known}
        )

    @cached_property
    def all(self) -> IncidentBatch:
        """All incidents as one batch in memory (about 26 bytes each)."""
        parts = list(self.opener())
        if len(parts) == 1:
            return parts[0]
        none = IncidentBatch(
            np.empty(0), np.empty(0), np.empty(0, "datetime64[s]"), np.empty(0, np.int16)
        )
        if not parts:
            return none
        settled = [p.settled for p in parts if p.settled is not None]
        station = [p.station for p in parts if p.station is not None]
        reported = [p.reported for p in parts if p.reported is not None]
        case = [p.case for p in parts if p.case is not None]
        rows = {kind: np.concatenate([p.rows[kind] for p in parts]) for kind in parts[0].rows}
        return IncidentBatch(
            np.concatenate([p.x for p in parts]),
            np.concatenate([p.y for p in parts]),
            np.concatenate([p.time for p in parts]),
            np.concatenate([p.category for p in parts]),
            np.concatenate(settled) if settled else None,
            np.concatenate(station) if station else None,
            rows,
            np.concatenate(reported) if reported else None,
            np.concatenate(case) if case else None,
        )

    @cached_property
    def period(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """First and last known time, or None where no time is known."""
        if self.known_period is not None:
            return self.known_period
        first, last = None, None
        for part in self.columns(["time"]):
            known = part["time"][~np.isnat(part["time"])]
            if len(known):
                low, high = known.min(), known.max()
                first = low if first is None else min(first, low)
                last = high if last is None else max(last, high)
        if first is None or last is None:
            return None
        return pd.Timestamp(first), pd.Timestamp(last)

    @cached_property
    def knows_hours(self) -> bool:
        """Whether times say an hour.

        They do not where months stand for them, or where all of twenty times or more stand at
        midnight: the record has dates.
        """
        if self.precision == "month":
            return False
        dates = 0
        for part in self.columns(["time"]):
            known = part["time"][~np.isnat(part["time"])].astype("datetime64[s]")
            if (known != known.astype("datetime64[D]")).any():
                return True
            dates += len(known)
        return dates < _MOST_AT_MIDNIGHT


class _Finder:
    """Finds the rows of layers that incidents lie in, in the first walk through them.

    The rows of each batch are kept, by its number, while memory allows.
    """

    def __init__(self, incidents: Incidents, layers: Mapping[Kind, Layer]) -> None:
        self._incidents = incidents
        self._layers = layers
        self._held: dict[int, dict[Kind, Ints32]] = {}
        self._holds_all = False

    @cached_property
    def _indexes(self) -> dict[Kind, PolygonIndex]:
        size = len(self._incidents)
        return {
            kind: PolygonIndex.build(layer.geometry, expected_points=size)
            for kind, layer in self._layers.items()
        }

    def _find(self, number: int, x: Floats, y: Floats) -> dict[Kind, Ints32]:
        found = {
            kind: index.locate(x, y).astype(np.int32) for kind, index in self._indexes.items()
        }
        if len(self._incidents) <= _MOST_HELD:
            self._held[number] = found
        return found

    def batches(self) -> Iterator[IncidentBatch]:
        for number, batch in enumerate(self._incidents.opener()):
            found = self._held.get(number) or self._find(number, batch.x, batch.y)
            yield replace(batch, rows={**batch.rows, **found})

    def columns(
        self, names: Iterable[str], since: np.datetime64 | None, until: np.datetime64 | None
    ) -> Iterator[dict[str, NDArray[Any]]]:
        names = tuple(names)
        wanted = [kind for kind in self._layers if str(kind) in names]
        others = [name for name in names if name not in {str(kind) for kind in wanted}]
        if not wanted:
            yield from self._incidents.columns(others, since=since, until=until)
            return
        period = since is not None or until is not None
        needed = others if self._holds_all else [*others, "x", "y"]
        # Without a column of the source nothing would say how many batches there are.
        needed = [*needed, "time"] if period else needed or ["category"]
        number = -1
        # Rows are kept by the number of the batch, so none is passed over.
        for number, part in enumerate(self._incidents.columns(dict.fromkeys(needed))):
            found = self._held.get(number) or self._find(number, part["x"], part["y"])
            part.update({str(kind): found[kind] for kind in wanted})
            keep = _inside(part["time"], since, until) if period else None
            yield {name: part[name] if keep is None else part[name][keep] for name in names}
        if len(self._held) == number + 1:
            self._holds_all = True


def _inside(
    time: NDArray[np.datetime64], since: np.datetime64 | None, until: np.datetime64 | None
) -> Bools | None:
    """Return which times lie in a period, or None where all count."""
    if since is None and until is None:
        return None
    keep = ~np.isnat(time)
    if since is not None:
        keep &= time >= since
    if until is not None:
        keep &= time < until
    return None if keep.all() else keep
