"""Files as people have them, read by gridmap and by GDAL as ogr2ogr reads: right, refused, silent.

Run ``python -m benchmarks.doors``. It makes each input in a temporary folder, from situations in
public reports, and knows the truth because it made them: number of features, sum of counts, ids,
names, times, and a box in longitude and latitude. gridmap imports into an empty workspace; where
it asks (an error or a warning), once more with the answer that a user would give. The peer reads
with pyogrio in a process of its own, all layers as ogr2ogr does, with GDAL's open options for
columns of coordinates and types; text that GDAL leaves is then read by pandas, a blank CRS of a
table is WGS 84, and a blank one of a layer is refused as ``ogr2ogr -t_srs`` refuses it. Bytes that
pyogrio cannot decode count as refused, though ogr2ogr passes them on with a warning. One
function judges both: ``right``, ``refused``, ``warned`` (a figure is false, and a warning came) or
``silent`` (a figure is false, and nothing was said). Where a file is broken or hostile, refusing
is the right answer. Every input prints one JSON line; a line a family and one of all follow.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import shapely
from pyproj import CRS
from shapely import box

from gridmap.errors import GridmapError
from gridmap.io import ImportOptions, import_files, read_city
from gridmap.model.crs import reproject, reproject_points, to_datum

_DEGREES = CRS.from_epsg(4326)
_NEAR = 3e-5  # degrees, some three metres: CGCS2000 for WGS 84 and rounding are no faults

Figures = dict[str, Any]
"""``features``, ``total``, ``ids``, ``names``, ``times``, ``box``: those that are known."""


@dataclass(frozen=True)
class Door:
    """One input: its file (text, bytes, or what writes it), what a user wants of it, the truth.

    ``truth`` is None where only refusing is right; ``first`` is a layer imported before.
    """

    file: str
    kind: str
    raw: str | bytes | Callable[[Path], object]
    truth: Figures | None
    answer: ImportOptions | None = None
    first: Callable[[Path], object] | None = None
    times: tuple[str, ...] = ()  # columns that the peer's user would take for the time
    layers: tuple[str, ...] = ()  # layers that the peer's user would name; all if blank


@dataclass
class Reading:
    """What a reader made of an input: figures, or an error; warnings beside."""

    figures: Figures = field(default_factory=dict)
    error: str = ""
    warnings: list[str] = field(default_factory=list)


def verdict(reading: Reading, truth: Figures | None) -> str:
    """Return ``right``, ``refused``, ``warned`` or ``silent``."""
    if reading.error:
        return "refused"
    if truth is not None and not wrong_figures(reading.figures, truth):
        return "right"
    return "warned" if reading.warnings else "silent"


def wrong_figures(figures: Figures, truth: Figures) -> list[str]:
    """Return the names of the figures that are false or missing."""
    wrong = []
    for name, right in truth.items():
        got = figures.get(name)
        if name == "box":
            same = got is not None and np.allclose(got, right, rtol=0, atol=_NEAR)
        elif name in {"features", "total"}:
            same = got == right
        else:
            same = got is not None and sorted(got) == sorted(right)
        if not same:
            wrong.append(name)
    return wrong


# -- the readers


def read_with_gridmap(path: Path, door: Door, options: ImportOptions) -> Reading:
    """Import a file into an empty workspace and return the figures of what is stored."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "city"
        try:
            if door.first:
                before = Path(folder) / "first.gpkg"
                door.first(before)
                import_files(place, [before], kind="grid")
            report = import_files(place, [path], kind=door.kind, options=options)
        except GridmapError as error:
            return Reading(error=error.text("en"))
        city = read_city(place)
        if door.kind == "incidents":
            assert city.incidents is not None
            batch = city.incidents.all
            xy = np.column_stack(reproject_points(batch.x, batch.y, city.crs, _DEGREES))
            figures: Figures = {
                "features": len(city.incidents), "times": [str(at) for at in batch.time],
                "box": [*xy.min(axis=0), *xy.max(axis=0)],
            }  # fmt: skip
        else:
            layer = city.layer(door.kind)
            shapes = reproject(layer.geometry, city.crs, _DEGREES)
            counts = {"grid": "residents", "room": "officers"}.get(door.kind, "")
            figures = {
                "features": len(layer), "ids": list(layer.ids), "names": list(layer.names),
                "box": list(shapely.total_bounds(shapes)),
            }  # fmt: skip
            if counts and layer.has(counts):
                figures["total"] = float(layer.counts(counts).sum())
        left_out = [f"left out: {dict(report.refused)}"] if report.refused else []
        return Reading(figures, warnings=[*left_out, *(note.text() for note in report.warnings)])


_PEER = {
    "ids": ("网格编码", "编号", "id"),
    "names": ("网格名称", "名称", "name", "Name"),
    "total": ("常住人口", "民警数", "民警数（人）", "residents"),
    "x": ("经度", "经度(°)", "X"),
    "y": ("纬度", "纬度(°)", "Y"),
}


