"""Every format comes in and goes out with the same values."""

from __future__ import annotations

import io
import zipfile
from typing import get_args

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from shapely import LineString, Polygon, box

from gridmap.errors import CRSError, InputError
from gridmap.i18n import keys, using_language
from gridmap.io import FORMATS, ImportOptions, check_city, import_files, read_city, write_frame
from gridmap.io._crs_guess import guess_crs
from gridmap.io._tables import Reason, detect_bytes
from gridmap.io._values import parse_times
from gridmap.io._vector import full_names
from gridmap.model.crs import to_datum

DEGREES = gpd.GeoDataFrame(
    {"网格编码": ["001", "002"], "网格名称": ["东风里", "西街口"], "常住人口": [1200, 85]},
    geometry=[box(114.0, 22.5, 114.01, 22.51), box(114.01, 22.5, 114.02, 22.51)],
    crs="EPSG:4490",
)
TABLE = "编号,名称,经度,纬度\n001,东门警务室,114.005,22.505\n002,西街警务室,114.015,22.505\n"


def zip_of(folder, *, encoding="", inner=""):
    """Zip a folder's files; with an encoding, names lack the UTF-8 flag as on Windows."""
    out = io.BytesIO()
    # Stand-ins of the same number of bytes, replaced by those of the code page.
    words = {"网格数据": "EFGHIJKL", "网格": "ABCD"}
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.iterdir()):
            name = inner + path.name
            for word, stand_in in words.items() if encoding else ():
                name = name.replace(word, stand_in)
            archive.writestr(name, path.read_bytes())
    data = out.getvalue()
    for word, stand_in in words.items():
        data = data.replace(stand_in.encode(), word.encode(encoding)) if encoding else data
    return data


def assert_grids(place, report):
    grids = read_city(place).grids
    assert (report.read, report.features) == (2, 2)
    assert list(grids.ids) == ["001", "002"]
    assert list(grids.names) == ["东风里", "西街口"]
    assert grids.counts("residents").tolist() == [1200, 85]
    # 0.01 degrees at 22.5 N: about 1.03 by 1.11 km.
    assert grids.area_m2 == pytest.approx([1.14e6, 1.14e6], rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS)
def test_written_files_read_back_equal_in_gridmap(tmp_path, suffix):
    path = tmp_path / f"网格{suffix}"
    write_frame(DEGREES, path)
    crs = "EPSG:4490" if suffix == ".csv" else ""
    place = tmp_path / "city"
    report = import_files(place, [path], kind="grid", options=ImportOptions(crs=crs))
    assert_grids(place, report)


@pytest.mark.parametrize("suffix", FORMATS)
def test_written_files_read_back_equal_in_geopandas(tmp_path, suffix):
    path = tmp_path / f"网格{suffix}"
    frame = DEGREES.to_crs("EPSG:4547")
    write_frame(frame, path)
    if suffix == ".csv":
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        table = pd.read_csv(path, dtype={"网格编码": str})
        back = frame.set_geometry(shapely.from_wkt(table.pop("geometry")), crs=frame.crs)
        back["网格编码"] = table["网格编码"]
    elif suffix == ".parquet":
        back = gpd.read_parquet(path)
    else:
        back = gpd.read_file(path).to_crs(frame.crs)
    assert list(back["网格编码"]) == ["001", "002"]
    assert list(back["网格名称"]) == ["东风里", "西街口"]
    assert back["常住人口"].tolist() == [1200, 85]
    away = shapely.hausdorff_distance(back.geometry.to_numpy(), frame.geometry.to_numpy())
    assert away.max() < (0.001 if suffix == ".geojson" else 1e-6)


def test_shapefile_names_are_cut_at_ten_bytes_and_come_back(tmp_path):
    frame = DEGREES.rename(columns={"网格名称": "网格所属社区名称"}).assign(residents_per_km2=1.5)
    path = tmp_path / "g.shp"
    written = write_frame(frame, path)
    assert written.field_map == {
        "网格所属社区名称": "网格所属社",
        "residents_per_km2": "residents_",
    }
    assert all(len(name.encode("gbk")) <= 10 for name in gpd.read_file(path).columns[:-1])
    assert full_names(path)["网格所属社"] == "网格所属社区名称"
    import_files(tmp_path / "city", [path], kind="grid")
    assert "residents_per_km2" in read_city(tmp_path / "city").grids.frame.columns


def test_a_shapefile_refuses_what_gbk_and_dbf_cannot_hold(tmp_path):
    for text in ("🏠", "长" * 200):
        frame = DEGREES.assign(网格名称=text)
        with pytest.raises(InputError):
            write_frame(frame, tmp_path / "g.shp")
    assert not list(tmp_path.iterdir())


