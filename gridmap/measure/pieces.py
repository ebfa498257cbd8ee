"""The rows of a table, and the pieces into which their borders cut the grids.

A row is a grid, beat, station or community, or the whole city. Every figure by row is a sum over
pieces: a piece has part of its grid's people, by area or by a control layer, and its own part of
the ground that a room reaches. Incidents have places of their own and are counted where they lie.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import scipy
import shapely

from gridmap.errors import InputError, MissingError
from gridmap.fields import By as By  # noqa: PLC0414 - measures are asked for by it
from gridmap.i18n import tr
from gridmap.measure.crosswalk import Control, Crosswalk, crosswalk, dasymetric
from gridmap.measure.disc_areas import covered_share
from gridmap.model import BeatInfo, City, Kind, Layer, Plan
from gridmap.model.layer import join_rows
from gridmap.model.polygon_index import PolygonIndex
from gridmap.typing import Bools, Floats, Ints, Ints32, Shapes, Texts

# A piece that has all of its grid's ground but this share is the grid: the rest is rounding.
_WHOLE = 1e-9
_MOST_CUTS = 16  # pairs of layers whose pieces are kept


class Areas(NamedTuple):
    """The rows of a table: the features of a layer, or whole grids put together.

    Attributes
    ----------
    by
        What a row is.
    ids, names
        Text, shape (rows,).
    area_m2
        Square metres, shape (rows,).
    layer
        The layer whose features are the rows, or None where rows are made of whole grids.
    row_of_grid
        Row of each grid, -1 for none, or None where rows are a layer's features.
    """

    by: By
    ids: Texts
    names: Texts
    area_m2: Floats
    layer: Layer | None
    row_of_grid: Ints | None

    @property
    def located_by(self) -> Kind:
        """The layer whose rows, known of each incident, say its row here."""
        return Kind.GRID if self.layer is None else self.layer.kind

    def rows_of(self, located: npt.NDArray[np.integer]) -> Ints:
        """Return the row of each incident, -1 for none, from its row in `located_by`."""
        if self.row_of_grid is None:
            return located.astype(np.int64)
        rows: Ints = np.append(self.row_of_grid, -1)[located]
        return rows


@dataclass(frozen=True, eq=False)
class Pieces:
    """The parts into which rows cut grids; make them with `pieces_of` or `cut_pieces`.

    Attributes
    ----------
    table
        The crosswalk from grids to rows.
    grids, rows
        Polygons of the grids, and of the rows; None where rows are made of whole grids.
    """

    table: Crosswalk
    grids: Shapes
    rows: Shapes | None

    @cached_property
    def _entries(self) -> tuple[Ints, Ints, Floats, Floats]:
        # A piece where a control layer puts nobody still has its ground.
        both = (self.table.shares + self.table.intersect_area_m2).tocsr()
        both.sort_indices()
        held = both.tocoo()
        keep = held.data > 0.0
        grid, row = held.row[keep].astype(np.int64), held.col[keep].astype(np.int64)
        if not len(grid):  # asked for no entry, scipy gives no array
            return grid, row, np.empty(0), np.empty(0)
        share, area = (
            np.asarray(table[grid, row], np.float64)
            for table in (self.table.shares, self.table.intersect_area_m2)
        )
        return grid, row, share, area

    def __len__(self) -> int:
        return len(self.grid)

    @property
    def grid(self) -> Ints:
        """Grid of each piece, shape (p,), ascending."""
        return self._entries[0]

    @property
    def row(self) -> Ints:
        """Row of each piece, shape (p,)."""
        return self._entries[1]

    @property
    def share(self) -> Floats:
        """Share of the grid's people that each piece has, shape (p,)."""
        return self._entries[2]

    @property
    def area_m2(self) -> Floats:
        """Ground of each piece, square metres, shape (p,)."""
        return self._entries[3]

    @cached_property
    def is_cut(self) -> Bools:
        """Which pieces are not a whole grid, shape (p,)."""
        if self.rows is None:
            return np.zeros(len(self), dtype=bool)
        whole: Bools = self.area_m2 < (1.0 - _WHOLE) * self.table.source_area_m2[self.grid]
        return whole

    def shapes(self, chosen: Ints) -> Shapes:
        """Return the polygons of some pieces; empty where a piece is no more than a line."""
        shapes = self.grids[self.grid[chosen]].copy()
        cut = self.is_cut[chosen]
        if self.rows is not None and cut.any():
            some = chosen[cut]
            shapes[cut] = _polygons(
                shapely.intersection(self.grids[self.grid[some]], self.rows[self.row[some]])
            )
        return shapes

    def sum_rows(self, of_pieces: Floats) -> Floats:
        """Add up an amount of each piece by row."""
        return np.bincount(
            self.row, weights=of_pieces, minlength=len(self.table.target_ids)
        ).astype(np.float64)

    def amounts(self, of_grids: npt.ArrayLike) -> Floats:
        """Share each grid's amount out among its pieces, shape (p,)."""
        return np.asarray(of_grids, np.float64)[self.grid] * self.share

    def covered_share(
        self, of_grids: Floats, xy: Floats, *, radius_m: float, at_least: int = 1
    ) -> Floats:
        """Return the share of each piece's ground within a distance of ``at_least`` places.

        Parameters
        ----------
        of_grids
            The share of each whole grid, from `gridmap.measure.covered_share`: pieces of
            grids within reach, or out of it, as a whole are not looked at again.
        xy, radius_m, at_least
            As of `gridmap.measure.covered_share`.
        """
        covered = of_grids[self.grid]
        partly = np.flatnonzero(self.is_cut & (covered > 0.0) & (covered < 1.0))
        shapes = self.shapes(partly)
        real = shapely.area(shapes) > 0.0
        covered[partly[real]] = covered_share(
            shapes[real], xy, radius_m=radius_m, at_least=at_least
        )
        return covered

    def piece_of(self, grid: Ints, x: Floats, y: Floats) -> Ints:
        """Return the piece that each point lies in, or -1; its grid is known.

        A point on a border, or where rows overlap, belongs to the row that comes first.
        """
        by_grid = np.full(len(self.table.source_ids), -1, np.int64)
        by_grid[self.grid[::-1]] = np.arange(len(self))[::-1]  # the first piece of each grid
        found = by_grid[grid]
        cut = self.is_cut
        grids_cut = np.zeros(len(by_grid), dtype=bool)
        grids_cut[self.grid[cut]] = True
        asked = np.flatnonzero(grids_cut[grid])
        if self.rows is None or not len(asked):
            return found
        near = np.unique(self.row[grids_cut[self.grid]])
        row = PolygonIndex.build(self.rows[near], expected_points=len(asked)).locate(
            x[asked], y[asked]
        )
        row = np.append(near, -1)[row]
        width = len(self.table.target_ids)
        key = self.grid * width + self.row
        wanted = grid[asked] * width + row
        at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        found[asked] = np.where((row >= 0) & (key[at] == wanted), at, -1)
        return found


