"""Checking a city: everything that would make a number wrong, with where it lies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.fields import fields_of
from gridmap.io._crs_guess import datum_label, layer_datum, named_areas
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import AREA_KINDS, City, IncidentBatch, Kind, Layer
from gridmap.model.city import bare_id
from gridmap.model.crs import crs_label, scale_error_at
from gridmap.typing import Bools, Floats, Ints

CODE_DIGITS = (15, 20)
"""15: county 6 (GB/T 2260), street 3, community 3, sequence 3, by DB11/T 2157-2023.
20: CJ/T 349-2010."""

_PROVINCES = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]"


def faulty_codes(layer: Layer, *, digits: int) -> Iterator[Finding]:
    """Find grids whose id is not a code of ``digits`` digits.

    A code begins with a province of GB/T 2260; of 15 digits, the county, street, community
    and sequence numbers must not be all zeros. An id that import made distinct is judged
    without its ``-1``.

    Raises
    ------
    InputError
        If no rule exists for this number of digits.
    """
    if digits not in CODE_DIGITS:
        raise InputError(
            "io.error.code_digits", received=digits, known=", ".join(map(str, CODE_DIGITS))
        )
    rule = re.compile(rf"(?:{_PROVINCES})\d{{{digits - 2}}}")
    told_apart = layer.provenance.get("ids_repeated", ())
    apart = set(told_apart) if isinstance(told_apart, (list, tuple)) else set()
    wrong = np.array(
        [
            not _follows(name.rsplit("-", 1)[0] if name in apart else name, rule)
            for name in layer.ids
        ],
        dtype=bool,
    )
    if wrong.any():
        yield Finding(
            str(layer.kind), FindingKind.BAD_CODE, Severity.NOTE, int(wrong.sum()),
            tuple(layer.ids[wrong]), float(shapely.area(layer.geometry[wrong]).sum()),
            layer.geometry[wrong],
        )  # fmt: skip


def _follows(name: str, rule: re.Pattern[str]) -> bool:
    if not rule.fullmatch(name):
        return False
    parts = (name[2:6], name[6:9], name[9:12], name[12:15])
    return len(name) != 15 or all(int(part) for part in parts)


_KEPT = 10_000  # places for the map
_GROUND = (Kind.GRID, Kind.COMMUNITY, Kind.BEAT, Kind.STATION)


@dataclass
class _Tally:
    """Rows of one fault, gathered over batches."""

    count: int = 0
    ids: list[str] = field(default_factory=list)
    x: list[Floats] = field(default_factory=list)
    y: list[Floats] = field(default_factory=list)

    def add(self, batch: IncidentBatch, rows: Bools, start: int) -> None:
        """Add the rows of a batch whose first incident has number ``start``."""
        at = np.flatnonzero(rows)
        room = max(_KEPT - self.count, 0)
        self.ids += [str(start + row + 1) for row in at[: max(5 - len(self.ids), 0)]]
        self.x.append(batch.x[at[:room]])
        self.y.append(batch.y[at[:room]])
        self.count += len(at)

    def finding(self, kind: FindingKind, severity: Severity) -> Iterator[Finding]:
        """Make a finding of it, if there is anything."""
        if self.count:
            points = shapely.points(np.concatenate(self.x), np.concatenate(self.y))
            yield Finding("incidents", kind, severity, self.count, tuple(self.ids), 0.0, points)


def incident_faults(city: City, *, now: np.datetime64) -> Iterator[Finding]:
    """Find incidents outside the city, piled up, in the future, repeated or misattributed.

    The incidents are walked through in batches; repeats are looked for within a batch,
    where all incidents of one moment are.

    Parameters
    ----------
    city
        A city with incidents.
    now
        The present, in the city's local time.
    """
    if city.incidents is None:
        return
    ground = next((city.layers[kind] for kind in _GROUND if city.has(kind)), None)
    tree = shapely.STRtree(sound_shapes(ground.geometry)) if ground is not None else None
    stations = _Stations(city.layer(Kind.STATION)) if city.has(Kind.STATION) else None
    outside, future, again, other, unknown = (_Tally() for _ in range(5))
    piles: list[Floats] = []
    start = 0
    for batch in city.incidents.batches():
        points = shapely.points(batch.x, batch.y)
        if tree is not None:
            outside.add(batch, ~_inside(tree, points), start)
        future.add(batch, batch.time > now, start)
        order, repeated = _equal_rows(batch)
        if city.incidents.precision == "second":  # else all of a month would be equal in time
            again.add(batch, repeated, start)
        piles.append(_piles(batch.x[order], batch.y[order]))
        if stations is not None and batch.station is not None:
            elsewhere, nameless = stations.judge(points, batch.station)
            other.add(batch, elsewhere, start)
            unknown.add(batch, nameless, start)
        start += len(batch)
    yield from outside.finding(FindingKind.OUTSIDE_CITY, Severity.WARNING)
    yield from _same_points(_merged(piles), len(city.incidents))
    yield from future.finding(FindingKind.IN_FUTURE, Severity.ERROR)
    yield from again.finding(FindingKind.DUPLICATE, Severity.WARNING)
    yield from other.finding(FindingKind.OTHER_STATION, Severity.WARNING)
    yield from unknown.finding(FindingKind.UNKNOWN_STATION, Severity.NOTE)


def _inside(tree: shapely.STRtree, points: NDArray[np.object_]) -> Bools:
    found = np.zeros(len(points), dtype=bool)
    found[tree.query(points, predicate="intersects")[0]] = True
    return found


def _equal_rows(batch: IncidentBatch) -> tuple[NDArray[np.intp], Bools]:
    """Return the order by place, and which rows repeat an earlier one in everything.

    A row without a time or a category is equal to none: what was not read may differ.
    """
    time = batch.time.astype(np.int64)
    order = np.lexsort((batch.category, time, batch.y, batch.x))
    same = np.zeros(len(order), dtype=bool)
    repeats = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in (batch.x, batch.y, time, batch.category):
        repeats &= column[order[1:]] == column[order[:-1]]
    repeats &= (~np.isnat(batch.time) & (batch.category >= 0))[order[1:]]
    same[order[1:][repeats]] = True
    return order, same


def _piles(x: Floats, y: Floats) -> Floats:
    """Return x, y and number of each point, from sorted coordinates."""
    if len(x) == 0:
        return np.empty((0, 3))
    new = np.ones(len(x), dtype=bool)
    new[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    starts = np.flatnonzero(new)
    return np.column_stack([x[starts], y[starts], np.diff([*starts, len(x)])])


def _merged(parts: list[Floats]) -> Floats:
    """Return the points of several batches, once each, with their numbers added up."""
    if len(parts) < 2:
        return parts[0] if parts else np.empty((0, 3))
    x, y, size = np.concatenate(parts).T
    order = np.lexsort((y, x))
    x, y, size = x[order], y[order], size[order]
    new = np.ones(len(x), dtype=bool)
    new[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    starts = np.flatnonzero(new)
    return np.column_stack([x[starts], y[starts], np.add.reduceat(size, starts)])


def _same_points(piles: Floats, total: int) -> Iterator[Finding]:
    # Addresses repeat: an ordinary busy one holds a thousandth of a month's incidents. A
    # default holds a share of the whole, or twenty times what the busiest thousandth does.
    if len(piles) == 0:
        return
    usual = float(np.percentile(piles[:, 2], 99.9))
    size = piles[:, 2]
    much = (size >= 5) & (size >= 0.01 * total)
    much |= (size >= 10) & (size >= 0.005 * total)
    much |= (size >= 20) & (size >= 20 * usual)
    rows = piles[much][np.argsort(-size[much], kind="stable")]
    if len(rows):
        names = tuple(f"{x:.1f} {y:.1f}" for x, y, _ in rows[:5])
        points = shapely.points(rows[:, 0], rows[:, 1])
        yield Finding(
            "incidents", FindingKind.SAME_POINT, Severity.WARNING, int(rows[:, 2].sum()), names,
            0.0, points,
        )  # fmt: skip


class _Stations:
    """Which station an incident names, and which one it lies in."""

    def __init__(self, layer: Layer) -> None:
        shapes = sound_shapes(layer.geometry)
        self.tree = shapely.STRtree(shapes)
        told = layer.provenance.get("ids_repeated", ())
        apart = set(told) if isinstance(told, (list, tuple)) else set()
        self.group_of: dict[str, int] = {}
        self.group = np.empty(len(layer), dtype=np.int64)
        for row, (name, title) in enumerate(zip(layer.ids, layer.names, strict=True)):
            # Polygons of one station whose ids import made distinct are still that station.
            key = bare_id(name.rsplit("-", 1)[0] if name in apart else name)
            self.group[row] = self.group_of.setdefault(key, row)
            self.group_of.setdefault(bare_id(title), int(self.group[row]))

    def judge(
        self, points: NDArray[np.object_], named: NDArray[np.object_]
    ) -> tuple[Bools, Bools]:
        """Return which incidents lie elsewhere, and which name no station of the city."""
        words, code = np.unique(named.astype(str), return_inverse=True)
        wanted = np.array([self.group_of.get(bare_id(word), -1) for word in words])[code]
        blank = np.array([word.strip() == "" for word in words])[code]
        at, station = self.tree.query(points, predicate="intersects")
        right = np.zeros(len(points), dtype=bool)
        right[at[self.group[station] == wanted[at]]] = True
        return (wanted >= 0) & ~right, (wanted < 0) & ~blank


_MOST = 0.5
_CROSSING = 0.01


def nesting_faults(city: City) -> Iterator[Finding]:
    """Find grids outside every beat, beats outside every station, grids across communities."""
    grids, beats = city.get(Kind.GRID), city.get(Kind.BEAT)
    stations, communities = city.get(Kind.STATION), city.get(Kind.COMMUNITY)
    if grids is not None and beats is not None:
        yield from _outside(grids, beats, FindingKind.OUTSIDE_BEAT)
        if any(grids.texts("beat")):
            held = np.append(beats.ids, "")[_shares(grids, beats)[2]]
            other = city.named(grids, Kind.BEAT) != held
            yield from _some(grids, other, FindingKind.OTHER_BEAT, Severity.WARNING)
    elif grids is not None and grids.has("beat"):
        none = grids.texts("beat") == ""
        yield from _some(grids, none, FindingKind.OUTSIDE_BEAT, Severity.WARNING)
    if beats is not None and stations is not None:
        yield from _outside(beats, stations, FindingKind.OUTSIDE_STATION)
    if grids is not None and communities is not None:
        crossing = _shares(grids, communities)[1] >= _CROSSING
        yield from _some(grids, crossing, FindingKind.CROSSES_COMMUNITY, Severity.WARNING)


def disconnected_grids(city: City) -> Iterator[Finding]:
    """Find grids that nothing joins to the largest part of the city."""
    grids = city.get(Kind.GRID)
    if grids is None or len(grids) == 0:
        return
    labels = city.adjacency.components[1]
    apart = labels != np.bincount(labels).argmax()
    yield from _some(grids, apart, FindingKind.DISCONNECTED, Severity.WARNING)


def beats_in_pieces(city: City) -> Iterator[Finding]:
    """Find beats whose pieces share no border; by their grids where there is no beat layer."""
    beats, grids = city.get(Kind.BEAT), city.get(Kind.GRID)
    if beats is not None:
        shapes = sound_shapes(beats.geometry)
        many = np.array([_pieces(shape) > 1 for shape in shapes], dtype=bool)
        yield from _some(beats, many, FindingKind.IN_PIECES, Severity.WARNING)
    elif grids is not None and grids.has("beat"):
        names, labels = np.unique(grids.texts("beat").astype(str), return_inverse=True)
        pieces = city.adjacency.pieces(labels.astype(np.int32))
        count = np.array([len(np.unique(pieces[labels == at])) for at in range(len(names))])
        broken = np.flatnonzero((count > 1) & (names != ""))
        if len(broken):
            inside = np.isin(labels, broken)
            yield Finding(
                "beat", FindingKind.IN_PIECES, Severity.WARNING, len(broken),
                tuple(names[broken]), float(grids.area_m2[inside].sum()), grids.geometry[inside],
            )  # fmt: skip


def _pieces(shape: shapely.Geometry) -> int:
    parts = shapely.get_parts(shape)
    parts = parts[shapely.get_dimensions(parts) == 2]
    if len(parts) < 2:
        return len(parts)
    # Parts that meet along a line are one piece; make_valid may leave such parts.
    merged = shapely.get_parts(shapely.union_all(parts))
    return int((shapely.get_dimensions(merged) == 2).sum())


def _outside(layer: Layer, others: Layer, kind: FindingKind) -> Iterator[Finding]:
    first, second, _ = _shares(layer, others)
    yield from _some(layer, first + second < _MOST, kind, Severity.WARNING)


def _shares(layer: Layer, others: Layer) -> tuple[Floats, Floats, Ints]:
    """Return each area's share in the other that holds most of it, in all the rest, and its row.

    The row is -1 where none holds any of it.
    """
    inner, outer = sound_shapes(layer.geometry), sound_shapes(others.geometry)
    i, j = shapely.STRtree(outer).query(inner, predicate="intersects")
    within = shapely.covered_by(inner[i], outer[j])
    area = shapely.area(inner)
    common = np.where(within, area[i], 0.0)
    common[~within] = shapely.area(shapely.intersection(inner[i[~within]], outer[j[~within]]))
    total = np.bincount(i, weights=common, minlength=len(inner))
    most = np.zeros(len(inner))
    np.maximum.at(most, i, common)
    scale = np.where(area > 0, area, np.inf)
    held = np.flatnonzero(common > 0)[np.argsort(common[common > 0], kind="stable")]
    row = np.full(len(inner), -1, dtype=np.int64)
    row[i[held]] = j[held]  # of several the largest is written last
    return most / scale, (total - most) / scale, row


def _some(layer: Layer, rows: Bools, kind: FindingKind, severity: Severity) -> Iterator[Finding]:
    if rows.any():
        yield Finding(
            str(layer.kind), kind, severity, int(rows.sum()), tuple(layer.ids[rows]),
            float(layer.area_m2[rows].sum()), layer.geometry[rows],
        )  # fmt: skip


_DUST_M2 = 1e-6  # below a square millimetre nothing is reported
_DUST_M = 0.01  # borders this near each other are one border, drawn or reprojected twice


def sound_shapes(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the shapes with invalid ones made valid and empty ones for none, for measuring."""
    empty = shapely.from_wkt("POLYGON EMPTY")
    made = np.where(shapely.is_missing(shapes), empty, shapes)
    bad = ~shapely.is_valid(made)
    if bad.any():
        made = made.copy()
        made[bad] = shapely.make_valid(made[bad], method="structure", keep_collapsed=False)
    return np.asarray(made, dtype=object)


