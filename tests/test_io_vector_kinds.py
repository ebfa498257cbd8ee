"""More formats, lists among properties, downloads cut short: what people really have."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from pyproj import CRS
from shapely import box

from gridmap.errors import GridmapError, InputError
from gridmap.io import ImportOptions, Workspace, import_files

CASES = Path(__file__).parent.parent.parent / "shared" / "cases" / "files"
CASE = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")


def bring(tmp_path, path, kind="grid", **options):
    report = import_files(tmp_path / "city", [path], kind=kind, options=ImportOptions(**options))
    return Workspace.open(tmp_path / "city").city().layers[kind], report


def keys(report):
    return {note.key for note in report.warnings}


def squares(count, crs=4326):
    shapes = [box(120 + n * 0.01, 30, 120.01 + n * 0.01, 30.01) for n in range(count)]
    return gpd.GeoDataFrame(
        {"网格编码": [f"{n:05}" for n in range(count)], "常住人口": 1}, geometry=shapes, crs=crs
    )


# -- the shared cases


@CASE
@pytest.mark.parametrize(
    ("file", "lists"),
    [("cp_one.geojson", {"cp"}), ("datav_like.geojson", {"center", "centroid", "acroutes"})],
)
def test_case_of_lists_among_properties(tmp_path, file, lists):
    layer, report = bring(tmp_path, CASES / file, "beat")
    assert len(layer) == 1
    note = next(note for note in report.warnings if note.key == "io.note.lists_dropped")
    assert set(str(note.values["columns"]).split(", ")) == lists
    assert not lists & set(layer.frame.columns)


@CASE
@pytest.mark.parametrize(
    ("file", "key"),
    [("exc.geojson", "held_back"), ("unclosed.geojson", "rings_closed"), ("seq.geojsonl", "")],
)
def test_case_of_sixteen_grids(tmp_path, file, key):
    layer, report = bring(tmp_path, CASES / file)
    assert (len(layer), layer.frame["residents"].sum()) == (16, 2800)
    assert not key or f"io.note.{key}" in keys(report)
    if key == "rings_closed":
        note = next(note for note in report.warnings if note.key == "io.note.rings_closed")
        assert note.values["count"] == 16


@CASE
def test_case_of_topojson(tmp_path):
    layer, _ = bring(tmp_path, CASES / "t.topojson", crs="EPSG:4326")
    assert (len(layer), layer.frame["residents"].sum()) == (2, 200)
    assert list(layer.ids) == ["A1", "A2"]


@CASE
@pytest.mark.parametrize("encoding", ["", "gbk"])
def test_case_of_mapinfo_in_gbk_under_charset_neutral(tmp_path, encoding):
    layer, report = bring(tmp_path, CASES / "tab_neutral_gbk" / "grid.tab", encoding=encoding)
    assert (len(layer), layer.frame["residents"].sum()) == (36, 9900)
    assert report.encoding.startswith("gb18030")
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in name) for name in layer.names)


# -- their kinds


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [[1.5, 2.5], [[1, [2, [3]]]], {"a": [1, {"b": 2}]}, ["红", "绿"], [], {}],
    ids=["numbers", "deep", "object", "words", "empty list", "empty object"],
)
def test_lists_and_objects_are_left_out(tmp_path, value):
    made = json.loads(squares(3).to_json())
    for feature in made["features"]:
        feature["properties"]["extra"] = value
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(made), encoding="utf-8")
    layer, _ = bring(tmp_path, path)
    assert len(layer) == 3
    assert "extra" not in layer.frame.columns


def test_lists_of_persons_are_refused_as_persons(tmp_path):
    made = json.loads(squares(2).to_json())
    for feature in made["features"]:
        feature["properties"]["extra"] = ["联系人", {"手机": "13812345678"}]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(made), encoding="utf-8")
    _, report = bring(tmp_path, path)
    assert report.refused_columns == ("extra",)


@pytest.mark.parametrize("depth", [40, 1_000, 100_000])
def test_deep_nesting_ends_in_one_line_or_is_left_out(tmp_path, depth):
    made = json.dumps(json.loads(squares(2).to_json()))
    deep = "[" * depth + "]" * depth
    path = tmp_path / "a.geojson"
    path.write_text(made.replace('"常住人口": 1', f'"常住人口": 1, "x": {deep}').replace(
        '"\\u5e38\\u4f4f\\u4eba\\u53e3": 1', f'"\\u5e38\\u4f4f\\u4eba\\u53e3": 1, "x": {deep}'),
        encoding="utf-8",
    )  # fmt: skip
    assert deep in path.read_text(encoding="utf-8")
    try:
        layer, _ = bring(tmp_path, path)
    except InputError as error:
        assert "\n" not in error.text()  # noqa: PT017 - either answer is right
    else:
        assert len(layer) == 2


@pytest.mark.slow
def test_two_hundred_thousand_columns_are_one_line(tmp_path):
    made = json.loads(squares(1).to_json())
    made["features"][0]["properties"] |= {f"c{n}": n for n in range(200_000)}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(InputError) as error:
        bring(tmp_path, path)
    assert error.value.key in {"gdal.error.columns", "gdal.error.time"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('"exceededTransferLimit": true', "held_back"),
        ('"properties": {"exceededTransferLimit": true}', "held_back"),
        ('"numberMatched": 5, "numberReturned": 2', "held_back_of"),
        ('"totalFeatures": 3', "held_back_of"),
        ('"totalFeatures": 2', ""),
        ('"links": [{"rel": "next", "href": "https://a/b"}]', "held_back"),
        ('"exceededTransferLimit": false', ""),
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_downloads_cut_short_are_said(tmp_path, text, key, place):
    made = json.dumps(json.loads(squares(2).to_json()))
    path = tmp_path / "a.geojson"
    path.write_text(
        "{" + text + ", " + made[1:] if place == "before" else made[:-1] + ", " + text + "}",
        encoding="utf-8",
    )
    _, report = bring(tmp_path, path)
    found = {name for name in keys(report) if "held_back" in name}
    assert found == ({f"io.note.{key}"} if key else set())


@pytest.mark.parametrize("index", [True, False])
def test_a_shapefile_cut_short_is_refused(tmp_path, index):
    # GDAL gives the shapes that lie behind the end as blank, and a warning to nobody.
    squares(16).set_axis(["id", "residents", "geometry"], axis=1).to_file(tmp_path / "g.shp")
    if not index:
        (tmp_path / "g.shx").unlink()
    raw = (tmp_path / "g.shp").read_bytes()
    (tmp_path / "g.shp").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(GridmapError) as error:
        bring(tmp_path, tmp_path / "g.shp")
    assert error.value.key == "gdal.error.cut"
    (tmp_path / "g.shp").write_bytes(raw)
    layer, report = bring(tmp_path, tmp_path / "g.shp")
    assert len(layer) == 16
    assert ("io.note.no_shx" in keys(report)) == (not index)


@pytest.mark.parametrize("rows", [3, 5])
def test_a_shapefile_with_the_table_of_another_version_is_refused(tmp_path, rows):
    for name, count in (("g", 4), ("h", rows)):
        frame = squares(count).set_axis(["id", "residents", "geometry"], axis=1)
        frame.to_file(tmp_path / f"{name}.shp")
    (tmp_path / "h.dbf").replace(tmp_path / "g.dbf")
    with pytest.raises(GridmapError) as error:
        bring(tmp_path, tmp_path / "g.shp")
    assert error.value.key == "gdal.error.rows"
    assert (error.value.values["shapes"], error.value.values["rows"]) == (4, rows)


def test_codes_of_a_gml_keep_their_zeros(tmp_path):
    # Without the schema beside it GDAL would guess that 001 is the number 1.
    frame = squares(2).set_axis(["id", "residents", "geometry"], axis=1)
    frame.to_file(tmp_path / "g.gml", driver="GML")
    layer, _ = bring(tmp_path, tmp_path / "g.gml")
    assert list(layer.ids) == ["00000", "00001"]
    assert layer.counts("residents").tolist() == [1, 1]


def test_a_thousand_features_to_the_one_are_asked_about(tmp_path):
    for count, told in ((1000, True), (999, False)):
        path = tmp_path / f"{count}.geojson"
        squares(count).to_file(path, driver="GeoJSON")
        report = import_files(tmp_path / str(count), [path], kind="grid")
        assert ("io.note.round_count" in keys(report)) is told


def test_an_error_of_a_server_is_no_layer(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text('{"error": {"code": 498, "message": "Invalid token"}}', encoding="utf-8")
    with pytest.raises(InputError) as error:
        bring(tmp_path, path)
    assert (error.value.key, error.value.values["code"]) == ("io.error.server_error", 498)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a.dwg", "drawing"), ("a.et", "workbook"), ("a.mdb", "database"), ("a.accdb", "database"),
        ("a.rar", "zip"), ("a.7z", "zip"), ("a.mxd", "database"),
    ],
)  # fmt: skip
def test_formats_of_other_programs_say_what_to_save_as(tmp_path, name, key):
    path = tmp_path / name
    path.write_bytes(b"AC1027\0\0\0")
    with pytest.raises(InputError) as error:
        bring(tmp_path, path)
    assert error.value.key == f"io.error.save_as_{key}"


def test_mif_with_its_mid(tmp_path):
    rows = "\n".join(
        f"Region 1\n  5\n{120 + n} 30\n{121 + n} 30\n{121 + n} 31\n{120 + n} 31\n{120 + n} 30"
        for n in range(2)
    )
    (tmp_path / "a.mif").write_text(
        'Version 300\nCharset "Neutral"\nDelimiter ","\nCoordSys Earth Projection 1, 104\n'
        f"Columns 2\n  code Char(12)\n  name Char(20)\nData\n\n{rows}\n", encoding="ascii",
    )  # fmt: skip
    (tmp_path / "a.mid").write_bytes('"001","湖滨网格"\n"002","清波网格"\n'.encode("gbk"))
    layer, _ = bring(tmp_path, tmp_path / "a.mif")
    assert list(layer.frame["name"]) == ["湖滨网格", "清波网格"]


def polyline(points, *, closed):
    body = "".join(f"10\n{x}\n20\n{y}\n" for x, y in points)
    return f"0\nLWPOLYLINE\n8\n警格\n90\n{len(points)}\n70\n{int(closed)}\n{body}"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_closed_lines_of_a_drawing_are_areas_named_by_their_text(tmp_path, encoding):
    first = polyline([(500000, 3300000), (501000, 3300000), (501000, 3301000)], closed=True)
    second = polyline(
        [(501000, 3300000), (502000, 3300000), (502000, 3301000), (501000, 3300000)], closed=False
    )
    open_line = polyline([(500000, 3300000), (502000, 3302000)], closed=False)
    label = "0\nTEXT\n8\n注记\n10\n500900\n20\n3300500\n40\n5\n1\n甲警格\n"
    text = f"0\nSECTION\n2\nENTITIES\n{first}{second}{open_line}{label}0\nENDSEC\n0\nEOF\n"
    (tmp_path / "a.dxf").write_text(text, encoding=encoding)
    layer, report = bring(tmp_path, tmp_path / "a.dxf", "beat", crs="EPSG:4547")
    assert len(layer) == 2
    assert report.refused == {"other_shape": 1}
    assert layer.frame["name"][0] == "甲警格"
    assert layer.geometry[0].area == pytest.approx(500_000)


GPX = (
    '<?xml version="1.0"?><gpx version="1.1" creator="a" xmlns="http://www.topografix.com/GPX/1/1">'
    '<wpt lat="30.1" lon="120.1"><name>东门警务室</name></wpt>'
    '<trk><name>环路</name><trkseg><trkpt lat="30" lon="120"/><trkpt lat="30.1" lon="120.1"/>'
    "</trkseg></trk></gpx>"
)


def test_gpx_tracks_are_roads_and_waypoints_rooms(tmp_path):
    (tmp_path / "a.gpx").write_text(GPX, encoding="utf-8")
    roads, _ = bring(tmp_path, tmp_path / "a.gpx", "road")
    rooms, _ = bring(tmp_path, tmp_path / "a.gpx", "room")
    assert list(roads.frame["name"]) == ["环路"]
    assert list(rooms.frame["name"]) == ["东门警务室"]


NODES = {1: (120.0, 30.0), 2: (120.01, 30.0), 3: (120.02, 30.0), 4: (120.0, 30.01)}
WAYS = [
    ([1, 2], {"highway": "primary", "name": "解放路", "maxspeed": "60", "oneway": "yes"}),
    ([2, 3], {"highway": "residential"}),
    ([1, 4], {"highway": "motorway"}),
    ([3, 4], {"highway": "footway"}),
    ([3, 1], {"highway": "service", "access": "private"}),
    ([2, 4], {"waterway": "river", "name": "运河"}),
    ([4, 3], {"railway": "rail"}),
    ([1, 3], {"railway": "rail", "tunnel": "yes"}),
]


def osm_xml():
    nodes = "".join(f'<node id="{n}" lat="{y}" lon="{x}"/>' for n, (x, y) in NODES.items())
    ways = "".join(
        f'<way id="{n}">' + "".join(f'<nd ref="{ref}"/>' for ref in refs)
        + "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items()) + "</way>"
        for n, (refs, tags) in enumerate(WAYS, 10)
    )  # fmt: skip
    return f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">{nodes}{ways}</osm>'.encode()


def varint(value):
    out = b""
    while True:
        out += bytes([value & 127 | (128 if value > 127 else 0)])
        value >>= 7
        if not value:
            return out


def zigzag(value):
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def part(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def osm_pbf():
    """Write the same extract as osm_xml, by the format's definition."""
    words = [""]
    for _, tags in WAYS:
        words += [*tags, *tags.values()]
    words = list(dict.fromkeys(words))
    nodes = b"".join(
        part(1, part(1, 0)[:1] + zigzag(n) + varint(8 << 3) + zigzag(round(y * 1e7))
             + varint(9 << 3) + zigzag(round(x * 1e7)))
        for n, (x, y) in NODES.items()
    )  # fmt: skip
    ways = b""
    for number, (refs, tags) in enumerate(WAYS, 10):
        steps = [ref - before for before, ref in zip([0, *refs], refs, strict=False)]
        ways += part(3, part(1, number)
                     + part(2, b"".join(varint(words.index(k)) for k in tags))
                     + part(3, b"".join(varint(words.index(v)) for v in tags.values()))
                     + part(8, b"".join(map(zigzag, steps))))  # fmt: skip
    table = b"".join(part(1, word.encode()) for word in words)
    block = part(1, table) + part(2, nodes) + part(2, ways)
    head = part(4, b"OsmSchema-V0.6")

    def blob(kind, raw):
        body = part(2, len(raw)) + part(3, zlib.compress(raw))
        header = part(1, kind) + part(3, len(body))
        return struct.pack(">I", len(header)) + header + body

    return blob(b"OSMHeader", head) + blob(b"OSMData", block)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "made"), [("a.osm", osm_xml), ("a.osm.pbf", osm_pbf)])
