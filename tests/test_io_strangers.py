"""What strangers' files hold: read rightly and told, or refused in one line, nothing stored."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import CRS
from shapely import box, from_wkt
from shapely.geometry import mapping

from gridmap.errors import GridmapError
from gridmap.fields import match_columns
from gridmap.io import ImportOptions, import_files, read_city
from gridmap.io._tables import detect_bytes
from gridmap.io._values import as_ids, as_texts
from gridmap.model import Kind
from gridmap.model.crs import choose_working_crs
from gridmap.travel import road_network

ROOMS = "编号,名称,经度,纬度\n1,东门警务室,114.05,22.55\n2,西街警务室,114.06,22.56\n"
DEGREES = [box(114.0, 22.5, 114.01, 22.51), box(114.01, 22.5, 114.02, 22.51)]


def bring(tmp_path, name, raw, kind, **options):
    path = tmp_path / name
    if isinstance(raw, gpd.GeoDataFrame):
        raw.to_file(path)
    else:
        path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    report = import_files(tmp_path / "city", [path], kind=kind, options=ImportOptions(**options))
    told = {note.key.removeprefix("io.note."): note.values for note in report.warnings}
    return report, told, read_city(tmp_path / "city")


def refused(tmp_path, name, raw, kind, **options):
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, name, raw, kind, **options)
    assert "\n" not in raised.value.text()
    assert not (tmp_path / "city").exists()
    return raised.value


def grids(shapes, crs, **columns):
    ids = [f"{n}" for n in range(len(shapes))]
    return gpd.GeoDataFrame({"网格编码": ids, **columns}, geometry=shapes, crs=crs)


# -- coordinates


def test_degrees_in_a_file_that_says_metres_are_refused(tmp_path):
    error = refused(tmp_path, "a.gpkg", grids(DEGREES, "EPSG:4547"), "grid")
    assert error.key == "io.error.degrees_called_metres"
    _, _, city = bring(tmp_path, "a.gpkg", grids(DEGREES, "EPSG:4547"), "grid", crs="EPSG:4490")
    # A hundredth of a degree at 22.5 north: 1.029 by 1.108 km.
    assert city.grids.area_m2 == pytest.approx([1.140e6, 1.140e6], rel=1e-3)


def test_a_local_drawing_in_metres_near_the_origin_is_no_degrees(tmp_path):
    # 0 to 60 m north of the origin is no latitude of the belt's ground.
    drawn = grids([box(0, 0, 100, 10), box(0, 10, 100, 15)], "EPSG:4547")
    assert len(bring(tmp_path, "a.gpkg", drawn, "grid")[2].grids) == 2


def test_metres_in_a_file_that_says_degrees_are_refused(tmp_path):
    drawn = grids([box(500000, 2500000, 501000, 2501000)], "EPSG:4490")
    assert refused(tmp_path, "a.gpkg", drawn, "grid").key == "model.error.crs_off_earth"


def test_some_rows_with_latitude_first_are_named(tmp_path):
    report = bring(tmp_path, "a.csv", ROOMS + "3,北门警务室,22.57,114.07\n", "room")[0]
    assert _rows_exchanged(report) == "3"
    assert report.refused == {"no_coordinates": 1}


NEW_YORK = grids([box(-74.0, 40.60, -73.95, 40.65), box(-73.95, 40.60, -73.9, 40.65)], 4326)
INSIDE = "".join(f"{n},-73.9{n},40.6{n}\n" for n in range(1, 5))


@pytest.mark.slow
def test_latitude_first_is_known_by_the_city_where_both_are_below_ninety(tmp_path):
    bring(tmp_path, "a.gpkg", NEW_YORK, "grid")
    report = bring(tmp_path, "b.csv", f"id,lon,lat\n{INSIDE}5,40.62,-73.97\n", "room")[0]
    assert (_rows_exchanged(report), report.features) == ("5", 4)
    turned = "".join(f"{n},40.6{n},-73.9{n}\n" for n in range(1, 5))
    for raw, name in ((f"id,lon,lat\n{turned}", "c.csv"), (_points(turned), "d.geojson")):
        with pytest.raises(GridmapError) as raised:
            bring(tmp_path, name, raw, "room")
        assert raised.value.key == "io.error.axes_swapped"
        assert "EPSG:4326@yx" in raised.value.text()
        done = bring(tmp_path, name, raw, "room", crs="EPSG:4326@yx")[2]
        assert done.grids.frame.union_all().buffer(10_000).contains(done.rooms.frame.union_all())


def _rows_exchanged(report):
    return next(n.values["rows"] for n in report.warnings if n.key == "io.note.rows_swapped")


def _points(rows):
    cells = [row.split(",") for row in rows.split()]
    points = gpd.points_from_xy([float(c[1]) for c in cells], [float(c[2]) for c in cells])
    return gpd.GeoDataFrame({"id": [c[0] for c in cells]}, geometry=points, crs=4326)


@pytest.mark.parametrize("code", [3857, 3395, 4087])
def test_metres_that_are_not_metres_are_not_measured_in(code):
    shapes = grids([box(114.0, 39.5, 114.01, 39.51)], 4490).to_crs(code).geometry.to_numpy()
    assert choose_working_crs(shapes, CRS.from_epsg(code)).to_epsg() == 4547


@pytest.mark.parametrize("code", [4547, 4526, 32649, 4491 + 6])
def test_a_belt_of_the_place_is_kept(code):
    shapes = grids([box(113.0, 39.5, 113.01, 39.51)], 4490).to_crs(code).geometry.to_numpy()
    assert choose_working_crs(shapes, CRS.from_epsg(code)).to_epsg() == code


# -- shapes


def test_measures_without_heights_are_counted_when_dropped(tmp_path):
    table = 'id,wkt\n1,"POLYGON M ((500100 0 2,500200 0 2,500200 100 2,500100 0 2))"\n'
    _, told, _ = bring(tmp_path, "a.csv", table, "grid", crs="EPSG:4547")
    assert told["flattened"]["count"] == 1


def test_empty_shapes_are_counted_and_a_layer_of_them_refused(tmp_path):
    none = [from_wkt("POLYGON EMPTY"), None]
    report, _, _ = bring(tmp_path, "a.gpkg", grids([*DEGREES, *none], 4490), "grid")
    assert (report.features, dict(report.refused)) == (2, {"no_coordinates": 2})
    only = grids([*none, *none], 4490)
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, "b.gpkg", only, "grid")
    assert raised.value.key == "io.error.empty_layer"


# -- ids, names, numbers


def test_whole_numbers_beside_blanks_are_no_decimals(tmp_path):
    drawn = grids([*DEGREES, box(114.02, 22.5, 114.03, 22.51)], 4490, 名称=[1.0, np.nan, 2.0])
    _, _, city = bring(tmp_path, "a.gpkg", drawn, "grid")
    assert list(city.grids.names) == ["1", "1", "2"]


def test_text_marks_of_a_spreadsheet_are_no_part_of_an_id():
    assert as_ids(pd.Series(["'001001", "001002"])).tolist() == ["001001", "001002"]
    assert as_ids(pd.Series([1001.0, np.nan, 1002.5])).tolist() == ["1001", "", "1002.5"]
    assert as_texts(pd.Series([3, 4])).tolist() == ["3", "4"]


def test_ids_that_a_spreadsheet_has_rounded_are_told(tmp_path):
    table = ROOMS.replace("\n1,", "\n3.30106E+14,").replace("\n2,", "\n3.30106E+14,")
    _, told, city = bring(tmp_path, "a.csv", table, "room")
    assert told["ids_rounded"]["count"] == 2
    assert len(set(city.rooms.ids)) == 2


def test_units_in_headings_are_no_part_of_the_name():
    names = ["编号 ", "名 称", "经度(°)", "纬度（度）", "民警数（人）"]
    found = match_columns(names, "room")
    assert found == dict(zip(("id", "name", "x", "y", "officers"), names, strict=True))
    # A year is no unit: which of two counts is meant is not guessed from it.
    assert "residents" not in match_columns(["人口(2010)", "人口(2020)"], "grid")


def test_the_number_that_geojson_gives_a_feature_is_no_grid_code(tmp_path):
    drawn = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature", "id": str(row), "geometry": mapping(shape),
                "properties": {"网格编码": f"00{row}", "名称": f"网格{row}"},
            }
            for row, shape in enumerate(DEGREES)
        ],
    }  # fmt: skip
    _, _, city = bring(tmp_path, "a.geojson", json.dumps(drawn), "grid", crs="EPSG:4490")
    assert list(city.grids.ids) == ["000", "001"]
    assert match_columns(["id", "GEOID20"], "grid") == {"id": "GEOID20"}
    assert match_columns(["objectid", "id"], "grid") == {"id": "id"}


# -- encodings


def test_a_table_of_two_encodings_names_the_lines(tmp_path):
    raw = ROOMS.encode() + "3,北门警务室,114.07,22.57\n".encode("gbk")
    error = refused(tmp_path, "a.csv", raw, "room")
    assert (error.key, error.values["lines"]) == ("io.error.encoding_mixed", "4")


def shapefile(path, names, *, cpg, language=0x4D):
    """Write two grids whose names stand in the bytes given, and what is said of their encoding."""
    drawn = grids(DEGREES, 4490).rename(columns={"网格编码": "id"})
    drawn.assign(name=["a" * 12, "b" * 12]).to_file(path, encoding="ascii")
    raw = bytearray(path.with_suffix(".dbf").read_bytes())
    for mark, name in zip((b"a" * 12, b"b" * 12), names, strict=True):
        at = raw.find(mark)
        raw[at : at + 12] = name.ljust(12)
    raw[29] = language
    path.with_suffix(".dbf").write_bytes(bytes(raw))
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    return path


EAST, WEST = "东风里", "西街口"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "cpg"),
    [("utf-8", cpg) for cpg in ("", "GBK", "UTF-8", "936", "Big5")]
    + [("gbk", cpg) for cpg in ("", "GBK", "UTF-8", "936")],
)
def test_what_is_said_of_an_encoding_is_not_believed_against_the_bytes(tmp_path, cpg, encoding):
    names = [EAST.encode(encoding), WEST.encode(encoding)]
    path = shapefile(tmp_path / "a.shp", names, cpg=cpg)
    import_files(tmp_path / "city", [path], kind="grid")
    assert list(read_city(tmp_path / "city").grids.names) == [EAST, WEST]


@pytest.mark.parametrize("cpg", ["", "GBK"])
def test_a_shapefile_of_two_encodings_is_refused(tmp_path, cpg):
    path = shapefile(tmp_path / "a.shp", [EAST.encode(), WEST.encode("gbk")], cpg=cpg)
    with pytest.raises(GridmapError) as raised:
        import_files(tmp_path / "city", [path], kind="grid")
    assert raised.value.key == "io.error.encoding_mixed"


def test_a_short_table_in_big5_is_no_gbk():
    text = "編號,名稱,經度,緯度\n1,警務室甲,121,25\n2,東門派出所,121.1,25.1\n"
    assert detect_bytes(text.encode("big5")).name == "big5"
    simple = "编号,名称,经度,纬度\n1,警务室甲,121,25\n"
    assert detect_bytes(simple.encode("gbk")).name == "gb18030"


def test_a_table_of_points_with_garbled_words_is_told(tmp_path):
    rows = "".join(f"2024-03-0{n},盗窃,114.05,22.55\n" for n in range(1, 9))
    raw = "发生时间,警情类别,经度,纬度\n" + rows + "2024-03-09,锟斤拷,114.05,22.55\n"
    _, told, _ = bring(tmp_path, "a.csv", raw, "incidents")
    assert told["garbled"]["columns"] == "警情类别"


# -- roads

ROADS = [f"LINESTRING (500000 {2500000 + n * 100}, 501000 {2500000 + n * 100})" for n in range(6)]


def roads(**columns):
    frame = {"osmid": [str(n) for n in range(len(ROADS))], **columns}
    return gpd.GeoDataFrame(frame, geometry=from_wkt(ROADS), crs="EPSG:4547")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["F", "T", "B", "B", "F", None], [1, -1, 0, 0, 1, 0]),  # Geofabrik
        (["yes", "-1", "no", None, "reversible", "yes"], [1, -1, 0, 0, 1, 1]),  # OpenStreetMap
        ([1, -1, 0, 1, -1, 0], [1, -1, 0, 1, -1, 0]),
        ([True, False, True, False, True, False], [1, 0, 1, 0, 1, 0]),
        (["是", "逆向", "否", "双向", "是", ""], [1, -1, 0, 0, 1, 0]),
    ],
)
def test_which_way_a_street_goes_comes_through_an_import(tmp_path, written, meant):
    drawn = roads(oneway=written)
    if set(written) == {True, False}:
        drawn["oneway"] = drawn["oneway"].astype(bool)
    _, _, city = bring(tmp_path, "a.gpkg", drawn, "road")
    network = road_network(city.layer(Kind.ROAD))
    assert network.direction[np.argsort(network.source)].tolist() == meant


def test_speeds_as_street_maps_write_them(tmp_path):
    written = ["50", "30 mph", "none", None, "['40', '30']", "60 km/h"]
    _, _, city = bring(tmp_path, "a.gpkg", roads(maxspeed=written), "road")
    kmh = city.layer(Kind.ROAD).frame["speed_kmh"].to_numpy(dtype=float)
    assert kmh == pytest.approx([50, 48.28032, np.nan, np.nan, 40, 60], nan_ok=True)
    table = roads(speed_mph=[10, 20, 30, 40, 50, None])
    _, _, city = bring(tmp_path, "b.gpkg", table, "road")
    assert city.layer(Kind.ROAD).frame["speed_kmh"][0] == pytest.approx(16.09344)
    assert "speed_mph" not in city.layer(Kind.ROAD).frame.columns


def test_a_viaduct_is_a_bridge(tmp_path):
    written = ["yes", "viaduct", "no", None, "F", "T"]
    _, _, city = bring(tmp_path, "a.gpkg", roads(bridge=written), "road")
    flags = city.layer(Kind.ROAD).frame["bridge"].astype(bool).tolist()
    assert flags == [True, True, False, False, False, True]


def test_a_street_map_that_writes_t_and_f_stays_on_the_ground(tmp_path):
    # A bridge of level 1 from the middle of one street to that of another, as Geofabrik has it.
    streets = [
        "LINESTRING (500000 2500000, 500200 2500000)",
        "LINESTRING (500100 2500000, 500100 2500100)",
        "LINESTRING (500000 2500100, 500200 2500100)",
    ]
    drawn = gpd.GeoDataFrame(
        {
            "osmid": ["1", "2", "3"],
            "layer": [0, 1, 0],
            "bridge": list("FTF"),
            "tunnel": list("FFF"),
        },
        geometry=from_wkt(streets),
        crs="EPSG:4547",
    )
    _, _, city = bring(tmp_path, "a.gpkg", drawn, "road")
    assert road_network(city.layer(Kind.ROAD)).n_components == 1


def test_a_column_taken_wrongly_is_left_out(tmp_path):
    """`人口` is the residents of 2010 here, and nobody wants them counted."""
    grids = gpd.GeoDataFrame(
        {"编号": ["a", "b"], "名称": ["甲", "乙"], "人口": [10, 20]},
        geometry=DEGREES,
        crs="EPSG:4490",
    )
    path = tmp_path / "网格.shp"
    grids.to_file(path, encoding="GBK")
    taken = import_files(tmp_path / "city", [path], kind="grid")
    assert taken.mapped == {"id": "编号", "name": "名称", "residents": "人口"}
    assert taken.columns == ("编号", "名称", "人口")
    options = ImportOptions(columns={"residents": ""})
    report = import_files(tmp_path / "city", [path], kind="grid", options=options)
    assert report.mapped == {"id": "编号", "name": "名称"}
    frame = read_city(tmp_path / "city").grids.frame
    assert "residents" not in frame
    assert list(frame["人口"]) == [10, 20]  # kept as the file has it, counted as nothing


def test_a_field_without_a_column_leaves_the_column_to_others():
    assert match_columns(["POP", "id"], "grid", {"residents": ""}) == {"id": "id"}
    columns = {"id": "", "name": "id"}
    assert match_columns(["id"], "grid", columns) == {"name": "id"}