def overlaps_between(
    shapes: NDArray[np.object_], edges: NDArray[np.object_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.object_]]:
    """Return the pairs of valid areas that overlap, and what they share.

    Parameters
    ----------
    shapes : (n,) array of valid areas
    edges : (n,) array
        Their edges that break the coverage: only an area with such edges can overlap.

    Returns
    -------
    first, second : (m,)
        Rows, ``first < second``.
    shared : (m,) array of areas
    """
    flagged = np.flatnonzero(~(shapely.is_missing(edges) | shapely.is_empty(edges)))
    tree = shapely.STRtree(shapes)
    at, other = tree.query(shapes[flagged], predicate="intersects")
    first, second = np.minimum(flagged[at], other), np.maximum(flagged[at], other)
    key = np.unique((first.astype(np.int64) * len(shapes) + second)[first != second])
    first, second = key // len(shapes), key % len(shapes)
    touching = shapely.touches(shapes[first], shapes[second])
    first, second = first[~touching], second[~touching]
    shared = shapely.intersection(shapes[first], shapes[second])
    keep = shapely.area(shared) > _DUST_M2
    return first[keep], second[keep], shared[keep]


def gaps_between(
    shapes: NDArray[np.object_], *, matched: bool = False, dust_m2: float = _DUST_M2
) -> NDArray[np.object_]:
    """Return the holes that the union of valid areas has, as polygons.

    Parameters
    ----------
    shapes : (n,) array of valid areas
    matched
        True if they are a valid coverage, whose union is quick.
    dust_m2
        Smaller holes are left out.
    """
    union = shapely.coverage_union_all if matched else shapely.union_all
    whole = shapely.get_parts(union(shapes))
    whole = whole[shapely.get_dimensions(whole) == 2]
    holed = whole[shapely.get_num_interior_rings(whole) > 0]
    rings = [
        shapely.get_interior_ring(part, at)
        for part in holed
        for at in range(shapely.get_num_interior_rings(part))
    ]
    holes = np.asarray(shapely.polygons(rings), dtype=object) if rings else np.empty(0, object)
    return holes[shapely.area(holes) > dust_m2]