def read_with_gdal(path: Path, times: list[str], layers: list[str]) -> Reading:
    """Read a file as ogr2ogr would and return the figures of what it holds."""
    import pyogrio

    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("pyogrio").addHandler(handler)
    options: dict[str, Any] = {}
    if path.suffix == ".csv":
        options = {
            "X_POSSIBLE_NAMES": ",".join(_PEER["x"]), "Y_POSSIBLE_NAMES": ",".join(_PEER["y"]),
            "GEOM_POSSIBLE_NAMES": "WKT,geom", "AUTODETECT_TYPE": "YES",
        }  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        try:
            frames = [
                pyogrio.read_dataframe(path, layer=layer, **options)
                for layer in layers or pyogrio.list_layers(path)[:, 0]
            ]
            if not frames:
                raise ValueError("no layers")  # noqa: TRY301
            figures = _peer_figures(frames, times)
        except Exception as error:  # noqa: BLE001 - whatever GDAL, pyogrio or shapely raise
            return Reading(error=str(error) or type(error).__name__)
        finally:
            logging.getLogger("pyogrio").removeHandler(handler)
    ours = [str(item.message) for item in caught if issubclass(item.category, RuntimeWarning)]
    return Reading(figures, warnings=[*told, *ours])


def _peer_figures(frames: list[pd.DataFrame], times: list[str]) -> Figures:
    """Return the figures of all layers together, as a script would take them."""
    shapes, parts = [], []
    for frame in frames:
        if isinstance(frame, gpd.GeoDataFrame):
            crs, here = frame.crs, frame.geometry.to_numpy()
            if crs is None and not {*_PEER["x"], "geom", "WKT"} & set(frame.columns):
                raise ValueError("source layer has no coordinate system")
            here = here if crs is None else gpd.GeoSeries(here, crs=crs).to_crs(4326).to_numpy()
        else:
            xy = [_number(_column(frame, name), len(frame)) for name in ("x", "y")]
            known = np.isfinite(xy[0]) & np.isfinite(xy[1])
            here = np.full(len(frame), None, dtype=object)
            here[known] = shapely.points(xy[0][known], xy[1][known])
        shapes.append(here)
        parts.append(frame)
    every = np.concatenate(shapes)
    placed = ~(shapely.is_missing(every) | shapely.is_empty(every))
    whole = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
    figures: Figures = {"features": int(placed.sum())}
    if placed.any():
        figures["box"] = list(shapely.total_bounds(every[placed]))
    whole = whole[placed]
    for name in ("ids", "names"):
        cells = _column(whole, name)
        if cells is not None:
            figures[name] = [_text(cell) for cell in cells]
    if (counts := _column(whole, "total")) is not None:
        figures["total"] = float(np.nansum(_number(counts, len(whole))))
    columns = [name for name in times or ["发生时间"] if name in whole.columns]
    if columns:
        cells = whole[columns[0]]
        for name in columns[1:]:
            cells = cells.astype(str) + " " + whole[name].astype(str)
        figures["times"] = [_clock(cell) for cell in cells]
    return figures


def _column(frame: pd.DataFrame, name: str) -> pd.Series | None:
    """Return the first column that may be meant; None if there is none."""
    places = [at for one in _PEER[name] for at in np.flatnonzero(frame.columns == one)]
    return frame.iloc[:, places[0]] if places else None


def _number(cells: pd.Series | None, rows: int) -> np.ndarray:
    if cells is None:
        return np.full(rows, np.nan)
    return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float)


def _text(cell: object) -> str:
    """Return a cell as text: a whole number without its decimals, which is generous."""
    if isinstance(cell, float):
        return "" if np.isnan(cell) else f"{cell:.0f}" if cell.is_integer() else str(cell)
    return "" if cell is None else str(cell)


def _clock(cell: object) -> str:
    try:
        at = pd.Timestamp(cell, unit="s" if isinstance(cell, int) else None)
        return str(at.replace(tzinfo=None).isoformat())
    except (ValueError, TypeError, OverflowError):
        return ""


# -- the inputs

_ORIGIN = (120.10, 30.20)  # Hangzhou
_IDS = [f"{number:03d}" for number in range(1, 17)]
_NAMES = [f"{letter}网格" for letter in "东西南北上下左右春夏秋冬金木水火"]
_BOX = (120.10, 30.20, 120.14, 30.24)
GRID: Figures = {"features": 16, "total": 2800.0, "ids": _IDS, "names": _NAMES, "box": _BOX}
SHAPES: Figures = {"features": 16, "total": 2800.0, "box": _BOX}


def grids(*, crs: object = 4490, west: float = _ORIGIN[0], south: float = _ORIGIN[1],
          english: bool = False) -> gpd.GeoDataFrame:  # fmt: skip
    """Return 16 squares of 0.01 degrees with 2,800 residents."""
    cells = [
        box(west + i / 100, south + j / 100, west + (i + 1) / 100, south + (j + 1) / 100)
        for i in range(4)
        for j in range(4)
    ]
    names = ["id", "name", "residents"] if english else ["网格编码", "网格名称", "常住人口"]
    values = (_IDS, _NAMES, [100 + 10 * at for at in range(16)])
    frame = gpd.GeoDataFrame(dict(zip(names, values, strict=True)), geometry=cells, crs=4490)
    return frame if crs == 4490 else frame.to_crs(crs)


def moved(frame: gpd.GeoDataFrame, change: Callable[..., Any], crs: object) -> gpd.GeoDataFrame:
    """Return a layer whose numbers are changed and whose CRS only says what it says."""
    shapes = shapely.transform(
        frame.geometry.to_numpy(), lambda p: np.column_stack(change(p[:, 0], p[:, 1]))
    )
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=shapes, crs=crs)


