"""Road lines become a graph: crossings, bridges, snapping, pieces."""

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.io import keep_arrays, kept_arrays, placing
from gridmap.model import Kind, Layer
from gridmap.travel import RoadNetwork, network, read_oneway, road_network
from gridmap.travel._segment_index import Segments

DATA = Path(__file__).parents[1].parent / "shared" / "data"


def lines(*wkt: str) -> np.ndarray:
    return shapely.from_wkt([f"LINESTRING ({text})" for text in wkt])


CROSS = lines("0 5, 10 5", "5 0, 5 10")


def test_crossing_lines_meet() -> None:
    net = RoadNetwork.from_lines(CROSS)
    assert (len(net.nodes_xy), len(net), net.n_components) == (5, 4, 1)
    assert net.length_m.tolist() == [5.0] * 4
    assert net.n_crossings_split == 1


@pytest.mark.parametrize("level", [[0, 1], [-1, 0], [1, 2]])
def test_a_bridge_passes_over(level: list[int]) -> None:
    net = RoadNetwork.from_lines(CROSS, level=level)
    assert net.n_components == 2
    assert net.n_crossings_passed == 1


def test_a_bridge_joins_the_ground_at_its_ends() -> None:
    roads = lines("0 0, 10 0", "10 0, 20 0", "20 0, 30 0", "15 -5, 15 5")
    net = RoadNetwork.from_lines(roads, level=[0, 1, 0, 0])
    assert net.n_components == 2  # the road under the bridge is by itself
    assert net.component_km.tolist() == [0.03, 0.01]


def test_without_levels_a_lone_crossing_in_a_noded_map_is_a_bridge() -> None:
    grid = [f"{x} {y}, {x + 1} {y}" for x in range(8) for y in range(9)]
    grid += [f"{x} {y}, {x} {y + 1}" for x in range(9) for y in range(8)]
    flyover = "-1 -0.5, 9 8.7"
    auto = RoadNetwork.from_lines(lines(*grid, flyover), tolerance_m=0.01)
    split = RoadNetwork.from_lines(lines(*grid, flyover), tolerance_m=0.01, crossings="split")
    assert auto.n_components == 2
    assert auto.n_crossings_passed == 16  # 9 streets up, 7 across
    assert split.n_components == 1


def test_ends_are_snapped_to_ends_and_to_lines() -> None:
    roads = lines("0 0, 10 0", "10.4 0, 20 0", "5 0.4, 5 9")
    assert RoadNetwork.from_lines(roads, tolerance_m=0.5).n_components == 1
    assert RoadNetwork.from_lines(roads, tolerance_m=0.1).n_components == 3


def test_an_end_under_a_bridge_does_not_reach_it() -> None:
    roads = lines("0 0, 10 0", "5 -5, 5 0")
    assert RoadNetwork.from_lines(roads, level=[1, 0]).n_components == 2
    assert RoadNetwork.from_lines(roads, level=[0, 1]).n_components == 1


def test_length_is_kept_whatever_is_cut() -> None:
    rng = np.random.default_rng(3)
    tracks = [shapely.LineString(np.cumsum(rng.uniform(-2, 4, (9, 2)), axis=0)) for _ in range(30)]
    net = RoadNetwork.from_lines(tracks, crossings="split", tolerance_m=1e-7)
    assert net.length_m.sum() == pytest.approx(sum(t.length for t in tracks), rel=1e-12)
    merged = shapely.union_all(tracks)
    assert shapely.hausdorff_distance(shapely.union_all(net.lines), merged) < 1e-9


def test_a_line_across_itself_is_noded() -> None:
    net = RoadNetwork.from_lines(lines("0 0, 10 10, 10 0, 0 10"))
    assert net.n_components == 1
    assert np.isclose(net.nodes_xy, [5, 5]).all(axis=1).any()


def test_empty_and_zero_length_lines_are_listed() -> None:
    roads = np.append(CROSS, [shapely.LineString(), shapely.LineString([(1, 1), (1, 1)])])
    assert RoadNetwork.from_lines(roads).dropped.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("roads", "options", "key"),
    [
        ([shapely.Point(0, 0)], {}, "not_lines"),
        ([shapely.LineString([(0, 0), (np.inf, 1)])], {}, "not_finite"),
        ([shapely.LineString()], {}, "no_roads"),
        (CROSS, {"speed_kmh": [30.0]}, "column"),
        (CROSS, {"tolerance_m": -1.0}, "tolerance"),
    ],
)
def test_bad_input_is_named(roads: list[object], options: dict[str, object], key: str) -> None:
    with pytest.raises(InputError) as caught:
        RoadNetwork.from_lines(roads, **options)
    assert caught.value.key == f"travel.error.{key}"
    assert caught.value.text("zh")
    assert caught.value.text("en")


def test_the_digest_tells_content() -> None:
    same = RoadNetwork.from_lines(CROSS).digest
    assert RoadNetwork.from_lines(CROSS.copy()).digest == same
    assert RoadNetwork.from_lines(CROSS, oneway=[1, 0]).digest != same
    assert RoadNetwork.from_lines(CROSS, tolerance_m=2.0).digest != same