def test_layers_share_a_geopackage(tmp_path):
    for layer in ("grid", "beat"):
        write_frame(DEGREES, tmp_path / "a.gpkg", layer=layer)
    assert set(gpd.list_layers(tmp_path / "a.gpkg")["name"]) == {"grid", "beat"}


def test_writing_refuses_unknown_formats_and_no_crs(tmp_path):
    with pytest.raises(InputError):
        write_frame(DEGREES, tmp_path / "a.docx")
    with pytest.raises(CRSError):
        write_frame(DEGREES.set_crs(None, allow_override=True), tmp_path / "a.gpkg")


@pytest.mark.slow
def test_a_report_says_in_the_chosen_language_how_it_took_the_text(tmp_path):
    path = tmp_path / "grids.gpkg"
    DEGREES.to_file(path)
    table = tmp_path / "rooms.csv"
    table.write_text(TABLE, encoding="gb18030")
    for language, said in (
        ("zh", ("utf-8 (该格式的默认编码)", "gb18030 (自动识别)")),
        ("en", ("utf-8 (default of the format)", "gb18030 (detected)")),
    ):
        with using_language(language):
            found = [
                import_files(tmp_path / language, [file], kind=kind).encoding
                for file, kind in ((path, "grid"), (table, "room"))
            ]
        assert tuple(found) == said


def test_every_way_to_know_an_encoding_has_a_name():
    named = {key.rpartition(".")[2] for key in keys() if key.startswith("io.encoding.")}
    assert named == set(get_args(Reason))


def test_kml_comes_in(tmp_path):
    path = tmp_path / "a.kml"
    ring = "114,22.5 114.01,22.5 114.01,22.51 114,22.51 114,22.5"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        "<Document><Placemark><name>东风里</name><Polygon><outerBoundaryIs><LinearRing>"
        f"<coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
        "</Placemark></Document></kml>",
        encoding="utf-8",
    )
    report = import_files(tmp_path / "city", [path], kind="grid")
    assert report.features == 1
    assert list(read_city(tmp_path / "city").grids.names) == ["东风里"]


@pytest.mark.slow
@pytest.mark.parametrize("inner", ["", "网格数据/"])
@pytest.mark.parametrize("encoding", ["", "gbk"])
def test_a_zipped_gbk_shapefile_with_chinese_names(tmp_path, encoding, inner):
    folder = tmp_path / "made"
    folder.mkdir()
    DEGREES.to_file(folder / "网格.shp", encoding="gbk")
    (folder / "网格.cpg").unlink(missing_ok=True)
    path = tmp_path / "网格.zip"
    path.write_bytes(zip_of(folder, encoding=encoding, inner=inner))
    report = import_files(tmp_path / "city", [path], kind="grid")
    assert report.encoding.startswith("gb18030")
    assert_grids(tmp_path / "city", report)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_a_table_in_any_encoding(tmp_path, encoding):
    path = tmp_path / "警务室.csv"
    path.write_text(TABLE, encoding=encoding)
    report = import_files(tmp_path / "city", [path], kind="room")
    rooms = read_city(tmp_path / "city").rooms
    assert list(rooms.ids) == ["001", "002"]
    assert list(rooms.names) == ["东门警务室", "西街警务室"]
    assert report.mapped == {"id": "编号", "name": "名称", "x": "经度", "y": "纬度"}


def test_an_encoding_says_why():
    assert detect_bytes("警格编号，东风里社区".encode("gbk")).name == "gb18030"
    assert detect_bytes("警格".encode("gbk"), asked="gbk").reason == "asked"
    assert "警格" in detect_bytes("警格编号".encode()).preview


