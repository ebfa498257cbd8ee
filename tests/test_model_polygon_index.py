"""The polygon index against GEOS, on points where rounding and rules matter."""

from __future__ import annotations

import re

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from gridmap.errors import GeometryError
from gridmap.model.polygon_index import PolygonIndex, orientation


def covering(polygons, x, y):
    """Every pair (point, polygon) by GEOS, which is exact too."""
    shapely.prepare(polygons)
    hits = [shapely.intersects_xy(polygon, x, y) for polygon in polygons]
    return {(int(i), k) for k, hit in enumerate(hits) for i in np.flatnonzero(hit)}


def lowest(pairs, count):
    found = np.full(count, -1)
    for point, polygon in sorted(pairs, reverse=True):
        found[point] = polygon
    return found


def assert_equals_geos(polygons, x, y, *, expected_points=1_000_000):
    polygons = np.asarray(polygons, dtype=object)
    index = PolygonIndex.build(polygons, expected_points=expected_points)
    pairs = covering(polygons, x, y)
    points, found = index.locate_all(x, y)
    assert set(zip(points.tolist(), found.tolist(), strict=True)) == pairs
    np.testing.assert_array_equal(index.locate(x, y), lowest(pairs, len(x)))


def voronoi(count, seed, *, turn=0.0, shift=0.0):
    rng = np.random.default_rng(seed)
    cells = shapely.voronoi_polygons(
        shapely.multipoints(rng.uniform(0, 1000, (count, 2))), extend_to=box(0, 0, 1000, 1000)
    )
    clipped = shapely.intersection(shapely.get_parts(cells), box(0, 0, 1000, 1000))
    return [
        affinity.translate(affinity.rotate(c, turn, (500, 500)), shift, shift) for c in clipped
    ]


def adversarial_points(polygons, rng):
    """Vertices, points of edges, and their nearest neighbours among floats."""
    corners = shapely.get_coordinates(polygons)
    share = rng.uniform(size=(len(corners) - 1, 1))
    along = corners[:-1] * share + corners[1:] * (1 - share)
    middle = (corners[:-1] + corners[1:]) / 2
    points = np.vstack([corners, along, middle])
    steps = [points]
    for axis in (0, 1):
        for way in (-np.inf, np.inf):
            near = points.copy()
            near[:, axis] = np.nextafter(near[:, axis], way)
            steps.append(near)
    points = np.vstack(steps)
    return points[:, 0].copy(), points[:, 1].copy()


def test_a_point_on_a_shared_border_belongs_to_the_first_polygon():
    # 0 | 1
    # --+--   every border point is also in a later polygon
    # 2 | 3
    squares = [box(0, 1, 1, 2), box(1, 1, 2, 2), box(0, 0, 1, 1), box(1, 0, 2, 1)]
    index = PolygonIndex.build(squares)
    x = [0.5, 1.0, 1.5, 1.0, 0.5, 1.5, 1.0, 0.0, 2.0, 2.1]
    y = [1.5, 1.5, 1.5, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0]
    assert index.locate(x, y).tolist() == [0, 0, 1, 0, 0, 1, 2, 2, 3, -1]
    points, polygons = index.locate_all([1.0], [1.0])
    assert points.tolist() == [0, 0, 0, 0]
    assert polygons.tolist() == [0, 1, 2, 3]


def test_nan_and_infinity_lie_nowhere():
    index = PolygonIndex.build([box(0, 0, 1, 1)])
    x = [np.nan, 0.5, np.inf, -np.inf, 0.5]
    y = [0.5, np.nan, 0.5, 0.5, 0.5]
    assert index.locate(x, y).tolist() == [-1, -1, -1, -1, 0]


def test_holes_parts_and_empty_polygons():
    ring = shapely.difference(box(0, 0, 4, 4), box(1, 1, 3, 3))
    pair = shapely.multipolygons([box(1.5, 1.5, 2, 2), box(9, 9, 10, 10)])
    polygons = [None, ring, shapely.Polygon(), pair]
    index = PolygonIndex.build(polygons)
    x, y = [0.5, 1.0, 1.2, 1.7, 9.5, 7.0], [0.5, 2.0, 1.2, 1.7, 9.5, 7.0]
    assert index.locate(x, y).tolist() == [1, 1, -1, 3, 3, -1]
    assert index.polygon_count == 4


def test_no_polygons_cover_nothing():
    for polygons in ([], [None], [shapely.Polygon()]):
        assert PolygonIndex.build(polygons).locate([0.0], [0.0]).tolist() == [-1]