def faulty_coverage(layer: Layer, *, gap_m: float) -> Iterator[Finding]:
    """Find where the areas of a layer overlap, leave gaps, or are drawn apart.

    Parameters
    ----------
    layer
        Areas in metres.
    gap_m
        Width below which a gap, an overlap or a feature is a sliver.
    """
    kind, ids = str(layer.kind), layer.ids
    shapes = sound_shapes(layer.geometry)
    edges = shapely.coverage_invalid_edges(shapes)
    first, second, shared = overlaps_between(shapes, edges)
    apart = ~(shapely.is_missing(edges) | shapely.is_empty(edges))
    gaps = gaps_between(shapes, matched=not apart.any())
    dust, dusty_gaps = _are_dust(shared), _are_dust(gaps)
    pairs = tuple(f"{ids[i]}+{ids[j]}" for i, j in zip(first, second, strict=True))
    if not dust.all():
        names = tuple(name for name, small in zip(pairs, dust, strict=True) if not small)
        yield _of(kind, FindingKind.OVERLAP, Severity.ERROR, names, shared[~dust])
    if not dusty_gaps.all():
        real = gaps[~dusty_gaps]
        around = _neighbours(real, shapes, ids)
        yield _of(kind, FindingKind.GAP, Severity.WARNING, around, real)
    thin = (shapely.area(shapes) > 0) & (width_m(shapes) < gap_m)
    narrow = [pieces[width_m(pieces) < gap_m] for pieces in (gaps[~dusty_gaps], shared[~dust])]
    slivers = np.concatenate([shapes[thin], *narrow])
    if len(slivers):
        names = tuple(ids[thin]) or _neighbours(slivers, shapes, ids)
        yield _of(kind, FindingKind.SLIVER, Severity.WARNING, names, slivers)
    if dust.any() or dusty_gaps.any():
        places = np.concatenate([shared[dust], gaps[dusty_gaps]])
        names = tuple(name for name, small in zip(pairs, dust, strict=True) if small)
        names = names or _neighbours(places, shapes, ids)
        yield _of(kind, FindingKind.DUST, Severity.NOTE, names, places)
        apart &= ~_are_near(shapes, edges, np.flatnonzero(apart))
    if apart.any():
        yield Finding(
            kind, FindingKind.UNMATCHED_EDGE, Severity.NOTE, int(apart.sum()),
            tuple(ids[apart]), 0.0, edges[apart],
        )  # fmt: skip


