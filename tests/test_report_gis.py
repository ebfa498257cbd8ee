"""The QGIS project beside the GeoPackage opens with every layer of it."""

import re
import sqlite3
from contextlib import closing
from datetime import date
from xml.etree import ElementTree as ET

import numpy as np
import pyogrio
import pytest

from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.report import Request, build_report, write_report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    city = make_city(grids=60, incidents=2_000, seed=7)
    with using_language("zh"):
        report = build_report(city, Request(date(2024, 4, 1), "2024-03"))
    out = tmp_path_factory.mktemp("gis") / "out"
    write_report(report, out, formats=["gpkg", "geojson"])
    return out / "gis"


@pytest.fixture(scope="module")
def project(folder):
    return ET.fromstring((folder / "report_2024-03.qgs").read_text(encoding="utf-8"))  # noqa: S314 - our own


def test_every_layer_of_the_project_is_in_the_package_and_the_other_way_round(folder, project):
    package = folder / "report_2024-03.gpkg"
    there = {name for name, kind in pyogrio.list_layers(package) if kind is not None}
    sources = [layer.findtext("datasource") for layer in project.iter("maplayer")]
    assert {source.rpartition("=")[2] for source in sources} == there
    assert all(source.startswith("./report_2024-03.gpkg|layername=") for source in sources)
    assert project.findtext("properties/Paths/Absolute") == "false"
    listed = [item.get("id") for item in project.find("layer-tree-group")]
    assert sorted(listed) == sorted(layer.findtext("id") for layer in project.iter("maplayer"))
    assert [item.get("id") for item in project.find("layerorder")] == listed


def test_layers_bear_their_crs_symbols_and_names_of_columns(folder, project):
    package = folder / "report_2024-03.gpkg"
    for layer in project.iter("maplayer"):
        name = layer.findtext("datasource").rpartition("=")[2]
        info = pyogrio.read_info(package, layer=name)
        assert layer.findtext("srs/spatialrefsys/authid") == info["crs"]
        known = {symbol.get("name") for symbol in layer.find("renderer-v2").iter("symbol")}
        used = {part.get("symbol") for part in layer.iter("range")}
        assert known
        assert used <= known
        columns = [str(name) for name in info["fields"]]
        assert [alias.get("field") for alias in layer.iter("alias")] == columns
    beat = next(one for one in project.iter("maplayer") if one.findtext("id") == "beat")
    assert {one.get("field"): one.get("name") for one in beat.iter("alias")}["residents"] == (
        "常住人口"
    )


def test_the_project_opens_with_change_and_coverage(folder, project):
    drawn = {layer.find("renderer-v2").get("attr") for layer in project.iter("maplayer")}
    assert {"incidents", "change_previous", "outside_residents"} <= drawn
    with closing(sqlite3.connect(folder / "report_2024-03.gpkg")) as database:
        ((said,),) = database.execute(
            "SELECT metadata FROM gpkg_metadata JOIN gpkg_metadata_reference ON id = md_file_id"
            " WHERE reference_scope = 'geopackage'"
        ).fetchall()
        assert "2024年3月" in said
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_classes_of_a_style_hold_every_value_once(folder):
    package = folder / "report_2024-03.gpkg"
    with closing(sqlite3.connect(package)) as database:
        styles = database.execute("SELECT f_table_name, styleName, styleQML FROM layer_styles")
        for table, _, qml in styles.fetchall():
            renderer = ET.fromstring(qml).find("renderer-v2")  # noqa: S314 - our own
            if renderer.get("type") != "graduatedSymbol":
                continue
            values = pyogrio.read_dataframe(package, layer=table)[renderer.get("attr")]
            values = values.to_numpy(dtype=float)
            spans = [(float(one.get("lower")), float(one.get("upper")))
                     for one in renderer.iter("range")]  # fmt: skip
            held = [sum(low <= value <= high for low, high in spans)
                    for value in values[np.isfinite(values)]]  # fmt: skip
            assert set(held) == {1}


def test_every_column_has_a_name_and_counts_are_whole_numbers(folder, project):
    package = folder / "report_2024-03.gpkg"
    names = {alias.get("field"): alias.get("name") for alias in project.iter("alias")}
    assert [field for field, name in names.items() if not name] == []
    for layer in ("grid", "station", "incidents"):
        frame = pyogrio.read_dataframe(package, layer=layer)
        assert np.issubdtype(frame["incidents"].dtype, np.integer)
    text = (folder / "grid.geojson").read_text(encoding="utf-8")
    assert re.search(r'"incidents": \d+,', text)
    assert not re.search(r'"(incidents|residents)": \d+\.', text)
    points = pyogrio.read_dataframe(package, layer="incidents")
    grids = pyogrio.read_dataframe(package, layer="grid")
    assert set(points.geom_type) == {"Point"}
    some = grids[grids["incidents"] > 0].reset_index(drop=True)
    assert points["incidents"].tolist() == some["incidents"].tolist()
    assert points.geometry.within(some.geometry).all()
