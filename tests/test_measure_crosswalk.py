"""The crosswalk against hand-derived shares, shapely and geopandas.overlay."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from shapely import affinity, box

from gridmap.errors import GeometryError
from gridmap.measure._kernels import shared_areas
from gridmap.measure.crosswalk import centres, crosswalk, require_conserved
from gridmap.model.polygon_index import edges_of


def voronoi(count, seed, *, turn=0.0):
    rng = np.random.default_rng(seed)
    cells = shapely.voronoi_polygons(
        shapely.multipoints(rng.uniform(0, 1000, (count, 2))), extend_to=box(0, 0, 1000, 1000)
    )
    clipped = shapely.intersection(shapely.get_parts(cells), box(0, 0, 1000, 1000))
    return np.array([affinity.rotate(c, turn, (500, 500)) for c in clipped])


def shared_area(a, b):
    tables = [(*edges_of(np.array([p])), shapely.bounds(np.array([p]))) for p in (a, b)]
    first = np.zeros(1, np.int64)
    return shared_areas((first, first), *tables)[0]


def test_shares_by_hand():
    # a source of 4 m2 under targets of 1, 2 and (overlapping nothing) none:
    # |AA BBBB|      A takes 1/4, B takes 2/4, 1/4 lies in no target
    table = crosswalk([box(0, 0, 4, 1)], [box(0, 0, 1, 1), box(1, 0, 3, 1), box(9, 9, 10, 10)])
    assert table.shares.toarray().tolist() == [[0.25, 0.5, 0.0]]
    assert table.unassigned_share.tolist() == [0.25]
    moved = table.transfer([100.0])
    assert moved.by_target.tolist() == [25.0, 50.0, 0.0]
    assert moved.unassigned == 25.0
    assert table.is_split().tolist() == [True]
    assert table.is_split(sliver_share=0.3).tolist() == [False]
    assert table.main_target.tolist() == [1]
    assert "1 sources split" in repr(table)


def test_overlapping_targets_count_nobody_twice():
    # A covers 0..3, B covers 1..4 of a source 0..5: 4 m2 are covered, the pieces are 3 + 3.
    table = crosswalk([box(0, 0, 5, 1)], [box(0, 0, 3, 1), box(1, 0, 4, 1)])
    np.testing.assert_allclose(table.shares.toarray(), [[0.4, 0.4]], rtol=1e-12)
    np.testing.assert_allclose(table.unassigned_share, [0.2], rtol=1e-12)
    np.testing.assert_allclose(table.overlap_m2, [2.0], rtol=1e-12)
    np.testing.assert_allclose(table.intersect_area_m2.toarray(), [[3.0, 3.0]], rtol=1e-12)


def test_a_target_drawn_twice_shares_its_people_evenly():
    table = crosswalk([box(0, 0, 2, 2)], [box(0, 0, 2, 2)] * 2)
    assert table.transfer([10.0]).by_target.tolist() == [5.0, 5.0]
    assert table.unassigned_share.tolist() == [0.0]


def test_by_centre_a_source_belongs_whole():
    sources = [box(0, 0, 2, 2), box(2, 0, 4, 2), box(8, 8, 9, 9)]
    table = crosswalk(sources, [box(0, 0, 2.5, 2), box(2.5, 0, 4, 2)], weight="centre")
    assert table.shares.toarray().tolist() == [[1, 0], [0, 1], [0, 0]]
    assert table.unassigned_share.tolist() == [0, 0, 1]
    assert table.main_target.tolist() == [0, 1, -1]


def test_a_centre_lies_inside():
    ring = shapely.difference(box(0, 0, 9, 9), box(1, 1, 8, 8))
    x, y = centres([ring, box(0, 0, 2, 4), None])
    assert ring.covers(shapely.Point(x[0], y[0]))
    assert (x[1], y[1]) == (1.0, 2.0)
    assert np.isnan([x[2], y[2]]).all()


def test_the_table_reads_both_ways():
    table = crosswalk(
        [box(0, 0, 2, 1), box(2, 0, 4, 1)],
        [box(0, 0, 3, 1), box(3, 0, 4, 1)],
        source_ids=["g1", "g2"],
        target_ids=["b1", "b2"],
    ).pieces([10.0, 30.0])
    assert table["source"].tolist() == ["g1", "g2", "g2"]
    assert table["target"].tolist() == ["b1", "b1", "b2"]
    assert table["share_of_source"].tolist() == [1.0, 0.5, 0.5]
    assert table["share_of_target"].tolist() == pytest.approx([2 / 3, 1 / 3, 1.0])
    assert table["amount"].tolist() == [10.0, 15.0, 15.0]
    assert table["amount_share_of_target"].tolist() == pytest.approx([0.4, 0.6, 1.0])
    assert table["area_km2"].sum() == pytest.approx(4e-6)


def test_missing_polygons_stay_in_place():
    table = crosswalk([None, box(0, 0, 1, 1)], [shapely.Polygon(), box(0, 0, 1, 1)])
    assert table.shares.toarray().tolist() == [[0, 0], [0, 1]]
    assert table.unassigned_share.tolist() == [1, 0]
    assert crosswalk([box(0, 0, 1, 1)], []).unassigned_share.tolist() == [1]


def test_holes_and_parts_are_respected():
    ring = shapely.difference(box(0, 0, 4, 4), box(1, 1, 3, 3))
    pair = shapely.multipolygons([box(1, 1, 2, 2), box(3.5, 0, 6, 4)])
    assert shared_area(ring, pair) == pytest.approx(2.0)
    assert shared_area(pair, ring) == pytest.approx(2.0)
    assert shared_area(shapely.reverse(ring), pair) == pytest.approx(2.0)
    assert shared_area(ring, box(1, 1, 3, 3)) == pytest.approx(0.0, abs=1e-14)


def test_equals_overlay_on_crossing_and_on_nested_borders():
    grids = voronoi(400, 1)
    crossing = voronoi(20, 2, turn=17)
    nested = shapely.union_all(grids[:200]), shapely.union_all(grids[200:300])
    for beats in (crossing, np.array(nested)):
        table = crosswalk(grids, beats)
        pieces = gpd.overlay(
            gpd.GeoDataFrame({"i": range(len(grids))}, geometry=grids, crs=3857),
            gpd.GeoDataFrame({"j": range(len(beats))}, geometry=beats, crs=3857),
            keep_geom_type=False,
        )
        expected = sparse.csr_array(
            (pieces.area, (pieces["i"], pieces["j"])), shape=table.shares.shape
        ).toarray()
        area = shapely.area(grids)[:, None]
        np.testing.assert_allclose(
            table.intersect_area_m2.toarray() / area, expected / area, atol=1e-9
        )
        np.testing.assert_allclose(table.shares.toarray(), expected / area, atol=1e-9)
    assert not table.is_split().any()


star = st.lists(st.floats(0.2, 1.0), min_size=3, max_size=12)


def _star(radii, x, y):
    turn = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return shapely.Polygon(np.column_stack([x + radii * np.cos(turn), y + radii * np.sin(turn)]))


@settings(max_examples=150)
@given(one=star, other=star, x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_shared_area_equals_geos(one, other, x, y):
    a, b = _star(np.array(one), 0, 0), _star(np.array(other), x, y)
    expected = shapely.area(shapely.intersection(a, b))
    assert shared_area(a, b) == pytest.approx(expected, abs=1e-12)
    assert shared_area(b, a) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), turn=st.floats(0, 90), beats=st.integers(1, 30))
def test_people_are_conserved_and_order_does_not_matter(seed, turn, beats):
    grids, targets = voronoi(60, seed), voronoi(beats, seed + 1, turn=turn)
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 5000, len(grids)).astype(float)
    table = crosswalk(grids, targets)
    moved = table.transfer(people)
    assert moved.by_target.sum() + moved.unassigned == pytest.approx(people.sum(), rel=1e-12)
    order = rng.permutation(len(grids))
    again = crosswalk(grids[order], targets).transfer(people[order])
    np.testing.assert_allclose(again.by_target, moved.by_target, rtol=1e-12)


def test_invalid_polygons_are_refused_with_the_reason():
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(GeometryError) as caught:
        crosswalk([bow], [box(0, 0, 1, 1)], source_ids=["g7"])
    assert caught.value.key == "measure.error.invalid"
    assert "g7; first reason: Self-intersection" in caught.value.text("en")


def test_amounts_must_be_one_finite_number_each():
    table = crosswalk([box(0, 0, 1, 1)], [box(0, 0, 1, 1)])
    for amounts in ([1.0, 2.0], [np.nan]):
        with pytest.raises(ValueError, match="finite"):
            table.transfer(amounts)
    with pytest.raises(ValueError, match="ids"):
        crosswalk([box(0, 0, 1, 1)], [], source_ids=["a", "b"])


def test_a_changed_total_stops_the_program():
    with pytest.raises(ArithmeticError):
        require_conserved(1e6, 1e6 + 0.01)