def _of(
    layer: str, kind: FindingKind, severity: Severity, names: tuple[str, ...],
    places: NDArray[np.object_],
) -> Finding:  # fmt: skip
    area = float(shapely.area(places).sum())
    return Finding(layer, kind, severity, len(places), names, area, places)


def _are_dust(pieces: NDArray[np.object_]) -> Bools:
    return np.asarray(width_m(pieces) < _DUST_M)


def _are_near(
    shapes: NDArray[np.object_], edges: NDArray[np.object_], rows: NDArray[np.intp]
) -> Bools:
    """Return which areas' unmatched edges come within a centimetre of another area's border."""
    near = np.zeros(len(shapes), dtype=bool)
    xy, at = shapely.get_coordinates(edges[rows], return_index=True)
    tree = shapely.STRtree(shapely.boundary(shapes))
    point, other = tree.query(shapely.points(xy), predicate="dwithin", distance=_DUST_M)
    own = rows[at[point]]
    near[own[own != other]] = True
    return near


def _neighbours(
    places: NDArray[np.object_], shapes: NDArray[np.object_], ids: NDArray[np.object_]
) -> tuple[str, ...]:
    """Name each of the first places by two areas that it touches."""
    tree = shapely.STRtree(shapes)
    names = []
    for place in places[:5]:
        near = np.sort(tree.query(place, predicate="dwithin", distance=0.001))
        names.append("+".join(str(name) for name in ids[near[:2]]))
    return tuple(names)


