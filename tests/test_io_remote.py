"""Sources on servers: pages, errors, half answers, other hosts, from a server of this machine."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
import tomlkit
from command_line import run
from plans_postgres import PrivateCluster, UnavailableError

from gridmap.errors import GridmapError, InputError, MissingError
from gridmap.io import ImportOptions, Workspace, import_files
from gridmap.io.remote import fetched, without_password

COUNT = 25


class Answers:
    """What a map server holds, and how it misbehaves."""

    def __init__(self):
        self.count, self.page, self.drop, self.fault = COUNT, 10, 0, ""
        self.column, self.asked = "residents", []

    def attributes(self, n):
        return {"OBJECTID": n + 1, "code": f"{n:04}", self.column: n}

    def ring(self, n):
        x, y = 120 + 0.01 * (n % 5), 30 + 0.01 * (n // 5)
        return [[x, y], [x, y + 0.01], [x + 0.01, y + 0.01], [x + 0.01, y], [x, y]]

    def geojson(self, n):
        return {
            "type": "Feature", "id": n, "properties": self.attributes(n),
            "geometry": {"type": "Polygon", "coordinates": [self.ring(n)]},
        }  # fmt: skip

    def slice(self, start, count):
        """Return the rows of a page; the server may lose the last ones."""
        return range(start, min(start + count, self.count - self.drop))

    def arcgis(self, path, query):
        if not path.endswith("/query"):
            return {"fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID"}],
                    "maxRecordCount": self.page}  # fmt: skip
        if "returnCountOnly" in query:
            return {"count": self.count}
        rows = self.slice(int(query["resultOffset"]), int(query["resultRecordCount"]))
        return {
            "geometryType": "esriGeometryPolygon", "spatialReference": {"wkid": 4326},
            "fields": [{"name": "code", "type": "esriFieldTypeString", "alias": "code"},
                       {"name": self.column, "type": "esriFieldTypeInteger", "alias": "n"}],
            "features": [{"attributes": self.attributes(n), "geometry": {"rings": [self.ring(n)]}}
                         for n in rows],
            "exceededTransferLimit": rows.stop < self.count - self.drop,
        }  # fmt: skip

    def ogc_api(self, path, query):
        start = int(query.get("offset", 0))
        rows = self.slice(start, self.page)
        links = [{"rel": "self", "href": path}]
        if rows.stop < self.count - self.drop:
            links.append({"rel": "next", "href": f"{path}?f=json&offset={rows.stop}"})
        if self.fault == "elsewhere":
            links = [{"rel": "next", "href": "http://169.254.169.254/latest/meta-data"}]
        return {"type": "FeatureCollection", "numberMatched": self.count, "links": links,
                "features": [self.geojson(n) for n in rows]}  # fmt: skip

    def wfs(self, _, query):
        if query.get("resultType") == "hits":
            return f'<wfs:FeatureCollection numberMatched="{self.count}" numberReturned="0"/>'
        rows = self.slice(int(query["startIndex"]), min(int(query["count"]), self.page))
        return {"type": "FeatureCollection", "features": [self.geojson(n) for n in rows]}


@pytest.fixture
def server(monkeypatch):
    """Serve the three kinds on 127.0.0.1; nothing else is allowed."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            answers.asked.append(self.path)
            if answers.fault == "redirect":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/")
                self.end_headers()
                return
            kind = (
                "arcgis" if "Server" in parts.path else "wfs" if "wfs" in parts.path else "ogc_api"
            )
            told = getattr(answers, kind)(parts.path, query)
            if answers.fault == "error in 200":
                told = {"error": {"code": 499, "message": "Token Required"}}
            body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            body = b"<html>busy</html>" if answers.fault == "html" else body
            self.send_response(503 if answers.fault == "status" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answers.fault == "cut" else body)

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    answers.host = f"127.0.0.1:{httpd.server_address[1]}"
    monkeypatch.setenv("GRIDMAP_SOURCE_HOSTS", f"gis.example, {answers.host}")
    yield answers
    httpd.shutdown()
    httpd.server_close()


ADDRESSES = {
    "arcgis": ("http://{host}/arcgis/rest/services/grids/FeatureServer/0", ""),
    "ogc_api": ("http://{host}/collections/grids", ""),
    "wfs": ("http://{host}/geoserver/wfs", "city:grids"),
}


def bring(server, place, name="arcgis", **options):
    address, layer = ADDRESSES[name]
    said = ImportOptions(layer=layer, **options)
    return import_files(place, [address.format(host=server.host)], kind="grid", options=said)


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_page_is_fetched(server, tmp_path, name):
    report = bring(server, tmp_path / "city", name, columns={"id": "code"})
    assert report.features == COUNT
    grids = Workspace.open(tmp_path / "city").city().grids
    assert grids.counts("residents").sum() == sum(range(COUNT))
    assert sorted(grids.ids)[:2] == ["0000", "0001"]
    entry = tomlkit.parse((tmp_path / "city" / "gridmap.toml").read_text("utf-8"))["sources"]
    assert entry["grid"]["address"] == ADDRESSES[name][0].format(host=server.host)
    assert entry["grid"]["columns"] == {"id": "code"}


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ("status", "io.error.source_status"),
        ("error in 200", "io.error.source_status"),
        ("html", "io.error.source_format"),
        ("redirect", "io.error.source_status"),
        ("cut", "io.error.source_silent"),
    ],
)
def test_what_goes_wrong_is_one_line_and_nothing_is_stored(server, tmp_path, name, fault, key):
    server.fault = fault
    with pytest.raises(GridmapError) as caught:
        bring(server, tmp_path / "city", name)
    assert caught.value.key == key
    assert len(caught.value.text().splitlines()) == 1
    assert not (tmp_path / "city").exists()