_cuts: OrderedDict[tuple[str, ...], Pieces] = OrderedDict()
_cuts_lock = Lock()


def cut_pieces(people: Layer, rows: Layer, control: Control | None = None) -> Pieces:
    """Return the pieces into which a layer's features cut the grids, once per pair of layers.

    Parameters
    ----------
    people
        The grids, or whatever layer people are counted by.
    rows
        Beats, stations, communities.
    control
        Where in their grids people live; evenly over the ground if None.

    Raises
    ------
    GeometryError
        If a polygon is invalid.
    """
    key = people.digest, rows.digest, "" if control is None else control.digest
    with _cuts_lock:
        if key in _cuts:
            _cuts.move_to_end(key)
            return _cuts[key]
    if people.kind == rows.kind:  # a grid is a row: overlapping grids keep their own people
        found = _whole(people, np.arange(len(people)), np.nan_to_num(rows.area_m2))
    elif control is not None:
        base = cut_pieces(people, rows)
        table = dasymetric(
            base.table, base.grids, rows.geometry, control.shapes, weights=control.weights
        )
        found = Pieces(table, base.grids, base.rows)
    else:
        table = crosswalk(
            people.geometry, rows.geometry, source_ids=people.ids, target_ids=rows.ids
        )
        found = Pieces(table, people.geometry, rows.geometry)
    with _cuts_lock:
        _cuts[key] = found
        while len(_cuts) > _MOST_CUTS:
            _cuts.popitem(last=False)
    return found


def pieces_of(areas: Areas, people: Layer, control: Control | None = None) -> Pieces:
    """Return the pieces into which the rows of a table cut the grids.

    Parameters
    ----------
    areas
        The rows, from `areas_of`.
    people
        The layer people are counted by (`people_layer`).
    control
        Where in their grids people live; evenly over the ground if None.
    """
    if areas.row_of_grid is not None:
        return _whole(people, areas.row_of_grid, areas.area_m2)
    assert areas.layer is not None  # noqa: S101 - rows are made of one or the other
    return cut_pieces(people, areas.layer, control)


def _whole(people: Layer, rows: Ints, area_m2: Floats) -> Pieces:
    own = np.nan_to_num(people.area_m2)
    return Pieces(Crosswalk.from_rows(rows, own, target_area_m2=area_m2), people.geometry, None)


