"""Bad inputs end in one clear error or in a report, and leave the workspace as it was."""

from __future__ import annotations

import io
import json
import random
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box

from gridmap.errors import GridmapError
from gridmap.io import ImportOptions, import_files

SQUARES = gpd.GeoDataFrame(
    {"id": ["a", "b"], "residents": [10, 20]},
    geometry=[box(114.0, 22.5, 114.01, 22.51), box(114.01, 22.5, 114.02, 22.51)],
    crs="EPSG:4490",
)


def tree(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    source = folder / "good.geojson"
    SQUARES.to_file(source, driver="GeoJSON")
    import_files(folder / "city", [source], kind="grid")
    return folder / "city"


def geojson(*geometries, **properties):
    features = [
        {"type": "Feature", "properties": {"id": str(n), **properties}, "geometry": geometry}
        for n, geometry in enumerate(geometries)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def square(x=114.0, y=22.5, side=0.01):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), raw)
    return out.getvalue()


def bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("a.csv", b"0" * 51_000_000)
    return out.getvalue()


def workbook(*rows, sheet="表"):
    book = openpyxl.Workbook()
    page = book.active
    page.title = sheet
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def shapefile(tmp_path, keep=(".shp", ".shx", ".dbf", ".prj"), frame=SQUARES):
    folder = tmp_path / "made"
    folder.mkdir(exist_ok=True)
    frame.to_file(folder / "g.shp")
    return zipped(**{f"g_dot_{s[1:]}": (folder / f"g{s}").read_bytes() for s in keep})


def gpkg(tmp_path, *frames):
    path = tmp_path / "made.gpkg"
    for n, frame in enumerate(frames):
        pyogrio.write_dataframe(frame, path, layer=f"layer{n}")
    return path.read_bytes()


def parquet(frame):
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def cut_fgb(tmp_path):
    SQUARES.to_file(tmp_path / "made.fgb", driver="FlatGeobuf")
    return (tmp_path / "made.fgb").read_bytes()[:150]


HEAD = "time,category,lon,lat\n"
ROW = "2024-03-05 10:00:00,theft,114.005,22.505\n"
POINT = {"type": "Point", "coordinates": [114.0, 22.5]}
PEOPLE = "id,residents,身份证号,lon,lat\n1,2,11010519491231002X,114,22.5\n"

