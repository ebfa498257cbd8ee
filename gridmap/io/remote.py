"""Sources that live elsewhere: PostGIS tables, WFS, OGC API Features, ArcGIS FeatureServer.

What a server holds is fetched whole into a file of this machine, which is then imported as any
other: the same checks, the same report. Only hosts that a setting names are asked, by an HTTP
client of our own that follows no redirect and no proxy; GDAL's network drivers stay off. A
source that does not answer, or sends less than it says it has, is refused as a whole.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.fields import Json
from gridmap.settings import read_settings

if TYPE_CHECKING:
    import httpx

_SCHEMES = ("http://", "https://", "postgresql://", "postgres://")
_PAGE = 1_000  # features asked for at a time; every server in use gives as many
_MOST_PAGES = 20_000
_TIMEOUT_S = 60.0
_MB = 1_000_000
_SAFE = re.compile(r"[^\w.-]+")
_MATCHED = re.compile(r'numberMatched="(\d+)"|numberOfFeatures="(\d+)"')
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432}


def is_remote(address: object) -> bool:
    """Return whether something names a source on a server.

    >>> is_remote("https://gis.example/arcgis/rest/services/beats/FeatureServer/0")
    True
    >>> is_remote("beats.shp")
    False
    """
    return isinstance(address, str) and address.lower().startswith(_SCHEMES)


def without_password(address: str) -> str:
    """Return an address as it may be stored and shown.

    >>> without_password("postgresql://reader:secret@db.example/city?sslmode=require")
    'postgresql://reader@db.example/city?sslmode=require'
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "-"
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}"))


@contextmanager
def fetched(address: str, *, layer: str = "", max_mb: float = 2048.0) -> Iterator[Path]:
    """Yield a file with all that a source holds; it is gone afterwards.

    Parameters
    ----------
    address
        ``postgresql://user@host/database``; the address of a layer of a FeatureServer
        (``.../FeatureServer/0``), of a collection of OGC API Features
        (``.../collections/ID``), or of a WFS.
    layer
        Table as ``schema.table``, or type of a WFS; elsewhere blank.
    max_mb
        Most that is fetched, in megabytes.

    Raises
    ------
    InputError
        If the host is not one of ``GRIDMAP_SOURCE_HOSTS``, the source does not answer, answers
        with an error, or sends less than it says it has.
    MissingError
        If there is no such table, layer or collection.
    """
    parts = _allowed(address)
    with tempfile.TemporaryDirectory(prefix="gridmap-") as folder:
        if parts.scheme.startswith("postgres"):
            yield _from_postgis(address, layer, Path(folder))
            return
        with _client() as client:
            asked = _Asked(client, parts.netloc, max_mb * _MB)
            query = {name.lower(): value for name, value in parse_qsl(parts.query)}
            path = parts.path.rstrip("/")
            if "/featureserver" in path.lower() or "/mapserver" in path.lower():
                name, document = path.split("/")[-3], _from_arcgis(asked, _plain(parts))
            elif "/collections/" in path:
                name, document = path.split("/")[-1], _from_ogc_api(asked, _plain(parts))
            else:
                name = layer or query.get("typenames", "") or query.get("typename", "")
                document = _from_wfs(asked, _plain(parts), name)
        file = Path(folder) / f"{_SAFE.sub('_', name) or 'layer'}.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        yield file


def _plain(parts: Any) -> str:  # noqa: ANN401 - what urlsplit returns
    return urlunsplit(parts._replace(query="", fragment="", path=parts.path.rstrip("/")))


def _allowed(address: str) -> Any:  # noqa: ANN401 - what urlsplit returns
    """Return the parts of an address whose host a setting allows."""
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise InputError("io.error.source_address", received=without_password(address)) from error
    named = {one.strip().lower() for one in read_settings().source_hosts.split(",")} - {""}
    if not host:
        raise InputError("io.error.source_address", received=without_password(address))
    if named & {host, f"{host}:{port or _PORTS.get(parts.scheme, 0)}"}:
        return parts
    raise InputError("io.error.source_host", host=host, known=some_ids(sorted(named)))


# -- over HTTP


def _client() -> httpx.Client:
    import httpx

    return httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)


