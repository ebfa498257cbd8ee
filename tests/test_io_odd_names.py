"""Odd names and encodings end in one line: members of zips, paths, codecs."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
from shapely import Point

from gridmap.errors import GridmapError, WorkspaceError
from gridmap.io import ImportOptions, import_files

TABLE = "编号,经度,纬度\n甲,114.01,22.51\n"
CODECS = ("undefined", "utf-16", "punycode", "idna", "rot13", "hex", "base64", "unicode_escape")


def one_line(tmp_path, path, **options):
    """Import, and return the key of the error; blank where it went well."""
    try:
        import_files(tmp_path / "city", [path], kind="room", options=ImportOptions(**options))
    except GridmapError as error:
        assert "\n" not in error.text()  # noqa: PT017 - both ends are right, a traceback is not
        return error.key
    return ""


@pytest.mark.parametrize("name", ["", ".", "./", "/", "..", "a/../b.csv", "a\0b.csv", "x" * 300])
def test_members_of_odd_names(tmp_path, name):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("q")
        member.filename = name
        archive.writestr(member, TABLE)
    assert one_line(tmp_path, path)


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "a\0b.csv", "..", "\ud800.csv"])
def test_paths_of_odd_names(tmp_path, name):
    assert one_line(tmp_path, Path(f"{tmp_path / 'folder'}/{name}"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_workspace_whose_name_is_no_text_is_not_made(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TABLE, encoding="utf-8")
    with pytest.raises(WorkspaceError) as error:
        import_files(tmp_path / "w\udcffx", [path], kind="room")
    assert error.value.key == "io.error.folder_name"
    assert error.value.text("en").isprintable()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize("asked", CODECS)
@pytest.mark.parametrize("suffix", ["csv", "geojson", "shp"])
def test_codecs_that_are_no_encodings_of_the_file(tmp_path, asked, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "csv":
        path.write_text(TABLE, encoding="gbk")
    elif suffix == "shp":
        frame = gpd.GeoDataFrame({"name": ["东门警务室"]}, geometry=[Point(114, 22.5)], crs=4326)
        frame.to_file(path, encoding="gbk")
    else:
        text = '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": '
        text += '{"名": "甲"}, "geometry": {"type": "Point", "coordinates": [114, 22.5]}}]}'
        path.write_text(text, encoding="gbk")
    assert one_line(tmp_path, path, encoding=asked).startswith("io.error.encoding")


def test_half_of_a_surrogate_pair_is_no_traceback(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('编号,经度,纬度,x\n甲,114.01,22.51,"[""\\ud800""]"\n', encoding="utf-8")
    one_line(tmp_path, path)
