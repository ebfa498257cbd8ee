"""Rings and isochrones as polygons."""

import numpy as np
import pytest
import shapely

from gridmap.travel import WALK, RoadNetwork, RoadTravel, StraightLine, isochrone, ring

SQUARE = shapely.box(-1000, -1000, 1000, 1000)


def test_a_ring_has_the_area_of_its_circle_and_is_clipped() -> None:
    assert ring([(0, 0)], 500.0).area == pytest.approx(np.pi * 500**2, rel=1e-9)
    half = ring([(-1000, 0)], 500.0, clip=SQUARE)
    assert half.area == pytest.approx(np.pi * 500**2 / 2, rel=1e-3)


def test_a_straight_isochrone_is_a_circle() -> None:
    ground = isochrone(StraightLine(), [(0, 0)], 500.0, clip=SQUARE, cell_m=20.0)
    assert ground.area == pytest.approx(np.pi * 500**2, rel=0.01)
    assert shapely.hausdorff_distance(ground, ring([(0, 0)], 500.0)) < 20.0


def test_along_one_street_it_is_a_diamond() -> None:
    street = RoadNetwork.from_lines(shapely.from_wkt(["LINESTRING (-1000 0, 1000 0)"]))
    ground = isochrone(RoadTravel(street, WALK, "m"), [(0, 0)], 400.0, clip=SQUARE, cell_m=10.0)
    assert ground.area == pytest.approx(2 * 400**2, rel=0.02)


def test_nobody_in_reach_is_no_ground() -> None:
    assert isochrone(StraightLine(), np.empty((0, 2)), 100.0, clip=SQUARE).is_empty