class _Asked:
    """A client that requests JSON from a server, up to a total number of bytes."""

    def __init__(self, client: httpx.Client, host: str, most: float) -> None:
        self._client, self.host, self._left = client, host, most

    def text(self, address: str, query: Mapping[str, object]) -> str:
        """Return what the server answers.

        Raises
        ------
        InputError
            If it does not answer, answers too much, or with a status of failure.
        """
        import httpx

        made = bytearray()
        query = {**dict(parse_qsl(urlsplit(address).query)), **query}
        address = urlunsplit(urlsplit(address)._replace(query=urlencode(query)))
        try:
            with self._client.stream("GET", address) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise InputError(
                        "io.error.source_status", host=self.host, code=answer.status_code
                    )
                for chunk in answer.iter_bytes():
                    made += chunk
                    self._left -= len(chunk)
                    if self._left < 0:
                        raise InputError("io.error.source_large", host=self.host)
        except httpx.HTTPError as error:
            raise InputError("io.error.source_silent", host=self.host) from error
        return made.decode("utf-8", errors="replace")

    def json(self, address: str, query: Mapping[str, object]) -> dict[str, Any]:
        """Return what the server answers as JSON; an error inside it is one of ours.

        Raises
        ------
        InputError
            As `text`, or if the answer is no JSON, or an error.
        """
        answer = self.text(address, query)
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise InputError("io.error.source_format", host=self.host) from error
        if not isinstance(found, dict):
            raise InputError("io.error.source_format", host=self.host)
        if "error" in found:
            told = found["error"]
            code = told.get("code", "-") if isinstance(told, dict) else "-"
            raise InputError("io.error.source_status", host=self.host, code=code)
        return found


def _features(page: Mapping[str, Any], host: str) -> list[Any]:
    found = page.get("features")
    if not isinstance(found, list):
        raise InputError("io.error.source_format", host=host)
    return found


def _require_all(host: str, count: int, total: object) -> None:
    """Refuse what is less, or more, than the server says it has."""
    if isinstance(total, int) and total != count:
        raise InputError("io.error.source_half", host=host, count=count, total=total)


def _from_arcgis(asked: _Asked, address: str) -> dict[str, Any]:
    """Return a layer of a FeatureServer as Esri's JSON, page by page in the order of its ids."""
    about = asked.json(address, {"f": "json"})
    if "fields" not in about:
        raise MissingError("io.error.source_layer", host=asked.host)
    everything = {"where": "1=1", "f": "json"}
    address = f"{address}/query"
    total = asked.json(address, {**everything, "returnCountOnly": "true"}).get("count")
    key = about.get("objectIdField") or next(
        (f["name"] for f in about["fields"] if f.get("type") == "esriFieldTypeOID"), ""
    )
    most = about.get("maxRecordCount")
    step = min(most, _PAGE) if isinstance(most, int) and most > 0 else _PAGE
    query: dict[str, Json] = {**everything, "outFields": "*", "returnGeometry": "true",
                                "resultRecordCount": step}  # fmt: skip
    if key:
        query["orderByFields"] = key
    whole: dict[str, Any] = {}
    features: list[Any] = []
    for _ in range(_MOST_PAGES):
        page = asked.json(address, {**query, "resultOffset": len(features)})
        more = _features(page, asked.host)
        whole = whole or page
        features += more
        if not more or not (page.get("exceededTransferLimit") or _is_short(features, total)):
            break
    _require_all(asked.host, len(features), total)
    whole.pop("exceededTransferLimit", None)
    return {**whole, "features": features}


def _is_short(features: list[Any], total: object) -> bool:
    return isinstance(total, int) and len(features) < total


def _from_ogc_api(asked: _Asked, address: str) -> dict[str, Any]:
    """Return a collection of OGC API Features as GeoJSON, following its links to the next page."""
    address = address if address.endswith("/items") else f"{address}/items"
    query: dict[str, Json] = {"f": "json", "limit": _PAGE}
    features: list[Any] = []
    seen: set[str] = set()
    total: object = None
    for _ in range(_MOST_PAGES):
        page = asked.json(address, query)
        total = page.get("numberMatched", total)
        more = _features(page, asked.host)
        features += more
        links = [one for one in page.get("links", ()) if isinstance(one, dict)]
        following = next((one.get("href") for one in links if one.get("rel") == "next"), None)
        if not following or not more or following in seen:
            break
        seen.add(following)
        address, query = urljoin(address, str(following)), {}
        if urlsplit(address).netloc != asked.host:  # it may lead anywhere
            raise InputError("io.error.source_host", host=urlsplit(address).netloc, known="")
    _require_all(asked.host, len(features), total)
    return {"type": "FeatureCollection", "features": features}


