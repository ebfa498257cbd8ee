"""``gridmap report`` as cron and scripts see it."""

import csv
import hashlib
import json
import os
import subprocess
import sys

import command_line
import numpy as np
import pytest

import gridmap
from gridmap.demo import make_city
from gridmap.io import Workspace
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind, Layer
from gridmap.plans import (
    LOCAL,
    AssignOfficers,
    Draft,
    Ground,
    History,
    MergeBeats,
    NewBeat,
    PlanStore,
    RenameBeat,
    SplitBeat,
)
from gridmap.report.city_tables import import_line


def run(*arguments):
    return command_line.run("report", *arguments)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "city"
    city = make_city(grids=60, incidents=2_000, seed=7)
    place = Workspace.at(folder)
    place.put_city(city)
    plan = present_plan(city)
    beat, other = plan.beat_ids[:2]
    first = next(grid for grid, label in zip(plan.grid_ids, plan.labels, strict=True)
                 if label == beat)  # fmt: skip
    with PlanStore.open(place.path / "plans.db") as store:
        store.save(plan.move([first], to=other).renamed("spring"), author=LOCAL)
    return folder


def report(workspace, out, *options, formats="xlsx,csv"):
    return run(workspace, "--out", out, "--date", "2024-04-01", "--period", "2024-03",
               "--formats", formats, *options)  # fmt: skip


@pytest.mark.slow
def test_the_manifest_lists_every_file_with_its_sum(workspace, tmp_path):
    out = tmp_path / "march"
    code, text, _ = report(workspace, out, "--json", "--suppress-below", "5", "--plan", "present",
                           "--lang", "zh")  # fmt: skip
    assert code == 0
    told = json.loads(text)
    assert told["parameters"]["plan"] is None
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert {key: told[key] for key in manifest} == manifest
    mine = gridmap.report(
        gridmap.open(workspace), date="2024-04-01", period="2024-03", formats="xlsx,csv",
        suppress_below=5, lang="zh", settings=str(workspace / "report.toml"),
    ).to_dict()  # fmt: skip
    assert {key: told[key] for key in mine} == json.loads(json.dumps(mine))
    assert manifest["parameters"]["suppress_below"] == 5
    assert manifest["parameters"]["compared"] == "2024-02"
    # What was asked for, with no path of this machine.
    portable = {"settings": "report.toml", "plan": told["options"]["plan"]}
    assert manifest["request"] == told["options"] | portable
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == {item["path"] for item in manifest["files"]} | {"manifest.json"}
    for item in manifest["files"]:
        data = (out / item["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item["sha256"]
    assert {layer["kind"] for layer in manifest["layers"]} >= {"grid", "beat", "incidents"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "formats", "of"),
    [
        ("zh", "docx,pptx,html,png,shp", []),
        ("en", "pdf,xlsx,csv,svg,gpkg,geojson", ["--plan", "spring@1", "--document"]),
    ],
)
def test_no_process_time_zone_language_or_folder_changes_a_byte(
    workspace, tmp_path, language, formats, of
):
    options = ["--date", "2024-04-01", "--period", "2024-03", "--lang", language, "--json",
               "--formats", formats, *of]  # fmt: skip
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code, text, _ = run(workspace, "--out", tmp_path / "here", *options)
    assert code == 0
    home = {**os.environ, "TZ": "Asia/Shanghai", "LC_ALL": "C", "LANG": "zh_CN.GBK",
            "PYTHONHASHSEED": "7",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "gridmap", "report", str(workspace.resolve()), "--out", "there",
         *options],
        cwd=elsewhere, env=home, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["files"] == json.loads(text)["files"]


@pytest.mark.slow
def test_a_report_replaces_an_earlier_one_and_nothing_else(workspace, tmp_path):
    out = tmp_path / "report"
    assert report(workspace, out, formats="csv")[0] == 0
    assert report(workspace, out, formats="xlsx")[0] == 0
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "report_2024-03.xlsx"]
    (out / "mine.txt").write_text("keep", encoding="utf-8")
    code, _, err = report(workspace, out, formats="csv")
    assert code == 2
    assert "mine.txt" in err
    assert (out / "mine.txt").read_text(encoding="utf-8") == "keep"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]


