"""The commands as scripts use them: JSON on standard output, one line and code 2 for trouble."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest
from command_line import run
from shapely import box

from gridmap.demo import make_city
from gridmap.io import Workspace


def said(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    shapes = [box(500_000, 2.5e6, 500_103, 2_500_100), box(500_100, 2.5e6, 500_200, 2_500_100)]
    ids = ["110101001001001", "110101001001"]
    frame = gpd.GeoDataFrame({"id": ids, "pop": [7, 5]}, geometry=shapes, crs="EPSG:4547")
    frame.to_file(folder / "grid.gpkg")
    frame.to_file(folder / "bare.shp")
    (folder / "bare.prj").unlink()
    report = said(
        run("import", folder / "city", "--kind", "grid", folder / "grid.gpkg",
            "--map", "residents=pop", "--json")
    )  # fmt: skip
    assert {k: report[k] for k in ("kind", "read", "features", "crs", "working_crs")} == {
        "kind": "grid",
        "read": 2,
        "features": 2,
        "crs": "EPSG:4547",
        "working_crs": "EPSG:4547",
    }
    assert report["mapped"]["residents"] == "pop"
    assert report["refused"] == {}
    return folder / "city"


def test_check_repair_and_undo_speak_json(place):
    findings = said(run("check", place, "--json"))["findings"]
    overlap = next(item for item in findings if item["kind"] == "overlap")
    assert overlap["layer"] == "grid"
    assert overlap["severity"] == "error"
    assert overlap["count"] == 1
    assert overlap["area_m2"] == pytest.approx(300)
    assert set(overlap) == {
        "layer", "kind", "severity", "count", "ids", "area_m2", "effect", "command",
    }  # fmt: skip
    assert overlap["command"] == "gridmap repair WORKSPACE --only overlap"
    plain, strict = run("check", place), run("check", place, "--strict")
    assert (plain.returncode, strict.returncode) == (0, 1)
    assert strict.stdout == plain.stdout
    assert f"gridmap repair {place} --only overlap" in plain.stdout
    assert run("check", place, "--strict", "--json").returncode == 1
    done = said(run("repair", place, "--json"))
    assert done["coverage_valid"] is True
    assert set(done["repaired"][0]) == {"layer", "kind", "rows", "area_m2", "moved_max_m"}
    assert not [
        item for item in said(run("check", place, "--json"))["findings"] if item["area_m2"]
    ]
    assert said(run("repair", place, "--undo", "--json")) == {
        "format": 1, "undone": ["grid"],
    }  # fmt: skip
    assert "1 overlap [" in run("check", place).stdout


def test_grid_codes_are_checked_when_asked(place):
    findings = said(run("check", place, "--grid-code", "15", "--json"))["findings"]
    code = next(item for item in findings if item["kind"] == "bad_code")
    assert code["ids"] == ["110101001001"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "{city}", "--kind", "grid", "{folder}/none.gpkg"),
        ("import", "{city}", "--kind", "grid", "{folder}/bare.shp"),
        ("import", "{city}", "--kind", "cake", "{folder}/grid.gpkg"),
        ("check", "{folder}"),
        ("repair", "{folder}"),
        ("repair", "{city}", "--only", "in_future"),
        ("repair", "{city}", "--tolerance-m", "-1"),
    ],
)
def test_trouble_is_one_line_and_code_two(place, arguments, language):
    names = {"city": place, "folder": place.parent}
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    result = run(*(item.format(**names) for item in arguments), language=language)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_a_failing_import_leaves_nothing_in_a_workspace_without_a_store(tmp_path, place):
    city = tmp_path / "city"
    Workspace.at(city).put_city(make_city(grids=60, incidents=300, seed=7))
    before = {p: p.read_bytes() for p in city.rglob("*") if p.is_file()}
    assert not (city / "plans.db").exists()
    for file, kind in (("bare.shp", "beat"), ("none.gpkg", "grid"), ("grid.gpkg", "room")):
        assert run("import", city, "--kind", kind, place.parent / file).returncode == 2
        assert {p: p.read_bytes() for p in city.rglob("*") if p.is_file()} == before
    new = tmp_path / "new"
    assert run("import", new, "--kind", "beat", place.parent / "bare.shp").returncode == 2
    assert not new.exists()
    # What succeeds is logged, as ever.
    said(run("import", city, "--kind", "community", place.parent / "grid.gpkg", "--anyway",
             "--replace", "--json"))  # fmt: skip
    assert (city / "plans.db").is_file()