def _from_wfs(asked: _Asked, address: str, name: str) -> dict[str, Any]:
    """Return a feature type of a WFS 2.0 as GeoJSON in degrees."""
    if not name:
        raise MissingError("io.error.source_type", host=asked.host)
    usual = {"service": "WFS", "version": "2.0.0", "request": "GetFeature", "typeNames": name}
    counted = _MATCHED.search(asked.text(address, {**usual, "resultType": "hits"}))
    total = int(counted[1] or counted[2]) if counted else None
    features: list[Any] = []
    seen: set[str] = set()
    for _ in range(_MOST_PAGES):
        page = asked.json(address, {
            **usual, "outputFormat": "application/json", "srsName": "EPSG:4326",
            "count": _PAGE, "startIndex": len(features),
        })  # fmt: skip
        more = _features(page, asked.host)
        # A server without pages sends the same again.
        fresh = [one for one in more if json.dumps(one) not in seen]
        seen |= {json.dumps(one) for one in fresh}
        features += fresh
        more_to_come = len(more) == _PAGE if total is None else len(features) < total
        if not fresh or not more_to_come:
            break
    _require_all(asked.host, len(features), total)
    return {"type": "FeatureCollection", "features": features}


# -- a database


def _from_postgis(address: str, layer: str, folder: Path) -> Path:
    """Write a table to a Parquet file, its first geometry column as shapes."""
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    parts = urlsplit(address)
    host = parts.hostname or "localhost"
    schema, _, name = layer.rpartition(".")
    if not name:
        raise MissingError("io.error.source_table", host=host)
    url = sa.make_url(address).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.NullPool,
        connect_args={
            "connect_timeout": 10,
            "options": "-c default_transaction_read_only=on -c statement_timeout=600000",
        },
    )
    try:
        with engine.connect() as connection:
            frame = _read_table(connection, schema or "public", name, host)
    except (SQLAlchemyError, ImportError) as error:
        raise InputError("io.error.source_silent", host=host) from error
    finally:
        engine.dispose()
    file = folder / f"{_SAFE.sub('_', name)}.parquet"
    frame.to_parquet(file)
    return file


def _read_table(connection: Any, schema: str, name: str, host: str) -> pd.DataFrame:  # noqa: ANN401 - SQLAlchemy is loaded late
    import sqlalchemy as sa

    columns = connection.execute(
        sa.text(
            "SELECT column_name, coalesce(domain_name, udt_name) FROM information_schema.columns "
            "WHERE table_schema = :schema AND table_name = :name ORDER BY ordinal_position"
        ),
        {"schema": schema, "name": name},
    ).all()
    if not columns:
        raise MissingError("io.error.source_no_table", host=host, table=f"{schema}.{name}")
    shaped = [column for column, kind in columns if kind in {"geometry", "geography"}]
    table = sa.table(name, *(sa.column(column) for column, _ in columns), schema=schema)
    wanted = [table.c[column] for column, _ in columns if column not in shaped]
    if shaped:
        wanted += [
            sa.func.ST_AsBinary(table.c[shaped[0]]).label("geometry"),
            sa.func.ST_SRID(sa.cast(table.c[shaped[0]], _geometry())).label("gridmap_srid"),
        ]
    found = connection.execute(sa.select(*wanted))
    frame = pd.DataFrame(found.all(), columns=list(found.keys()))
    for column in frame.columns:
        if frame[column].dtype == object and column != "geometry":
            frame[column] = _plain_column(frame[column])
    if not shaped:
        return frame
    srids = {int(value) for value in frame.pop("gridmap_srid").dropna().unique()} - {0}
    shapes = shapely.from_wkb([None if b is None else bytes(b) for b in frame.pop("geometry")])
    if len(srids) > 1:
        received = some_ids(sorted(srids))
        raise InputError("io.error.unknown_srid", file=name, received=received)
    srid = next(iter(srids), 0)
    try:
        crs = CRS.from_epsg(srid) if srid else None
    except ProjError as error:
        raise InputError("io.error.unknown_srid", file=name, received=srid) from error
    return gpd.GeoDataFrame(frame, geometry=np.asarray(shapes, dtype=object), crs=crs)


def _geometry() -> Any:  # noqa: ANN401 - SQLAlchemy is loaded late
    """Return PostGIS's type of shapes, which SQLAlchemy does not know."""
    from sqlalchemy.types import UserDefinedType

    class Geometry(UserDefinedType[bytes]):
        cache_ok = True

        def get_col_spec(self, **_: object) -> str:
            return "geometry"

    return Geometry()


def _plain_column(values: pd.Series) -> pd.Series:
    """Return numbers as numbers, and whatever else a database holds as text."""
    known = values.dropna()
    if len(known) and known.map(lambda cell: type(cell).__name__ == "Decimal").all():
        return values.astype(float)
    if known.map(lambda cell: isinstance(cell, (str, bool))).all():
        return values
    return values.map(lambda cell: None if cell is None else str(cell))
