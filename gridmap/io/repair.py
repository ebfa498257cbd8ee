"""Repairing the areas of a city: only what was requested, on a copy; counts never change."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from os import PathLike
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, MissingError
from gridmap.fields import Json, fields_of
from gridmap.io._storage import flushed, read_stored_layer, write_stored_layer
from gridmap.io.audit import gaps_between, overlaps_between, width_m
from gridmap.io.findings import MENDABLE, FindingKind
from gridmap.io.placing import put
from gridmap.io.workspace import Workspace
from gridmap.model import AREA_KINDS, Kind, Layer
from gridmap.typing import Bools, Floats

TOLERANCE_M = 5.0  # half a street: a drawn border lies no nearer to the ground than that
ORIGINALS = "before_repair"
"""Folder of a workspace that keeps the layers as they were before each repair."""


@dataclass(frozen=True)
class Repair:
    """What a repair did to a workspace.

    Parameters
    ----------
    done
        One entry per layer and kind.
    coverage_valid
        Whether the grids, beats, stations and communities that are there tile the ground.
    tolerance_m
        The tolerance that was kept.
    originals
        Files that keep the layers as they were.
    """

    done: tuple[Repaired, ...]
    coverage_valid: bool
    tolerance_m: float
    originals: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Return plain values for ``--json``."""
        return {
            "repaired": [item.as_json() for item in self.done if item.rows],
            "coverage_valid": self.coverage_valid,
            "tolerance_m": self.tolerance_m,
            "left": [
                {"layer": item.layer, "kind": str(item.kind), "count": item.left}
                for item in self.done
                if item.left
            ],
            "originals": list(self.originals),
        }


def repair_workspace(
    workspace: str | PathLike[str],
    *,
    only: Collection[FindingKind] = MENDABLE,
    tolerance_m: float = TOLERANCE_M,
    progress: Callable[[float], object] | None = None,
) -> Repair:
    """Repair the layers of a workspace and keep the originals beside.

    The repair works on copies; the workspace changes at the end, all layers or none.

    Parameters
    ----------
    workspace
        The folder.
    only
        Faults to repair, out of `MENDABLE`.
    tolerance_m
        No border is moved farther, in metres.
    progress
        Called with the share done, from 0 to 1.

    Raises
    ------
    InputError
        If a kind cannot be repaired or the tolerance is not positive.
    ConflictError
        If somebody has imported one of the repaired layers anew meanwhile.
    WorkspaceError
        If the folder is no workspace or cannot be written.
    """
    place = Workspace.open(workspace)
    sliver_m = min(place.presets.gap_m, tolerance_m)
    done: list[Repaired] = []
    changed: list[Layer] = []
    originals: list[str] = []
    read: dict[Kind, str] = {}
    valid = True
    tell = progress or (lambda _: None)
    for step, kind in enumerate(place.kinds):
        tell(step / len(place.kinds))
        before = place.layer(kind)
        result = repair_layer(before, only=only, tolerance_m=tolerance_m, sliver_m=sliver_m)
        done += result.done
        valid &= result.coverage_valid or kind not in AREA_KINDS
        if result.layer is not before:
            name = _keep(place, before)
            originals.append(f"{ORIGINALS}/{name}")
            read[kind] = before.digest
            changed.append(_remembering(result, before, name, tolerance_m))
    place.put_layers(changed, upon=read)
    return Repair(tuple(done), valid, tolerance_m, tuple(originals))


def undo_repair(workspace: str | PathLike[str]) -> tuple[Kind, ...]:
    """Put back every layer as it was before its last repair; return their kinds.

    Raises
    ------
    MissingError
        If no layer was repaired since it was imported.
    """
    place = Workspace.open(workspace)
    restored = []
    for kind in place.kinds:
        entry: dict[str, Any] = dict(place.config["layers"][str(kind)])
        history = list(entry.pop("repairs", []))
        if not history:
            continue
        last = history.pop()
        if history:
            entry["repairs"] = history
        crs = place.layer(kind).crs
        restored.append(
            read_stored_layer(place.path / ORIGINALS / last["original"], kind, crs, entry, None)
        )
    if not restored:
        raise MissingError("io.error.nothing_to_undo", path=str(workspace))
    place.put_layers(restored)
    return tuple(layer.kind for layer in restored)


