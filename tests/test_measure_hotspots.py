"""Hot spots: exact counts by scipy, false alarms and power by simulation, Gi* by enumeration."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy import stats
from shapely import box

from benchmarks.simulate import dispersed_cases, hot_spot_cases, run_cases
from gridmap.errors import InputError
from gridmap.measure._kernels import permuted_sums
from gridmap.measure.change import Dispersion
from gridmap.measure.hotspots import (
    changed_hot_spots,
    find_hotspots,
    getis_ord,
    hot_spots,
    windows,
)
from gridmap.measure.workload import criterion_of
from gridmap.model import Adjacency, City, IncidentBatch, Incidents, Kind, Layer

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"


def lattice(side, *, sliver=False, residents=None, incidents=None):
    """A city of grids of 100 m; with a sliver, 1 cm wide, along its east side."""
    shapes = [box(x, y, x + 1, y + 1) for y in range(side) for x in range(side)]
    if sliver:
        shapes.append(box(side, 0, side + 1e-4, side))
    columns = {"id": [f"g{n}" for n in range(len(shapes))]}
    if residents is not None:
        columns["residents"] = residents
    if incidents is not None:
        columns["incidents"] = incidents
    frame = gpd.GeoDataFrame(
        columns,
        geometry=shapely.transform(np.array(shapes), lambda xy: xy * 100),
        crs="EPSG:32650",
    )
    layer = Layer(Kind.GRID, frame)
    return City("方城", layer.crs, {Kind.GRID: layer})


def test_windows_hold_a_grid_and_its_neighbours():
    near = windows(lattice(3).adjacency)
    assert near.sum(axis=1).tolist() == [3, 4, 3, 4, 5, 4, 3, 4, 3]
    assert near[[4]].toarray().ravel().tolist() == [0, 1, 0, 1, 1, 1, 0, 1, 0]


def test_each_grid_is_tested_exactly():
    city = lattice(5)
    counts = np.random.default_rng(1).poisson(2, 25)
    counts[[6, 7, 11, 12]] += 30
    found = hot_spots(counts, city.adjacency, city.grids.area_m2)
    near = windows(city.adjacency).toarray()
    total = int(counts.sum())
    for row in range(25):
        seen, share = int(near[row] @ counts), near[row].sum() / 25
        law = stats.binom(total, share)
        assert found.observed[row] == seen
        assert found.expected[row] == pytest.approx(total * share)
        p = min(1.0, 2 * min(law.cdf(seen), law.sf(seen - 1)))
        assert found.p_value[row] == pytest.approx(p)
    passed = stats.false_discovery_control(found.p_value) <= 0.05
    assert ((found.kind != "none") == passed).all()
    assert found.kind[12] == "hot"
    assert "cold" in found.kind


def test_rows_are_as_the_command_prints_them():
    city = lattice(5, incidents=np.where(np.arange(25) == 12, 60, 2))
    found = find_hotspots(city)
    rows = found.to_frame()
    assert list(rows) == ["id", "kind", "observed", "expected", "p"]
    assert set(rows["kind"]) <= {"hot", "cold"}
    assert rows["p"].is_monotonic_increasing
    first = rows.iloc[0]
    assert (first["id"], first["kind"], first["observed"]) == ("g7", "hot", 68)
    assert set(rows["id"][rows["kind"] == "hot"]) == {"g7", "g11", "g12", "g13", "g17"}
    assert first["expected"] == pytest.approx(108 * 5 / 25)


def test_where_p_is_too_small_for_a_float_the_largest_difference_comes_first():
    busy = {6: 90_000, 18: 50_000, 8: 70_000}
    city = lattice(5, incidents=[busy.get(row, 0) for row in range(25)])
    rows = find_hotspots(city).to_frame()
    sure = rows[rows["p"] == 0]
    assert len(sure) > 4
    assert (sure["observed"] - sure["expected"]).abs().is_monotonic_decreasing


def test_a_sliver_neither_is_hot_nor_hides_others():
    counts = np.where(np.isin(np.arange(36), (7, 8, 13, 14)), 30, 3)
    plain = lattice(6)
    kind = hot_spots(counts, plain.adjacency, plain.grids.area_m2).kind
    city = lattice(6, sliver=True)
    # One incident on a centimetre of ground: 17,000 per km2.
    found = hot_spots(np.append(counts, 1), city.adjacency, city.grids.area_m2)
    assert (found.kind[:36] == kind).all()
    assert (kind == "hot").sum() >= 4
    assert found.kind[36] != "hot"


def test_expected_by_residents_on_request():
    # All live in the west, and so do the incidents: a hot spot by area, none by residents.
    residents = np.where(np.arange(36) % 6 < 2, 100, 0)
    incidents = np.where(np.arange(36) % 6 < 2, 10, 0)
    city = lattice(6, residents=residents, incidents=incidents)
    assert (find_hotspots(city).kind == "hot").sum() >= 6
    found = find_hotspots(city, expect="residents")
    assert (found.kind == "none").all()
    assert np.isnan(found.p_value[5])  # nobody lives around: nothing is expected there
    with pytest.raises(InputError) as error:
        find_hotspots(lattice(6, incidents=incidents), expect="residents")
    assert error.value.key == "measure.error.nothing_expected"
    with pytest.raises(InputError) as error:
        find_hotspots(city, expect="people")
    assert error.value.key == "measure.error.expectation"


def test_incidents_of_some_hours_categories_and_days():
    city = lattice(4)
    time = np.array(["2024-01-01T23", "2024-01-02T01", "2024-01-09T23", "NaT"], "datetime64[s]")
    batch = IncidentBatch(
        np.full(4, 50.0), np.full(4, 50.0), time, np.array([0, 1, 1, 0], np.int16)
    )
    incidents = Incidents.from_batch(batch, categories=("盗窃", "诈骗"), crs=city.crs)
    city = City(city.name, city.crs, city.layers, incidents)

    def seen(**options):
        return find_hotspots(city, **options).observed[0]

    assert seen() == 4
    assert seen(since="2024-01-02") == 2
    assert seen(until="2024-01-02") == 1
    assert seen(hours=[23]) == 1  # Monday's; the 9th is a Tuesday
    assert seen(hours=[23, 47]) == 2
    assert seen(categories=["诈骗"]) == 2
    assert seen(categories=["诈骗"], hours=[25]) == 1
    with pytest.raises(InputError) as error:
        find_hotspots(city, categories=["走私"])
    assert error.value.key == "measure.error.no_category"


def test_counts_without_times_know_no_period():
    city = lattice(3, incidents=np.arange(9))
    with pytest.raises(InputError) as error:
        find_hotspots(city, since="2024-01-01")
    assert error.value.key == "measure.error.counts_have_no_times"
    with pytest.raises(InputError) as error:
        find_hotspots(lattice(3))
    assert error.value.key == "measure.error.no_incidents"


def test_what_weighs_hot_spots_is_what_the_map_shows():
    counts = np.where(np.isin(np.arange(36), (7, 8, 13, 14)), 30, 3)
    city = lattice(6, incidents=counts)
    hot = find_hotspots(city).kind == "hot"
    assert criterion_of(city, "hot_spots").tolist() == np.where(hot, counts, 0).tolist()


def test_dispersion_makes_hot_spots_rarer():
    city = lattice(6)
    counts = np.where(np.isin(np.arange(36), (7, 8, 13, 14)), 60, 30)
    some = hot_spots(counts, city.adjacency, city.grids.area_m2)
    wide = Dispersion(np.full(36, 20.0), np.full(36, 60.0), 60)
    none = hot_spots(counts, city.adjacency, city.grids.area_m2, dispersion=wide)
    assert (some.kind == "hot").any()
    assert (none.kind == "none").all()
    assert (none.p_value >= some.p_value - 1e-12).all()


def test_nothing_and_everything_alike_have_no_hot_spots():
    city = lattice(4)
    for counts in (np.zeros(16), np.full(16, 50)):
        found = hot_spots(counts, city.adjacency, city.grids.area_m2)
        assert (found.kind == "none").all()
        assert found.to_frame().empty


def test_wrong_counts_are_refused():
    city = lattice(3)
    for counts in (np.full(9, np.nan), np.arange(9.0) - 1):
        with pytest.raises(InputError) as error:
            hot_spots(counts, city.adjacency, city.grids.area_m2)
        assert error.value.key == "measure.error.hot_spot_values"
    with pytest.raises(ValueError, match="9 grids"):
        hot_spots(np.arange(4.0), city.adjacency, np.ones(9))
    with pytest.raises(ValueError, match="exposures"):
        hot_spots(np.ones(9), city.adjacency, np.zeros(9))


def test_what_becomes_of_hot_spots_is_a_test_of_the_change():
    city = lattice(8)
    area = city.grids.area_m2
    base = np.full(64, 6)
    before, now = base.copy(), base.copy()
    before[[0, 1, 8, 9]] += 40
    now[[0, 1, 8, 9]] += 40
    before[[54, 55, 62, 63]] += 40  # gone now
    now[[6, 7, 14, 15]] += 40  # new
    result = changed_hot_spots(now, before, city.adjacency, area)
    found = result.change
    assert (result.observed[0], result.before[0]) == (138, 138)  # itself and two neighbours
    assert (result.observed[7], result.before[7]) == (138, 18)
    assert result.change_p[7] < 1e-9 < result.change_p[0]
    assert found[0] == "lasting"
    assert found[63] == "fading"
    assert found[7] == "emerging"
    assert found[27] == "none"
    # Twice as many everywhere: the hot spot is no other than before.
    doubled = changed_hot_spots(2 * before, before, city.adjacency, area).change
    assert set(doubled) == {"lasting", "none"}
    # Beyond chance, but hot before too: that is no new hot spot.
    grown = before.copy()
    grown[[0, 1, 8, 9]] += 60
    assert changed_hot_spots(grown, before, city.adjacency, area).change[0] == "growing"
    # Just hot now and just not before is no change.
    edge = base.copy()
    edge[[0, 1, 8, 9]] += 6
    is_hot = hot_spots(edge, city.adjacency, area).kind == "hot"
    was_hot = hot_spots(edge - (base - 5), city.adjacency, area).kind == "hot"
    assert is_hot.any() or was_hot.any()
    assert "emerging" not in changed_hot_spots(edge, edge - 1, city.adjacency, area).change


@pytest.mark.slow
def test_gi_star_is_ranked_among_all_arrangements():
    # Five grids in a row: every set of neighbours that a grid could have is written out.
    y = np.array([3.0, 9.0, 1.0, 4.0, 6.0])
    near = [[1], [0, 2], [1, 3], [2, 4], [3]]
    starts = np.cumsum([0, *map(len, near)])
    draws = 20_000
    at_least, at_most = permuted_sums(
        y, starts, np.concatenate(near), draws, np.random.default_rng(3)
    )
    for i, own in enumerate(near):
        others = [k for k in range(5) if k != i]
        drawn = np.array([y[list(c)].sum() for c in combinations(others, len(own))])
        observed = y[own].sum()
        assert at_least[i] / draws == pytest.approx((drawn >= observed).mean(), abs=0.02)
        assert at_most[i] / draws == pytest.approx((drawn <= observed).mean(), abs=0.02)


def test_gi_star_on_request_is_named():
    block = (9, 10, 11, 17, 18, 19, 25, 26, 27)
    city = lattice(8, incidents=np.where(np.isin(np.arange(64), block), 40, 1))
    found = find_hotspots(city, method="gi")
    assert found.method == "gi"
    assert found.kind[18] == "hot"
    again = find_hotspots(city, method="gi")
    assert (found.p_value == again.p_value).all()
    assert find_hotspots(city).method == "counts"
    for values in (np.ones(64), np.full(64, np.nan)):
        with pytest.raises(InputError):
            getis_ord(values, city.adjacency)
    noise = np.random.default_rng(6).normal(size=64)
    assert (getis_ord(noise, city.adjacency, permutations=999).kind == "none").all()


@pytest.mark.slow
def test_few_maps_of_chance_alone_show_anything():
    shares = run_cases(hot_spot_cases(lattice(12), 60, counts=(200, 2500)))
    shares += run_cases(dispersed_cases(lattice(8), 30))
    assert all(share.holds() for share in shares), shares
    found = {share.case: share.share for share in shares if share.limit is None}
    assert next(v for k, v in found.items() if "cluster found" in k and "2,500" in k) > 0.9
    assert next(v for k, v in found.items() if "Poisson assumed" in k) > 0.3


@pytest.mark.real_data
def test_chicago_has_few_hot_spots_by_chance():
    if not CHICAGO.exists():
        pytest.skip("the real data is not beside the checkout (../shared/data)")
    frame = gpd.read_file(CHICAGO / "block_groups_2010.gpkg").to_crs(32616)
    layer = Layer(Kind.GRID, frame.assign(id=frame["GEOID10"])[["id", "geometry"]])
    city = City("Chicago", layer.crs, {Kind.GRID: layer})
    for share in run_cases(hot_spot_cases(city, 20, counts=(22_000,))):
        assert share.holds(), share


@pytest.mark.real_data
def test_chicago_gi_star_is_that_of_esda():
    if not CHICAGO.exists():
        pytest.skip("the real data is not beside the checkout (../shared/data)")
    import pandas as pd
    from libpysal.weights import W

    frame = gpd.read_file(CHICAGO / "block_groups_2010.gpkg").to_crs(32616)
    table = pd.read_csv(CHICAGO / "Crimes_September_2014.csv").dropna(subset=["Longitude"])
    points = gpd.GeoSeries.from_xy(table["Longitude"], table["Latitude"], crs=4326).to_crs(32616)
    layer = Layer(Kind.GRID, frame.assign(id=frame["GEOID10"])[["id", "geometry"]])
    adjacency = Adjacency.build(layer)
    joined = gpd.sjoin(gpd.GeoDataFrame(geometry=points), frame[["geometry"]], predicate="within")
    counts = np.bincount(joined["index_right"], minlength=len(frame)).astype(float)
    near: dict[int, list[int]] = {row: [] for row in range(adjacency.size)}
    for one, other in zip(adjacency.first.tolist(), adjacency.second.tolist(), strict=True):
        near[one].append(other)
        near[other].append(one)
    from esda import G_Local

    theirs = G_Local(counts, W(near, silence_warnings=True), transform="B", star=None,
                     permutations=0)  # fmt: skip
    ours = getis_ord(counts, adjacency, permutations=999)
    # Their normal approximation and our ranks order the clear cases alike.
    clear = np.abs(theirs.Zs) > 4
    assert clear.sum() > 50
    assert (ours.p_value[clear] < 0.02).mean() > 0.95