def geojson(frame: gpd.GeoDataFrame, **more: object) -> str:
    """Return the text of a GeoJSON without a CRS, with more members at its top."""
    made = json.loads(frame.to_json(drop_id=True))
    made.pop("crs", None)
    return json.dumps({**more, **made}, ensure_ascii=False)


def swap(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return northing or latitude first."""
    return y, x


def shapefile(frame: gpd.GeoDataFrame, *, without: tuple[str, ...] = (), cpg: str = "GBK",
              cut: Mapping[str, int] | None = None) -> Callable[[Path], None]:  # fmt: skip
    """Return what writes a zipped shapefile in GBK, without some parts or with parts cut."""

    def write(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            frame.to_file(Path(folder) / "g.shp", encoding="gbk")
            with zipfile.ZipFile(path, "w") as archive:
                for part in sorted(Path(folder).iterdir()):
                    if part.suffix in {*without, ".cpg"}:
                        continue
                    raw = part.read_bytes()
                    archive.writestr(part.name, raw[: (cut or {}).get(part.suffix, len(raw))])
                if cpg:
                    archive.writestr("g.cpg", cpg)

    return write


def written(
    frame: gpd.GeoDataFrame, keep: float = 1.0, **options: object
) -> Callable[[Path], Any]:
    """Return what writes a layer by GDAL and keeps the first part of its bytes."""

    def write(path: Path) -> None:
        frame.to_file(path, **options)
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * keep)])

    return write


def zipped(**members: str | bytes) -> bytes:
    """Return a ZIP; ``__`` is a slash and ``_dot_`` a point in names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), raw)
    return out.getvalue()


def book(**sheets: list[list[object]]) -> Callable[[Path], None]:
    """Return what writes a workbook (as .xlsx, whatever the file is called)."""

    def write(path: Path) -> None:
        made = openpyxl.Workbook()
        made.remove(made.active)
        for name, rows in sheets.items():
            page = made.create_sheet(name)
            for row in rows:
                page.append(row)
        with path.open("wb") as file:
            made.save(file)

    return write


def hidden_sheet(path: Path) -> None:
    """Write rooms, and others on a sheet that nobody sees."""
    book(今年=[ROOM_HEAD, *ROOM_ROWS], 去年=[ROOM_HEAD, ["9", "旧警务室", 120.2, 30.3, 9]])(path)
    made = openpyxl.load_workbook(path)
    made["去年"].sheet_state = "hidden"
    made.save(path)


ROOM_HEAD: list[object] = ["编号", "名称", "经度", "纬度", "民警数"]
ROOM_ROWS: list[list[object]] = [
    ["001", "东门警务室", 120.101, 30.201, 3],
    ["002", "西街警务室", 120.112, 30.212, 4],
]
ROOMS: Figures = {
    "features": 2, "total": 7.0, "ids": ["001", "002"], "names": ["东门警务室", "西街警务室"],
    "box": (120.101, 30.201, 120.112, 30.212),
}  # fmt: skip
ROOM_CSV = "".join(",".join(str(cell) for cell in row) + "\n" for row in [ROOM_HEAD, *ROOM_ROWS])

AT = [(120.101, 30.201), (120.112, 30.212), (120.105, 30.209)]
EVENT_BOX = (120.101, 30.201, 120.112, 30.212)


def events(
    *cells: str, head: str = "发生时间", at: list[tuple[object, object]] | None = None
) -> str:
    """Return a table of incidents: a time (or what stands in its columns) a row."""
    spots = at or [AT[row % 3] for row in range(len(cells))]
    lines = [f"{cell},盗窃,{x},{y}" for cell, (x, y) in zip(cells, spots, strict=True)]
    return "\n".join([f"{head},警情类别,经度,纬度", *lines, ""])


def at_times(*times: str, features: int = 0) -> Figures:
    """Return the truth of incidents at the three spots."""
    return {"features": features or len(times), "times": list(times), "box": EVENT_BOX}


PLAIN = ("2024-03-05 10:05:00", "2024-03-06 23:59:59", "2024-04-03 00:30:00")
RIGHT = at_times(*(time.replace(" ", "T") for time in PLAIN))
MARCH = [f"2024-03-{day:02d}T10:00:00" for day in range(1, 32)]


def rooms_with(x: str, y: str) -> str:
    """Return the table of rooms with the first one's coordinates written in another way."""
    return ROOM_CSV.replace("120.101,30.201", f"{x},{y}")


def kml(*marks: str) -> str:
    """Return a KML of placemarks."""
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
    return f"{head}<Document>{''.join(marks)}</Document></kml>"


def placemark(name: str, shape: str, data: Mapping[str, object] | None = None) -> str:
    """Return one placemark with its extended data."""
    cells = "".join(
        f'<Data name="{key}"><value>{cell}</value></Data>' for key, cell in (data or {}).items()
    )
    more = f"<ExtendedData>{cells}</ExtendedData>" if cells else ""
    return f"<Placemark><name>{name}</name>{more}{shape}</Placemark>"


