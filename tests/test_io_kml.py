"""KML as tools write it: folders, Chinese columns, tables of HTML, GBK, and labels among areas."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import shapely

from gridmap.errors import GridmapError, InputError
from gridmap.io import ImportOptions, Workspace, import_files

CASES = Path(__file__).parent.parent.parent / "shared" / "cases" / "files"
RING = "120.1,30.2,0 120.105,30.2,0 120.105,30.205,0 120.1,30.205,0 120.1,30.2,0"
NEXT = "120.105,30.2 120.11,30.2 120.11,30.205 120.105,30.205 120.105,30.2"


def area(ring=RING, inner=""):
    holes = f"<innerBoundaryIs><LinearRing><coordinates>{inner}</coordinates></LinearRing>"
    holes += "</innerBoundaryIs>"
    return (
        f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing>"
        f"</outerBoundaryIs>{holes if inner else ''}</Polygon>"
    )


def placemark(name="甲", shape=None, more=""):
    return f"<Placemark><name>{name}</name>{more}{area() if shape is None else shape}</Placemark>"


def kml(*items, encoding="UTF-8", space="http://www.opengis.net/kml/2.2"):
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><kml xmlns="{space}"'
        ' xmlns:gx="http://www.google.com/kml/ext/2.2"><Document><name>doc</name>'
        f"{''.join(items)}</Document></kml>"
    )


def read(tmp_path, text, kind="grid", name="a.kml", encoding="utf-8", **options):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    report = import_files(tmp_path / "city", [path], kind=kind, options=ImportOptions(**options))
    return Workspace.open(tmp_path / "city").city().layers[kind], report


@pytest.mark.parametrize("file", ["ext_zh.kml"])
@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
def test_case_of_chinese_columns(tmp_path, file):
    layer, _ = read(tmp_path, (CASES / file).read_bytes())
    assert list(layer.ids) == ["330106001001", "330106001002"]
    assert layer.frame["residents"].sum() == 200


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
def test_case_of_a_folder_a_station(tmp_path):
    layer, report = read(tmp_path, (CASES / "folders.kml").read_bytes(), "beat", layer="all")
    assert report.features == 9
    assert layer.frame.groupby("station").size().to_dict() == {
        "城东所": 3,
        "城西所": 3,
        "城南所": 3,
    }


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
def test_case_of_labels_among_areas(tmp_path):
    layer, report = read(tmp_path, (CASES / "mixed.kml").read_bytes())
    assert len(layer) == 1
    assert report.refused == {"other_shape": 2}
    note = next(note for note in report.warnings if note.key == "io.note.other_shapes")
    assert (note.values["points"], note.values["lines"]) == (1, 1)


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside the project")
def test_case_of_rooms(tmp_path):
    layer, _ = read(tmp_path, (CASES / "rooms.ovkml").read_bytes(), "room", "rooms.ovkml")
    assert len(layer) == 3


def data(**columns):
    items = "".join(f'<Data name="{k}"><value>{v}</value></Data>' for k, v in columns.items())
    return f"<ExtendedData>{items}</ExtendedData>"


def test_simple_data_is_named_by_its_schema(tmp_path):
    schema = (
        '<Schema id="s"><SimpleField name="f1" type="int"><displayName>常住人口</displayName>'
        "</SimpleField></Schema>"
    )
    row = '<SchemaData><SimpleData name="f1">7</SimpleData></SchemaData>'
    row = f"<ExtendedData>{row}</ExtendedData>"
    layer, _ = read(tmp_path, kml(schema, placemark(more=row)))
    assert list(layer.frame["residents"]) == [7]


def test_a_table_in_the_description_becomes_columns(tmp_path):
    table = (
        "<description><![CDATA[<html><table><tr><td>网格编码</td><td>G&amp;1</td></tr>"
        "<tr bgcolor='x'><td> 常住人口 </td>\n<td>12</td></tr></table>]]></description>"
    )
    layer, _ = read(tmp_path, kml(placemark(more=table)))
    assert list(layer.ids) == ["G&1"]
    assert list(layer.frame["residents"]) == [12]


@pytest.mark.parametrize("declared", ["GBK", "gb2312", "UTF-8"])
def test_text_in_gbk_is_read_whatever_is_declared(tmp_path, declared):
    layer, _ = read(
        tmp_path, kml(placemark("湖滨"), placemark("清波", area(NEXT)), encoding=declared),
        encoding="gb18030",
    )  # fmt: skip
    assert list(layer.frame["name"]) == ["湖滨", "清波"]


@pytest.mark.parametrize("asked", ["punycode", "undefined", "rot13", "utf-7", "nonsense"])
def test_an_encoding_that_is_none_is_one_line(tmp_path, asked):
    path = tmp_path / "a.kml"
    path.write_text(kml(placemark("湖滨")), encoding="utf-8")
    with pytest.raises(GridmapError) as error:
        import_files(tmp_path / "c", [path], kind="grid", options=ImportOptions(encoding=asked))
    assert "\n" not in error.value.text()


def test_utf_16(tmp_path):
    layer, _ = read(tmp_path, kml(placemark("湖滨"), encoding="UTF-16"), encoding="utf-16")
    assert list(layer.frame["name"]) == ["湖滨"]


def test_holes_parts_tracks_and_heights(tmp_path):
    hole = "120.101,30.201 120.102,30.201 120.102,30.202 120.101,30.201"
    both = f"<MultiGeometry>{area(inner=hole)}{area(NEXT)}</MultiGeometry>"
    layer, _ = read(tmp_path, kml(placemark(shape=both)))
    assert shapely.get_num_geometries(layer.geometry[0]) == 2
    assert len(shapely.get_parts(layer.geometry[0])[0].interiors) == 1
    track = (
        "<gx:Track><when>2024-03-01</when><gx:coord>120.1 30.2 5</gx:coord>"
        "<gx:coord>120.2 30.2 5</gx:coord></gx:Track>"
    )
    road, _ = read(tmp_path, kml(placemark(shape=track)), "road", "road.kml")
    assert road.geometry[0].geom_type == "LineString"


def test_unclosed_rings_are_closed_and_said(tmp_path):
    ring = RING.rpartition(" ")[0]
    layer, report = read(tmp_path, kml(placemark(shape=area(ring))))
    assert layer.geometry[0].is_valid
    assert any(note.key == "io.note.rings_closed" for note in report.warnings)


def test_folders_of_one_name_stay_apart_and_one_can_be_chosen(tmp_path):
    folders = [f"<Folder><name>所</name>{placemark(str(n))}</Folder>" for n in range(2)]
    with pytest.raises(InputError) as error:
        read(tmp_path, kml(*folders), "beat")
    assert error.value.key == "io.error.several_layers"
    layer, _ = read(tmp_path, kml(*folders), "beat", layer="所 (2)")
    assert list(layer.frame["name"]) == ["1"]


def test_a_packed_kml(tmp_path):
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("doc.kml", kml(placemark(more=data(residents="5"))))
    assert import_files(tmp_path / "city", [path], kind="grid").features == 1


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + kml(placemark("&a;"))[38:],
        '<!DOCTYPE k [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + kml(placemark("&b;"))[38:],
        "<kml>" + "<Folder>" * 100_000,
        kml(placemark(shape="<Point><coordinates>x,y</coordinates></Point>")),
        kml(placemark(shape="<Point><coordinates>1e999,nan</coordinates></Point>")),
        kml()[:-20],
        kml(placemark("\x01")),
        kml(),
        "<kml/>",
    ],
)  # fmt: skip
def test_hostile_or_broken_kml_is_refused_in_one_line(tmp_path, text):
    with pytest.raises(GridmapError) as error:
        read(tmp_path, text)
    assert "\n" not in error.value.text()
    assert not (tmp_path / "city").exists()


def test_coordinates_may_have_blanks_in_and_between_tuples(tmp_path):
    """And three million of them take no longer than reading them does."""
    blanks = " " * 3_000_000
    spaced = RING.replace(",", " ,\n ").replace(" 120", f"{blanks} 120", 1)
    layer, _ = read(tmp_path, kml(placemark(shape=area(spaced))))
    (shape,) = layer.frame.geometry.to_crs(4490)
    wanted = shapely.box(120.1, 30.2, 120.105, 30.205)
    assert shape.equals_exact(wanted, 1e-6, normalize=True)
