"""What a report's files say is what `gridmap measure` says, to the last unit."""

import csv
import io
import json
import math
from pathlib import Path

import command_line
import openpyxl
import pyogrio
import pytest

from gridmap.demo import make_city
from gridmap.i18n import tr, using_language
from gridmap.io import ImportOptions, Workspace, import_files

# openpyxl does not know the data bars of Excel 2010 and later.
pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"
LEVELS = {"grid": "grids", "beat": "beats", "station": "stations", "community": "communities"}
COUNTS = ("residents", "migrants", "households", "incidents")


def run(*arguments):
    done = command_line.run(*arguments, language="zh")
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_close(one, other):
    return math.isclose(one, other, rel_tol=1e-15, abs_tol=1e-9)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    place = tmp_path_factory.mktemp("totals") / "city"
    Workspace.at(place).put_city(make_city(grids=60, incidents=3_000, seed=7))
    return place, "2024-03", ("--from", "2024-03-01", "--to", "2024-03-31")


@pytest.fixture(scope="module")
def chicago(tmp_path_factory):
    if not CHICAGO.exists():
        pytest.skip("the real data is not beside the checkout (../shared/data)")
    place = tmp_path_factory.mktemp("totals") / "chicago"
    formats = ("%m/%d/%Y", "%Y/%d/%m")
    for kind, name, options in (
        ("grid", "block_groups_2010.gpkg", ImportOptions(columns={"residents": "pop"})),
        ("beat", "police_beats.zip", ImportOptions()),
        ("station", "police_districts.zip", ImportOptions()),
        ("community", "community_areas.zip", ImportOptions()),
        ("room", "Police_Stations.csv", ImportOptions()),
        ("incidents", "Crimes_September_2014.csv", ImportOptions(date_formats=formats)),
    ):
        import_files(place, [CHICAGO / name], kind=kind, options=options)
    return place, "2014-09", ("--from", "2014-09-01", "--to", "2014-09-30")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("city", "language"),
    [
        ("demo", "zh"),
        ("demo", "en"),
        pytest.param("chicago", "en", marks=pytest.mark.real_data),
    ],
)
def test_every_count_of_every_file_is_that_of_measure(city, language, request, tmp_path):
    place, period, days = request.getfixturevalue(city)
    out = tmp_path / "report"
    run("report", place, "--period", period, "--date", "2024-04-01", "--lang", language,
        "--formats", "xlsx,csv,gpkg,geojson", "--out", out)  # fmt: skip
    book = openpyxl.load_workbook(out / f"report_{period}.xlsx", read_only=True, data_only=True)
    compared = 0
    text = (out / "tables" / "totals.csv").read_text(encoding="utf-8-sig")
    totals = {(row[0], row[1]): row[2] for row in csv.reader(io.StringIO(text))}
    for level, key in LEVELS.items():
        told = json.loads(run("measure", place, "--by", level, *days, "--json"))
        with using_language(language):
            title, total = tr(f"report.sheet.{key}"), tr("report.total")
            labels = {name: tr(f"field.{name}") for name in COUNTS}
            label_id = tr("field.id")
        sheet = [list(row) for row in book[title].iter_rows(min_row=5, values_only=True)]
        text = (out / "tables" / f"{key}.csv").read_text(encoding="utf-8-sig")
        lines = list(csv.reader(io.StringIO(text)))
        layer = pyogrio.read_dataframe(out / "gis" / f"report_{period}.gpkg", layer=level)
        light = pyogrio.read_dataframe(out / "gis" / f"{level}.geojson")
        for name in COUNTS:
            assert (labels[name] in lines[0]) == (name not in told["missing"])
            if name in told["missing"]:
                continue
            truth = {str(row["id"]): row[name] for row in told["rows"]}
            for rows in (sheet, lines):
                at, who = rows[0].index(labels[name]), rows[0].index(label_id)
                known = {str(row[who]): row[at] for row in rows[1 : 1 + len(truth)]}
                assert known.keys() == truth.keys()
                for place_id, value in truth.items():
                    same = float(known[place_id])
                    # A workbook holds 16 digits: what was shared out may differ in the 17th.
                    assert same == value or is_close(same, value), (level, name, place_id)
                    assert same == value or not float(value).is_integer()
                if rows is lines:  # the totals of CSV stand in a file of their own
                    assert total not in {row[who] for row in rows}
                    assert float(totals[key, labels[name]]) == told["totals"][name]
                    continue
                last = next(row for row in rows[1:] if row[who] == total)
                assert float(last[at]) == told["totals"][name], (level, name)
            for frame in (layer, light):
                found = dict(zip(frame["id"].astype(str), frame[name], strict=True))
                assert all(is_close(found[place_id], value) for place_id, value in truth.items())
            compared += 1
    assert compared >= 8
    book.close()