# Name of the file, its bytes (or what makes them), the kind it is imported as.
REFUSED = {
    "empty file": ("a.geojson", b"", "grid"),
    "white space": ("a.geojson", b"   \n", "grid"),
    "wrong magic": ("a.gpkg", b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "grid"),
    "text as gpkg": ("a.gpkg", b"hello world" * 50, "grid"),
    "text as fgb": ("a.fgb", b"hello world" * 50, "grid"),
    "text as parquet": ("a.parquet", b"PAR1 not really", "grid"),
    "text as shp": ("a.shp", b"hello world" * 50, "grid"),
    "text as xlsx": ("a.xlsx", b"hello world" * 50, "room"),
    "zip as xlsx": ("a.xlsx", zipped(a_dot_txt=b"x"), "room"),
    "text as kml": ("a.kml", b"hello", "grid"),
    "html as kml": ("a.kml", b"<html><body>login</body></html>", "grid"),
    "truncated json": ("a.geojson", geojson(square())[:-40], "grid"),
    "json of something else": ("a.json", b'{"a": 1}', "grid"),
    "json list": ("a.geojson", b"[1, 2, 3]", "grid"),
    "no features": ("a.geojson", geojson(), "grid"),
    "null geometries only": ("a.geojson", geojson(None, None), "grid"),
    "empty geometry only": ("a.geojson", geojson({"type": "Polygon", "coordinates": []}), "grid"),
    "points as grids": ("a.geojson", geojson(POINT), "grid"),
    "polygons as rooms": ("a.geojson", geojson(square()), "room"),
    "polygons as incidents": ("a.geojson", geojson(square()), "incidents"),
    "degrees beyond the earth": ("a.geojson", geojson(square(400, 95)), "grid"),
    "latitude first": ("a.geojson", geojson(square(22.5, 114.0)), "grid"),
    "unknown suffix": ("a.docx", b"PK hello", "grid"),
    "no suffix": ("data", b"hello", "grid"),
    "not a zip": ("a.zip", b"hello", "grid"),
    "truncated zip": ("a.zip", zipped(a_dot_geojson=geojson(square()))[:-30], "grid"),
    "empty zip": ("a.zip", zipped(), "grid"),
    "zip of a picture": ("a.zip", zipped(a_dot_png=b"\x89PNG"), "grid"),
    "nested zip": ("a.zip", zipped(a_dot_zip=zipped(b_dot_csv=b"x")), "grid"),
    "path traversal": ("a.zip", zipped(**{"..__a_dot_csv": b"id\n1"}), "grid"),
    "absolute path": ("a.zip", zipped(__etc__a_dot_csv=b"id\n1"), "grid"),
    "drive letter": ("a.zip", zipped(**{"C:__a_dot_csv": b"id\n1"}), "grid"),
    "zip bomb": ("a.zip", bomb(), "grid"),
    "two layers in a zip": (
        "a.zip", zipped(a_dot_geojson=geojson(square()), b_dot_geojson=geojson(square())), "grid",
    ),
    "only the dbf": ("a.dbf", b"\x03" + b"\0" * 64, "grid"),
    "csv of one line": ("a.csv", HEAD.encode(), "incidents"),
    "csv without coordinates": ("a.csv", b"time,category\n2024-01-01,x\n", "incidents"),
    "csv ragged": ("a.csv", b"a,b\n1,2\n1,2,3,4\n", "grid"),
    "csv open quote": ("a.csv", HEAD.encode() + b'"2024-01-01,x,114,22.5\n', "incidents"),
    "csv of zero bytes": ("a.csv", b"\0" * 500, "incidents"),
    "csv binary": ("a.csv", bytes(range(128, 256)) * 20, "incidents"),
    "csv text in coordinates": ("a.csv", (HEAD + "2024-01-01,x,E,N\n").encode(), "incidents"),
    "csv all without coordinates": ("a.csv", (HEAD + "2024-01-01,x,,\n").encode(), "incidents"),
    "csv null island": ("a.csv", (HEAD + "2024-01-01,x,0,0\n").encode(), "incidents"),
    "csv infinite": ("a.csv", (HEAD + "2024-01-01,x,inf,inf\n").encode(), "incidents"),
    "csv nan": ("a.csv", (HEAD + "2024-01-01,x,nan,nan\n").encode(), "incidents"),
    "dates ambiguous": ("a.csv", (HEAD + "03/04/2024,x,114,22.5\n").encode(), "incidents"),
    "dates mixed": (
        "a.csv", (HEAD + "2024/03/13,x,114,22.5\n03/14/2024,x,114,22.5\n").encode(), "incidents",
    ),
    "dates nonsense": ("a.csv", (HEAD + "yesterday,x,114,22.5\n").encode(), "incidents"),
    "metres called lon": ("a.csv", (HEAD + "2024-01-01,x,504000,2490000\n").encode(), "incidents"),
    "wkt broken": ("a.csv", b'id,geom\n1,"POLYGON ((0 0, 1"\n', "grid"),
    "wkt without crs": ("a.csv", b'id,geom\n1,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\n', "grid"),
    "column of 300 characters": ("a.csv", b"x" * 300 + b",b\n1,2\n", "grid"),
    "header only xlsx": ("a.xlsx", workbook(["编号", "经度", "纬度"]), "room"),
    "empty sheet": ("a.xlsx", workbook(), "room"),
    "xlsx formulas without values": (
        "a.xlsx", workbook(["编号", "经度", "纬度"], ["1", "=1+1", "=A1"]), "room",
    ),
    "xlsx text in numbers": (
        "a.xlsx", workbook(["编号", "经度", "纬度"], ["1", "东边", "22.5"]), "room",
    ),
    "text residents": ("a.geojson", geojson(square(), residents="many"), "grid"),
    "infinite residents": ("a.geojson", geojson(square(), residents="inf"), "grid"),
    "parquet without geometry": ("a.parquet", parquet(pd.DataFrame({"a": [1]})), "grid"),
    "utf-16 rubbish": ("a.csv", b"\xff\xfe" + b"\x00\xd8" * 50, "incidents"),
}  # fmt: skip

