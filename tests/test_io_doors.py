"""Files that lead elsewhere are refused: by both GDALs, under every suffix, and nothing leaves."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gridmap.errors import GridmapError, InputError
from gridmap.gdal.guards import DRIVERS, load_fiona, load_pyogrio, require_driver, require_format
from gridmap.io import import_files

MARK = "cookie_secret_93b1"
SUFFIXES = sorted(set(DRIVERS) - {".gdb"})
# All that GDAL has, or had, for reading what a file or a name leads to.
LEADING = [
    "OGR_VRT", "VRT", "GDALG", "WFS", "OAPIF", "HTTP", "CSW", "NGW", "Elasticsearch", "Carto",
    "AmigoCloud", "ADBC", "EEDA", "OGCAPI", "PLSCENES", "MBTiles", "PMTiles", "MVT", "PDF", "GTFS",
    "PostgreSQL", "PGDUMP", "MySQL", "MSSQLSpatial", "ODBC", "PGeo", "OCI", "CSV", "XLSX", "ODS",
    "XLS", "GPSBabel", "S57", "DGN", "GeoRSS", "JSONFG", "Parquet", "Arrow", "STACTA", "CouchDB",
]  # fmt: skip


@pytest.fixture
def secret(tmp_path):
    """A folder beside the uploads with what no upload may reach."""
    away = tmp_path / "away"
    away.mkdir()
    (away / "secret.csv").write_text(f"id,WKT\n{MARK},POINT(120 30)\n", encoding="utf-8")
    feature = {
        "type": "Feature",
        "properties": {"id": MARK, "residents": 3},
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    }
    layer = {"type": "FeatureCollection", "features": [feature]}
    (away / "secret.geojson").write_text(json.dumps(layer), encoding="utf-8")
    return away


@pytest.fixture
def listener():
    """A server on this machine that remembers every request."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - the server's name for it

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def vrt(source, layer="secret"):
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="{layer}"><SrcDataSource>{source}</SrcDataSource>'
        f"<SrcLayer>{layer}</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
    )


def tricks(secret, host):
    target = secret / "secret.geojson"
    pipeline = {
        "type": "gdal_streamed_alg",
        "command_line": f"gdal vector pipeline ! read {target}",
    }
    return {
        "vrt": vrt(target),
        "vrt behind a byte order mark": "\ufeff" + vrt(target),
        "vrt behind a comment": "<!-- kml gml gpx http://www.opengis.net/gml -->" + vrt(target),
        "vrt of a table": vrt(f"CSV:{secret / 'secret.csv'}"),
        "vrt of an address": vrt(f"/vsicurl/http://{host}/a.geojson"),
        "vrt of a service": vrt(f"WFS:http://{host}/wfs"),
        "gdalg": json.dumps(pipeline),
        "wfs": f"<OGRWFSDataSource><URL>http://{host}/wfs</URL></OGRWFSDataSource>",
        "oapif": json.dumps({"links": [{"rel": "data", "href": f"http://{host}/collections"}]}),
        "map service": f'<GDAL_WMS><Service name="TMS"><ServerUrl>http://{host}/</ServerUrl>'
        "</Service></GDAL_WMS>",
        "mapinfo view": f'!table\n!version 100\nOpen Table "{target}"\ncreate view x as select *',
        "table": f"id,WKT\n{MARK},POINT(120 30)\n",
    }  # fmt: skip


@pytest.mark.parametrize("load", [load_pyogrio, load_fiona])
def test_only_the_drivers_of_the_list_are_left(load):
    library = load()
    if library.__name__ == "pyogrio":
        left = set(library.list_drivers())
    else:
        from fiona.env import local

        with library.Env():
            left = set(local._env.drivers())
    assert left
    assert left <= {name for names in DRIVERS.values() for name in names}
    assert not left & set(LEADING)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_lead_elsewhere_are_refused(tmp_path, secret, listener, suffix):
    host, seen = listener
    for name, text in tricks(secret, host).items():
        folder = tmp_path / name
        folder.mkdir()
        path = folder / f"grid{suffix}"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(GridmapError) as error:
            import_files(tmp_path / "city", [path], kind="grid")
        assert MARK not in error.value.text()
        packed = folder / "grid.zip"
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"inner/grid{suffix}", text)
        with pytest.raises(GridmapError):
            import_files(tmp_path / "city", [packed], kind="grid")
    assert not (tmp_path / "city").exists()
    assert seen == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_both_libraries_refuse_them_without_our_look_at_the_bytes(
    tmp_path, secret, listener, suffix
):
    host, seen = listener
    pyogrio, fiona = load_pyogrio(), load_fiona()
    for name, text in tricks(secret, host).items():
        if name in {"table", "oapif"}:
            continue
        path = tmp_path / f"{name}{suffix}"
        path.write_text(text, encoding="utf-8")
        for read in (pyogrio.read_info, pyogrio.list_layers, fiona.open, fiona.listlayers):
            assert "secret" not in told_by(read, path)
    assert seen == []


