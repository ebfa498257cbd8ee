"""Imports upon what is there, tables joined by code, and what an import remembers."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
from shapely import box

from gridmap.errors import GridmapError, InputError
from gridmap.i18n import using_language
from gridmap.io import ImportOptions, Note, Workspace, check_city, import_files, read_city
from gridmap.model import City, Kind, Layer

IDS = ["330106001", "330106002", "330106003", "330106004"]
HEAD = "发生时间,警情类别,经度,纬度\n"


def grids(path, ids=IDS, *, west=120.1, **columns):
    shapes = [box(west + 0.01 * n, 30.2, west + 0.01 * (n + 1), 30.21) for n in range(len(ids))]
    frame = gpd.GeoDataFrame({"网格编码": ids, **columns}, geometry=shapes, crs="EPSG:4490")
    frame.to_file(path)
    return path


def text(path, raw):
    path.write_text(raw, encoding="utf-8")
    return path


def workbook(path, *rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def bring(tmp_path, path, kind="grid", **options):
    return import_files(tmp_path / "city", [path], kind=kind, options=ImportOptions(**options))


def told(report, key):
    return next(note.values for note in report.warnings if note.key == f"io.note.{key}")


def keys(report):
    return {note.key.removeprefix("io.note.") for note in report.warnings}


# -- tables by code

WIDE = {48 + n: 0xFF10 + n for n in range(10)}
TABLES = {
    "as they are": ("网格编码", IDS),
    "under another heading": ("代号甲", IDS),
    "as numbers": ("网格编码", [int(code) for code in IDS]),
    "with blanks": ("网格编码", [f" {code[:6]} {code[6:]} " for code in IDS]),
    "in full width": (
        "网格编码",
        [c.translate({48 + n: 0xFF10 + n for n in range(10)}) for c in IDS],
    ),
    "with zeros before": ("网格编码", [f"000{code}" for code in IDS]),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", TABLES)
def test_counts_in_a_table_come_to_the_shapes_by_code(tmp_path, form):
    head, codes = TABLES[form]
    rows = [[code, 100 * n, f"x{n}"] for n, code in enumerate(codes, 1)]
    table = workbook(
        tmp_path / "人口.xlsx", ["2024年人口统计表"], [head, "常住人口", "甲列"], *rows[::-1]
    )
    report = bring(tmp_path, grids(tmp_path / "g.gpkg"), join=(table,))
    city = read_city(tmp_path / "city")
    assert list(city.grids.ids) == IDS
    assert city.grids.counts("residents").tolist() == [100.0, 200.0, 300.0, 400.0]
    values = told(report, "joined")
    assert (values["count"], values["features"], values["codes"]) == (4, 0, 0)
    assert "no_residents" not in keys(report)
    assert report.mapped["residents"] == "常住人口"


def test_codes_that_are_on_one_side_only_are_counted_on_both(tmp_path):
    rows = [[IDS[0], 10], [IDS[2], 30], ["330106099", 99], ["合计", 139], [IDS[2], 31]]
    table = workbook(tmp_path / "t.xlsx", ["网格编码", "常住人口"], *rows)
    report = bring(tmp_path, grids(tmp_path / "g.gpkg", 常住人口=[1, 2, 3, 4]), join=(table,))
    counts = read_city(tmp_path / "city").grids.counts("residents")
    assert counts.tolist() == [10.0, 2.0, 30.0, 4.0]  # what the table lacks stays
    values = told(report, "joined")
    assert (values["count"], values["features"], values["codes"]) == (2, 2, 2)
    assert told(report, "join_repeated")["count"] == 1
    assert IDS[1] in str(told(report, "join_missing")["ids"])


def test_the_column_of_codes_can_be_named_and_columns_mapped_in_either_file(tmp_path):
    raw = "a,b,c\n" + "".join(f"{n},{code},{n * 10}\n" for n, code in enumerate(IDS))
    table = text(tmp_path / "t.csv", raw)
    shapes = grids(tmp_path / "g.gpkg", 戊=[5, 6, 7, 8])
    bring(tmp_path, shapes, join=(table,), on="b", columns={"residents": "c", "migrants": "戊"})
    layer = read_city(tmp_path / "city").grids
    assert layer.counts("residents").tolist() == [0.0, 10.0, 20.0, 30.0]
    assert layer.counts("migrants").tolist() == [5.0, 6.0, 7.0, 8.0]
    for wrong in ({"on": "nowhere"}, {"columns": {"residents": "nowhere"}}):
        with pytest.raises(InputError) as raised:
            bring(tmp_path, shapes, join=(table,), **wrong)
        assert raised.value.key == "io.error.no_column"


def test_a_table_of_other_codes_is_refused_and_nothing_changes(tmp_path):
    table = text(tmp_path / "t.csv", "网格编码,常住人口\n1,2\n2,3\n")
    with pytest.raises(InputError) as raised:
        bring(tmp_path, grids(tmp_path / "g.gpkg"), join=(table,))
    assert raised.value.key == "io.error.no_join"
    assert not (tmp_path / "city").exists()


def test_records_of_persons_in_a_joined_table_are_refused_too(tmp_path):
    rows = "".join(f"{code},{n},1381234567{n}\n" for n, code in enumerate(IDS))
    table = text(tmp_path / "t.csv", "网格编码,常住人口,甲\n" + rows)
    report = bring(tmp_path, grids(tmp_path / "g.gpkg"), join=(table,))
    assert report.refused_columns == ("甲",)
    assert "甲" not in read_city(tmp_path / "city").grids.frame


# -- upon what is there

MARCH = HEAD + "2024-03-05 10:00,盗窃,120.101,30.201\n2024-03-06 10:00,纠纷,120.102,30.202\n"
APRIL = HEAD + "2024-03-06 10:00,纠纷,120.102,30.202\n2024-04-07 10:00,诈骗,120.103,30.203\n"


def test_incidents_are_appended_without_repeats(tmp_path):
    bring(tmp_path, text(tmp_path / "3.csv", MARCH), "incidents")
    report = bring(tmp_path, text(tmp_path / "4.csv", APRIL), "incidents", upon="append")
    incidents = read_city(tmp_path / "city").incidents
    assert [str(moment)[:10] for moment in incidents.all.time] == [
        "2024-03-05", "2024-03-06", "2024-04-07",
    ]  # fmt: skip
    names = [incidents.categories[code] for code in incidents.all.category]
    assert names == ["盗窃", "纠纷", "诈骗"]
    assert report.refused == {"already_there": 1}
    assert report.read == report.features + sum(report.refused.values())
    assert told(report, "appended") == {"before": 2, "count": 1, "repeats": 1}
    entry = Workspace.open(tmp_path / "city").config["incidents"]
    assert entry["sources"] == ["3.csv", "4.csv"]
    assert (entry["count"], entry["read"]) == (3, 4)
    assert entry["facts"]["first"] == "2024-03-05T10:00:00"
    assert entry["facts"]["last"] == "2024-04-07T10:00:00"


def test_the_same_file_twice_adds_nothing(tmp_path):
    march = text(tmp_path / "3.csv", MARCH)
    bring(tmp_path, march, "incidents")
    before = read_city(tmp_path / "city").incidents.digest
    report = bring(tmp_path, march, "incidents", upon="append")
    assert report.features == 0
    assert read_city(tmp_path / "city").incidents.digest == before


CASES = "案件编号,发生时间,警情类别,经度,纬度\n"


def test_a_case_is_found_again_by_its_number_and_the_number_is_not_kept(tmp_path):
    first = (
        "A330106-001,2024-03-01 08:00,盗窃,120.101,30.201\n"
        "A330106-002,2024-03-01 08:00,盗窃,120.102,30.202\n"
        ",2024-03-01 09:00,盗窃,120.103,30.203\n"
    )
    second = (
        " a330106-001 ,2024-03-01 08:20,诈骗,120.105,30.205\n"  # put right since: the same case
        "A330106-003,2024-03-01 08:00,盗窃,120.102,30.202\n"  # alike, and another case
        "A330106-004,2024-03-01 09:00,盗窃,120.103,30.203\n"  # the one that had no number yet
        ",2024-03-01 08:00,盗窃,120.101,30.201\n"  # without a number: alike is the same
        "A330106-005,2024-03-02 10:00,盗窃,120.101,30.201\n"
    )
    bring(tmp_path, text(tmp_path / "1.csv", CASES + first), "incidents")
    report = bring(tmp_path, text(tmp_path / "2.csv", CASES + second), "incidents", upon="append")
    assert told(report, "appended") == {"before": 3, "count": 2, "repeats": 3}
    again = bring(tmp_path, text(tmp_path / "2.csv", CASES + second), "incidents", upon="append")
    assert told(again, "appended")["repeats"] == 5
    stored = [item for item in (tmp_path / "city").rglob("*") if item.is_file()]
    assert not any(b"330106-00" in item.read_bytes() for item in stored)


def test_digests_survive_files_without_numbers_and_months_tell_repeats_by_them(tmp_path):
    bring(tmp_path, text(tmp_path / "old.csv", HEAD + "2024-02-01 08:00,盗窃,120.1,30.2\n"),
          "incidents")  # fmt: skip
    months = "Crime ID,Month,Longitude,Latitude,Crime type\n" + "".join(
        f"{n:064x},2024-03,{120.1 + n / 1000},30.2,盗窃\n" for n in range(5)
    )
    path = text(tmp_path / "months.csv", months)
    assert told(bring(tmp_path, path, "incidents", upon="append"), "appended")["repeats"] == 0
    bring(tmp_path, text(tmp_path / "new.csv", HEAD + "2024-04-01 08:00,盗窃,120.1,30.2\n"),
          "incidents", upon="append")  # fmt: skip
    assert told(bring(tmp_path, path, "incidents", upon="append"), "appended")["repeats"] == 5


def test_layers_are_appended_by_id(tmp_path):
    bring(tmp_path, grids(tmp_path / "a.gpkg", IDS[:2]))
    report = bring(tmp_path, grids(tmp_path / "b.gpkg", IDS[1:], west=120.11), upon="append")
    assert list(read_city(tmp_path / "city").grids.ids) == IDS
    assert report.refused == {"already_there": 1}


@pytest.mark.slow
def test_what_is_replaced_is_named_and_a_command_asks_first(tmp_path, run):
    first, second = grids(tmp_path / "a.gpkg"), grids(tmp_path / "b.gpkg", IDS[:2])
    where = tmp_path / "city"
    assert run("import", where, first, "--kind", "grid")[0] == 0
    code, _, said = run("import", where, second, "--kind", "grid")
    assert code == 2
    assert "a.gpkg" in said
    assert len(read_city(where).grids) == 4
    assert run("import", where, second, "--kind", "grid", "--append", "--replace")[0] == 2
    assert run("import", where, second, "--kind", "grid", "--replace")[0] == 0
    assert len(read_city(where).grids) == 2
    report = bring(tmp_path, first)
    assert told(report, "replaced")["count"] == 2
    assert told(report, "replaced")["files"] == "b.gpkg"


# -- another part of the world


def test_a_layer_of_another_city_is_asked_about(tmp_path):
    bring(tmp_path, grids(tmp_path / "a.gpkg"))
    far = text(tmp_path / "far.csv", HEAD + "2024-03-05 10:00,盗窃,116.4,39.9\n")
    with pytest.raises(InputError) as raised:
        bring(tmp_path, far, "incidents")
    assert raised.value.key == "io.error.elsewhere"
    # Hangzhou to Beijing: some 1,120 km.
    assert raised.value.values["km"] == pytest.approx(1120, abs=20)
    assert bring(tmp_path, far, "incidents", anyway=True).features == 1


# -- what a report prints of its data


def test_what_an_import_knew_is_remembered(tmp_path):
    rows = ["2024-03-05 10:00,盗窃,120.101,30.201"] * 2
    rows += [",盗窃,120.1,30.2", "2024-03-09T10:00:00Z,盗窃,120.1,30.2", "2024-03-07 10:00,盗窃,,"]
    report = bring(tmp_path, text(tmp_path / "a.csv", HEAD + "\n".join(rows)), "incidents")
    facts = Workspace.open(tmp_path / "city").config["incidents"]["facts"]
    assert facts == report.facts
    assert report.refused == {"no_coordinates": 1, "bad_time": 1}
    assert facts["without_time"] == 0
    assert facts["clocks_utc"] == 1
    assert (facts["first"], facts["last"]) == ("2024-03-05T10:00:00", "2024-03-09T10:00:00")


def test_random_tables_keep_every_row_accounted_for(tmp_path):
    draw = np.random.default_rng(3)
    for n in range(4):
        hours = draw.integers(0, 24, 30)
        raw = HEAD + "".join(
            f"2024-03-{1 + hour % 9:02d} {hour:02d}:00,盗窃,{120.1 + hour / 1000},30.2\n"
            for hour in hours
        )
        upon = "append" if n else "replace"
        report = bring(tmp_path, text(tmp_path / f"{n}.csv", raw), "incidents", upon=upon)
        assert report.read == report.features + sum(report.refused.values())
    entry = Workspace.open(tmp_path / "city").config["incidents"]
    assert entry["read"] == 120
    assert entry["count"] == 120 - sum(entry["refused"].values())
    with pytest.raises(GridmapError):
        bring(tmp_path, tmp_path / "0.csv", "incidents", upon="ask")


@pytest.mark.parametrize(
    ("crs", "error"),
    # At 120.15 E, 30.25 N a metre is off by (degrees from the belt's middle x cos(lat))^2 / 2, in
    # radians: 3.15 degrees make 0.11 %, 2.85 make 0.09 %, 6.15 make 0.43 %.
    [("EPSG:4549", False), ("EPSG:4550", False), ("EPSG:4548", True), ("EPSG:4547", True)],
)
def test_a_working_crs_of_another_place_is_a_finding(crs, error):
    shape = box(120.1, 30.2, 120.2, 30.3)
    frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[shape], crs="EPSG:4490").to_crs(crs)
    city = City("x", frame.crs, {Kind.GRID: Layer(Kind.GRID, frame)})
    kinds = {str(finding.kind) for finding in check_city(city)}
    assert ("crs_scale" in kinds) is error


# -- points with counts


def points_with_counts(count=300):
    """Return points around three grids with a third of them outside, and what each holds."""
    draw = np.random.default_rng(11)
    lon, lat = draw.uniform(120.095, 120.145, count), draw.uniform(30.195, 30.215, count)
    people = draw.integers(0, 50, count).astype(float)
    people[::17] = np.nan
    return lon, lat, people


@pytest.mark.parametrize("form", ["table", "layer"])
def test_points_with_counts_are_summed_by_the_area_they_lie_in(tmp_path, form):
    lon, lat, people = points_with_counts()
    path = tmp_path / f"人口点.{'csv' if form == 'table' else 'geojson'}"
    if form == "table":
        rows = "".join(
            f"{x!r},{y!r},{'' if np.isnan(n) else int(n)}\n"
            for x, y, n in zip(lon.tolist(), lat.tolist(), people, strict=True)
        )
        text(path, f"经度,纬度,常住人口\n{rows}")
    else:
        geometry = gpd.points_from_xy(lon, lat)
        frame = gpd.GeoDataFrame({"常住人口": people}, geometry=geometry, crs=4326)
        frame.to_file(path, driver="GeoJSON")
    report = bring(tmp_path, grids(tmp_path / "网格.gpkg"), join=(path,))
    layer = read_city(tmp_path / "city").grids
    # By the grids' own corners: four squares of a hundredth of a degree in a row.
    inside = (lat >= 30.2) & (lat <= 30.21)
    wanted = [
        np.nansum(people[inside & (lon > 120.1 + 0.01 * n) & (lon < 120.11 + 0.01 * n)])
        for n in range(4)
    ]
    assert layer.counts("residents").tolist() == wanted
    said = told(report, "summed")
    assert said["total"] == np.nansum(people)
    assert layer.counts("residents").sum() + said["lost"] == said["total"]
    assert said["count"] + said["outside"] == len(people)
    assert report.mapped["residents"] == "常住人口"


def test_points_without_a_count_are_joined_to_nothing(tmp_path):
    path = text(tmp_path / "点.csv", "经度,纬度,颜色\n120.105,30.205,红\n")
    with pytest.raises(InputError) as caught:
        bring(tmp_path, grids(tmp_path / "网格.gpkg"), join=(path,))
    assert caught.value.key == "io.error.no_join"


def test_what_an_import_noted_is_told_in_the_readers_language(tmp_path):
    path = text(tmp_path / "a.csv", HEAD + "2024-03-01 08:00,盗窃,120.105,30.205\n" * 2)
    bring(tmp_path, grids(tmp_path / "g.gpkg"))
    with using_language("zh"):
        report = bring(tmp_path, path, kind="incidents")
    remembered = read_city(tmp_path / "city").incidents.provenance["warnings"]
    assert report.warnings
    for language, other in (("zh", "en"), ("en", "zh")):
        with using_language(language):
            here = [Note.tell(one) for one in remembered]
            assert here == [note.text() for note in report.warnings]
        with using_language(other):
            assert not set(here) & {Note.tell(one) for one in remembered}
    assert Note.tell("a text of an older workspace") == "a text of an older workspace"