_EMPTY_IS_NONE = {"incidents"}  # a grid with no entry has had no incident


def width_m(shapes: NDArray[np.object_]) -> Floats:
    """Return the mean width of elongated areas, shape (n,): twice the area by the perimeter.

    >>> float(width_m(np.array([shapely.box(0, 0, 0.5, 1000)]))[0].round(3))
    0.5
    """
    length = shapely.length(shapes)
    return np.divide(2 * shapely.area(shapes), length, out=np.zeros(len(shapes)), where=length > 0)


def faulty_shapes(layer: Layer) -> Iterator[Finding]:
    """Find invalid, empty, repeated and multi-part features."""
    kind, shapes, ids = str(layer.kind), layer.geometry, layer.ids
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    refused = layer.provenance.get("refused", {})
    lost = int(str(refused.get("no_coordinates", 0))) if isinstance(refused, Mapping) else 0
    if empty.any() or lost:
        count = int(empty.sum()) + lost
        yield Finding(kind, FindingKind.EMPTY, Severity.WARNING, count, tuple(ids[empty]))
    invalid = ~empty & ~shapely.is_valid(shapes)
    if invalid.any():
        area = float(np.abs(shapely.area(shapes[invalid])).sum())
        yield Finding(
            kind, FindingKind.INVALID, Severity.ERROR, int(invalid.sum()), tuple(ids[invalid]),
            area, shapes[invalid],
        )  # fmt: skip
    again = _repeated(shapes, ~empty)
    if again.any():
        area = float(shapely.area(shapes[again]).sum())
        severity = Severity.ERROR if layer.kind in AREA_KINDS else Severity.NOTE
        yield Finding(
            kind, FindingKind.DUPLICATE, severity, int(again.sum()), tuple(ids[again]), area,
            shapes[again],
        )  # fmt: skip
    parts = shapely.get_num_geometries(shapes)
    many = (parts > 1) & ~empty
    if layer.kind in AREA_KINDS and many.any():
        yield Finding(
            kind, FindingKind.MULTI_PART, Severity.NOTE, int(many.sum()), tuple(ids[many]),
            float(shapely.area(shapes[many]).sum()), shapes[many],
        )  # fmt: skip