def ring_kml(cell: shapely.Polygon) -> str:
    """Return a polygon as KML."""
    line = " ".join(f"{x},{y}" for x, y in cell.exterior.coords)
    return (
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{line}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )


def grid_marks() -> list[str]:
    """Return the 16 grids as placemarks."""
    return [
        placemark(name, ring_kml(cell), {"网格编码": code, "常住人口": people})
        for code, name, people, cell in grids().itertuples(index=False)
    ]


def topojson() -> str:
    """Return the 16 grids as a topology without a CRS."""
    frame = grids(english=True)
    arcs = [[list(xy) for xy in cell.exterior.coords] for cell in frame.geometry]
    shapes = [
        {"type": "Polygon", "arcs": [[at]],
         "properties": {"id": row.id, "name": row.name_, "residents": row.residents}}
        for at, row in enumerate(frame.rename(columns={"name": "name_"}).itertuples(index=False))
    ]  # fmt: skip
    objects = {"grids": {"type": "GeometryCollection", "geometries": shapes}}
    return json.dumps({"type": "Topology", "objects": objects, "arcs": arcs}, ensure_ascii=False)


def drawing() -> str:
    """Return the 16 grids as closed polylines of a DXF in metres, and one open line."""
    parts = []
    for cell in grids(crs=4549).geometry:
        body = "".join(f"10\n{x}\n20\n{y}\n" for x, y in list(cell.exterior.coords)[:-1])
        parts.append(f"0\nLWPOLYLINE\n8\n网格\n90\n4\n70\n1\n{body}")
    x, y = next(iter(grids(crs=4549).geometry[0].exterior.coords))
    parts.append(f"0\nLWPOLYLINE\n8\n路\n90\n2\n70\n0\n10\n{x}\n20\n{y}\n10\n{x + 9}\n20\n{y}\n")
    return f"0\nSECTION\n2\nENTITIES\n{''.join(parts)}0\nENDSEC\n0\nEOF\n"


def mif_pair(path: Path) -> None:
    """Write the 16 grids as zipped MIF and MID in GBK under charset Neutral."""
    frame = grids()
    shapes = "\n".join(
        "Region 1\n  5\n" + "\n".join(f"{x} {y}" for x, y in cell.exterior.coords)
        for cell in frame.geometry
    )
    head = (
        'Version 300\nCharset "Neutral"\nDelimiter ","\nCoordSys Earth Projection 1, 104\n'
        "Columns 3\n  id Char(12)\n  name Char(20)\n  residents Integer\nData\n\n"
    )
    cells = "".join(
        f'"{code}","{name}",{people}\n' for code, name, people, _ in frame.itertuples(index=False)
    )
    path.write_bytes(zipped(g_dot_mif=f"{head}{shapes}\n", g_dot_mid=cells.encode("gbk")))


def rows_apart(path: Path) -> None:
    """Write a zipped shapefile of 16 shapes whose table has 12 rows."""
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in (("g", grids(english=True)), ("h", grids(english=True)[:12])):
            frame.to_file(Path(folder) / f"{name}.shp", encoding="utf-8")
        parts = {f"g_dot_{part}": Path(folder) / f"{'h' if part == 'dbf' else 'g'}.{part}"
                 for part in ("shp", "shx", "dbf", "prj", "cpg")}  # fmt: skip
        path.write_bytes(zipped(**{name: part.read_bytes() for name, part in parts.items()}))


def northing() -> str:
    """Return the rooms in metres, X to the north as Chinese surveyors write."""
    lon, lat = np.array([row[2:4] for row in ROOM_ROWS], dtype=float).T
    x, y = reproject_points(lon, lat, _DEGREES, CRS.from_epsg(4549))
    lines = [
        f"{row[0]},{row[1]},{north:.3f},{east:.3f},{row[4]}"
        for row, east, north in zip(ROOM_ROWS, x, y, strict=True)
    ]
    return "\n".join(["编号,名称,X,Y,民警数", *lines, ""])


def unclosed() -> str:
    """Return grids whose rings lack their last corner."""
    made = json.loads(geojson(grids()))
    for feature in made["features"]:
        feature["geometry"]["coordinates"][0].pop()
    return json.dumps(made, ensure_ascii=False)


def with_properties(**more: object) -> str:
    """Return grids of which each has further properties."""
    made = json.loads(geojson(grids()))
    for feature in made["features"]:
        feature["properties"] |= more
    return json.dumps(made, ensure_ascii=False)


def exchanged() -> str:
    """Return 200 incidents of which the last has latitude and longitude exchanged."""
    spots: list[tuple[object, object]] = [AT[row % 3] for row in range(200)]
    return events(*(PLAIN[row % 3] for row in range(200)), at=[*spots[:199], (30.2, 120.1)])


