"""Rates, densities, hot spots and their accuracy against hand and second sources."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import box

from gridmap.errors import InputError
from gridmap.measure.accuracy import score_maps, top_area
from gridmap.measure.density import kernel_density, scott_bandwidth_m
from gridmap.measure.hotspots import _weights, compare_hot_spots, hot_spots
from gridmap.measure.rates import smoothed_rates
from gridmap.model import Adjacency, Kind, Layer
from gridmap.model.polygon_index import PolygonIndex

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


def test_smoothed_rates_equal_esda():
    from esda.smoothing import Empirical_Bayes

    rng = np.random.default_rng(4)
    people = rng.integers(20, 5000, 60).astype(float)
    events = rng.poisson(people * rng.gamma(2.0, 0.01, 60)).astype(float)
    found = smoothed_rates(events, people, per=1.0)
    expected = Empirical_Bayes(events, people).r.ravel()
    np.testing.assert_allclose(found["smoothed"], expected, rtol=1e-12)
    assert found["weight"].between(0, 1).all()


def test_few_people_count_little():
    found = smoothed_rates([1, 30, 10, 0], [10, 1000, 1000, 0])
    assert found["raw"][:3].tolist() == pytest.approx([100, 30, 10])
    assert np.isnan(found["raw"][3])
    mean = 41 / 2010 * 1000
    assert found["smoothed"][3] == pytest.approx(mean)
    assert abs(found["smoothed"][0] - mean) < abs(found["smoothed"][1] - mean)
    assert smoothed_rates([0.0], [0.0])["smoothed"].isna().all()
    with pytest.raises(ValueError, match="negative"):
        smoothed_rates([-1], [5])


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


def gi_star(y, adjacency):
    """The formula of Ord and Getis (1995) written out, binary weights with self."""
    n = len(y)
    w = np.eye(n)
    w[adjacency.first, adjacency.second] = w[adjacency.second, adjacency.first] = 1
    total, square = w.sum(axis=1), (w**2).sum(axis=1)
    spread = y.std() * np.sqrt((n * square - total**2) / (n - 1))
    return (w @ y - y.mean() * total) / spread


def test_gi_star_equals_its_formula():
    adjacency = checkerboard(8)
    y = np.random.default_rng(0).poisson(3, 64).astype(float)
    y[[0, 1, 8, 9]] = 30
    found = hot_spots(y, adjacency)
    np.testing.assert_allclose(found.score, gi_star(y, adjacency), rtol=1e-10)
    assert set(np.flatnonzero(found.kind == "hot")) >= {0, 1, 8, 9}
    assert (found.p_value[found.kind == "hot"] <= found.threshold).all()
    assert found.kind[0] == "hot"


def test_correction_finds_nothing_in_noise():
    adjacency = checkerboard(15)
    y = np.random.default_rng(6).normal(size=225)
    found = hot_spots(y, adjacency)
    assert (found.p_value <= 0.05).any()  # what an uncorrected map would show
    assert (found.kind == "none").all()


def test_local_moran_tells_outliers_from_spots():
    adjacency = checkerboard(10)
    y = np.random.default_rng(2).normal(0, 0.1, 100)
    y[[0, 1, 2, 10, 11, 12, 20, 21, 22]] += 5
    found = hot_spots(y, adjacency, method="moran", seed=1)
    again = hot_spots(y, adjacency, method="moran", seed=1)
    assert found.kind[11] == "hot"
    np.testing.assert_array_equal(found.kind, again.kind)
    y[55] = -5  # a grid unlike its neighbours, next to nothing else
    y[[44, 45, 46, 54, 56, 64, 65, 66]] += 5
    outlier = hot_spots(y, adjacency, method="moran", permutations=4999, alpha=0.1)
    assert outlier.kind[55] == "low among high"


def test_permutations_of_local_moran_equal_all_arrangements():
    # Five grids in a row: every set of neighbours that a grid could have is written out.
    from itertools import combinations

    from gridmap.measure._permute import permuted_lags

    y = np.array([3.0, 9.0, 1.0, 4.0, 6.0])
    z = (y - y.mean()) / y.std()
    near = [[1], [0, 2], [1, 3], [2, 4], [3]]
    starts = np.cumsum([0, *map(len, near)])
    draws = 20_000
    at_least, mean, _ = permuted_lags(
        z, starts, np.concatenate(near), draws, np.random.default_rng(3)
    )
    for i, own in enumerate(near):
        others = [k for k in range(5) if k != i]
        drawn = [z[i] * z[list(c)].mean() for c in combinations(others, len(own))]
        observed = z[i] * z[own].mean()
        expected = np.mean(np.array(drawn) >= observed - 1e-12)
        assert at_least[i] / draws == pytest.approx(expected, abs=0.02)
        assert mean[i] == pytest.approx(np.mean(drawn), abs=0.02)


def test_equal_or_missing_values_are_refused():
    adjacency = checkerboard(3)
    for values in (np.ones(9), np.full(9, np.nan)):
        with pytest.raises(InputError):
            hot_spots(values, adjacency)
    with pytest.raises(ValueError, match="9 grids"):
        hot_spots(np.arange(4.0), adjacency)


def test_emerging_lasting_and_fading():
    adjacency = checkerboard(8)
    before, now = np.zeros(64), np.zeros(64)
    before[[0, 1, 8, 9, 54, 55, 62, 63]] = 9
    now[[0, 1, 8, 9, 6, 7, 14, 15]] = 9
    change = compare_hot_spots(hot_spots(before, adjacency), hot_spots(now, adjacency))
    assert change[0] == "lasting"
    assert change[63] == "fading"
    assert change[7] == "emerging"
    assert change[27] == "none"


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


@pytest.mark.real_data
def test_chicago_gi_star_equals_esda_with_its_own_correction():
    if not CHICAGO.exists():
        pytest.skip("the real data is not beside the checkout (../shared/data)")
    import pandas as pd
    from esda import G_Local, fdr

    groups = gpd.read_file(CHICAGO / "block_groups_2010.gpkg").to_crs(32616)
    table = pd.read_csv(CHICAGO / "Crimes_September_2014.csv").dropna(subset=["Longitude"])
    points = gpd.GeoSeries.from_xy(table["Longitude"], table["Latitude"], crs=4326).to_crs(32616)
    found = PolygonIndex.build(groups.geometry).locate(points.x, points.y)
    counts = np.bincount(found[found >= 0], minlength=len(groups)).astype(float)
    layer = Layer(Kind.GRID, groups.assign(id=groups["GEOID10"])[["id", "geometry"]])
    adjacency = Adjacency.build(layer)
    ours = hot_spots(counts, adjacency)
    theirs = G_Local(counts, _weights(adjacency), transform="B", star=True, permutations=0)
    np.testing.assert_allclose(ours.score, theirs.Zs, rtol=1e-12)
    limit = fdr(2 * theirs.p_norm, 0.05)
    expected = np.where(2 * theirs.p_norm <= limit, np.where(theirs.Zs > 0, "hot", "cold"), "none")
    np.testing.assert_array_equal(ours.kind, expected)
    assert (ours.kind == "hot").sum() > 20