def _keep(place: Workspace, layer: Layer) -> str:
    folder = place.path / ORIGINALS
    folder.mkdir(exist_ok=True)
    name = f"{layer.kind}-{layer.digest[:12]}.gpkg"
    if not (folder / name).exists():
        draft = folder / f".{name}"
        draft.unlink(missing_ok=True)
        write_stored_layer(layer, draft)
        flushed(draft)
        put(draft, folder / name)
    return name


def _remembering(result: LayerRepair, before: Layer, name: str, tolerance_m: float) -> Layer:
    """Return the repaired layer with the repair added to its provenance."""
    entry: dict[str, Any] = {
        "original": name,
        "tolerance_m": tolerance_m,
        "kinds": [str(item.kind) for item in result.done if item.rows],
        "rows": sum(item.rows for item in result.done),
        "area_m2": round(sum(item.area_m2 for item in result.done), 3),
        "moved_max_m": round(max(item.moved_max_m for item in result.done), 3),
    }
    told = dict(before.provenance)
    history = told.get("repairs", [])
    earlier = list(history) if isinstance(history, list) else []
    return Layer(before.kind, result.layer.frame, {**told, "repairs": [*earlier, entry]})


_ROUNDS = 5
_SNAPS_M = (-1.0, 1e-4, 1e-3, 1e-2)  # GEOS' own choice first, then ever coarser
_NEAR_M = 1e-6


@dataclass(frozen=True)
class Mended:
    """Shapes after a repair, and what was done.

    Parameters
    ----------
    shapes : (n,) array
    rows : (n,) bool
        Which of them are new.
    area_m2
        Ground that changed hands, was given away or taken back.
    left
        Faults that would have moved a border too far, and stay.
    moved_max_m
        Farthest move of a border.
    extra
        Pairs (sliver, neighbour) of rows that became one.
    """

    shapes: NDArray[np.object_]
    rows: Bools
    area_m2: float
    left: int = 0
    moved_max_m: float = 0.0
    extra: tuple[tuple[int, int], ...] = ()


def mend_rings(shapes: NDArray[np.object_]) -> Mended:
    """Rebuild polygons whose rings cross, keeping their areas; lines and points stay away."""
    bad = ~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)
    made = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    made = np.array([_only_areas(shape) for shape in made], dtype=object)
    usable = shapely.area(made) > 0 if len(made) else np.zeros(0, dtype=bool)
    rows = np.zeros(len(shapes), dtype=bool)
    rows[np.flatnonzero(bad)[usable]] = True
    out = shapes.copy()
    out[rows] = made[usable]
    # The area of crossing rings is signed: what is measured is the ground that came back.
    change = float(np.abs(shapely.area(out[rows]) - np.abs(shapely.area(shapes[rows]))).sum())
    return Mended(out, rows, change, int((~usable).sum()))


def clean_coverage(
    shapes: NDArray[np.object_], *, tolerance_m: float, overlaps: bool = True
) -> Mended:
    """Return areas that share their borders point by point and do not overlap.

    Areas that overlap wider than the tolerance are left as they are.

    Parameters
    ----------
    shapes : (n,) array of valid areas
    tolerance_m
        Greatest width of an overlap that is resolved, and greatest move of a border.
    overlaps
        False to leave every overlapping area alone and to match edges only.
    """
    edges = shapely.coverage_invalid_edges(shapes)
    if (shapely.is_missing(edges) | shapely.is_empty(edges)).all():
        return Mended(shapes, np.zeros(len(shapes), dtype=bool), 0.0)
    first, second, shared = overlaps_between(shapes, edges)
    wide = wider_than(shared, tolerance_m) if overlaps else np.ones(len(first), dtype=bool)
    frozen = np.zeros(len(shapes), dtype=bool)
    frozen[first[wide]] = frozen[second[wide]] = True
    out = shapes
    moved = np.zeros(len(shapes))
    for _ in range(_ROUNDS):
        out = _cleaned(shapes, ~frozen, tolerance_m)
        lost = shapely.is_empty(out)
        moved = moved_m(shapes, out)
        far = moved > tolerance_m
        if not (lost | far).any():
            break
        frozen |= lost | far
        # A polygon that overlaps a frozen area cannot be cleaned against it.
        frozen[first[frozen[second]]] = True
        frozen[second[frozen[first]]] = True
    else:
        out, moved = shapes, np.zeros(len(shapes))
    changed = changed_rows(shapes, out)
    area = float(shapely.area(shapely.symmetric_difference(shapes[changed], out[changed])).sum())
    left = int((frozen[first] & frozen[second]).sum())
    return Mended(out, changed, area / 2, left, float(moved.max(initial=0.0)))