_HTML = "<html><table>" + "".join(
    f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in [ROOM_HEAD, *ROOM_ROWS]
) + "</table></html>"  # fmt: skip
_VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>CSV:/etc/passwd</SrcDataSource>'
    "<SrcLayer>passwd</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
)
_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 8}">' for a, b in zip("abcdefg", "bcdefgh", strict=True))
    + ']><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>&d;</name>'
    "<Point><coordinates>120.1,30.2</coordinates></Point></Placemark></Document></kml>"
)
_BIG5 = ROOM_CSV.replace("东门警务室", "東門派出所警務室").replace(
    "西街警务室", "西街派出所警務室"
)
_BIG5 = _BIG5.replace("编号", "編號").replace("名称", "名稱").replace("经度", "經度")
_BIG5 = _BIG5.replace("纬度", "緯度").replace("民警数", "民警數")
_MIXED = ROOM_CSV.encode("gbk") + "003,南门警务室,120.12,30.22,1\n".encode()
_MONTHS: dict[str, list[list[object]]] = {
    "说明": [["本表由某单位填写"], ["请勿改动"]],
    **{
        f"{month}月": [
            [f"2024年{month}月警情"], ["发生时间", "警情类别", "经度", "纬度"],
            *([f"2024-0{month}-0{day} 10:00", "盗窃", *AT[day - 5]] for day in (5, 6)),
        ]
        for month in (1, 2, 3)
    },
    "汇总": [["月份", "警情数"], ["1月", 2]],
}  # fmt: skip


def crs(name: str) -> ImportOptions:
    """Return the answer to a question for the CRS."""
    return ImportOptions(crs=name)


def dates(*orders: str) -> ImportOptions:
    """Return the answer to a question for the order of dates."""
    return ImportOptions(date_formats=orders)


_US = {**SHAPES, "box": (-87.70, 41.80, -87.66, 41.84)}
_CHICAGO = grids(west=-87.70, south=41.80)
_NAMELESS = {"features": 16, "box": _BOX}

