"""Proposals for a city, and the two commands."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import shapely

from gridmap.cli import main
from gridmap.demo import make_city
from gridmap.errors import GridmapError
from gridmap.i18n import set_language
from gridmap.measure.coverage import Within
from gridmap.model import City
from gridmap.siting import SiteRequest, candidates_of, propose_sites

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
    if model == "cover":
        residents = city.grids.counts("residents").sum()
        assert after["covered_share"] * residents == pytest.approx(proposal.answer.objective)


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
    _, _, xy = candidates_of(city, "grid", half)
    assert (xy[:, 0] <= (left + right) / 2).all()
    with pytest.raises(GridmapError) as caught:
        candidates_of(city, "grid", shapely.box(0, 0, 1, 1))
    assert caught.value.key == "siting.error.no_candidates"


def test_everybody_within_reach(city: City) -> None:
    proposal = propose_sites(city, SiteRequest(REACH, model="all", candidates="grid"))
    assert proposal.after["covered_share"] == pytest.approx(1.0)
    assert proposal.answer.proven


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (SiteRequest(REACH), "no_limit"),
        (SiteRequest(REACH, rooms=1, model="best"), "model"),
        (SiteRequest(REACH, rooms=1, candidates="moon"), "candidates"),
        (SiteRequest(REACH, rooms=1, apart_m=1e6), "all_near"),
    ],
)
def test_bad_requests_are_named(city: City, request_: SiteRequest, key: str) -> None:
    with pytest.raises(GridmapError) as caught:
        propose_sites(city, request_)
    assert caught.value.key == f"siting.error.{key}"
    assert caught.value.text("en")


def run(*arguments: object) -> tuple[int, str, str]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("GRIDMAP_LANG", "en")
        patch.setattr(sys, "argv", ["gridmap", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            set_language("zh")
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("siting") / "city"
    assert run("demo", place, "--grids", 120, "--incidents", 1500)[0] == 0
    return place


def test_coverage_command(workspace: Path) -> None:
    code, out, _ = run("coverage", workspace, "--within", "1000m,5min", "--json")
    assert code == 0
    found = json.loads(out)["coverage"]
    assert [(f["within"], f["mode"]) for f in found] == [("1000m", "straight"), ("5min", "car")]
    assert 0 < found[0]["rows"][0]["covered_residents_share"] <= 1
    assert len(found[0]["hours"]) == 24
    code, out, _ = run("coverage", workspace, "--network", "all", "--by", "station", "--json")
    assert {f["network"] for f in json.loads(out)["coverage"]} == {"村警", "监控", "消防", "服务"}


def test_site_command(workspace: Path) -> None:
    code, out, _ = run(
        "site", workspace, "--rooms", 2, "--within", "1000m", "--fixed", "none", "--json"
    )
    proposal = json.loads(out)
    assert code == 0
    assert len(proposal["sites"]) == 2
    assert proposal["gap"] == 0
    assert run("site", workspace, "--rooms", 2)[0] == 0


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
def test_bad_arguments_get_one_line(workspace: Path, arguments: tuple[object, ...]) -> None:
    code, out, err = run(arguments[0], workspace, *arguments[1:])
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