MADE = {
    "shapefile without prj": (lambda p: shapefile(p, (".shp", ".shx", ".dbf")), "a.zip", "grid"),
    "shapefile truncated": (lambda p: shapefile(p)[:200], "a.zip", "grid"),
    "dbf alone in a zip": (lambda p: shapefile(p, (".dbf", ".shx")), "a.zip", "grid"),
    "gpkg of two layers": (lambda p: gpkg(p, SQUARES, SQUARES), "a.gpkg", "grid"),
    "gpkg cut in half": (lambda p: gpkg(p, SQUARES)[:3000], "a.gpkg", "grid"),
    "fgb cut": (cut_fgb, "a.fgb", "grid"),
    "infinite ring": (
        lambda p: gpkg(p, SQUARES.set_geometry(
            [shapely.Polygon([(np.inf, 0), (1, 0), (1, 1)])] * 2, crs=4490)), "a.gpkg", "grid",
    ),
    "collection": (
        lambda p: gpkg(p, SQUARES.set_geometry(
            [shapely.GeometryCollection([g, shapely.Point(114, 22)]) for g in SQUARES.geometry],
            crs=4490)), "a.gpkg", "room",
    ),
}  # fmt: skip


def refuse(city, path, kind, options=None):
    before = tree(city)
    with pytest.raises(GridmapError) as raised:
        import_files(city, [path], kind=kind, options=options)
    for language in ("zh", "en"):
        text = raised.value.text(language)
        assert text
        assert "\n" not in text
        assert "{" not in text
    assert tree(city) == before
    return raised.value.key


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_bad_file_is_refused_and_nothing_changes(city, tmp_path, name):
    file, raw, kind = REFUSED[name]
    path = tmp_path / file
    path.write_bytes(raw)
    refuse(city, path, kind)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_bad_gis_file_is_refused_and_nothing_changes(city, tmp_path, name):
    make, file, kind = MADE[name]
    path = tmp_path / file
    path.write_bytes(make(tmp_path))
    refuse(city, path, kind)


def test_the_corpus_is_as_large_as_it_should_be():
    assert len(REFUSED) + len(MADE) >= 60