DOORS: dict[str, dict[str, Door]] = {
    "encodings": {
        "table in GB18030": Door("a.csv", "room", ROOM_CSV.encode("gb18030"), ROOMS),
        "table in UTF-16": Door("a.csv", "room", ROOM_CSV.encode("utf-16"), ROOMS),
        "table in Big5": Door("a.csv", "room", _BIG5.encode("big5"), {
            **ROOMS, "names": ["東門派出所警務室", "西街派出所警務室"],
        }, ImportOptions(columns={"id": "編號", "name": "名稱", "x": "經度", "y": "緯度",
                                  "officers": "民警數"})),
        "table of two encodings": Door("a.csv", "room", _MIXED, None),
        "shapefile in GBK without .cpg": Door(
            "a.zip", "grid", shapefile(grids(), cpg=""), GRID
        ),
        "shapefile in GBK, .cpg says UTF-8": Door(
            "a.zip", "grid", shapefile(grids(), cpg="UTF-8"), GRID
        ),
        "GeoJSON in GBK": Door("a.geojson", "grid", geojson(grids()).encode("gbk"), GRID),
        "KML in GBK, declared UTF-8": Door(
            "a.kml", "grid", kml(*grid_marks()).encode("gbk"), GRID
        ),
        "MIF in GBK, charset Neutral": Door("a.zip", "grid", mif_pair, GRID),
    },
    "coordinates": {
        "US feet with their .prj": Door(
            "a.zip", "grid", shapefile(_CHICAGO.to_crs(3435)), _US
        ),
        "Xian 80 belt with its .prj": Door("a.zip", "grid", shapefile(grids(crs=4549)), GRID),
        "GML, latitude first as its CRS says": Door(
            "a.gml", "grid", written(grids(english=True, crs=4326), driver="GML"), GRID
        ),
        "Web Mercator without .prj": Door(
            "a.zip", "grid", shapefile(grids(crs=3857), without=(".prj",)), GRID, crs("EPSG:3857")
        ),
        "belt without .prj": Door(
            "a.zip", "grid", shapefile(grids(crs=4549), without=(".prj",)), GRID, crs("EPSG:4549")
        ),
        "metres in a GeoJSON": Door(
            "a.geojson", "grid", geojson(grids(crs=4549)), GRID, crs("EPSG:4549")
        ),
        "degrees, .prj says metres": Door(
            "a.zip", "grid", shapefile(moved(grids(), lambda x, y: (x, y), 4549)), GRID,
            crs("EPSG:4490"),
        ),
        "latitude first, China": Door(
            "a.geojson", "grid", geojson(moved(grids(), swap, 4326)), GRID, crs("EPSG:4326@yx")
        ),
        "latitude first, Chicago": Door(
            "a.geojson", "grid", geojson(moved(_CHICAGO, swap, 4326)), _US, crs("EPSG:4326@yx")
        ),
        "GCJ-02 beside a layer": Door(
            "a.gpkg", "beat",
            written(moved(grids(english=True), lambda x, y: to_datum(x, y, "gcj02"), 4326)),
            {"features": 16, "ids": _IDS, "box": _BOX}, ImportOptions(datum="gcj02"),
            written(grids()),
        ),
        "BD-09 beside a layer": Door(
            "a.gpkg", "beat",
            written(moved(grids(english=True), lambda x, y: to_datum(x, y, "bd09"), 4326)),
            {"features": 16, "ids": _IDS, "box": _BOX}, ImportOptions(datum="bd09"),
            written(grids()),
        ),
        "one row of 200 exchanged": Door("a.csv", "incidents", exchanged(), {
            "features": 199, "box": EVENT_BOX,
        }),
        "a row at 0, 0": Door(
            "a.csv", "incidents", events(*PLAIN, PLAIN[0], at=[*AT, (0, 0)]), RIGHT
        ),
        "northing called X": Door("a.csv", "room", northing(), ROOMS, crs("EPSG:4549@yx")),
        "GeoJSON that names its belt": Door(
            "a.geojson", "grid",
            geojson(grids(crs=4549), crs={"type": "name", "properties": {
                "name": "urn:ogc:def:crs:EPSG::4549"}}), GRID,
        ),
        "WKT without a CRS": Door(
            "a.csv", "grid", "id,residents,geom\n"
            + "".join(f'{row.id},{row.residents},"{row.geometry.wkt}"\n'
                      for row in grids(english=True).itertuples()),
            {**SHAPES, "ids": _IDS}, crs("EPSG:4326"),
        ),
    },
    "tables": {
        "ids with zeros in front": Door("a.csv", "room", ROOM_CSV, ROOMS),
        "ids of 21 digits": Door(
            "a.csv", "room", ROOM_CSV.replace("001", "330106001001000000001", 1)
            .replace("002", "330106001001000000002", 1),
            {**ROOMS, "ids": ["330106001001000000001", "330106001001000000002"]},
        ),
        "ids as decimals": Door(
            "a.csv", "room", ROOM_CSV.replace("001", "1.0", 1).replace("002", "2.0", 1),
            {**ROOMS, "ids": ["1", "2"]},
        ),
        "thousands with commas": Door(
            "a.csv", "room", rooms_with("120.101", "30.201").replace(",3\n", ',"1,003"\n'),
            {**ROOMS, "total": 1007.0},
        ),
        "full-width numbers and units": Door(
            "a.csv", "room", ROOM_CSV.replace(",3\n", ",１３人\n"), {**ROOMS, "total": 17.0}
        ),
        "decimal commas, semicolons": Door(
            "a.csv", "room", ROOM_CSV.replace(",", ";").replace(".", ","), ROOMS
        ),
        "degrees, minutes, seconds": Door(
            "a.csv", "room", rooms_with("120°6′3.6″", "30°12′3.6″")
            .replace("120.112,30.212", "120°6′43.2″,30°12′43.2″"), ROOMS,
        ),
        "packed degrees": Door(
            "a.csv", "room", rooms_with("1200603.6", "301203.6")
            .replace("120.112,30.212", "1200643.2,301243.2"), ROOMS, crs("EPSG:4326@dms"),
        ),
        "one column of coordinates": Door(
            "a.csv", "room", ROOM_CSV.replace("经度,纬度", "经纬度")
            .replace("120.101,30.201", '"120.101,30.201"')
            .replace("120.112,30.212", '"120.112,30.212"'), ROOMS,
        ),
        "title above the header": Door(
            "a.csv", "room", "2024年警务室统计表,,,,\n填表单位：某所,,,,\n" + ROOM_CSV, ROOMS
        ),
        "words for blanks": Door(
            "a.csv", "room", ROOM_CSV + "003,南门警务室,-,不详,NULL\n", ROOMS
        ),
        "units in headings": Door(
            "a.csv", "room",
            ROOM_CSV.replace("经度,纬度,民警数", "经度(°),纬度(°),民警数（人）"), ROOMS,
        ),
    },
    "times": {
        "ISO": Door("a.csv", "incidents", events(*PLAIN), RIGHT),
        "in Chinese": Door(
            "a.csv", "incidents", events("2024年3月5日 上午10点05分", "2024年3月6日 23时59分59秒",
                                         "2024年4月3日 凌晨0点30分"), RIGHT,
        ),
        "day first, a month of it": Door(
            "a.csv", "incidents", events(*(f"{day:02d}/03/2024 10:00" for day in range(1, 32))),
            at_times(*MARCH),
        ),
        "day or month first": Door(
            "a.csv", "incidents",
            events("03/04/2024 10:00", "05/04/2024 11:00", "06/04/2024 12:00"),
            at_times("2024-04-03T10:00:00", "2024-04-05T11:00:00", "2024-04-06T12:00:00"),
            dates("%d/%m/%Y"),
        ),
        "two orders in one column": Door(
            "a.csv", "incidents", events(
                *(f"2024/{day:02d}/03 10:00" for day in range(1, 13)),
                *(f"03/{day:02d}/2024 10:00" for day in range(13, 32)),
            ), at_times(*MARCH), dates("%m/%d/%Y", "%Y/%d/%m"),
        ),
        "years of two digits": Door(
            "a.csv", "incidents", events(*(f"{day:02d}.03.24 10:00" for day in range(1, 32))),
            at_times(*MARCH),
        ),
        "Excel's day numbers": Door(
            "a.csv", "incidents", events("45356.5", "45357.5", "45358.5"),
            at_times("2024-03-05T12:00:00", "2024-03-06T12:00:00", "2024-03-07T12:00:00"),
        ),
        "seconds since 1970": Door(
            "a.csv", "incidents", events("1709604000", "1709690400", "1709776800"),
            at_times("2024-03-05T10:00:00", "2024-03-06T10:00:00", "2024-03-07T10:00:00"),
        ),
        "date and hour in two columns": Door(
            "a.csv", "incidents", events(*(time.replace(" ", ",") for time in PLAIN),
                                         head="日期,时间"), RIGHT, times=("日期", "时间"),
        ),
        "first column of times blank": Door(
            "a.csv", "incidents",
            events(*(f",{time}" for time in PLAIN), head="发生时间,报警时间"),
            RIGHT, times=("报警时间",),
        ),
        "months without days": Door(
            "a.csv", "incidents", events("2024-03", "2024-03", "2024-04", head="Month"),
            at_times("2024-03-01T00:00:00", "2024-03-01T00:00:00", "2024-04-01T00:00:00"),
            times=("Month",),
        ),
        "clocks of other zones": Door(
            "a.csv", "incidents", events("2024-03-05T10:05:00Z", "2024-03-06 23:59:59-05:00",
                                         "2024-04-03 00:30:00"), RIGHT,
        ),
        "24 o'clock": Door("a.csv", "incidents", events("2024-03-05 24:00", *PLAIN[1:]), at_times(
            "2024-03-06T00:00:00", *RIGHT["times"][1:])),
        "hours of twelve": Door(
            "a.csv", "incidents",
            events("2024-03-05 12:30:00 AM", "2024-03-06 12:30:00 PM", "2024-03-07 1:30:00 PM"),
            at_times("2024-03-05T00:30:00", "2024-03-06T12:30:00", "2024-03-07T13:30:00"),
        ),
        "a time for none": Door(
            "a.csv", "incidents", events(*PLAIN, "1900-01-01 00:00:00", at=[*AT, AT[0]]), RIGHT
        ),
    },
    "broken": {
        "rings that do not close": Door("a.geojson", "grid", unclosed(), GRID),
        "download cut by the server": Door(
            "a.geojson", "grid", geojson(grids(), exceededTransferLimit=True), None
        ),
        "error of a server": Door(
            "a.geojson", "grid", '{"error": {"code": 400, "message": "Invalid query"}}', None
        ),
        "GeoJSON cut": Door("a.geojson", "grid", geojson(grids())[:-700], None),
        "GeoPackage cut": Door("a.gpkg", "grid", written(grids(), 0.6), None),
        "FlatGeobuf cut": Door("a.fgb", "grid", written(grids(), 0.7), None),
        ".shp cut": Door("a.zip", "grid", shapefile(grids(), cut={".shp": 1500}), None),
        ".dbf cut": Door("a.zip", "grid", shapefile(grids(), cut={".dbf": 700}), None),
        ".dbf of fewer rows": Door("a.zip", "grid", rows_apart, None),
        "shapefile without .dbf": Door(
            "a.zip", "grid", shapefile(grids(), without=(".dbf",)), None
        ),
        "shapefile without .shx": Door(
            "a.zip", "grid", shapefile(grids(), without=(".shx",)), GRID
        ),
        "ZIP cut": Door(
            "a.zip", "grid", zipped(a_dot_geojson=geojson(grids()))[:-60], None
        ),
        "table with an open quote": Door(
            "a.csv", "incidents", events(*PLAIN) + '"2024-04-04 10:00,盗窃,120.1,30.2\n', None
        ),
    },
    "workbooks": {
        "title above the header": Door(
            "a.xlsx", "room", book(a=[["2024年警务室统计表"], [], ROOM_HEAD, *ROOM_ROWS]), ROOMS
        ),
        "a total below": Door(
            "a.xlsx", "room", book(a=[ROOM_HEAD, *ROOM_ROWS, ["合计", None, None, None, 7]]), ROOMS
        ),
        "a sheet a month": Door(
            "a.xlsx", "incidents", book(**_MONTHS), at_times(
                *(f"2024-0{month}-0{day}T10:00:00" for month in (1, 2, 3) for day in (5, 6))
            ), ImportOptions(layer="all"),
        ),
        "numbers as text": Door(
            "a.xlsx", "room", book(a=[ROOM_HEAD, [*ROOM_ROWS[0][:4], "1,003"],
                                      [*ROOM_ROWS[1][:4], "4人"]]), {**ROOMS, "total": 1007.0},
        ),
        "formulas never computed": Door(
            "a.xlsx", "room", book(a=[ROOM_HEAD, ["001", "东门警务室", "=120+A9", "=30+0.2", 3]]),
            None,
        ),
        "a hidden sheet of last year": Door(
            "a.xlsx", "room", hidden_sheet, ROOMS, ImportOptions(layer="今年"), layers=("今年",)
        ),
        "codes kept as numbers": Door(
            "a.xlsx", "room", book(a=[ROOM_HEAD, [330106001001.0, *ROOM_ROWS[0][1:]],
                                      [330106001002.0, *ROOM_ROWS[1][1:]]]),
            {**ROOMS, "ids": ["330106001001", "330106001002"]},
        ),
        "a page called .xls": Door("a.xls", "room", _HTML, ROOMS),
        "a workbook called .csv": Door("a.csv", "room", book(a=[ROOM_HEAD, *ROOM_ROWS]), ROOMS),
    },
    "formats": {
        "GeoPackage": Door("a.gpkg", "grid", written(grids()), GRID),
        "FlatGeobuf": Door("a.fgb", "grid", written(grids()), GRID),
        "SQLite": Door("a.sqlite", "grid", written(grids(), driver="SQLite"), GRID),
        "GeoJSON, a feature a line": Door("a.geojsonl", "grid", "\n".join(
            json.dumps(one, ensure_ascii=False) for one in json.loads(geojson(grids()))["features"]
        ), GRID),
        "TopoJSON without a CRS": Door("a.topojson", "grid", topojson(), GRID, crs("EPSG:4326")),
        "map of a chart library": Door(
            "a.geojson", "grid", with_properties(cp=[120.1, 30.2], acroutes=[1, 2, 3]), GRID
        ),
        "KML with its own columns": Door("a.kml", "grid", kml(*grid_marks()), GRID),
        "KML with a folder a station": Door("a.kml", "grid", kml(
            *(f"<Folder><name>{name}</name>{''.join(grid_marks()[at : at + 8])}</Folder>"
              for at, name in ((0, "城东所"), (8, "城西所")))
        ), GRID, ImportOptions(layer="all")),
        "KML with labels among areas": Door("a.kml", "grid", kml(
            *grid_marks(),
            placemark("标注", "<Point><coordinates>120.5,30.5</coordinates></Point>"),
        ), GRID),
        ".ovkml": Door("a.ovkml", "grid", kml(*grid_marks()), GRID),
        "DXF of closed lines": Door("a.dxf", "grid", drawing(), _NAMELESS, crs("EPSG:4549")),
        "GPX of roads": Door("a.gpx", "road", (
            '<?xml version="1.0"?><gpx version="1.1" creator="a" '
            'xmlns="http://www.topografix.com/GPX/1/1"><trk><name>环路</name><trkseg>'
            '<trkpt lat="30.2" lon="120.1"/><trkpt lat="30.24" lon="120.14"/></trkseg></trk></gpx>'
        ), {"features": 1, "names": ["环路"], "box": _BOX}, layers=("tracks",)),
    },
    "hostile": {
        "a pointer to another file": Door("a.geojson", "grid", _VRT, None),
        "entities that multiply": Door("a.kml", "room", _LAUGHS, None),
        "a ZIP that leaves its folder": Door(
            "a.zip", "room", zipped(**{"..__a_dot_csv": ROOM_CSV}), None
        ),
        "ten thousand lists in lists": Door(
            "a.geojson", "grid", with_properties(x=0).replace('"x": 0', '"x": ' + "[" * 10_000
                                                              + "]" * 10_000), None,
        ),
        "another program's bytes": Door(
            "a.gpkg", "grid", b"\x89PNG\r\n\x1a\n" + b"\0" * 500, None
        ),
        "infinite coordinates": Door(
            "a.csv", "room", rooms_with("inf", "inf").replace("120.112,30.212", "inf,nan"), None
        ),
        "a table called .shp": Door("a.shp", "room", ROOM_CSV, None),
    },
}  # fmt: skip