def test_excel_with_a_title_merged_heads_and_thousands_marks(tmp_path):
    book = openpyxl.Workbook()
    page = book.active
    page.append(["2024年网格人口统计表"])
    page.append(["网格", None, "人口", None, "坐标", None])
    page.append(["网格编码", "网格名称", "常住人口", "流动人口", "经度", "纬度"])
    page.append(["001", "东风里", "1,234", "１２", 114.005, 22.505])
    page.append(["002", "西街口", 5678, None, 114.015, 22.505])
    for cells in ("A1:F1", "A2:B2", "C2:D2", "E2:F2"):
        page.merge_cells(cells)
    path = tmp_path / "表.xlsx"
    book.save(path)
    wish = ImportOptions(columns={"id": "网格编码", "name": "网格名称"})
    import_files(tmp_path / "city", [path], kind="room", options=wish)
    frame = read_city(tmp_path / "city").rooms.frame
    assert list(frame["id"]) == ["001", "002"]
    assert {"常住人口", "流动人口"} <= set(frame.columns)


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_a_datum_is_taken_away(tmp_path, datum):
    lon, lat = to_datum(np.array([114.005]), np.array([22.505]), datum)
    path = tmp_path / "a.csv"
    path.write_text(f"编号,经度,纬度\n1,{lon[0]:.9f},{lat[0]:.9f}\n", encoding="utf-8")
    places = []
    for name in ("wgs84", datum):
        options = ImportOptions(datum=name)
        import_files(tmp_path / name, [path], kind="room", options=options)
        places.append(read_city(tmp_path / name).room_xy[0])
    right = tmp_path / "right.csv"
    right.write_text("编号,经度,纬度\n1,114.005,22.505\n", encoding="utf-8")
    import_files(tmp_path / "right", [right], kind="room")
    truth = read_city(tmp_path / "right").room_xy[0]
    assert np.hypot(*(places[0] - truth)) > 200
    assert np.hypot(*(places[1] - truth)) < 0.5


def block(shift):
    """A block of 5 x 5 grids near Shenzhen, in degrees of a datum."""
    cells = [
        box(114 + i / 100, 22.5 + j / 100, 114.01 + i / 100, 22.51 + j / 100)
        for i in range(5)
        for j in range(5)
    ]
    moved = shapely.transform(np.array(cells), lambda p: np.column_stack(shift(p[:, 0], p[:, 1])))
    return gpd.GeoDataFrame({"id": [str(n) for n in range(25)]}, geometry=moved, crs="EPSG:4326")


@pytest.mark.slow
def test_a_datum_offset_is_offered_and_not_applied(tmp_path):
    place = tmp_path / "city"
    block(lambda x, y: (x, y)).to_file(tmp_path / "grid.gpkg")
    block(lambda x, y: to_datum(x, y, "gcj02")).to_file(tmp_path / "beat.gpkg")
    assert not _offers(import_files(place, [tmp_path / "grid.gpkg"], kind="grid"))
    offered = _offers(import_files(place, [tmp_path / "beat.gpkg"], kind="beat"))
    assert [note.values["option"] for note in offered] == ["gcj02"]
    away = np.hypot(*(shapely.bounds(read_city(place).beats.geometry[0])[:2]
                      - shapely.bounds(read_city(place).grids.geometry[0])[:2]))  # fmt: skip
    assert away > 200
    right = import_files(
        place, [tmp_path / "beat.gpkg"], kind="beat", options=ImportOptions(datum="gcj02")
    )
    assert not _offers(right)


@pytest.mark.slow
@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize(
    "case", ["seven rooms by roads", "five rooms that name beats", "a county"]
)
def test_a_handful_and_a_coarse_outline_tell_their_datum_by_import_and_by_check(
    tmp_path, case, datum
):
    rng = np.random.default_rng(3)
    streets = [
        LineString([(114 + i / 400, 22.5), (114 + i / 400, 22.55)]) for i in range(0, 21, 3)
    ]
    cells = block(lambda x, y: (x, y))
    kind = "station" if case == "a county" else "room"
    if case == "seven rooms by roads":
        ground, ground_kind = gpd.GeoDataFrame(geometry=streets, crs="EPSG:4326"), "road"
        points = [at.interpolate(rng.uniform(), normalized=True) for at in streets]
        frame = gpd.GeoDataFrame({"id": list("abcdefg")}, geometry=points, crs="EPSG:4326")
        frame.geometry = frame.translate(5e-5)  # five metres from the middle of the street
    elif case == "five rooms that name beats":
        ground, ground_kind = cells, "beat"
        points = shapely.centroid(np.asarray(cells.geometry[:5]))
        frame = gpd.GeoDataFrame(
            {"id": list("abcde"), "beat": cells.id[:5]}, geometry=points, crs="EPSG:4326"
        )
    else:
        ground, ground_kind = cells, "grid"
        line = cells.union_all().exterior.segmentize(0.005).simplify(0.0005).segmentize(0.004)
        corners = np.asarray(line.coords) + rng.uniform(-4e-4, 4e-4, (len(line.coords), 2))
        frame = gpd.GeoDataFrame({"id": ["1"]}, geometry=[Polygon(corners[:-1])], crs="EPSG:4326")
    moved = shapely.transform(
        frame.geometry.to_numpy(), lambda p: np.column_stack(to_datum(p[:, 0], p[:, 1], datum))
    )
    frame.set_geometry(gpd.GeoSeries(moved, crs="EPSG:4326")).to_file(tmp_path / "late.gpkg")
    ground.to_file(tmp_path / "first.gpkg")
    import_files(tmp_path / "city", [tmp_path / "first.gpkg"], kind=ground_kind)
    report = import_files(tmp_path / "city", [tmp_path / "late.gpkg"], kind=kind)
    expected = [] if datum == "wgs84" else [datum]
    assert [note.values["option"] for note in _offers(report)] == expected
    found = [item for item in check_city(read_city(tmp_path / "city")) if item.kind == "datum"]
    assert [(item.layer, item.datum) for item in found] == [(kind, name) for name in expected]
    for item in found:
        assert (
            item.command("city")
            == f"gridmap import city FILE --kind {kind} --datum {datum} --replace"
        )


