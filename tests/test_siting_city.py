"""Proposals for a city, and the two commands."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy.spatial import cKDTree

from gridmap.demo import make_city
from gridmap.errors import GridmapError
from gridmap.i18n import using_language
from gridmap.io import read_city
from gridmap.measure import (
    Within,
    coverage_figures,
    coverage_table,
    measure_coverage,
    sample_points,
)
from gridmap.model import City, Kind, Layer
from gridmap.partition import room_grids
from gridmap.plans import PlanStore
from gridmap.siting import SiteRequest, candidates_of, propose_sites

Run = Callable[..., tuple[int, str, str]]
REACH = Within(1000.0, "m")


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(grids=120, incidents=1500)


@pytest.mark.parametrize("model", ["cover", "backup", "median", "center"])
def test_new_rooms_improve_what_they_are_asked_to(city: City, model: str) -> None:
    proposal = propose_sites(city, SiteRequest(REACH, rooms=2, model=model, candidates="grid"))
    before, after = proposal.before, proposal.after
    name = {
        "cover": "covered_share",
        "backup": "backup_share",
        "median": "mean_m",
        "center": "longest_m",
    }[model]
    better = after[name] <= before[name] if name.endswith("_m") else after[name] >= before[name]
    assert better
    assert len(proposal.sites) <= 2
    assert proposal.answer.gap >= 0.0
    assert before == coverage_figures(city, measure_coverage(city, REACH))


def test_a_negative_weight_is_named_by_its_grid(city: City) -> None:
    frame = city.grids.frame.copy()
    frame.loc[3, "residents"] = -12
    wrong = City("w", city.crs, {Kind.GRID: Layer(Kind.GRID, frame)})
    with pytest.raises(GridmapError) as raised:
        propose_sites(wrong, SiteRequest(REACH, rooms=1, candidates="grid"))
    assert raised.value.key == "measure.error.criterion_values"
    assert raised.value.values["ids"] == city.grids.ids[3]


def test_fewer_rooms_than_asked_for_are_told(city: City) -> None:
    everywhere = SiteRequest(Within(1e6, "m"), rooms=2, candidates="grid")
    proposal = propose_sites(city, everywhere)
    assert len(proposal.sites) == 0
    with using_language("en"):
        notes = propose_sites(city, everywhere).notes
    assert any(note.startswith("0 of the 2 rooms asked for were chosen") for note in notes)


def test_more_rooms_never_cover_less(city: City) -> None:
    covered = [
        propose_sites(city, SiteRequest(REACH, rooms=k, candidates="grid")).answer.objective
        for k in (1, 2, 4)
    ]
    assert covered == sorted(covered)


def test_rooms_keep_their_distance(city: City) -> None:
    request = SiteRequest(REACH, rooms=5, candidates="grid", apart_m=800.0)
    sites = propose_sites(city, request).sites[["x", "y"]].to_numpy()
    everyone = np.vstack([sites, city.room_xy])
    apart = np.hypot(*(sites[:, None] - everyone[None]).transpose(2, 0, 1))
    apart[np.arange(len(sites)), np.arange(len(sites))] = np.inf
    assert apart.min() >= 800.0


def test_a_drawn_area_holds_the_candidates(city: City) -> None:
    left, low, right, high = shapely.total_bounds(city.grids.geometry)
    half = shapely.box(left, low, (left + right) / 2, high)
    xy = candidates_of(city, "grid", half).xy
    assert (xy[:, 0] <= (left + right) / 2).all()
    with pytest.raises(GridmapError) as caught:
        candidates_of(city, "grid", shapely.box(0, 0, 1, 1))
    assert caught.value.key == "siting.error.no_candidates"


def test_everybody_within_reach(city: City) -> None:
    proposal = propose_sites(city, SiteRequest(REACH, model="all", candidates="grid"))
    points = sample_points(city.grids.geometry, 4).reshape(-1, 2)
    rooms = np.vstack([city.room_xy, proposal.sites[["x", "y"]].to_numpy()])
    assert cKDTree(rooms).query(points)[0].max() <= REACH.value
    assert proposal.after["covered_share"] > 0.95
    assert proposal.answer.proven


def test_before_and_after_are_what_coverage_tells(city: City) -> None:
    proposal = propose_sites(city, SiteRequest(REACH, rooms=3, candidates="grid"))
    rooms = gpd.GeoDataFrame(
        {"id": [*city.rooms.ids, "new1", "new2", "new3"]},
        geometry=shapely.points(
            np.vstack([city.room_xy, proposal.sites[["x", "y"]].to_numpy(dtype=float)])
        ),
        crs=city.crs,
    )
    built = city.with_layer(Layer(Kind.ROOM, rooms))
    row = coverage_table(built, measure_coverage(built, REACH)).iloc[0]
    assert proposal.after["covered"] == pytest.approx(row["covered_residents"])
    assert proposal.after["backup_share"] == pytest.approx(row["backup_residents_share"])
    assert proposal.after["mean_m"] == pytest.approx(row["mean_m"])


@pytest.mark.slow
def test_a_budget_buys_what_it_can(city: City) -> None:
    priced = city.grids.frame.assign(price=np.where(np.arange(len(city.grids)) % 2, 3.0, 1.0))
    priced = city.with_layer(Layer(Kind.GRID, priced))
    request = SiteRequest(REACH, budget=4.0, price="price", candidates="grid")
    sites = propose_sites(priced, request).sites
    cost = dict(zip(priced.grids.ids, priced.grids.frame["price"], strict=True))
    assert 0 < sum(cost[name] for name in sites["id"]) <= 4.0
    for column, key in (("", "no_prices"), ("cost", "price_column"), ("price", "budget")):
        small = SiteRequest(REACH, budget=0.5, price=column, candidates="grid")
        with pytest.raises(GridmapError) as caught:
            propose_sites(priced, small)
        assert caught.value.key == f"siting.error.{key}"


@pytest.mark.slow
def test_no_room_looks_after_more_than_it_can(city: City) -> None:
    residents = city.grids.counts("residents")
    capacity = 1.2 * residents.sum() / 4
    request = SiteRequest(
        REACH, rooms=4, model="capacitated", keep_existing=False, capacity=capacity,
        candidates="grid", gap=0.3, seconds=600.0,
    )  # fmt: skip
    sites = propose_sites(city, request).sites
    assert sites["covers"].max() <= capacity
    assert sites["covers"].sum() == pytest.approx(residents.sum())


def test_rooms_that_stay_look_after_their_share(city: City) -> None:
    stay = city.with_layer(Layer(Kind.ROOM, city.rooms.frame.iloc[:2]))
    residents = city.grids.counts("residents")
    capacity = residents.sum() / 3
    request = SiteRequest(
        REACH, rooms=2, model="capacitated", capacity=capacity, candidates="community",
        gap=0.3, seconds=600.0,
    )  # fmt: skip
    sites = propose_sites(stay, request).sites
    assert sites["covers"].max() <= capacity
    assert residents.sum() / 3 - 1e-6 <= sites["covers"].sum() <= residents.sum() * 2 / 3 + 1e-6


def test_too_few_rooms_for_everybody_are_told_how_many_it_takes(city: City) -> None:
    few = Within(600.0, "m")
    with pytest.raises(GridmapError) as caught:
        propose_sites(city, SiteRequest(few, rooms=2, model="all", candidates="grid"))
    assert caught.value.key == "siting.error.not_enough"
    needed = int(caught.value.values["rooms"])
    request = SiteRequest(few, rooms=needed, model="all", candidates="grid")
    assert len(propose_sites(city, request).sites) == needed


def test_spots_in_a_drawn_area(city: City) -> None:
    middle = shapely.centroid(shapely.MultiPoint(city.room_xy)).buffer(300.0)
    request = SiteRequest(REACH, rooms=1, candidates="area", area=middle)
    site = propose_sites(city, request).sites.iloc[0]
    assert middle.intersects(shapely.Point(site["x"], site["y"]))


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (SiteRequest(REACH), "no_limit"),
        (SiteRequest(REACH, rooms=1, model="best"), "model"),
        (SiteRequest(REACH, rooms=1, candidates="moon"), "candidates"),
        (SiteRequest(REACH, rooms=1, apart_m=1e6), "all_near"),
        (
            SiteRequest(
                REACH, budget=1.0, price="p", candidates="area", area=shapely.box(0, 0, 9, 9)
            ),
            "area_price",
        ),
    ],
)
def test_bad_requests_are_named(city: City, request_: SiteRequest, key: str) -> None:
    with pytest.raises(GridmapError) as caught:
        propose_sites(city, request_)
    assert caught.value.key == f"siting.error.{key}"
    assert caught.value.text("en")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    place = tmp_path_factory.mktemp("siting") / "city"
    assert run("demo", place, "--grids", 120, "--incidents", 1500)[0] == 0
    return place


def test_coverage_command(workspace: Path, run: Run) -> None:
    code, out, _ = run("coverage", workspace, "--within", "1000m,5min", "--json")
    assert code == 0
    found = json.loads(out)["coverage"]
    assert [(f["within"], f["mode"]) for f in found] == [("1000m", "straight"), ("5min", "car")]
    assert 0 < found[0]["rows"][0]["covered_residents_share"] <= 1
    assert len(found[0]["hours"]) == 24
    code, out, _ = run("coverage", workspace, "--network", "all", "--by", "station", "--json")
    assert {f["network"] for f in json.loads(out)["coverage"]} == {"村警", "监控", "消防", "服务"}


@pytest.mark.parametrize("name", ["reach.gpkg", "reach.geojson", "reach.shp"])
def test_rings_and_rows_are_written(workspace: Path, tmp_path: Path, name: str, run: Run) -> None:
    out = tmp_path / name
    code, text, err = run("coverage", workspace, "--within", "1km,5min", "--out", out, "--json")
    assert code == 0, err
    files = json.loads(text)["files"]
    reach = gpd.read_file(out, layer="reach") if name.endswith("gpkg") else gpd.read_file(out)
    assert reach["within"].tolist() == ["1000m", "5min"]
    assert reach.to_crs(4547).area.min() > 1e5
    if name.endswith("gpkg"):
        assert files == [str(out)]
        grids = gpd.read_file(out, layer="grid_5min_car")
    else:
        assert len(files) == 3
        grids = gpd.read_file(out.with_stem("reach_grid_5min_car"))
    assert len(grids) == 120


def test_site_command_writes_points_and_takes_an_area(
    workspace: Path, tmp_path: Path, run: Run
) -> None:
    city = read_city(workspace)
    west = shapely.box(*shapely.total_bounds(city.grids.geometry[:30]))
    area, out = tmp_path / "area.geojson", tmp_path / "new.geojson"
    gpd.GeoDataFrame({"id": ["1"]}, geometry=[west], crs=city.crs).to_crs(4326).to_file(area)
    code, _, err = run(
        "site", workspace, "--rooms", 2, "--candidates", "grid", "--area", area, "--out", out
    )
    assert code == 0, err
    assert gpd.read_file(out).to_crs(city.crs).within(west.buffer(1.0)).all()


def test_site_command(workspace: Path, run: Run) -> None:
    code, out, _ = run(
        "site", workspace, "--rooms", 2, "--within", "1000m", "--fixed", "none", "--json"
    )
    proposal = json.loads(out)
    assert code == 0
    assert len(proposal["sites"]) == 2
    assert proposal["gap"] == 0
    assert run("site", workspace, "--rooms", 2)[0] == 0


@pytest.mark.slow
def test_new_rooms_are_adopted_and_a_proposal_gives_each_beat_one(
    workspace: Path, tmp_path: Path, run: Run
) -> None:
    place = tmp_path / "city"
    shutil.copytree(workspace, place)
    before = read_city(place)
    site = ("site", place, "--rooms", 3, "--within", "5min", "--mode", "ebike")
    code, _, err = run(*site, "--adopt")
    assert code == 0, err
    after = read_city(place)
    assert list(after.rooms.ids[:-3]) == list(before.rooms.ids)
    new = after.room_xy[-3:]
    beats = len(np.unique(room_grids(after)))
    asked = ("propose", place, "--beats", beats, "--rooms", "one-per-beat", "--tolerance", 0.9)
    code, _, err = run(*asked, "--effort", "quick", "--save", "A", "--objective", "travel",
                       "--travel", "ebike")  # fmt: skip
    assert code == 0, err
    with PlanStore.open(place) as store:
        plan = store.load("A")
        assert store.verify().is_whole
        told = [record for record in store.audit_records() if record.subject == "room"]
    assert [json.loads(record.detail)["features"] for record in told] == [3]
    # One room a beat: the new ones, which stand in three grids, make three beats.
    grids = shapely.STRtree(after.grids.geometry).query(shapely.points(new), "intersects")[1]
    own = [plan.beats[plan.assignment[grid]] for grid in grids]
    assert len({beat.id for beat in own}) == 3
    assert all(beat.room in set(after.rooms.ids) for beat in own)
    # Once more: ids stay apart.
    assert run(*site, "--adopt")[0] == 0
    assert len(set(read_city(place).rooms.ids)) == len(before.rooms) + 6


@pytest.mark.parametrize(
    "arguments",
    [
        ("coverage", "--within", "3x"),
        ("coverage", "--mode", "fly"),
        ("coverage", "--by", "moon"),
        ("site",),
        ("site", "--rooms", 1, "--within", "1km,2km"),
        ("site", "--rooms", 1, "--fixed", "some"),
    ],
)
def test_bad_arguments_get_one_line(
    workspace: Path, arguments: tuple[object, ...], run: Run
) -> None:
    code, out, err = run(arguments[0], workspace, *arguments[1:])
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