def people_layer(city: City) -> Layer | None:
    """Return the layer whose residents are counted: grids, or where there are none communities."""
    return city.layers.get(Kind.GRID, city.get(Kind.COMMUNITY))


def areas_of(city: City, by: By, plan: Plan | None = None) -> Areas:
    """Return the rows of a table by grid, beat, station, community, or of the whole city.

    Beats are those of the plan, else of the beat layer, else the grids' own beat column;
    stations and communities likewise.

    Parameters
    ----------
    city
        The city.
    by
        What a row is.
    plan
        Plan whose beats, and their stations, stand in for the city's own.

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    InputError
        If the plan is another city's.
    """
    if plan is not None and city.has(Kind.GRID) and not _fits(plan, city.grids):
        raise InputError("measure.error.plan_of_other_city", plan=plan.name, city=city.label)
    if by == "city":
        one = np.array([city.label], dtype=object)
        whole = np.zeros(len(city.grids), dtype=np.int32)
        return _of_labels(by, city.grids, whole, one, one)
    if plan is not None and by == "beat":
        names = np.array([beat.label for beat in plan.beats], dtype=object)
        return _of_labels(by, city.grids, plan.assignment, plan.beat_ids, names)
    if plan is not None and by == "station" and any(beat.station for beat in plan.beats):
        stations = np.array([beat.station for beat in plan.beats] + [""], dtype=object)
        return _of_texts(city, by, stations[plan.assignment])
    layer = city.get(Kind(by))
    if layer is not None:
        return Areas(by, layer.ids, layer.names, np.nan_to_num(layer.area_m2), layer, None)
    if by != "grid" and city.has(Kind.GRID) and city.grids.has(by):
        return _of_texts(city, by, city.grids.texts(by))
    raise MissingError("measure.error.no_rows", by=by, city=city.label)


def ground_of(city: City, by: By, plan: Plan | None = None) -> Layer:
    """Return the ground of each row of a table as polygons, in the table's order.

    Rows made of whole grids are the union of their grids; a row without any is empty.

    Parameters
    ----------
    city, by, plan
        As of `areas_of`.

    Raises
    ------
    MissingError, InputError
        As `areas_of`.
    """
    rows = areas_of(city, by, plan)
    if rows.layer is not None:
        shapes = rows.layer.geometry
    else:
        assert rows.row_of_grid is not None  # noqa: S101 - rows are made of one or the other
        shapes = join_rows(
            city.grids.geometry, rows.row_of_grid, len(rows.ids), gap_m=city.presets.gap_m
        )
    kind = Kind.STATION if by == "city" else Kind(by)
    columns = {"id": rows.ids, "name": rows.names}
    return Layer(kind, gpd.GeoDataFrame(columns, geometry=shapes, crs=city.crs))


def _fits(plan: Plan, grids: Layer) -> bool:
    return len(plan.grid_ids) == len(grids) and bool((plan.grid_ids == grids.ids).all())


def _of_texts(city: City, by: By, texts: Texts) -> Areas:
    held = Plan.from_labels(by, city.grids.ids, texts)
    names = held.beat_ids
    layer = city.get(Kind(by))
    if layer is not None:
        known: Mapping[str, str] = dict(zip(layer.ids, layer.names, strict=True))
        names = np.array([known.get(name, name) for name in names], dtype=object)
    return _of_labels(by, city.grids, held.assignment, held.beat_ids, names)


def _of_labels(by: By, grids: Layer, assignment: Ints32, ids: Texts, names: Texts) -> Areas:
    row_of_grid = assignment.astype(np.int64)
    held = row_of_grid >= 0
    area = np.bincount(
        row_of_grid[held], weights=np.nan_to_num(grids.area_m2)[held], minlength=len(ids)
    )
    return Areas(by, ids, names, area.astype(float), None, row_of_grid)


def _polygons(shapes: Shapes) -> Shapes:
    """Return the polygonal parts of geometries; lines and points that borders share go."""
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (3, 6)))
    for at in mixed:
        parts = shapely.get_parts(shapes[at])
        shapes[at] = shapely.multipolygons(parts[shapely.get_type_id(parts) == 3])
    return shapes


# -- today's beats as a plan, and which new beat is which old one


def has_beats(city: City) -> bool:
    """Return whether a city has beats today: a beat layer, or grids that name their beat."""
    grids = city.get(Kind.GRID)
    return city.has(Kind.BEAT) or (grids is not None and any(grids.texts("beat")))