def test_the_nearest_edge_is_found_as_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    for trial in range(20):
        ends = rng.uniform(0, 1000, (int(rng.integers(1, 30)), 2, 2))
        if trial % 3 == 0:
            ends[:, :, 1] = 5.0
        roads = shapely.linestrings(ends)
        net = RoadNetwork.from_lines(roads, level=np.arange(len(ends)))
        spots = rng.uniform(-1000, 2000, (200, 2))
        at = net.locate(spots)
        brute = shapely.distance(shapely.points(spots)[:, None], net.lines[None]).min(axis=1)
        np.testing.assert_allclose(at.gap_m, brute, atol=1e-9)
        feet = shapely.line_interpolate_point(net.lines[at.edge], at.offset_m)
        np.testing.assert_allclose(shapely.distance(feet, shapely.points(spots)), brute, atol=1e-6)


def test_the_way_to_the_road_does_not_cross_a_river() -> None:
    roads = lines("0 0, 100 0", "0 40, 100 40")
    net = RoadNetwork.from_lines(roads)
    river = lines("-10 5, 110 5")
    spot = [(50.0, 12.0)]
    assert net.locate(spot).gap_m.tolist() == [12.0]
    assert net.locate(spot, barriers=river).gap_m.tolist() == [28.0]
    assert net.locate(spot, barriers=river, max_gap_m=20.0).edge.tolist() == [-1]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["yes", "-1", None, "no"], [1, -1, 0, 0]),
        ([True, False, None], [1, 0, 0]),
        ([1.0, -1.0, 0.0, np.nan], [1, -1, 0, 0]),
        (["F", "T", "B"], [1, -1, 0]),
        (["是", "否", "双向"], [1, 0, 0]),
    ],
)
def test_oneway_as_files_write_it(written: list[object], meant: list[int]) -> None:
    import pandas as pd

    assert read_oneway(pd.Series(written)).tolist() == meant


@pytest.mark.real_data
def test_carrollton_gives_every_area_a_time_or_a_name() -> None:
    if not (DATA / "carrollton").exists():
        pytest.skip("put the real data at ../shared/data")
    import geopandas as gpd

    from gridmap.travel import CAR, RoadTravel

    streets = gpd.read_file(DATA / "carrollton" / "StreetCenterlines.shp").to_crs(32614)
    speed = streets["SpeedLimit"].to_numpy() * 1.609344
    raw = RoadNetwork.from_lines(
        streets.geometry.to_numpy(), speed_kmh=speed, tolerance_m=0.0, crossings="vertex"
    )
    net = RoadNetwork.from_lines(streets.geometry.to_numpy(), speed_kmh=speed)
    assert raw.n_components > net.n_components
    assert net.length_m.sum() == pytest.approx(raw.length_m.sum(), rel=1e-9)
    import pandas as pd

    table = pd.read_csv(DATA / "carrollton" / "CarrolltonGrid.csv.zip")
    text = next(c for c in table.columns if table[c].astype(str).str.contains("POLYGON").all())
    areas = gpd.GeoSeries.from_wkt(table[text], crs=2276).to_crs(32614)
    inside = shapely.get_coordinates(shapely.point_on_surface(areas.to_numpy()))
    rooms = inside[::27]
    reach = RoadTravel(net, CAR).nearest(inside, rooms)
    listed = set(reach.off_road.tolist()) | set(reach.cut_off.tolist())
    assert len(inside) == 325
    assert {i for i in range(325) if not np.isfinite(reach.cost[i])} == listed
    notes = reach.notes(list(table.index), list(range(len(rooms))))
    assert bool(notes) == bool(listed or len(reach.rooms_off_road))


@pytest.mark.real_data
def test_futian_equals_networkx_on_its_own_graph() -> None:
    if not (DATA / "china" / "futian_roads.graphml").exists():
        pytest.skip("put the real data at ../shared/data")
    import networkx as nx
    from pyproj import Transformer

    from gridmap.travel import CAR, RoadTravel

    graph = nx.read_graphml(DATA / "china" / "futian_roads.graphml")
    to_metres = Transformer.from_crs(4326, 4547, always_xy=True)
    at = {n: to_metres.transform(float(d["x"]), float(d["y"])) for n, d in graph.nodes(data=True)}
    ends = [(u, v) for u, v in graph.edges() if u != v and at[u] != at[v]]
    roads = shapely.linestrings([[at[u], at[v]] for u, v in ends])
    net = RoadNetwork.from_lines(
        roads, oneway=np.ones(len(roads)), tolerance_m=0.01, crossings="vertex"
    )
    simple = nx.DiGraph()
    for u, v in ends:
        simple.add_edge(u, v, weight=float(np.hypot(*np.subtract(at[u], at[v]))))
    names = sorted(simple.nodes)[::7]
    sources = names[:12]
    spots = np.array([at[name] for name in names])
    found = RoadTravel(net, CAR, "m").nearest(spots, np.array([at[s] for s in sources]))
    theirs = nx.multi_source_dijkstra_path_length(simple, set(sources))
    expected = np.array([theirs.get(name, np.inf) for name in names])
    # Where a third street passes within a centimetre both agree only to that.
    np.testing.assert_allclose(found.cost, expected, atol=0.5)