def told_by(read, path):
    """What a reader says of a file; blank for nothing. Some drivers open what they cannot read."""
    try:
        return repr(read(path)).replace(str(path), "")
    except Exception:  # noqa: BLE001 - each library has its own
        return ""


@pytest.mark.parametrize("read", ["pyogrio", "fiona"])
def test_addresses_are_not_fetched_even_when_they_are_asked_for(listener, read):
    host, seen = listener
    library = load_pyogrio() if read == "pyogrio" else load_fiona()
    look = library.read_info if read == "pyogrio" else library.open
    for address in (
        f"/vsicurl/http://{host}/a.geojson", f"http://{host}/a.geojson", f"WFS:http://{host}/",
        f"/vsicurl_streaming/http://{host}/a.fgb", f"/vsizip//vsicurl/http://{host}/a.zip",
    ):  # fmt: skip
        with pytest.raises(Exception, match=r".+"):
            look(address)
    assert seen == []


def test_references_inside_allowed_formats_are_not_followed(tmp_path, listener):
    host, seen = listener
    ring = [[120, 30], [120.1, 30], [120.1, 30.1], [120, 30]]
    feature = {
        "type": "Feature", "properties": {"id": "a", "residents": 1},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip
    for kind in ("link", "url"):
        link = {"href": f"http://{host}/crs", "url": f"http://{host}/crs", "type": "proj4"}
        layer = {"type": "FeatureCollection", "crs": {"type": kind, "properties": link}}
        path = tmp_path / f"{kind}.geojson"
        path.write_text(json.dumps({**layer, "features": [feature]}), encoding="utf-8")
        try_import(tmp_path / kind, path)
    gml = tmp_path / "grid.gml"
    gml.write_text(
        '<?xml version="1.0"?><FeatureCollection xmlns:gml="http://www.opengis.net/gml"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="http://x http://{host}/schema.xsd?SERVICE=WFS">'
        f'<gml:featureMember><a><gml:pointProperty xlink:href="http://{host}/p#1"/></a>'
        "</gml:featureMember></FeatureCollection>",
        encoding="utf-8",
    )
    try_import(tmp_path / "gml", gml)
    kml = tmp_path / "grid.kml"
    kml.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><NetworkLink><Link>'
        f"<href>http://{host}/more.kml</href></Link></NetworkLink><Placemark><styleUrl>"
        f"http://{host}/style.kml#a</styleUrl><Point><coordinates>120,30</coordinates></Point>"
        "</Placemark></Document></kml>",
        encoding="utf-8",
    )
    try_import(tmp_path / "kml", kml)
    assert seen == []


def try_import(city, path):
    try:
        import_files(city, [path], kind="grid")
    except GridmapError as error:
        assert "\n" not in error.text()  # noqa: PT017 - either answer is right, a traceback is not


def test_a_layer_is_no_query(tmp_path):
    out = io.StringIO()
    json.dump({"type": "FeatureCollection", "features": []}, out)
    path = tmp_path / "grid.geojson"
    path.write_text(out.getvalue(), encoding="utf-8")
    from gridmap.io import ImportOptions

    with pytest.raises(GridmapError):
        import_files(
            tmp_path / "city", [path], kind="grid",
            options=ImportOptions(layer="SELECT * FROM grid"),
        )  # fmt: skip


def test_a_workspace_file_that_is_a_vrt_is_not_followed(tmp_path, secret):
    from gridmap.demo import make_city
    from gridmap.errors import WorkspaceError
    from gridmap.io import Workspace

    place = Workspace.at(tmp_path / "city")
    place.put_city(make_city(grids=60, incidents=100))
    (place.path / "city.gpkg").write_text(vrt(secret / "secret.geojson", "grid"), encoding="utf-8")
    with pytest.raises(WorkspaceError):
        Workspace.open(place.path).city()


def test_names_for_gdals_own_file_systems_are_refused(tmp_path):
    with pytest.raises(InputError):
        require_format(tmp_path.joinpath("/vsizip", "a.shp"))
    with pytest.raises(InputError):
        require_driver("OGR_VRT", tmp_path / "a.geojson")


@pytest.mark.slow
def test_loading_both_libraries_prints_nothing():
    code = "from gridmap.gdal.guards import *; load_pyogrio(); load_fiona().Env().__enter__()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