@pytest.mark.slow
def test_a_writer_that_fails_leaves_what_was_there(workspace, tmp_path, monkeypatch):
    from gridmap.report import writing

    out = tmp_path / "report"
    assert report(workspace, out, formats="csv")[0] == 0
    before = (out / "manifest.json").read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(writing._WRITERS, "xlsx", fail)
    code, _, err = report(workspace, out, formats="csv,xlsx")
    assert code == 2
    assert "No space left" in err
    assert (out / "manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.slow
def test_a_plan_is_reported_beside_today(workspace, tmp_path):
    out = tmp_path / "plan"
    code, text, _ = report(workspace, out, "--plan", "spring@1", "--lang", "en", "--json")
    assert code == 0
    assert json.loads(text)["parameters"]["plan"] == "spring@1"  # as a comparison names it
    lines = (out / "tables" / "comparison.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + 6


@pytest.mark.slow
def test_a_plan_drawn_in_the_app_is_reported_as_it_was_saved(workspace, tmp_path):
    # The steps that the page takes: a draft, commands upon it, a first version and the next.
    place = Workspace.open(workspace)
    city = place.city()
    start = present_plan(city).renamed("drawn")
    history = History(Draft.start(Ground.from_city(city), start), LOCAL)
    one, two, three = start.beat_ids[:3]
    held = [grid for grid, label in zip(start.grid_ids, start.labels, strict=True) if label == one]
    history = history.apply(SplitBeat(one, tuple(held[:1]), "new", "新警格", insist=True))
    history = history.apply(RenameBeat(two, "=二"))
    history = history.apply(MergeBeats((three,), two, insist=True))
    history = history.apply(NewBeat("empty", "空警格"))
    history = history.apply(AssignOfficers("new", 2, 5)).undo().redo()
    with PlanStore.open(place.path / "plans.db") as store:
        first = store.save(start, author=LOCAL, base_version=0, grids=city.grids)
        store.save(
            history.current.plan, author=LOCAL, base_version=first.number,
            commands=history.commands, locks=history.current.locks,
            faults=history.current.faults, grids=city.grids, origin=("drawn", first.number),
        )  # fmt: skip
    out = tmp_path / "drawn"
    code, text, _ = report(workspace, out, "--plan", "drawn", "--lang", "en", "--json",
                           formats="csv,xlsx,pdf,gpkg")  # fmt: skip
    assert code == 0
    plan = history.current.plan
    assert json.loads(text)["parameters"]["plan_digest"] == plan.digest
    with (out / "tables" / "beats.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["ID"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(plan.beat_ids.tolist())
    residents = city.grids.counts("residents")
    for beat in plan.beat_ids:
        assert float(rows[beat]["Residents"]) == residents[plan.labels == beat].sum()
    assert rows["empty"]["Incidents"] == "0"
    assert rows["new"]["Name"] == "新警格"
    assert rows[two]["Name"] == "'=二"
    with (out / "tables" / "staffing.csv").open(encoding="utf-8-sig", newline="") as file:
        staff = {row["ID"]: row for row in csv.DictReader(file)}
    assert (staff["new"]["Officers"], staff["new"]["Auxiliaries"]) == ("2", "5")
    with (out / "tables" / "totals.csv").open(encoding="utf-8-sig", newline="") as file:
        totals = {(row["Table"], row["Column"]): row["Total"] for row in csv.DictReader(file)}
    every = sum(float(row["Residents"]) for row in rows.values())
    assert np.isclose(every, float(totals["beats", "Residents"]))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--period", "2024-13"), "2024-13"),
        (("--compare", "yesterday"), "yesterday"),
        (("--suppress-below", "-1"), "-1"),
        (("--plan", "none such"), "none such"),
        (("--lang", "fr"), "fr"),
        (("--date", "now"), "now"),
        (("--paper", "letter"), "letter"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(workspace, tmp_path, options, told):
    code, out, err = report(workspace, tmp_path / "x", *options, formats="csv")
    assert code == 2
    assert not out
    assert told in err
    assert len(err.strip().splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_an_unknown_format_is_told_with_those_there_are(workspace, tmp_path):
    code, _, err = report(workspace, tmp_path / "x", formats="odt")
    assert code == 2
    assert "odt" in err
    assert "gpkg" in err


@pytest.mark.slow
def test_a_gis_bundle_is_read_back_with_its_styles(workspace, tmp_path):
    import sqlite3
    from xml.etree import ElementTree as ET

    import pyogrio

    out = tmp_path / "gis"
    assert report(workspace, out, "--lang", "zh", formats="gpkg,shp,geojson,csv")[0] == 0
    path = out / "gis" / "report_2024-03.gpkg"
    grids = pyogrio.read_dataframe(path, layer="grid")
    assert len(grids) == 60
    with sqlite3.connect(path) as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles"))
    database.close()
    assert set(styles) == {
            "grid", "beat", "station", "community", "room", "reach", "incidents",
        }  # fmt: skip
    for style in styles.values():
        assert ET.fromstring(style.partition("\n")[2]).tag == "qgis"  # noqa: S314 - our own
    shapes = pyogrio.read_dataframe(out / "gis" / "shp" / "grid.shp")
    assert shapes["常住人口"].tolist() == grids["residents"].tolist()
    assert {"面积", "人口密度", "冷热点"} <= set(shapes.columns)  # ten bytes, no half bracket
    again = pyogrio.read_dataframe(out / "gis" / "grid.geojson")
    assert again["incidents"].tolist() == grids["incidents"].tolist()


def test_the_manifest_tells_what_was_repaired(tmp_path):
    city = make_city(grids=60, incidents=0, seed=7)
    entry = {
        "original": "grid-abc.gpkg",
        "tolerance_m": 5.0,
        "kinds": ["overlap"],
        "rows": 3,
        "area_m2": 12.5,
        "moved_max_m": 0.4,
    }
    told = {**city.grids.provenance, "repairs": [entry]}
    place = Workspace.at(tmp_path / "city")
    place.put_city(city.with_layer(Layer(Kind.GRID, city.grids.frame, told)))
    out = tmp_path / "out"
    code, *_ = run(place.path, "--out", out, "--date", "2024-04-01", "--formats", "csv",
                   "--lang", "en")  # fmt: skip
    assert code == 0
    layers = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["layers"]
    assert [layer["repairs"] for layer in layers if layer["kind"] == "grid"] == [[entry]]
    text = (out / "tables" / "sources.csv").read_text(encoding="utf-8-sig")
    assert "Repaired: 3 features, 12.5 m², borders moved by 0.40 m at most." in text


def test_a_period_without_data_is_said_and_not_compared(workspace, tmp_path):
    out = tmp_path / "out"
    assert (
        report(workspace, out, "--compare", "last-year", "--lang", "en", formats="csv,pdf")[0] == 0
    )
    heads = (out / "tables" / "beats.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert "Incidents" in heads
    assert "Change" not in heads
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["parameters"]["compared"] is None


@pytest.mark.slow
def test_a_period_without_incidents_is_told_beside_the_report(workspace, tmp_path):
    code, text, err = run(
        workspace, "--out", tmp_path / "x", "--date", "2024-04-01", "--period", "2019-03",
        "--lang", "en", "--formats", "csv,pdf", "--json",
    )  # fmt: skip
    assert code == 0
    assert len(err.strip().splitlines()) == 1
    assert "no incidents on record for" in err
    (told,) = json.loads(text)["warnings"]
    assert told in err
    code, text, err = report(workspace, tmp_path / "y", "--json", formats="csv")
    assert (code, err, json.loads(text)["warnings"]) == (0, "", [])
    code, text, err = report(workspace, tmp_path / "z", "--json", "--compare", "last-year",
                             formats="csv")  # fmt: skip
    assert code == 0
    assert len(json.loads(text)["warnings"]) == len(err.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("zone", "noted"), [("", "identical to others"), ("Z", "marked as UTC")])
def test_what_the_import_knew_stands_in_the_report(zone, noted, tmp_path):
    """Twelve rows: one without a time, one without a place, one off the earth, one twice."""
    city = make_city(grids=60, incidents=0)
    place = Workspace.at(tmp_path / "city")
    for kind in (Kind.GRID, Kind.BEAT):
        place.put_layer(city.layer(kind))
    points = city.layer(Kind.GRID).frame.representative_point().to_crs(4326)
    lines = [
        f"{points.iloc[n].x},{points.iloc[n].y},2024-03-{n + 1:02d}T20:30:00{zone},theft"
        for n in range(8)
    ]
    lines += [lines[0], f"{points.iloc[9].x},{points.iloc[9].y},,theft",
              f",,2024-03-12T20:30:00{zone},theft",
              f"200,95,2024-03-13T20:30:00{zone},theft"]  # fmt: skip
    calls = tmp_path / "calls.csv"
    calls.write_text("\n".join(["lon,lat,time,category", *lines]), encoding="utf-8")
    done = command_line.run("import", place.path, "--kind", "incidents", calls,
                            "--crs", "EPSG:4326", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    made = gridmap.report(place.city(), period="2024-03", lang="en", date="2024-04-01").report
    rows = made.table("imports").rows
    listed = list(zip(rows["item"], map(str, rows["value"]), strict=True))
    assert ("Rows read", "12") in listed
    for reason in ("no coordinates", "a time that cannot be read", "coordinates off the earth"):
        assert (f"Refused: {reason}", "1") in listed
    assert sum(told["refused"].values()) == 3
    assert ("Files", "calls.csv") in listed
    assert ("Stored", "9") in listed
    assert any(noted in value for _, value in listed), listed
    assert ("Data from and to", "2024-03-01 20:30 – 2024-03-08 20:30") in listed
    first_page = import_line(made.measured, made.hiding)
    assert "12" in first_page
    assert "9" in first_page