def _cleaned(shapes: NDArray[np.object_], free: Bools, tolerance_m: float) -> NDArray[np.object_]:
    out = shapes.copy()
    if not free.any():
        return out
    made, least = shapes[free], np.inf
    for snap in _SNAPS_M:
        tried = shapely.coverage_clean(shapes[free], gap_width=0.0, snapping_distance=snap)
        if not shapely.coverage_is_valid(tried):
            continue
        # A valid coverage may hold an area with a tail through its neighbours.
        far = int((shapely.is_empty(tried) | (moved_m(shapes[free], tried) > tolerance_m)).sum())
        if far < least:
            made, least = tried, far
        if far == 0:
            break
    same = ~changed_rows(shapes[free], made)
    made[same] = shapes[free][same]
    out[free] = made
    if not free.all():
        _give_back(shapes, out, free)
    return out


def _give_back(before: NDArray[np.object_], after: NDArray[np.object_], free: Bools) -> None:
    """Put back areas that were grown into ones that stay as they are."""
    fixed = np.flatnonzero(~free)
    at, row = shapely.STRtree(after).query(before[fixed], predicate="intersects")
    at, row = at[free[row]], row[free[row]]
    more = shapely.area(shapely.intersection(after[row], before[fixed[at]]))
    less = shapely.area(shapely.intersection(before[row], before[fixed[at]]))
    worse = row[more > less + _NEAR_M]
    after[worse] = before[worse]


def fill_gaps(shapes: NDArray[np.object_], *, width_m: float, tolerance_m: float) -> Mended:
    """Give each gap narrower than a width to the area with which it shares most border."""
    whole = shapely.coverage_is_valid(shapes)
    gaps = gaps_between(shapes, matched=bool(whole), dust_m2=0.0)
    narrow = ~wider_than(gaps, width_m)
    gaps, left = gaps[narrow], 0
    owner = _longest_border(gaps, shapes)
    out = _joined(shapes, gaps, owner)
    moved = moved_m(shapes, out, ignore_holes_m=width_m)
    far = moved > tolerance_m
    if far.any():
        keep = ~far[owner]
        left = int((~keep).sum())
        gaps, owner = gaps[keep], owner[keep]
        out = _joined(shapes, gaps, owner)
        moved = moved_m(shapes, out, ignore_holes_m=width_m)
    rows = np.zeros(len(shapes), dtype=bool)
    rows[owner] = True
    left += int((~narrow).sum())
    area = float(shapely.area(gaps).sum())
    return Mended(out, rows, area, left, float(moved.max(initial=0.0)))


def drop_slivers(shapes: NDArray[np.object_], thin: Bools) -> Mended:
    """Give areas too thin to be areas to the neighbour with most common border.

    ``extra`` lists the pairs (sliver, neighbour): the owner of the counts must add them.
    """
    rows = np.flatnonzero(thin)
    solid = np.flatnonzero(~thin)
    out, pairs = shapes.copy(), []
    changed = np.zeros(len(shapes), dtype=bool)
    area = 0.0
    owners = _longest_border(shapes[rows], shapes[solid]) if len(solid) else np.full(len(rows), -1)
    for row, at in zip(rows, owners, strict=True):
        if at < 0:
            continue
        neighbour = int(solid[at])
        area += float(shapely.area(shapes[row]))
        out[neighbour] = _only_areas(shapely.union(out[neighbour], shapes[row]))
        changed[neighbour] = True
        pairs.append((int(row), neighbour))
    return Mended(out, changed, area, len(rows) - len(pairs), 0.0, tuple(pairs))


