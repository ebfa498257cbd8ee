"""Densities and the accuracy of maps against hand and second sources."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import box

from gridmap.errors import InputError
from gridmap.measure.hotspots import kernel_density, score_maps, scott_bandwidth_m, top_area
from gridmap.model import Adjacency, Kind, Layer

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"


def checkerboard(side):
    shapes = [box(x, y, x + 1, y + 1) for y in range(side) for x in range(side)]
    return Adjacency.build(
        Layer(
            Kind.GRID,
            gpd.GeoDataFrame(
                {"id": [str(n) for n in range(len(shapes))]},
                geometry=shapely.transform(np.array(shapes), lambda xy: xy * 100),
                crs=4547,
            ),
        )
    )


def test_density_holds_every_incident_even_at_the_edge():
    rng = np.random.default_rng(1)
    city = shapely.difference(box(0, 0, 3000, 2000), box(1000, 800, 1500, 1200))
    x, y = rng.uniform(0, 3000, 400), rng.uniform(0, 2000, 400)
    x[:50], y[:50] = 0.0, 0.0  # on the corner itself
    surface = kernel_density(x, y, city=city, cell_m=40.0, bandwidth_m=200.0)
    inside = shapely.intersects_xy(city, x, y).sum()
    assert surface.total == pytest.approx(inside, rel=1e-9)
    assert surface.outside == 400 - inside
    assert np.isnan(surface.at([1250, 5000], [1000, 0])).all()
    assert surface.at([20], [20])[0] == np.nanmax(surface.per_km2)


def test_density_of_one_incident_is_the_kernel():
    surface = kernel_density(
        [1005.0], [1005.0], city=box(0, 0, 2010, 2010), cell_m=10.0, bandwidth_m=100.0
    )
    peak = 1 / (2 * np.pi * 0.1**2)  # per km2, with 0.1 km
    assert surface.at([1005], [1005])[0] == pytest.approx(peak, rel=0.01)
    assert surface.at([1105], [1005])[0] == pytest.approx(peak * np.exp(-0.5), rel=0.01)


def test_bandwidths():
    x, y = np.array([0.0, 200.0]), np.array([0.0, 0.0])
    # variance of x is 20,000, of y 0: sqrt(10,000) * 2 ** (-1/6)
    assert scott_bandwidth_m(x, y) == pytest.approx(100 * 2 ** (-1 / 6))
    assert scott_bandwidth_m([1.0], [1.0], least_m=7.0) == 7.0
    rng = np.random.default_rng(3)
    centres = rng.uniform(500, 4500, (12, 2)).repeat(60, axis=0)
    points = centres + rng.normal(0, 60, centres.shape)
    city = box(0, 0, 5000, 5000)
    by_rule = kernel_density(*points.T, city=city)
    chosen = kernel_density(*points.T, city=city, bandwidth_m="cross-validation")
    # Tight clusters: the rule for one bell is far too wide.
    assert chosen.bandwidth_m < by_rule.bandwidth_m / 2


def test_impossible_densities_are_refused():
    for city, options, key in (
        (box(0, 0, 10, 10), {"cell_m": 0.0}, "density_sizes"),
        (box(0, 0, 1e6, 1e6), {"cell_m": 1.0}, "density_cells"),
        (shapely.Polygon(), {}, "density_no_cells"),
    ):
        with pytest.raises(InputError) as caught:
            kernel_density([1.0], [1.0], city=city, **options)
        assert caught.value.key == f"measure.error.{key}"


def test_accuracy_by_hand():
    # 10 later incidents; map a marks 1 of 4 km2 with 6 of them: 0.6 / 0.25 = 2.4
    table = score_maps(
        {"a": [1, 0, 0, 0], "all": [1, 1, 1, 1], "none": [0, 0, 0, 0]}, [6, 2, 1, 1], [1] * 4
    )
    assert table.loc["a", "accuracy_index"] == pytest.approx(2.4)
    assert table.loc["a", "hit_rate"] == pytest.approx(0.6)
    assert table.loc["all", "accuracy_index"] == pytest.approx(1)
    assert np.isnan(table.loc["none", "accuracy_index"])
    assert table.index[0] == "a"
    assert top_area([6, 2, 4, 1], [1, 1, 1, 1], share=0.5).tolist() == [True, False, True, False]
    assert top_area([6, 9], [1, 3], share=0.25).tolist() == [True, False]