def _repeated(shapes: NDArray[np.object_], usable: Bools) -> Bools:
    again = np.zeros(len(shapes), dtype=bool)
    rows = np.flatnonzero(usable)
    # Boxes first: only features with the same box and length can be the same.
    keys = pd.DataFrame(np.column_stack([shapely.bounds(shapes), shapely.length(shapes)]))
    rows = rows[keys.iloc[rows].round(6).duplicated(keep=False).to_numpy()]
    texts = pd.Series(shapely.to_wkb(shapely.normalize(shapes[rows])))
    again[rows] = texts.duplicated().to_numpy()
    return again


def imported_faults(layer: Layer) -> Iterator[Finding]:
    """Find features whose ids were repeated or missing when they were imported."""
    known = set(layer.ids)
    row_of = {name: row for row, name in enumerate(layer.ids)}
    for kind, key, severity in (
        (FindingKind.REPEATED_ID, "ids_repeated", Severity.WARNING),
        (FindingKind.MISSING_ID, "ids_missing", Severity.WARNING),
    ):
        names = layer.provenance.get(key, ())
        listed = names if isinstance(names, (list, tuple)) else ()
        ids = [str(name) for name in listed if str(name) in known]
        count = max(len(ids), int(str(layer.provenance.get(f"{key}_count", 0))))
        if count:
            rows = [row_of[name] for name in ids]
            yield Finding(str(layer.kind), kind, severity, count, tuple(ids), 0.0,
                          layer.geometry[rows])  # fmt: skip


