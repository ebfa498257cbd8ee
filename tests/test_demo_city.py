"""The made-up city: counts, nesting, coverage, and that roads keep to their bridges."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.demo import NETWORKS, SMALLEST_CITY, make_city
from gridmap.errors import InputError
from gridmap.model import City, Kind


@pytest.fixture(scope="module")
def city() -> City:
    return make_city()


@pytest.fixture(scope="module", params=[(SMALLEST_CITY, 3), (480, 7), (1500, 11)])
def any_city(request: pytest.FixtureRequest) -> City:
    grids, seed = request.param
    return make_city(grids=grids, incidents=2000, seed=seed)


def test_default_city_has_what_the_issue_asks_for(city: City):
    sizes = {str(kind): len(layer) for kind, layer in city.layers.items()}
    assert sizes["grid"] == 480
    assert sizes["community"] == 40
    assert sizes["station"] == 6
    assert sizes["beat"] == 48
    assert sizes["room"] == 40
    assert sizes["barrier"] == 2
    assert city.made_up
    assert city.crs.to_epsg() == 4547
    assert all(layer.provenance["made_up"] for layer in city.layers.values())


def test_same_numbers_give_the_same_city_and_another_seed_another(city: City):
    assert make_city().digest == city.digest
    assert make_city(seed=8).grids.digest != city.grids.digest


def test_number_of_incidents_leaves_the_layers_as_they_are(city: City):
    fewer = make_city(incidents=10)
    assert {k: v.digest for k, v in fewer.layers.items()} == {
        k: v.digest for k, v in city.layers.items()
    }


@pytest.mark.slow
def test_city_does_not_hang_on_the_order_of_sets():
    code = (
        "from gridmap.demo import make_city; c = make_city(grids=90, incidents=50);"
        "print(c.digest, c.incidents.all.x.sum())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": salt},
        ).stdout
        for salt in ("1", "2")
    }
    assert len(found) == 1


def test_areas_are_valid_coverages(any_city: City):
    for kind in (Kind.GRID, Kind.COMMUNITY, Kind.STATION, Kind.BEAT):
        shapes = any_city.layer(kind).geometry
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
        assert shapely.area(shapes).sum() == pytest.approx(any_city.grids.area_m2.sum(), rel=1e-12)


def test_city_has_no_holes_and_is_in_one_piece(any_city: City):
    whole = shapely.coverage_union_all(any_city.grids.geometry)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0


def test_grids_nest_in_communities_and_these_in_stations(any_city: City):
    grid = any_city.grids.frame
    community = any_city.layer(Kind.COMMUNITY).frame.set_index("id")
    station = any_city.layer(Kind.STATION).frame.set_index("id")
    for name, areas in (("community", community), ("station", station)):
        for key, rows in grid.groupby(name):
            union = shapely.coverage_union_all(rows.geometry.to_numpy())
            assert union.symmetric_difference(areas.geometry[key]).area < 1e-3
    assert (community.loc[grid["community"], "station"].to_numpy() == grid["station"]).all()
    for name in ("residents", "migrants", "households"):
        sums = grid.groupby("community")[name].sum()
        assert (sums == community[name].loc[sums.index]).all()


def test_communities_and_beats_are_in_one_piece(any_city: City):
    for kind in (Kind.COMMUNITY, Kind.STATION, Kind.BEAT):
        assert (shapely.get_num_geometries(any_city.layer(kind).geometry) == 1).all()


def test_grid_codes_follow_the_standard(any_city: City):
    grid = any_city.grids.frame
    assert grid["id"].str.fullmatch(r"\d{15}").all()
    assert grid["id"].is_unique
    assert (grid["id"].str[:12] == grid["community"]).all()
    assert (grid["id"].str[:9] == grid["station"]).all()
    for _, rows in grid.groupby("community"):
        assert sorted(rows["id"].str[12:].astype(int)) == list(range(1, len(rows) + 1))


def test_names_are_not_repeated(any_city: City):
    for kind in (Kind.GRID, Kind.COMMUNITY, Kind.STATION, Kind.BEAT, Kind.ROOM):
        assert any_city.layer(kind).frame["name"].is_unique


def test_beats_lie_in_their_stations_and_some_cut_grids(city: City):
    station = city.layer(Kind.STATION).frame.set_index("id").geometry
    beats = city.beats.frame
    for shape, key in zip(beats.geometry, beats["station"], strict=True):
        assert shape.difference(station[key]).area < 1e-3
    i, j = shapely.STRtree(beats.geometry.to_numpy()).query(city.grids.geometry, "intersects")
    share = shapely.area(
        shapely.intersection(city.grids.geometry[i], beats.geometry.to_numpy()[j])
    )
    parts = np.bincount(i[share > 1.0], minlength=480)
    assert parts.min() == 1
    assert 10 <= (parts == 2).sum() <= 30
    assert parts.max() == 2


def test_beats_are_unfair_as_real_ones_are(city: City):
    points = shapely.points(city.incidents.all.x, city.incidents.all.y)
    _, beat = shapely.STRtree(city.beats.geometry).query(points, "intersects")
    load = np.bincount(beat, minlength=len(city.beats))
    assert 3.0 < load.max() / load.min() < 12.0


def test_town_is_dense_and_countryside_is_not(city: City):
    density = city.grids.counts("residents") / (city.grids.area_m2 / 1e6)
    assert np.quantile(density, 0.9) > 15_000
    assert np.quantile(density, 0.1) < 700
    in_town = density > 5000
    assert 600 < np.median(city.grids.counts("residents")[in_town]) < 1300
    households = city.grids.counts("households")[in_town]
    assert 230 < np.median(households) < 520


def test_roads_cross_river_and_railway_only_on_bridges(any_city: City):
    road = any_city.layer(Kind.ROAD).frame
    river, railway = any_city.layer(Kind.BARRIER).geometry
    plain = road.geometry.to_numpy()[~road["bridge"].to_numpy()]
    water = shapely.buffer(river, -0.05)
    assert not shapely.intersects(plain, water).any()
    # Without a bridge a street may end at the railway; none goes on beyond it.
    touching = plain[shapely.intersects(plain, railway)]
    met = shapely.get_coordinates(shapely.intersection(touching, railway))
    ends = shapely.get_coordinates(shapely.boundary(touching))
    assert {tuple(xy) for xy in met.tolist()} <= {tuple(xy) for xy in ends.tolist()}
    assert len(np.unique(met, axis=0)) == len(met)
    over = road.geometry.to_numpy()[road["bridge"].to_numpy()]
    wet = shapely.intersects(over, water)
    assert 2 <= wet.sum() <= 12
    assert shapely.distance(over[~wet], railway).max() < 1.0


def test_roads_are_one_connected_network(any_city: City):
    lines = any_city.layer(Kind.ROAD).geometry
    ends = np.concatenate(
        [shapely.get_coordinates(shapely.get_point(lines, at)) for at in (0, -1)]
    )
    nodes, index = np.unique(ends, axis=0, return_inverse=True)
    half = len(lines)
    graph = coo_array((np.ones(half), (index[:half], index[half:])), shape=(len(nodes),) * 2)
    assert connected_components(graph, directed=False)[0] == 1


def test_streets_run_along_grid_borders(city: City):
    """All but the two roads on the river's banks: the grids go on to mid-stream."""
    road = city.layer(Kind.ROAD).frame
    inland = road.geometry.to_numpy()[~road["name"].str.startswith("滨河")]
    borders = shapely.union_all(shapely.boundary(city.grids.geometry))
    along = shapely.length(shapely.intersection(inland, shapely.buffer(borders, 0.1)))
    assert along.sum() > 0.999 * shapely.length(inland).sum()