def many_roads() -> Layer:
    grid = [f"{x} {y}, {x + 1} {y}" for x in range(60) for y in range(60)]
    grid += [f"{x} {y}, {x} {y + 1}" for x in range(60) for y in range(30)]
    frame = gpd.GeoDataFrame(
        {"id": [str(n) for n in range(len(grid))], "speed_kmh": 30.0, "oneway": "yes"},
        geometry=shapely.transform(lines(*grid), lambda xy: xy * 50),
        crs=4547,
    )
    return Layer(Kind.ROAD, frame)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRIDMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def as_another_run(layer: Layer) -> RoadNetwork:
    network._networks.clear()
    return road_network(layer)


def test_a_large_network_is_kept_between_runs(cache: Path, monkeypatch) -> None:
    layer = many_roads()
    built = as_another_run(layer)
    assert len(list(cache.glob("*.npz"))) == 1
    with monkeypatch.context() as patch:
        patch.setattr(RoadNetwork, "from_lines", None)
        again = as_another_run(layer)
    for name in ("nodes_xy", "start", "end", "source", "speed_kmh", "direction", "dropped"):
        np.testing.assert_array_equal(getattr(again, name), getattr(built, name))
    assert shapely.equals_exact(again.lines, built.lines, 0.0).all()
    assert again.digest == built.digest


def test_a_broken_file_is_as_good_as_none(cache: Path) -> None:
    layer = many_roads()
    built = as_another_run(layer)
    (path,) = cache.glob("*.npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    for broken in (bytes(data), bytes(data[: len(data) // 2]), b""):
        path.write_bytes(broken)
        assert as_another_run(layer).digest == built.digest
    assert len(list(cache.iterdir())) == 1  # made anew, nothing left over


def test_what_other_code_has_kept_is_made_anew(cache: Path, monkeypatch) -> None:
    keep_arrays("n", {"a": np.arange(3)})
    assert kept_arrays("n") is not None
    monkeypatch.setattr(placing, "code_digest", lambda *_: "another")
    assert kept_arrays("n") is None


def test_nothing_is_kept_where_nothing_can_be(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("off", str(tmp_path / "file" / "below")):
        monkeypatch.setenv("GRIDMAP_CACHE", folder)
        assert len(as_another_run(many_roads())) > 0
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_old_networks_are_dropped(cache: Path, monkeypatch) -> None:
    monkeypatch.setattr(placing, "_MOST_FILES", 8)
    for number in range(12):
        keep_arrays(f"n{number}", {"a": np.arange(number)})
        (path,) = cache.glob(f"n{number}-*.npz")
        os.utime(path, (number, number))
    assert len(list(cache.iterdir())) <= 9
    assert kept_arrays("n11") is not None
    assert kept_arrays("n0") is None


def test_meetings_stand_once_and_touches_count() -> None:
    # A cross at a vertex of both, a T, and two lines that share a stretch.
    shapes = lines("0 0, 5 5, 10 10", "0 10, 5 5, 10 0", "5 5, 5 20", "20 0, 40 0", "30 0, 50 0")
    a, b, at_a, at_b, xy = Segments.of(shapes).crossings()
    found = sorted(zip(a.tolist(), b.tolist(), xy.round(6).tolist(), strict=True))
    assert found == [
        (0, 1, [5.0, 5.0]), (0, 2, [5.0, 5.0]), (1, 2, [5.0, 5.0]),
        (3, 4, [30.0, 0.0]), (3, 4, [40.0, 0.0]),
    ]  # fmt: skip
    shared = (a == 3) & (b == 4)
    assert sorted(at_a[shared].tolist()) == [10.0, 20.0]
    assert sorted(at_b[shared].tolist()) == [0.0, 10.0]


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_crossings_equal_those_of_geos(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = shapely.linestrings(rng.uniform(0, 100, (12, 3, 2)) + 4e6)
    a, b, _, _, xy = Segments.of(shapes).crossings()
    mine = sorted(zip(a.tolist(), b.tolist(), xy.round(3).tolist(), strict=True))
    theirs = sorted(
        (i, j, [round(x, 3), round(y, 3)])
        for i in range(12)
        for j in range(i + 1, 12)
        for x, y in shapely.get_coordinates(shapely.intersection(shapes[i], shapes[j]))
    )
    assert [row[:2] for row in mine] == [row[:2] for row in theirs]
    np.testing.assert_allclose(
        np.array([row[2] for row in mine]).reshape(-1, 2),
        np.array([row[2] for row in theirs]).reshape(-1, 2),
        atol=2e-3,
    )