def blank_counts(layer: Layer) -> Iterator[Finding]:
    """Find features with a blank or a negative count."""
    null = np.zeros(len(layer), dtype=bool)
    negative = np.zeros(len(layer), dtype=bool)
    for name, spec in fields_of(layer.kind).items():
        if spec.content != "count" or not layer.has(name):
            continue
        values = layer.frame[name].to_numpy(dtype=float, na_value=np.nan)
        if name not in _EMPTY_IS_NONE:
            null |= np.isnan(values)
        negative |= values < 0
    for kind, severity, rows in (
        (FindingKind.NULL_COUNT, Severity.WARNING, null),
        (FindingKind.NEGATIVE_COUNT, Severity.ERROR, negative),
    ):
        if rows.any():
            yield Finding(
                str(layer.kind), kind, severity, int(rows.sum()), tuple(layer.ids[rows]),
                float(shapely.area(layer.geometry[rows]).sum()), layer.geometry[rows],
            )  # fmt: skip


_MOST_SCALE_ERROR = 0.001


def check_city(
    city: City,
    *,
    now: np.datetime64 | None = None,
    code_digits: int = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong with a city's data, the gravest first.

    Nothing is changed; invalid shapes are made valid for the overlays only.

    Parameters
    ----------
    city
        The city; its layers carry what their import found in `Layer.provenance`.
    now
        The present in the city's local time; the machine's clock if None.
    code_digits
        15 or 20 to check the grids' ids against the rule for that number of digits.
    progress
        Called with the share done, from 0 to 1.

    Returns
    -------
    tuple of Finding
        One a layer and kind, with counts, at most five ids, square metres, and places for
        a map.

    Raises
    ------
    InputError
        If no rule exists for this number of digits.
    """
    present = now if now is not None else np.datetime64(datetime.now(), "s")  # noqa: DTZ005 - incidents are in local time
    tell = progress or (lambda _: None)
    found: list[Finding] = []
    for layer in city.layers.values():
        found += faulty_shapes(layer)
        found += imported_faults(layer)
        found += blank_counts(layer)
        if layer.kind in AREA_KINDS:
            found += faulty_coverage(layer, gap_m=city.presets.gap_m)
    if code_digits and city.has(Kind.GRID):
        found += faulty_codes(city.grids, digits=code_digits)
    found += _scale_faults(city)
    found += _datum_faults(city)
    tell(0.5)
    found += nesting_faults(city)
    found += disconnected_grids(city)
    found += beats_in_pieces(city)
    tell(0.8)
    found += incident_faults(city, now=present)
    tell(1.0)
    rank = {severity: at for at, severity in enumerate(Severity)}
    return tuple(sorted(found, key=lambda item: rank[item.severity]))


def _scale_faults(city: City) -> list[Finding]:
    """Return a finding where the working CRS belongs to another place, or to a whole country."""
    layer = next((city.layers[kind] for kind in Kind if kind in city.layers), None)
    if layer is None or len(layer) == 0:
        return []
    error = scale_error_at(shapely.box(*shapely.total_bounds(layer.geometry)), city.crs)
    if error <= _MOST_SCALE_ERROR:
        return []
    said = f"{crs_label(city.crs)} {100 * error:.2f} %"
    return [Finding(str(layer.kind), FindingKind.CRS_SCALE, Severity.WARNING, 1, (said,))]


def _datum_faults(city: City) -> Iterator[Finding]:
    """Ask about layers and incidents that lie where GCJ-02 or BD-09 read as WGS 84 puts them."""
    coordinates = {
        str(kind): shapely.get_coordinates(layer.geometry).T for kind, layer in city.layers.items()
        if kind in {*AREA_KINDS, Kind.ROOM, Kind.FACILITY}
    }  # fmt: skip
    if city.incidents is not None:
        first = next(iter(city.incidents.batches()), None)
        if first is not None:
            coordinates["incidents"] = np.array([first.x, first.y])
    for kind, (x, y) in coordinates.items():
        others = {item: layer for item, layer in city.layers.items() if str(item) != kind}
        points = kind in {str(Kind.ROOM), str(Kind.FACILITY)}
        named = named_areas(city.layer(Kind(kind)).frame) if points else {}
        fit = layer_datum(kind, x, y, others, named)
        if fit is not None:
            said = f"{datum_label(fit.datum)} {100 * fit.share:.0f} % > {100 * fit.now:.0f} %"
            yield Finding(kind, FindingKind.DATUM, Severity.WARNING, 1, (said,), datum=fit.datum)