def _offers(report):
    return [note for note in report.warnings if note.key == "io.note.datum_offset"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("x", "y", "offer"),
    [
        (114.0, 22.5, "EPSG:4490"),
        (22.5, 114.0, "EPSG:4490@yx"),
        (-87.6, 41.8, "EPSG:4326"),
        (38_504_000, 2_490_000, "EPSG:4526"),
        (19_504_000, 2_490_000, "EPSG:4497"),
        (2_490_000, 38_504_000, "EPSG:4526@yx"),
        (504_000, 2_490_000, "EPSG:4547"),
        (2_490_000, 504_000, "EPSG:4547@yx"),
        (2_477_000, 7_041_000, "EPSG:2276"),
    ],
)
def test_numbers_without_crs_get_an_offer(x, y, offer):
    assert guess_crs(np.array([float(x)]), np.array([float(y)]), None)[0].crs == offer


@pytest.mark.parametrize(
    ("x", "y", "near", "offer"),
    [
        (2_477_000, 7_041_000, (-96.95, 32.94, -96.80, 33.05), "EPSG:2276"),
        # Some systems of the place have no number at all for northings taken for eastings.
        (7_041_000, 2_477_000, (-96.95, 32.94, -96.80, 33.05), "EPSG:2276@yx"),
        # Meridians of Paris and Ferro, and coordinates that grow to the south-west.
        (600_000, 2_428_000, (2.2, 48.7, 2.5, 49.0), "EPSG:27572"),
        (-743_000, -1_043_000, (14.3, 50.0, 14.6, 50.1), "EPSG:5221"),
        (504_000, 2_490_000, (113.7, 22.4, 114.6, 22.9), "EPSG:4547"),
    ],
)
def test_a_layer_already_there_sharpens_the_offer(x, y, near, offer):
    assert guess_crs(np.array([float(x)]), np.array([float(y)]), near)[0].crs == offer


def test_swapped_axes_come_right_when_said(tmp_path):
    swapped = DEGREES.set_geometry(
        shapely.transform(DEGREES.geometry.to_numpy(), lambda p: p[:, ::-1]), crs="EPSG:4490"
    )
    swapped.to_file(tmp_path / "a.gpkg")
    with pytest.raises(CRSError) as raised:
        import_files(tmp_path / "city", [tmp_path / "a.gpkg"], kind="grid")
    assert raised.value.key == "io.error.axes_swapped"
    options = ImportOptions(crs=str(raised.value.values["guess"]))
    report = import_files(tmp_path / "city", [tmp_path / "a.gpkg"], kind="grid", options=options)
    assert_grids(tmp_path / "city", report)


def test_dates_as_people_write_them():
    text = pd.Series(
        [
            "2024年3月5日 下午3点",
            "2024/3/5 15:00",
            "2024-03-05T15:00:00",
            "20240305150000",
            "45356.625",
        ]
    )
    times, _ = parse_times(text)
    assert (times == np.datetime64("2024-03-05T15:00:00")).all()


def test_large_tables_are_read_in_parts_with_the_same_result(tmp_path, monkeypatch):
    rows = [f"2024/{1 + n % 3}/{1 + n % 28} 10:00,{'盗窃' if n % 2 else '纠纷'},114.0{n % 10},22.5"
            for n in range(500)]  # fmt: skip
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["时间,类别,经度,纬度", *rows]), encoding="gb18030")
    whole = import_files(tmp_path / "whole", [path], kind="incidents")
    monkeypatch.setattr("gridmap.io._incidents._LARGE", 0)
    from gridmap.io import _sources

    real = _sources.read_csv_parts
    monkeypatch.setattr(
        _sources, "read_csv_parts", lambda p, encoding: real(p, encoding=encoding, rows=64)
    )
    parts = import_files(tmp_path / "parts", [path], kind="incidents")
    assert parts == whole
    first, second = (read_city(tmp_path / name).incidents for name in ("whole", "parts"))
    assert first.digest == second.digest