def _longest_border(gaps: NDArray[np.object_], shapes: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return for each gap the area with most common border; -1 where nothing is near."""
    owner = np.full(len(gaps), -1, dtype=np.intp)
    if len(gaps) == 0:
        return owner
    tree = shapely.STRtree(shapes)
    at, row = tree.query(gaps, predicate="dwithin", distance=_NEAR_M)
    ring = shapely.boundary(gaps)
    common = shapely.length(shapely.intersection(ring[at], shapely.boundary(shapes[row])))
    best = np.full(len(gaps), -1.0)
    for g, r, length in zip(at, row, common, strict=True):
        if length > best[g]:
            best[g], owner[g] = length, r
    return owner


def _joined(
    shapes: NDArray[np.object_], gaps: NDArray[np.object_], owner: NDArray[np.intp]
) -> NDArray[np.object_]:
    out = shapes.copy()
    for row in np.unique(owner[owner >= 0]):
        out[row] = _only_areas(shapely.union_all([shapes[row], *gaps[owner == row]]))
    return out


def _only_areas(shape: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(shape)
    parts = shapely.get_parts(parts)
    parts = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]
    if len(parts) == 0:
        return shapely.from_wkt("POLYGON EMPTY")
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


_STEP_M = 1.0
_AROUND_M = 50.0


def changed_rows(before: NDArray[np.object_], after: NDArray[np.object_]) -> Bools:
    """Return which shapes differ in more than how they are written, shape (n,).

    Where a ring starts, and whether one part is wrapped as several, makes no difference.
    """
    same = np.asarray(shapely.equals_identical(before, after))
    rows = np.flatnonzero(~same)
    same[rows] = shapely.equals_exact(_plain(before[rows]), _plain(after[rows]), 0.0)
    return np.asarray(~same)


def _plain(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    single = shapely.get_num_geometries(shapes) == 1
    out = shapes.copy()
    out[single] = shapely.get_geometry(shapes[single], 0)
    return np.asarray(shapely.normalize(out), dtype=object)


def wider_than(shapes: NDArray[np.object_], width_m: float) -> Bools:
    """Return whether a circle of more than a diameter fits into each area, shape (n,).

    The widest circle in an area A of perimeter P has a diameter of at least 2 A / P (Bonnesen;
    with one hole at most), and of at most 2 sqrt(A / pi) and P / pi: only what lies between is
    measured.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    area, around = shapely.area(parts), shapely.length(parts)
    known = area > 0
    plain = shapely.get_num_interior_rings(parts) < 2
    wide = known & plain & (2 * area > width_m * around)
    most = np.minimum(2 * np.sqrt(area / np.pi), around / np.pi)
    for at in np.flatnonzero(known & ~wide & (most > width_m)):
        # Its length is the radius.
        wide[at] = 2 * shapely.length(shapely.maximum_inscribed_circle(parts[at])) > width_m
    out = np.zeros(len(shapes), dtype=bool)
    out[owner[wide]] = True
    return out


def moved_m(
    before: NDArray[np.object_], after: NDArray[np.object_], *, ignore_holes_m: float = 0.0
) -> Floats:
    """Return how far each area's border moved, shape (n,), metres.

    Borders are compared as drawn lines: every point of a changed area's new border is
    measured to the nearest old border of the layer, and every point of its old one to the
    nearest new border; the greatest of these distances counts. A hole that was narrower
    than ``ignore_holes_m`` and is gone has not moved.
    """
    rows = np.flatnonzero(changed_rows(before, after))
    moved = np.zeros(len(before))
    if len(rows) == 0:
        return moved
    kept = before[rows]
    if ignore_holes_m > 0:
        kept = np.array([_without_holes(shape, ignore_holes_m) for shape in kept], dtype=object)
    near = _around(before, after, rows)
    for lines, others in ((after[rows], before[near]), (kept, after[near])):
        segments, owner = _segments(lines)
        known = _segments(others)[0]
        new = ~np.isin(_keys(segments), _keys(known))
        if not new.any():
            continue
        drawn = shapely.segmentize(shapely.linestrings(segments[new].reshape(-1, 2, 2)), _STEP_M)
        xy, at = shapely.get_coordinates(drawn, return_index=True)
        tree = shapely.STRtree(shapely.linestrings(known.reshape(-1, 2, 2)))
        (query, _), distance = tree.query_nearest(
            shapely.points(xy), return_distance=True, all_matches=False
        )
        np.maximum.at(moved, rows[owner[new][at[query]]], distance)
    return moved


def _around(
    before: NDArray[np.object_], after: NDArray[np.object_], rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    west, south, east, north = shapely.bounds(before[rows]).T
    boxes = shapely.box(west - _AROUND_M, south - _AROUND_M, east + _AROUND_M, north + _AROUND_M)
    found = [shapely.STRtree(shapes).query(boxes)[1] for shapes in (before, after)]
    return np.unique(np.concatenate(found))


def _segments(shapes: NDArray[np.object_]) -> tuple[Floats, NDArray[np.intp]]:
    """Return x0, y0, x1, y1 of each segment, its lower end first, and whose it is."""
    rings, owner = shapely.get_rings(shapes, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    step = ring[1:] == ring[:-1]
    a, b = xy[:-1][step], xy[1:][step]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    a, b = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    return np.ascontiguousarray(np.hstack([a, b])), owner[ring[1:][step]]


def _keys(segments: Floats) -> NDArray[np.void]:
    return segments.view(np.dtype((np.void, segments.dtype.itemsize * 4))).ravel()


def _without_holes(shape: shapely.Geometry, width_m: float) -> shapely.Geometry:
    parts = []
    for part in shapely.get_parts(shape):
        holes = np.array([shapely.Polygon(ring) for ring in part.interiors], dtype=object)
        wide = holes[wider_than(holes, width_m)]
        parts.append(shapely.Polygon(part.exterior, [hole.exterior for hole in wide]))
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


_POLYGONS = (*AREA_KINDS, Kind.BARRIER)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done to one kind of fault in one layer.

    Parameters
    ----------
    layer, kind
        Where and what.
    rows
        Features that changed.
    area_m2
        Ground that changed hands, in square metres.
    moved_max_m
        Farthest that a border was moved, in metres; see `gridmap.io.repair`.
    left
        Faults that stay because repairing them would move a border too far.
    """

    layer: str
    kind: FindingKind
    rows: int
    area_m2: float
    moved_max_m: float
    left: int = 0

    def as_json(self) -> dict[str, Json]:
        """Return plain values for ``--json``."""
        return {
            "layer": self.layer,
            "kind": str(self.kind),
            "rows": self.rows,
            "area_m2": round(self.area_m2, 6),
            "moved_max_m": round(self.moved_max_m, 6),
        }


@dataclass(frozen=True)
class LayerRepair:
    """A layer after a repair, what was done, and whether its areas are a valid coverage."""

    layer: Layer
    done: tuple[Repaired, ...]
    coverage_valid: bool


def repair_layer(
    layer: Layer,
    *,
    only: Collection[FindingKind] = MENDABLE,
    tolerance_m: float = TOLERANCE_M,
    sliver_m: float = 1.0,
) -> LayerRepair:
    """Repair a layer's shapes; every other column stays, and every count.

    Parameters
    ----------
    layer
        A layer in metres.
    only
        Which faults to repair.
    tolerance_m
        No border is moved farther; gaps and overlaps wider than this stay.
    sliver_m
        Width below which a feature is a sliver and goes to its neighbour with its counts.

    Raises
    ------
    InputError
        If a kind cannot be repaired, or the tolerance is not positive.
    """
    wrong = sorted(set(only) - set(MENDABLE))
    if wrong:
        raise InputError(
            "io.error.not_mendable", received=wrong[0], known=", ".join(map(str, MENDABLE))
        )
    if not 0 < tolerance_m < np.inf:
        raise InputError("io.error.tolerance", received=tolerance_m)
    if layer.kind not in _POLYGONS:
        return LayerRepair(layer, (), coverage_valid=True)
    frame, done = layer.frame, []
    if FindingKind.INVALID in only:
        mended = mend_rings(layer.geometry)
        done += _told(layer.kind, FindingKind.INVALID, mended)
        frame = frame.set_geometry(gpd.GeoSeries(mended.shapes, crs=layer.crs))
    if layer.kind in AREA_KINDS:
        frame, more = _tiled(layer, frame, set(only), tolerance_m, sliver_m)
        done += more
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    sound = shapely.is_valid(shapes).all()
    valid = layer.kind not in AREA_KINDS or bool(sound and shapely.coverage_is_valid(shapes))
    changed = any(item.rows for item in done)
    made = Layer(layer.kind, frame, layer.provenance) if changed else layer
    return LayerRepair(made, tuple(done), valid)


def _tiled(
    layer: Layer,
    frame: gpd.GeoDataFrame,
    only: set[FindingKind],
    tolerance_m: float,
    sliver_m: float,
) -> tuple[gpd.GeoDataFrame, list[Repaired]]:
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    # What is still invalid or empty cannot be overlaid: it stays, and so do its faults.
    usable = np.flatnonzero(shapely.is_valid(shapes) & (shapely.area(shapes) > 0))
    work = shapes[usable]
    done: list[Repaired] = []
    merged: tuple[tuple[int, int], ...] = ()
    if FindingKind.SLIVER in only:
        mended = drop_slivers(work, width_m(work) < sliver_m)
        done += _told(layer.kind, FindingKind.SLIVER, mended)
        work, merged = mended.shapes, mended.extra
    gone = np.array([row for row, _ in merged], dtype=np.intp)
    alive = np.setdiff1d(np.arange(len(work)), gone)
    for kind in (FindingKind.OVERLAP, FindingKind.UNMATCHED_EDGE, FindingKind.GAP):
        if kind not in only or (
            kind is FindingKind.UNMATCHED_EDGE and FindingKind.OVERLAP in only
        ):
            continue  # resolving overlaps matches the edges too
        if kind is FindingKind.GAP:
            mended = fill_gaps(work[alive], width_m=tolerance_m, tolerance_m=tolerance_m)
        else:
            overlaps = kind is FindingKind.OVERLAP
            mended = clean_coverage(work[alive], tolerance_m=tolerance_m, overlaps=overlaps)
        done += _told(layer.kind, kind, mended)
        work = work.copy()
        work[alive] = mended.shapes
    shapes = shapes.copy()
    shapes[usable] = work
    frame = frame.set_geometry(gpd.GeoSeries(shapes, crs=layer.crs))
    return _with_counts(layer, frame, [(usable[a], usable[b]) for a, b in merged]), done


def _with_counts(
    layer: Layer, frame: gpd.GeoDataFrame, merged: list[tuple[int, int]]
) -> gpd.GeoDataFrame:
    if not merged:
        return frame
    frame = frame.copy()
    for name, spec in fields_of(layer.kind).items():
        if spec.content == "count" and name in frame.columns:
            values = frame[name].to_numpy(dtype=float, na_value=np.nan, copy=True)
            for gone, heir in merged:
                if not np.isnan(values[gone]):
                    values[heir] = np.nan_to_num(values[heir]) + values[gone]
            frame[name] = values
    return frame.drop(index=[row for row, _ in merged]).reset_index(drop=True)


def _told(layer: Kind, kind: FindingKind, mended: Mended) -> list[Repaired]:
    rows = int(mended.rows.sum()) + len(mended.extra)
    if rows == 0 and mended.left == 0:
        return []
    return [Repaired(str(layer), kind, rows, mended.area_m2, mended.moved_max_m, mended.left)]