@pytest.mark.parametrize("seed", range(4))
def test_equals_geos_on_adversarial_points(seed):
    rng = np.random.default_rng(seed)
    polygons = voronoi(60, seed, turn=[0, 0.1, 30, 45][seed], shift=[0, 1e-3, 4.4e5, 3.9e6][seed])
    assert_equals_geos(polygons, *adversarial_points(polygons, rng))


def test_equals_geos_on_overlapping_polygons():
    rng = np.random.default_rng(5)
    polygons = [
        shapely.Point(*rng.uniform(0, 100, 2)).buffer(rng.uniform(1, 40), quad_segs=4)
        for _ in range(40)
    ]
    x, y = rng.uniform(-5, 105, (2, 5000))
    assert_equals_geos(polygons, x, y)
    assert_equals_geos(polygons, *adversarial_points(polygons, rng))


def test_slivers_and_a_far_island_are_found():
    polygons = [
        shapely.Polygon([(0, 0), (1000, 1e-9), (1000, 0)]),
        box(5e5, 5e5, 5e5 + 1e-6, 5e5 + 1e-6),
        box(10, 1, 20, 2),
        shapely.Polygon([(30, 30), (40, 30), (35, 30)]),
    ]
    x, y = adversarial_points(polygons, np.random.default_rng(0))
    assert_equals_geos(polygons, x, y)


def test_polygons_far_off_get_a_raster_of_their_own():
    polygons = [box(9e6, 9e6, 9e6 + 50, 9e6 + 50), *voronoi(80, 4), box(-9e7, 0, -8.9e7, 10)]
    polygons.insert(40, box(-10, -10, 9e6 + 10, 9e6 + 10))  # over all of them
    index = PolygonIndex.build(polygons)
    assert len(index.shapes) > 1
    x, y = adversarial_points(polygons, np.random.default_rng(2))
    assert_equals_geos(polygons, x, y)


def test_answers_do_not_depend_on_the_resolution():
    rng = np.random.default_rng(3)
    polygons = voronoi(200, 3, turn=12)
    x, y = adversarial_points(polygons, rng)
    answers = [
        PolygonIndex.build(polygons, expected_points=points).locate(x, y)
        for points in (1, 10_000, 10**9)
    ]
    shapes = {PolygonIndex.build(polygons, expected_points=n).shapes for n in (1, 10**9)}
    assert len(shapes) == 2
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


coordinate = st.integers(-6, 6).map(float)


@settings(max_examples=60)
@given(
    triangles=st.lists(
        st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=3), min_size=1, max_size=8
    ),
    points=st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=40),
)
def test_equals_geos_on_small_integers(triangles, points):
    polygons = [shapely.Polygon(corners) for corners in triangles]
    polygons = [polygon for polygon in polygons if polygon.is_valid] or [box(0, 0, 1, 1)]
    x, y = np.array(points).T / 2
    assert_equals_geos(polygons, x, y)


def test_lines_are_refused_with_their_positions():
    with pytest.raises(GeometryError) as caught:
        PolygonIndex.build([box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)])])
    assert caught.value.key == "measure.error.not_polygons"
    assert caught.value.values["ids"] == "1"


def test_infinite_coordinates_are_refused():
    with pytest.raises(GeometryError) as caught:
        PolygonIndex.build([shapely.Polygon([(0, 0), (np.inf, 0), (1, 1)])])
    assert caught.value.key == "measure.error.not_finite"


def test_coordinates_of_unlike_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        PolygonIndex.build([box(0, 0, 1, 1)]).locate([1.0], [1.0, 2.0])


def test_orientation_is_exact_where_floats_are_not():
    # Around (0.5, 0.5) the determinant is smaller than its rounding error: Kettner et al.
    # (2008), "Classroom examples of robustness problems in geometric computations".
    from fractions import Fraction

    ulp = 2.0**-53
    ax, ay, bx, by = 12.0, 12.0, 24.0, 24.0
    for i in range(24):
        for j in range(24):
            cx, cy = 0.5 + i * ulp, 0.5 + j * ulp
            exact = (Fraction(ax) - Fraction(cx)) * (Fraction(by) - Fraction(cy)) - (
                Fraction(ay) - Fraction(cy)
            ) * (Fraction(bx) - Fraction(cx))
            assert orientation(ax, ay, bx, by, cx, cy) == (exact > 0) - (exact < 0)


def test_the_index_says_what_it_is():
    index = PolygonIndex.build([box(0, 0, 1, 1)])
    assert "1 polygons" in repr(index)
    assert index.nbytes > 0
    assert re.search(r"\(\d\d?% on borders\)", repr(index))
    assert "no cells" in repr(PolygonIndex.build([]))