# -- the table


def main() -> None:
    """Print a JSON line an input, one a family, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="one family, or one input")
    options = parser.parse_args()
    if options.peer:
        for line in sys.stdin:
            path, times, layers = json.loads(line)
            found = read_with_gdal(Path(path), times, layers)
            print(json.dumps(vars(found), default=float), flush=True)
        return
    doors = [
        (family, name, door)
        for family, inputs in DOORS.items()
        for name, door in inputs.items()
        if options.only in {"", family, name}
    ]
    with tempfile.TemporaryDirectory() as folder:
        paths = [_write(Path(folder) / str(at), door) for at, (*_, door) in enumerate(doors)]
        asked = [
            json.dumps([str(path), door.times, door.layers])
            for path, (*_, door) in zip(paths, doors, strict=True)
        ]
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.doors", "--peer"], input="\n".join(asked),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        peers = [Reading(**json.loads(line)) for line in ran.stdout.splitlines()]
        counts: dict[str, Counter[str]] = {family: Counter() for family in DOORS}
        for (family, name, door), path, peer in zip(doors, paths, peers, strict=True):
            line = {"family": family, "input": name, "refusing_is_right": door.truth is None}
            line |= _line("gdal", peer, door)
            plain = read_with_gridmap(path, door, ImportOptions())
            line |= _line("gridmap", plain, door)
            if line["gridmap"] in {"refused", "warned"} and door.answer:
                answered = read_with_gridmap(path, door, door.answer)
                if verdict(answered, door.truth) == "right":
                    line["gridmap"] = "answered"
                else:
                    line |= _line("answered", answered, door)
            print(json.dumps(line, ensure_ascii=False, default=float), flush=True)
            counts[family].update([f"{who}_{line[who]}" for who in ("gdal", "gridmap")])
            counts[family]["inputs"] += 1
    for family, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        if count:
            print(json.dumps({"family": family, **dict(sorted(count.items()))}))


def _write(folder: Path, door: Door) -> Path:
    folder.mkdir()
    path = folder / door.file
    if callable(door.raw):
        door.raw(path)
    else:
        path.write_bytes(door.raw.encode() if isinstance(door.raw, str) else door.raw)
    return path


def _line(who: str, reading: Reading, door: Door) -> dict[str, object]:
    """Return a reader's verdict, and what it is about."""
    judged = verdict(reading, door.truth)
    line: dict[str, object] = {who: judged}
    if judged == "refused":
        line[f"{who}_said"] = reading.error[:160]
    elif judged != "right":
        line[f"{who}_wrong"] = wrong_figures(reading.figures, door.truth or {})
        line[f"{who}_said"] = " | ".join(reading.warnings)[:200]
    return line


if __name__ == "__main__":
    main()