@pytest.mark.parametrize("name", ADDRESSES)
def test_half_an_answer_is_refused_with_both_numbers(server, tmp_path, name):
    server.drop = 7
    with pytest.raises(InputError) as caught:
        bring(server, tmp_path / "city", name)
    assert caught.value.key == "io.error.source_half"
    assert (caught.value.values["count"], caught.value.values["total"]) == (COUNT - 7, COUNT)


def test_only_hosts_that_a_setting_names_are_asked(server, monkeypatch):
    for address in ("http://127.0.0.1:1/collections/a", "http://localhost/collections/a",
                    "https://gis.example.evil/collections/a", "http:///collections/a",
                    "http://[::1/collections/a", "postgresql://db.example/city"):  # fmt: skip
        with pytest.raises(InputError) as caught, fetched(address):
            pass
        assert caught.value.key in {"io.error.source_host", "io.error.source_address"}
    server.fault = "elsewhere"
    with (
        pytest.raises(InputError, match=re.escape("169.254.169.254")),
        fetched(f"http://{server.host}/collections/a"),
    ):
        pass
    monkeypatch.setenv("GRIDMAP_SOURCE_HOSTS", "")
    asked = len(server.asked)
    with pytest.raises(InputError), fetched(f"http://{server.host}/collections/a"):
        pass
    assert len(server.asked) == asked


def test_more_than_the_limit_is_not_fetched(server):
    with (
        pytest.raises(InputError) as caught,
        fetched(f"http://{server.host}/collections/a", max_mb=0.001),
    ):
        pass
    assert caught.value.key == "io.error.source_large"


@pytest.mark.slow
def test_refreshing_says_what_changed_and_keeps_what_cannot_be_read(server, tmp_path):
    place = tmp_path / "city"
    bring(server, place, columns={"id": "code"})
    server.count = COUNT + 3
    done = run("refresh", place, language="en")
    assert done.returncode == 0, done.stderr
    assert "25 before, 28 now; 3 new, 0 gone" in done.stdout
    told = json.loads(run("refresh", place, "--json").stdout)["sources"]
    assert told == [{"kind": "grid", "before": 28, "after": 28, "added": 0, "gone": 0}]
    before = (place / "city.gpkg").read_bytes()
    server.column = "people_of_2025"
    changed = run("refresh", place, language="en")
    assert changed.returncode == 2
    assert "no longer has these columns" in changed.stderr
    assert "residents" in changed.stderr
    server.column, server.drop = "residents", 4
    assert run("refresh", place).returncode == 2
    server.drop, server.fault = 0, "status"
    assert run("refresh", place, "--kind", "grid").returncode == 2
    assert (place / "city.gpkg").read_bytes() == before
    assert run("refresh", place, "--kind", "beat").returncode == 2


def test_a_password_is_neither_stored_nor_shown():
    address = "postgresql://reader:secret@db.example:5432/city?sslmode=require"
    assert without_password(address) == "postgresql://reader@db.example:5432/city?sslmode=require"
    with pytest.raises(InputError) as caught, fetched(address, layer="a.b"):
        pass
    assert "secret" not in caught.value.text()


# What of PostGIS a reader needs, for servers without it: shapes as their bytes.
STAND_IN = """
CREATE DOMAIN geometry AS bytea;
CREATE FUNCTION ST_AsBinary(geometry) RETURNS bytea LANGUAGE sql AS 'SELECT substr($1, 1)';
CREATE FUNCTION ST_SRID(geometry) RETURNS int LANGUAGE sql AS 'SELECT 4326';
"""


@pytest.fixture(scope="module")
def database():
    """Return the address of a database with grids: PostGIS where it is installed."""
    try:
        with PrivateCluster(durable=False) as cluster:
            url = cluster.empty_database()
            engine = sa.create_engine(url)
            with engine.begin() as connection:
                has = connection.execute(sa.text(
                    "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'"
                )).scalar()  # fmt: skip
                sql = "CREATE EXTENSION postgis" if has else STAND_IN
                connection.execute(sa.text(sql))
                connection.execute(sa.text(
                    "CREATE SCHEMA police; CREATE TABLE police.grids "
                    "(code text, residents numeric, built timestamp, shape geometry)"
                ))  # fmt: skip
                make = "ST_GeomFromWKB(:shape, 4326)" if has else ":shape"
                answers = Answers()
                import shapely

                for n in range(COUNT):
                    connection.execute(
                        sa.text(f"INSERT INTO police.grids VALUES (:code, :n, now(), {make})"),  # noqa: S608 - one of two of our own
                        {"code": f"{n:04}", "n": n,
                         "shape": shapely.to_wkb(shapely.Polygon(answers.ring(n)))},
                    )  # fmt: skip
            yield engine, url
            engine.dispose()
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.postgresql
def test_a_table_is_read_and_never_written(database, tmp_path, monkeypatch):
    engine, url = database
    monkeypatch.setenv("GRIDMAP_SOURCE_HOSTS", "localhost")
    monkeypatch.setattr("gridmap.io.remote._allowed", urlsplit)
    address = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    said = ImportOptions(layer="police.grids", columns={"id": "code"})
    report = import_files(tmp_path / "city", [address], kind="grid", options=said)
    assert (report.features, report.crs) == (COUNT, "EPSG:4326")
    assert Workspace.open(tmp_path / "city").city().grids.counts("residents").sum() == 300
    with (
        pytest.raises(MissingError, match=r"police\.beats"),
        fetched(address, layer="police.beats"),
    ):
        pass
    with (
        pytest.raises(MissingError),
        fetched(address, layer="police.grids; DROP TABLE police.grids"),
    ):
        pass
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM police.grids")).scalar() == COUNT