def test_grid_borders_follow_streets_railway_and_river(city: City):
    whole = shapely.coverage_union_all(city.grids.geometry)
    inner = shapely.difference(
        shapely.union_all(shapely.boundary(city.grids.geometry)), whole.boundary
    )
    drawn = [*city.layer(Kind.ROAD).geometry, *city.layer(Kind.BARRIER).geometry]
    followed = inner.intersection(shapely.buffer(shapely.union_all(drawn), 0.1)).length
    assert followed > 0.85 * inner.length


def test_road_classes_have_their_speeds(city: City):
    road = city.layer(Kind.ROAD).frame
    speeds = road.groupby("class")["speed_kmh"].unique().map(list).to_dict()
    assert speeds == {"主干路": [60.0], "次干路": [40.0], "支路": [30.0], "巷": [20.0]}
    assert 0 < road["oneway"].sum() < 0.2 * len(road)


def test_grids_hang_together_across_bridges(any_city: City):
    assert any_city.adjacency.components[0] == 1
    assert any_city.adjacency.barrier.any()
    assert any_city.adjacency.bridges


def test_rooms_and_facilities_stand_where_they_say(any_city: City):
    areas = any_city.layer(Kind.COMMUNITY).frame.set_index("id").geometry
    for kind in (Kind.ROOM, Kind.FACILITY):
        frame = any_city.layer(kind).frame
        home = areas.loc[frame["community"]].to_numpy()
        assert shapely.contains(home, frame.geometry.to_numpy()).all()
    networks = set(any_city.layer(Kind.FACILITY).frame["network"])
    assert networks == {network for network, *_ in NETWORKS}


def test_some_beats_have_no_room(city: City):
    with_room = set(city.rooms.frame["beat"])
    assert with_room < set(city.beats.ids)
    assert city.rooms.frame["beat"].duplicated().any()
    assert (city.beats.counts("officers") >= 1).all()
    assert (city.beats.counts("auxiliaries") >= city.beats.counts("officers")).all()


def test_number_of_grids_is_exact():
    for grids in (61, 77, 123, 250):
        assert len(make_city(grids=grids, incidents=0, seed=grids).grids) == grids


@pytest.mark.slow
def test_five_thousand_grids():
    city = make_city(grids=5000, incidents=0)
    assert len(city.grids) == 5000
    assert shapely.coverage_is_valid(city.grids.geometry)
    assert len(city.beats) == 500


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"grids": SMALLEST_CITY - 1}, "demo.error.too_few_grids"),
        ({"incidents": -1}, "demo.error.negative_incidents"),
        ({"seed": -1}, "demo.error.negative_seed"),
    ],
)
def test_impossible_requests_are_refused(options: dict[str, int], key: str):
    with pytest.raises(InputError) as caught:
        make_city(**options)
    assert caught.value.key == key
    assert caught.value.text("en") != caught.value.text("zh")


@pytest.mark.slow
def test_english_names_change_names_only(any_city: City) -> None:
    """Nothing is left in Chinese, names stay apart, and every figure is as before."""
    grids, seed = (any_city.grids.provenance[key] for key in ("grids", "seed"))
    city = make_city(grids=grids, incidents=2000, seed=seed, names="en")
    for kind, layer in city.layers.items():
        frame, before = layer.frame, any_city.layer(kind).frame
        text = frame.drop(columns="geometry").select_dtypes(exclude="number").astype(str)
        assert not text.apply(lambda column: column.str.contains("[^\x00-\x7f]")).to_numpy().any()
        for name in frame.columns.drop("geometry"):
            assert frame[name].nunique() == before[name].nunique(), (kind, name)
        assert (layer.geometry == any_city.layer(kind).geometry).all()
    assert city.incidents.all.time.tolist() == any_city.incidents.all.time.tolist()
    assert all(map(str.isascii, city.incidents.categories))