def present_plan(city: City) -> Plan:
    """Return today's beats as a plan of whole grids.

    A grid belongs to the beat that its own ``beat`` column names; where the grids have no
    such column, to the beat polygon that holds most of its ground (a grid outside every
    polygon belongs to none).

    Raises
    ------
    MissingError
        If the city has neither.
    """
    grids, beats = city.grids, city.get(Kind.BEAT)
    known = {beat.id: beat for beat in _infos(city, beats)} if beats is not None else {}
    name = tr("measure.present")
    if any(grids.texts("beat")):
        return Plan.from_labels(
            name, grids.ids, city.named(grids, Kind.BEAT), beats=known, city_digest=grids.digest
        )
    if beats is None:
        raise MissingError("measure.error.no_rows", by="beat", city=city.label)
    main = cut_pieces(grids, beats).table.main_target
    return Plan(name, grids.ids, main.astype(np.int32), tuple(known.values()), grids.digest)


def match_beats(old: Plan, new: Plan, weights: Floats) -> dict[int, int]:
    """Return which old beat each new beat continues.

    An id denotes the same beat in both plans, wherever it lies: its officers, its room and
    its records go by it, so a grid that stays under it has not changed hands. Beats whose ids
    are in one plan only have perhaps just been renumbered: of them, the pairs that keep most
    weight belong together.

    Parameters
    ----------
    old, new
        Two plans of the same grids.
    weights : (n,)
        What counts as kept, for example residents.

    Returns
    -------
    dict
        Row of the new beat to row of the old one. New beats with an id of their own that
        share nothing with any old beat left over are not in it.

    Raises
    ------
    InputError
        If the plans are of different grids.

    Notes
    -----
    The pairs are those of `match_most`. A plan whose numbers say nothing about today's is to be
    compared under ids that today's beats do not have.
    """
    if len(old.grid_ids) != len(new.grid_ids) or (old.grid_ids != new.grid_ids).any():
        raise InputError("measure.error.plan_of_other_city", plan=new.name, city=old.name)
    row_of = {name: row for row, name in enumerate(old.beat_ids)}
    match = {row: row_of[name] for row, name in enumerate(new.beat_ids) if name in row_of}
    held = (old.assignment >= 0) & (new.assignment >= 0)
    free = np.setdiff1d(np.arange(len(new)), list(match))
    left = np.setdiff1d(np.arange(len(old)), list(match.values()))
    held &= np.isin(new.assignment, free) & np.isin(old.assignment, left)
    pairs = match_most(new.assignment[held], old.assignment[held], weights[held])
    return match | pairs


def match_most(
    first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], weights: npt.ArrayLike
) -> dict[int, int]:
    """Return the one-to-one pairs of labels under which most weight has both labels.

    The assignment problem, solved exactly on the pairs that occur: shortest augmenting paths on
    a sparse graph (Jonker and Volgenant 1987, *Computing* 38), in which each first label may
    also stay single. A table of all pairs would take 20 GB for the beats of a province.

    Parameters
    ----------
    first, second : (n,)
        Labels of the same things, 0 or more.
    weights : (n,)
        What each counts, 0 or more. What weighs nothing counts a trifle, so that empty ground
        is matched too.

    Returns
    -------
    dict
        First label to second label, for labels that occur together.

    Examples
    --------
    >>> match_most(np.array([0, 0, 1, 1]), np.array([5, 5, 5, 7]), [9, 9, 8, 1])
    {0: 5, 1: 7}
    """
    if not len(first):
        return {}
    rows, at = np.unique(first, return_inverse=True)
    columns, to = np.unique(second, return_inverse=True)
    weight = np.asarray(weights, np.float64)
    trifle = 1e-9 * max(float(weight.sum()), 1.0) / len(weight)
    shape = (len(rows), len(columns))
    shared = scipy.sparse.coo_array((weight + trifle, (at, to)), shape)
    single = scipy.sparse.eye_array(len(rows)) * (1e-6 * trifle)  # blank entries are no edges
    table = scipy.sparse.hstack([shared, single], format="csr")
    own, other = scipy.sparse.csgraph.min_weight_full_bipartite_matching(table, maximize=True)
    paired = other < len(columns)
    return dict(zip(rows[own[paired]].tolist(), columns[other[paired]].tolist(), strict=True))


def _infos(city: City, beats: Layer) -> list[BeatInfo]:
    stations, rooms = city.named(beats, Kind.STATION), city.named(beats, Kind.ROOM)
    officers, auxiliaries = beats.counts("officers"), beats.counts("auxiliaries")
    return [
        BeatInfo(
            str(beats.ids[row]),
            str(beats.names[row]),
            str(stations[row]),
            str(rooms[row]),
            max(float(officers[row]), 0.0),
            max(float(auxiliaries[row]), 0.0),
        )
        for row in range(len(beats))
    ]
