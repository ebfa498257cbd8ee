"""Files as departments hand them over: understood rightly, or refused in one line."""

from __future__ import annotations

import json
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from shapely import box

from gridmap.errors import GridmapError
from gridmap.io import ImportOptions, check_city, import_files, read_city

GRIDS = gpd.GeoDataFrame(
    {"网格编码": ["001", "002"], "网格名称": ["东风里", "西街口"], "常住人口": [1200, 85]},
    geometry=[box(114.0, 22.5, 114.01, 22.51), box(114.01, 22.5, 114.02, 22.51)],
    crs="EPSG:4490",
)
HEAD = "编号,名称,经度,纬度\n"
ROOMS = HEAD + "001,东门警务室,114.005,22.505\n002,西街警务室,114.015,22.505\n"
EVENTS = "发生时间,警情类别,经度,纬度\n"


def bring(tmp_path, name, raw, kind):
    path = tmp_path / name
    path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    report = import_files(tmp_path / "city", [path], kind=kind)
    return report, read_city(tmp_path / "city")


def refused(tmp_path, name, raw, kind):
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, name, raw, kind)
    assert "\n" not in raised.value.text()
    return raised.value.key


def book(tmp_path, **sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        page = made.create_sheet(name)
        for row in rows:
            page.append(row)
    path = tmp_path / "made.xlsx"
    made.save(path)
    return path.read_bytes()


# -- tables

TABLES = {
    "titles above the header": "2024年警务室统计表,,,\n填表单位：某所,,,\n" + ROOMS,
    "a title without commas": "2024年警务室统计表\n" + ROOMS,
    "the separator named": "sep=;\n" + ROOMS.replace(",", ";"),
    "tabs": ROOMS.replace(",", "\t"),
    "commas to the end of each line": ROOMS.replace("\n", ",,\n"),
    "an index without a name": "".join(
        f"{n - 1 if n else ''},{line}\n" for n, line in enumerate(ROOMS.splitlines())
    ),
    "utf-16 without a mark": ROOMS.encode("utf-16-le"),
    "full width": ROOMS.translate({ord("0") + n: chr(0xFF10 + n) for n in range(10)}),
    "degrees as signs": HEAD + "001,东门警务室,114°0'18\"E,22°30'18\"N\n"
    "002,西街警务室,东经114.015°,22.505度\n",
    "ids as decimals": ROOMS.replace("001", "001.0").replace("002", " 002.0 "),
    "names on two lines": ROOMS.replace("东门警务室", '"东门警务室\n"'),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_understood(tmp_path, name):
    _, city = bring(tmp_path, "a.csv", TABLES[name], "room")
    assert list(city.rooms.ids) == ["001", "002"]
    assert list(city.rooms.names) == ["东门警务室", "西街警务室"]
    assert {"id", "name", "geometry"} == set(city.rooms.frame.columns)
    clean = tmp_path / "clean.csv"
    clean.write_text(ROOMS, encoding="utf-8")
    import_files(tmp_path / "right", [clean], kind="room")
    right = read_city(tmp_path / "right").room_xy
    assert city.room_xy == pytest.approx(right, abs=0.01)


def test_blank_words_and_error_cells_are_blanks_and_counted(tmp_path):
    words = ["NULL", "\\N", "#N/A", "#REF!", "不详", "—"]
    rows = "".join(f"{n},x,{word},{word}\n" for n, word in enumerate(words))
    report, city = bring(tmp_path, "a.csv", HEAD + "9,y,114,22.5\n" + rows, "room")
    assert (report.read, len(city.rooms)) == (7, 1)
    assert report.refused == {"no_coordinates": 6}


def test_rows_far_from_the_city_are_told(tmp_path):
    GRIDS.to_file(tmp_path / "g.gpkg")
    import_files(tmp_path / "city", [tmp_path / "g.gpkg"], kind="grid")
    report, _ = bring(tmp_path, "a.csv", HEAD + "1,x,116.4,39.9\n2,y,114,22.5\n", "room")
    told = {note.key: note.values for note in report.warnings}
    assert told["io.note.far_away"]["count"] == 1
    # Shenzhen to Beijing: some 1,950 km.
    assert told["io.note.far_away"]["km"] == pytest.approx(1950, abs=30)


def test_points_are_no_areas(tmp_path):
    assert refused(tmp_path, "a.csv", ROOMS, "grid") == "io.error.points_only"


# -- workbooks

ROWS = [line.split(",") for line in ROOMS.splitlines()]


def test_the_sheet_with_the_header_is_read(tmp_path):
    notes = [["本表由某单位填写"], ["请勿改动"], ["谢谢"]]
    _, city = bring(tmp_path, "a.xlsx", book(tmp_path, 说明=notes, 警务室=ROWS), "room")
    assert list(city.rooms.ids) == ["001", "002"]


def test_two_sheets_that_may_be_meant_are_not_guessed(tmp_path):
    raw = book(tmp_path, 东区=ROWS, 西区=ROWS)
    assert refused(tmp_path, "a.xlsx", raw, "room") == "io.error.several_layers"


@pytest.mark.parametrize("name", ["a.xls", "a.xlsx"])
def test_a_workbook_with_a_password_is_told(tmp_path, name):
    raw = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert refused(tmp_path, name, raw, "room") == "io.error.locked_book"


# -- times

TIMES = {
    "05-Mar-2024 10:00": "2024-03-05T10:00",
    "Mar 5 2024 3:05PM": "2024-03-05T15:05",
    "２０２４－０３－０５ １０：００": "2024-03-05T10:00",
    "2024-03-05 星期二 10:00": "2024-03-05T10:00",
    "2024年3月5日（周二）下午3点": "2024-03-05T15:00",
}


@pytest.mark.parametrize("written", TIMES)
def test_times_are_read(tmp_path, written):
    _, city = bring(tmp_path, "a.csv", f"{EVENTS}{written},盗窃,114,22.5\n", "incidents")
    assert city.incidents.all.time[0] == np.datetime64(TIMES[written], "s")


def test_a_day_and_a_clock_in_two_columns_make_a_time(tmp_path):
    raw = "发生日期,发生时间,警情类别,经度,纬度\n2024-03-05,10:05,盗窃,114,22.5\n"
    _, city = bring(tmp_path, "a.csv", raw, "incidents")
    assert city.incidents.all.time[0] == np.datetime64("2024-03-05T10:05", "s")


def test_the_times_of_databases_for_none_are_refused_and_counted(tmp_path):
    rows = ["2024-03-05 10:00:00", "1900-01-01 00:00:00", "9999-12-31 00:00:00"]
    raw = EVENTS + "".join(f"{time},盗窃,114,22.5\n" for time in rows)
    report, _ = bring(tmp_path, "a.csv", raw, "incidents")
    assert (report.features, dict(report.refused)) == (1, {"bad_time": 2})


def test_times_that_nobody_can_read_are_told_with_one(tmp_path):
    raw = EVENTS + "2024030510,盗窃,114,22.5\n"
    assert refused(tmp_path, "a.csv", raw, "incidents") == "io.error.no_times"


# -- GIS files


def test_a_shapefile_whose_names_are_cut_inside_a_character(tmp_path):
    names = {"a" * 10: "网格编码", "b" * 10: "网格名称", "c" * 10: "常住人口"}
    frame = GRIDS.rename(columns={name: short for short, name in names.items()})
    frame.to_file(tmp_path / "g.shp")
    raw = (tmp_path / "g.dbf").read_bytes()
    for short, name in names.items():  # ten bytes of UTF-8 are three characters and a third
        raw = raw.replace(short.encode(), name.encode()[:10])
    (tmp_path / "g.dbf").write_bytes(raw)
    import_files(tmp_path / "city", [tmp_path / "g.shp"], kind="grid")
    grids = read_city(tmp_path / "city").grids
    assert list(grids.ids) == ["001", "002"]
    assert list(grids.names) == ["东风里", "西街口"]
    assert grids.counts("residents").tolist() == [1200, 85]


def test_a_shapefile_whose_code_page_lies(tmp_path):
    GRIDS.to_file(tmp_path / "g.shp", encoding="gbk")
    (tmp_path / "g.cpg").write_text("UTF-8")
    import_files(tmp_path / "city", [tmp_path / "g.shp"], kind="grid")
    assert list(read_city(tmp_path / "city").grids.names) == ["东风里", "西街口"]


def test_a_local_system_counts_as_none(tmp_path):
    GRIDS.to_file(tmp_path / "g.shp", encoding="gbk")
    (tmp_path / "g.prj").write_text('LOCAL_CS["local",UNIT["metre",1]]')
    with pytest.raises(GridmapError) as raised:
        import_files(tmp_path / "city", [tmp_path / "g.shp"], kind="grid")
    assert raised.value.key == "io.error.no_crs_guess"


def test_a_zipped_geodatabase(tmp_path):
    with pytest.warns(RuntimeWarning):  # counts become decimals in this format
        GRIDS.to_file(tmp_path / "g.gdb", driver="OpenFileGDB")
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for part in (tmp_path / "g.gdb").iterdir():
            archive.write(part, f"数据/g.gdb/{part.name}")
    import_files(tmp_path / "city", [tmp_path / "g.zip"], kind="grid")
    assert list(read_city(tmp_path / "city").grids.ids) == ["001", "002"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_geojson_in_other_encodings(tmp_path, encoding):
    GRIDS.to_file(tmp_path / "made.geojson", driver="GeoJSON")
    text = (tmp_path / "made.geojson").read_text(encoding="utf-8")
    _, city = bring(tmp_path, "g.geojson", text.encode(encoding), "grid")
    assert list(city.grids.names) == ["东风里", "西街口"]


def test_what_an_overlay_leaves_beside_areas_is_dropped_and_told(tmp_path):
    mixed = [shapely.GeometryCollection([g, g.boundary]) for g in GRIDS.geometry]
    GRIDS.set_geometry(mixed, crs=GRIDS.crs).to_file(tmp_path / "g.gpkg")
    report = import_files(tmp_path / "city", [tmp_path / "g.gpkg"], kind="grid")
    city = read_city(tmp_path / "city")
    assert city.grids.area_m2 == pytest.approx([1.14e6, 1.14e6], rel=0.01)
    assert [note.key for note in report.warnings] == ["io.note.collections"]
    assert check_city(city) is not None


def test_one_broken_ring_costs_one_row(tmp_path):
    GRIDS.to_file(tmp_path / "made.geojson", driver="GeoJSON")
    made = json.loads((tmp_path / "made.geojson").read_text(encoding="utf-8"))
    made["features"][0]["geometry"]["coordinates"][0] = [[114.0, 22.5], [114.01, 22.5]]
    report, city = bring(tmp_path, "g.geojson", json.dumps(made), "grid")
    assert (report.read, list(city.grids.ids)) == (2, ["002"])
    assert report.refused == {"no_coordinates": 1}


@pytest.mark.parametrize("extra", [{"Id": 0}, {"id": None}, {"ID": [1, 2]}])
def test_a_drawing_tools_own_id_is_not_the_code(tmp_path, extra):
    GRIDS.assign(**extra).to_file(tmp_path / "g.geojson", driver="GeoJSON")
    import_files(tmp_path / "city", [tmp_path / "g.geojson"], kind="grid")
    assert list(read_city(tmp_path / "city").grids.ids) == ["001", "002"]


def kml_of(area):
    ring = " ".join(f"{x},{y},0" for x, y in area.exterior.coords)
    outer = f"<outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing>"
    return f"<Polygon>{outer}</outerBoundaryIs></Polygon>"


def test_a_kml_is_its_own_columns(tmp_path):
    rows = "".join(
        f'<Placemark id="g.{n}"><name>{row.网格名称}</name><ExtendedData><SchemaData>'
        f'<SimpleData name="网格编码">{row.网格编码}</SimpleData>'
        f'<SimpleData name="常住人口">{row.常住人口}</SimpleData>'
        f"</SchemaData></ExtendedData>{kml_of(row.geometry)}</Placemark>"
        for n, row in enumerate(GRIDS.itertuples())
    )
    text = f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document id="d"><Folder>{rows}'
    (tmp_path / "g.kml").write_text(f"{text}</Folder></Document></kml>", encoding="utf-8")
    import_files(tmp_path / "city", [tmp_path / "g.kml"], kind="grid")
    grids = read_city(tmp_path / "city").grids
    assert set(grids.frame.columns) == {"id", "name", "residents", "geometry"}
    assert list(grids.ids) == ["001", "002"]


# -- persons

PERSONS = {
    "备注": [
        "电话１３８１２３４５６７８",
        "110105 19491231 002X",
        "联系人：张三",
        "{'姓名': '张三'}",
    ],
    "民警": ["张三"],
    "值班员": ["李四"],
    "数": [13812345678.0],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("column", "value"), [(c, v) for c in PERSONS for v in PERSONS[c]])
def test_records_of_persons_stay_outside(tmp_path, column, value):
    frame = pd.concat([GRIDS, GRIDS.iloc[:0]]).assign(**{column: [value, None]})
    frame.to_file(tmp_path / "g.gpkg")
    report = import_files(tmp_path / "city", [tmp_path / "g.gpkg"], kind="grid")
    assert report.refused_columns == (column,)
    assert column not in read_city(tmp_path / "city").grids.frame.columns


def test_numbers_of_officers_are_no_names(tmp_path):
    frame = GRIDS.rename(columns={"网格编码": "警务区编码"}).assign(民警=["3", "2人"])
    frame.to_file(tmp_path / "b.gpkg")
    import_files(tmp_path / "city", [tmp_path / "b.gpkg"], kind="beat")
    layer = read_city(tmp_path / "city").beats
    assert layer.counts("officers").tolist() == [3, 2]


def test_rows_without_an_id_get_one_that_nobody_has(tmp_path):
    path = tmp_path / "grids.csv"
    square = "POLYGON(({0} 0,{1} 0,{1} 100,{0} 100,{0} 0))"
    ids = ["", "row-1", "b", ""]
    path.write_text(
        "id,wkt\n"
        + "".join(
            f'{name},"{square.format(500_000 + 100 * i, 500_100 + 100 * i)}"\n'
            for i, name in enumerate(ids)
        ),
        encoding="utf-8",
    )
    report = import_files(
        tmp_path / "city", [path], kind="grid", options=ImportOptions(crs="EPSG:4547")
    )
    assert read_city(tmp_path / "city").grids.ids.tolist() == ["row-1'", "row-1", "b", "row-4"]
    assert any(note.key == "io.note.ids_blank" for note in report.warnings)