def test_an_extract_gives_roads_and_barriers(tmp_path, name, made):
    path = tmp_path / name
    path.write_bytes(made())
    roads, report = bring(tmp_path, path, "road")
    table = roads.frame.set_index("class")
    assert sorted(table.index) == ["motorway", "primary", "residential"]
    assert table["speed_kmh"].to_dict() == {"primary": 60, "residential": 30, "motorway": 100}
    assert table["oneway"].to_dict() == {"primary": "yes", "residential": "no", "motorway": "yes"}
    assert "io.note.osm_road" in keys(report)
    barriers, _ = bring(tmp_path, path, "barrier")
    assert sorted(barriers.frame["class"]) == ["rail", "river"]


def spatialite(path):
    """A SpatiaLite database as its own tools lay it out, without its extension."""
    shapes = squares(3)
    with sqlite3.connect(path) as made:
        made.execute(
            "CREATE TABLE spatial_ref_sys (srid INTEGER PRIMARY KEY, auth_name TEXT, auth_srid"
            " INTEGER, ref_sys_name TEXT, proj4text TEXT, srtext TEXT)"
        )
        made.execute(
            "INSERT INTO spatial_ref_sys VALUES (4326, 'epsg', 4326, 'WGS 84', ?, ?)",
            ("+proj=longlat +datum=WGS84 +no_defs", CRS.from_epsg(4326).to_wkt("WKT1_GDAL")),
        )
        made.execute(
            "CREATE TABLE geometry_columns (f_table_name TEXT, f_geometry_column TEXT,"
            " geometry_type INTEGER, coord_dimension INTEGER, srid INTEGER,"
            " spatial_index_enabled INTEGER)"
        )
        made.execute("INSERT INTO geometry_columns VALUES ('grid', 'geom', 3, 2, 4326, 0)")
        made.execute(
            "CREATE TABLE grid (id INTEGER PRIMARY KEY, code TEXT, residents INT, geom BLOB)"
        )
        for row, shape in enumerate(shapes.geometry):
            # Start, byte order, SRID, bounds, mark, then WKB without its byte order, end.
            blob = b"\0\1" + struct.pack("<i4d", 4326, *shape.bounds) + b"\x7c"
            blob += shapely.to_wkb(shape, byte_order=1)[1:] + b"\xfe"
            made.execute("INSERT INTO grid VALUES (?, ?, ?, ?)", (row + 1, f"{row:03}", 5, blob))
    made.close()


def test_spatialite_is_read(tmp_path):
    path = tmp_path / "a.sqlite"
    spatialite(path)
    layer, _ = bring(tmp_path, path)
    assert (len(layer), layer.frame["residents"].sum()) == (3, 15)
    assert list(layer.ids) == ["000", "001", "002"]


def test_json_under_another_name_of_its_kind_is_read_in_gbk(tmp_path):
    path = tmp_path / "a.geojsonl"
    features = json.loads(squares(2).to_json())["features"]
    text = "\n".join(json.dumps(item, ensure_ascii=False) for item in features)
    path.write_bytes(text.encode("gb18030"))
    layer, _ = bring(tmp_path, path)
    assert layer.frame["residents"].sum() == 2


def test_a_layer_without_any_shape_of_the_kind_is_refused(tmp_path):
    path = tmp_path / "a.geojson"
    squares(3).set_geometry(shapely.centroid(squares(3).geometry.to_numpy())).to_file(
        path, driver="GeoJSON"
    )
    with pytest.raises(GridmapError):
        bring(tmp_path, path)