OPTIONS = {
    "unknown crs": (ImportOptions(crs="EPSG:999999"), "model.error.crs_unknown"),
    "crs that is no crs": (ImportOptions(crs="hello"), "model.error.crs_unknown"),
    "unknown datum": (ImportOptions(datum="mars"), "model.error.datum_unknown"),
    "unknown layer": (ImportOptions(layer="nope"), "io.error.no_layer"),
    "unknown field": (ImportOptions(columns={"colour": "id"}), "io.error.unknown_field"),
    "unknown column": (ImportOptions(columns={"residents": "nope"}), "io.error.no_column"),
    "too large": (ImportOptions(max_mb=1e-6), "io.error.too_large"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_bad_wish_is_refused_and_nothing_changes(city, tmp_path, name):
    options, key = OPTIONS[name]
    path = tmp_path / "a.geojson"
    path.write_bytes(geojson(square()))
    assert refuse(city, path, "grid", options) == key


def test_missing_file_and_unknown_kind_are_refused(city, tmp_path):
    assert refuse(city, tmp_path / "none.gpkg", "grid") == "io.error.no_file"
    assert refuse(city, tmp_path / "none.gpkg", "cake") == "io.error.kind"


def test_a_zip_whose_directory_lies_about_sizes_is_refused(city, tmp_path):
    raw = bytearray(zipped(a_dot_csv=b"0" * 4000))
    at = raw.rindex(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    raw[at : at + 4] = (10).to_bytes(4, "little")
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(raw))
    refuse(city, path, "grid")


def test_wrong_encoding_and_personal_mapping_are_refused(city, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("编号,经度,纬度\n甲,114,22.5\n", encoding="gb18030")
    assert refuse(city, path, "room", ImportOptions(encoding="ascii")) == "io.error.encoding_wrong"
    assert refuse(city, path, "room", ImportOptions(encoding="klingon")) == (
        "io.error.encoding_unknown"
    )
    path.write_text(PEOPLE, encoding="utf-8")
    wish = ImportOptions(columns={"id": "身份证号"})
    assert refuse(city, path, "room", wish) == "io.error.personal_mapped"


def test_a_garbled_shapefile_is_refused_not_stored(city, tmp_path):
    names = [text.encode("gbk").decode("latin-1") for text in ("警格一号", "警格二号")]
    frame = SQUARES.assign(name=names)
    folder = tmp_path / "made"
    folder.mkdir()
    frame.to_file(folder / "g.shp", encoding="utf-8")
    assert refuse(city, folder / "g.shp", "grid") == "io.error.garbled"


# What is bad in part comes in with a report.


def test_some_bad_rows_are_counted_not_lost(tmp_path):
    path = tmp_path / "a.csv"
    rows = [ROW, ROW.replace("22.505", ""), "2024-13-45,x,114.0,22.5\n", "2024-01-01,x,inf,0\n"]
    path.write_text(HEAD + "".join(rows), encoding="utf-8")
    report = import_files(tmp_path / "w", [path], kind="incidents")
    assert report.read == 4
    assert report.features == 1
    assert report.refused == {"no_coordinates": 2, "bad_time": 1}


def test_heights_and_measures_are_dropped_with_a_remark(tmp_path):
    frame = SQUARES.set_geometry(shapely.force_3d(SQUARES.geometry.to_numpy(), 5.0), crs=4490)
    frame.to_file(tmp_path / "a.gpkg")
    report = import_files(tmp_path / "w", [tmp_path / "a.gpkg"], kind="grid")
    assert "io.note.flattened" in {note.key for note in report.warnings}


def test_a_shapefile_without_its_index_is_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(shapefile(tmp_path, (".shp", ".dbf", ".prj")))
    assert import_files(tmp_path / "w", [path], kind="grid").features == 2


def test_personal_columns_are_named_and_not_stored(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(PEOPLE.replace("residents", "名称"), encoding="utf-8")
    report = import_files(tmp_path / "w", [path], kind="room")
    assert report.refused_columns == ("身份证号",)
    assert not any(b"11010519491231002X" in raw for raw in tree(tmp_path / "w").values())


# A bounded fuzz: whatever the bytes, an error of ours or a report.


def _seeds(folder):
    SQUARES.to_file(folder / "a.geojson", driver="GeoJSON")
    SQUARES.to_file(folder / "a.fgb", driver="FlatGeobuf")
    SQUARES.to_file(folder / "a.gpkg")
    SQUARES.to_parquet(folder / "a.parquet")
    (folder / "a.zip").write_bytes(shapefile(folder))
    (folder / "a.csv").write_text("编号,经度,纬度\n甲,114,22.5\n乙,114.1,22.6\n", encoding="gbk")
    (folder / "a.xlsx").write_bytes(workbook(["编号", "经度", "纬度"], ["1", 114, 22.5]))
    return sorted(p for p in folder.iterdir() if p.is_file())


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    return _seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(7))
def test_mutated_files_never_end_in_a_traceback(seeds, tmp_path, number):
    seed = seeds[number]
    good = seed.read_bytes()
    rng = random.Random(number)  # noqa: S311 - a test's own dice
    kind = "room" if seed.suffix in {".csv", ".xlsx"} else "grid"
    for turn in range(6):
        raw = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        if turn % 3 == 0:
            raw = raw[: rng.randrange(len(raw))]
        path = tmp_path / f"m{turn}{seed.suffix}"
        path.write_bytes(bytes(raw))
        try:
            report = import_files(tmp_path / f"w{turn}", [path], kind=kind)
        except GridmapError as error:
            assert error.text("en")  # noqa: PT017 - either outcome is right
        else:
            assert report.read == report.features + sum(report.refused.values())


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text(max_size=200), kind=st.sampled_from(["incidents", "room", "grid"]))
def test_any_text_as_csv_never_ends_in_a_traceback(tmp_path, text, kind):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        import_files(tmp_path / "w", [path], kind=kind)
    except GridmapError as error:
        assert error.text("zh")  # noqa: PT017 - either outcome is right
