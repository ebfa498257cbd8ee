"""The GIS bundle: GeoPackage with styles and a QGIS project, GeoJSON, Shapefile in GBK."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.gdal.guards import load_pyogrio
from gridmap.i18n import has_key, tr, using_language
from gridmap.io import write_frame
from gridmap.model import Kind, Layer
from gridmap.report.mapping import shade_by_class
from gridmap.report.measured import reach_frame
from gridmap.report.report import Report
from gridmap.report.tables import Format, Table
from gridmap.typing import Floats

_TABLES = {
    Kind.GRID: "grids",
    Kind.BEAT: "beats",
    Kind.STATION: "stations",
    Kind.COMMUNITY: "communities",
}
#: Names of columns in a Shapefile, which has ten letters for each.
_SHORT = {
    "residents_per_km2": "res_km2",
    "incidents_per_km2": "inc_km2",
    "incidents_per_1000_residents": "inc_1000r",
    "covered_residents_share": "covered_sh",
    "covered_residents": "covered",
    "outside_residents": "outside",
    "per_day_now": "per_day",
    "per_day_before": "per_day_bf",
    "incidents_ytd": "inc_ytd",
    "incidents_before_previous": "inc_prev",
    "incidents_before_last_year": "inc_lastyr",
    "incidents_before_ytd": "ytd_lastyr",
    "change_previous": "chg_prev",
    "change_last_year": "chg_lastyr",
    "change_ytd": "chg_ytd",
    "officers_lacking": "off_lack",
    "residents_per_officer": "res_officr",
}
_FORMS: dict[str, Format] = {"incidents_per_km2": "decimal", "change_previous": "change"}
_REACH = "reach"  # the layer of the ground within reach of a room
_INCIDENTS = "incidents"  # of each grid, at a point in it
_POINTS = frozenset({str(Kind.ROOM), _INCIDENTS})
_STYLES = """CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
    f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
    description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"""


@lru_cache(maxsize=1)  # three formats of one report
def layer_frames(report: Report) -> dict[str, gpd.GeoDataFrame]:
    """Return what the report tells of grids, beats, stations, communities and rooms.

    The ground within reach of a room stands beside them as ``reach``, and ``incidents`` at a
    point of each grid. Hidden and unknown
    numbers are missing values.
    """
    city = report.city
    found: dict[str, gpd.GeoDataFrame] = {}
    layers = {kind: city.get(kind) for kind in _TABLES} | {Kind.BEAT: report.beats}
    for kind, layer in layers.items():
        table = report.table(_TABLES[kind])
        if layer is not None and table is not None:
            found[str(kind)] = _joined(layer, table, report)
    if city.has(Kind.ROOM):
        keep = [name for name in ("id", "name", "geometry") if name in city.rooms.frame.columns]
        frame = gpd.GeoDataFrame(city.rooms.frame[keep], crs=city.crs)
        rooms = report.table("rooms")
        if rooms is not None:
            rows = rooms.rows.set_index("id").reindex(frame["id"].astype(str))
            for item in rooms.columns:
                if item.form != "text":
                    frame[item.key] = _whole(rows[item.key]).to_numpy()
        found[str(Kind.ROOM)] = frame
    grids = found.get(str(Kind.GRID))
    if grids is not None and "incidents" in grids.columns:
        # A point for each grid: where each incident happened is nobody's to hand on.
        some = grids.loc[_numbers(grids["incidents"]) > 0, ["id", "name", "incidents", "geometry"]]
        spots = shapely.point_on_surface(some.geometry.to_numpy())
        found[_INCIDENTS] = gpd.GeoDataFrame(some.drop(columns="geometry"), geometry=spots,
                                             crs=city.crs)  # fmt: skip
    ground = reach_frame(city)
    if ground is not None:
        found[_REACH] = ground
    return found


def write_geopackage(report: Report, folder: Path) -> None:
    """Write ``gis/report_PERIOD.gpkg`` and a QGIS project beside it that opens with all of it.

    Those of a plan end in ``_plan_NAME``. Each layer has a style that QGIS opens with, and
    others to choose: incidents, change, people out of reach. Columns carry their names in the
    report's language and what they mean.
    """
    frames = layer_frames(report)
    if not frames:
        return
    target = folder / "gis"
    target.mkdir(exist_ok=True)
    path = target / f"report_{report.period.code}{report.plan_mark}.gpkg"
    pyogrio = load_pyogrio()
    # The date in the file is the report's: no clock.
    stamp = f"{report.request.dated.isoformat()}T00:00:00.000Z"
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": stamp})
    try:
        for kind, frame in frames.items():
            write_frame(frame, path, layer=kind)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    with using_language(report.language), closing(sqlite3.connect(path)) as database, database:
        database.execute(_STYLES)
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description,"
            " last_change) VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
            (stamp,),
        )
        _describe(database, report, frames)
        for kind, frame in frames.items():
            styles = {
                "gridmap": _renderer(kind, frame),
                **({} if kind in _POINTS else _more_styles(frame)),
            }
            for name, renderer in styles.items():
                database.execute(
                    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,"
                    " f_geometry_column, styleName, styleQML, useAsDefault, description, owner,"
                    " update_time) VALUES ('', '', ?, 'geom', ?, ?, ?, '', '', ?)",
                    (kind, name, _qml(renderer), int(name == "gridmap"), stamp),
                )
    with using_language(report.language):
        project = _project(report, frames, path.name)
    path.with_suffix(".qgs").write_text(project, encoding="utf-8", newline="\n")


def _describe(
    database: sqlite3.Connection, report: Report, frames: dict[str, gpd.GeoDataFrame]
) -> None:
    """Say in the file what each layer and column is: period, plan, what is hidden.

    Columns get their names in the report's language by the GeoPackage's schema extension,
    which GDAL and QGIS show as aliases.
    """
    about = _about(report)
    if report.hiding.limit:
        hidden = tr("report.map.hidden", limit=report.hiding.limit)
        about += f" · {hidden}"
    database.execute(
        "CREATE TABLE IF NOT EXISTS gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT"
        " NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT, constraint_name TEXT,"
        " CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name))"
    )
    database.execute(
        "CREATE TABLE IF NOT EXISTS gpkg_extensions (table_name TEXT, column_name TEXT,"
        " extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,"
        " CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))"
    )
    database.execute(
        "INSERT OR IGNORE INTO gpkg_extensions VALUES ('gpkg_data_columns', NULL, 'gpkg_schema',"
        " 'http://www.geopackage.org/spec/#extension_schema', 'read-write')"
    )
    _add_metadata(database, about, f"{report.request.dated.isoformat()}T00:00:00.000Z")
    for kind, frame in frames.items():
        database.execute(
            "UPDATE gpkg_contents SET description = ? WHERE table_name = ?", (about, kind)
        )
        for name in frame.columns:
            label = _full_label(str(name))
            if label:
                database.execute(
                    "INSERT INTO gpkg_data_columns (table_name, column_name, name, title,"
                    " description) VALUES (?, ?, ?, ?, ?)",
                    (kind, str(name), label, label, _meaning(str(name), report)),
                )


def _about(report: Report) -> str:
    """Return the report's title and period, and that it is of a plan where it is."""
    parts = [report.title, report.subtitle]
    if report.plan is not None:
        parts.append(tr("briefing.band.plan", plan=report.plan.name))
    return " · ".join(parts)


def _add_metadata(database: sqlite3.Connection, about: str, stamp: str) -> None:
    """Say what the whole file is by the GeoPackage's metadata extension."""
    database.execute(
        "CREATE TABLE IF NOT EXISTS gpkg_metadata (id INTEGER PRIMARY KEY AUTOINCREMENT"
        " NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset', md_standard_uri TEXT NOT NULL,"
        " mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '')"
    )
    database.execute(
        "CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (reference_scope TEXT NOT NULL,"
        " table_name TEXT, column_name TEXT, row_id_value INTEGER, timestamp DATETIME NOT NULL,"
        " md_file_id INTEGER NOT NULL, md_parent_id INTEGER,"
        " FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),"
        " FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id))"
    )
    for table in ("gpkg_metadata", "gpkg_metadata_reference"):
        database.execute(
            "INSERT OR IGNORE INTO gpkg_extensions VALUES (?, NULL, 'gpkg_metadata',"
            " 'http://www.geopackage.org/spec/#extension_metadata', 'read-write')",
            (table,),
        )
    said = database.execute(
        "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata)"
        " VALUES ('dataset', 'http://purl.org/dc/terms/abstract', 'text/plain', ?)",
        (about,),
    )
    database.execute(
        "INSERT INTO gpkg_metadata_reference VALUES ('geopackage', NULL, NULL, NULL, ?, ?, NULL)",
        (stamp, said.lastrowid),
    )


def _full_label(name: str) -> str:
    """Return what a column is called in the report, blank for one that has no name there."""
    key = next((key for key in (f"report.column.{name}", f"field.{name}") if has_key(key)), "")
    return tr(key) if key else ""


def _meaning(name: str, report: Report) -> str:
    """Return the formula of a column where the report defines it."""
    key = f"report.definition.{name}.formula"
    radius = f"{report.city.presets.room_radius_m:,.0f}"
    return tr(key, radius=radius) if has_key(key) else ""


def write_geojson(report: Report, folder: Path) -> None:
    """Write ``gis/KIND.geojson`` in WGS 84 degrees."""
    for kind, frame in layer_frames(report).items():
        (folder / "gis").mkdir(exist_ok=True)
        write_frame(frame, folder / "gis" / f"{kind}.geojson")


def write_shapefiles(report: Report, folder: Path) -> None:
    """Write ``gis/shp/KIND.shp`` in GBK; column names are in the report's language."""
    with using_language(report.language):
        for kind, frame in layer_frames(report).items():
            names = _SHORT if report.language == "en" else _labels(list(frame.columns))
            path = folder / "gis" / "shp" / f"{kind}.shp"
            write_frame(frame.rename(columns=names), path)
            day = report.request.dated
            with path.with_suffix(".dbf").open("r+b") as table:
                table.seek(1)  # the date of a DBF: the report's, not the clock's
                table.write(bytes([(day.year - 1900) % 256, day.month, day.day]))


def _labels(columns: list[str]) -> dict[str, str]:
    """Return columns' names without the unit in brackets: ten bytes are five signs."""
    found = {}
    for name in columns:
        key = next((key for key in (f"field.{name}", f"report.column.{name}") if has_key(key)), "")
        if key:
            found[name] = tr(key).partition("\uff08")[0]
    return found


def _joined(layer: Layer, table: Table, report: Report) -> gpd.GeoDataFrame:
    """Return a layer's shapes with the numbers of its table, row by row."""
    columns: dict[str, object] = {"id": layer.ids, "name": layer.names}
    if layer.kind == Kind.GRID and report.plan is not None:
        columns["beat"] = report.plan.labels
    elif layer.has("beat"):
        columns["beat"] = layer.texts("beat")
    plan = report.plan if layer.kind == Kind.GRID else None
    if plan is not None and any(beat.station for beat in plan.beats):
        of = np.array([*(beat.station for beat in plan.beats), ""], dtype=object)
        columns["station"] = of[plan.assignment]
    elif layer.has("station"):
        columns["station"] = layer.texts("station")
    rows = table.rows.set_index("id").reindex(layer.ids.astype(str))
    for item in table.columns:
        if item.form != "text":
            columns[item.key] = _whole(rows[item.key])
        elif item.key not in {"id", "name"} and not item.key.startswith("parent_"):
            columns[item.key] = rows[item.key].to_numpy(dtype=object)
    return gpd.GeoDataFrame(columns, geometry=layer.geometry, crs=layer.crs)


def _whole(values: pd.Series) -> pd.Series:
    """Return numbers as whole ones where they all are: counts are written without a point."""
    known = values.dropna()
    whole = len(known) and (known % 1 == 0).all() and known.abs().max() < 2**53
    return values.astype("Int64" if whole else float).reset_index(drop=True)


def _numbers(column: pd.Series) -> Floats:
    """Return a column as numbers, NaN where they are hidden or unknown."""
    return column.to_numpy(dtype=float, na_value=np.nan)


def _project(report: Report, frames: dict[str, gpd.GeoDataFrame], file: str) -> str:
    """Return a QGIS project that shows every layer of a GeoPackage beside it.

    Points lie above areas, small areas above large ones; paths are relative, so that the
    folder may be moved.
    """
    crs = report.city.crs
    authority = crs.to_authority()
    srs = (
        f"<spatialrefsys><wkt>{escape(crs.to_wkt())}</wkt>"
        f"<authid>{escape(':'.join(authority) if authority else '')}</authid>"
        f"<geographicflag>false</geographicflag></spatialrefsys>"
    )
    order = [kind for kind in ("room", _INCIDENTS, "station", "beat", "community", "grid", _REACH)
             if kind in frames]  # fmt: skip
    tree, layers, legend = [], [], []
    shown = [(kind, kind, tr(f"report.gis.{kind}"), _renderer(kind, frames[kind]))
             for kind in order]  # fmt: skip
    # Above the areas that they are of, and hidden until they are asked for.
    above = next((place for place, kind in enumerate(order) if kind not in _POINTS), len(order))
    shown[above:above] = _themes(frames)
    for key, kind, title, renderer in shown:
        frame = frames[kind]
        source = f"./{file}|layername={kind}"
        shape, wkb = ("Point", "Point") if kind in _POINTS else ("Polygon", "MultiPolygon")
        unseen = key != kind or kind in {"community", _INCIDENTS, _REACH}
        checked = "Qt::Unchecked" if unseen else "Qt::Checked"
        tree.append(
            f'<layer-tree-layer id="{key}" name={quoteattr(title)} checked="{checked}"'
            f' expanded="0" providerKey="ogr" source={quoteattr(source)}/>'
        )
        legend.append(f'<layer id="{key}"/>')
        aliases = "".join(
            f'<alias field={quoteattr(str(name))} index="{place}"'
            f" name={quoteattr(_full_label(str(name)))}/>"
            for place, name in enumerate(frame.columns)
            if str(name) != "geometry"
        )
        layers.append(
            f'<maplayer type="vector" geometry="{shape}" wkbType="{wkb}"'
            f' styleCategories="AllStyleCategories" refreshOnNotifyEnabled="0">'
            f"<id>{key}</id><datasource>{escape(source)}</datasource>"
            f"<layername>{escape(title)}</layername><srs>{srs}</srs>"
            f'<provider encoding="UTF-8">ogr</provider>{renderer}'
            f'<aliases>{aliases}</aliases><previewExpression>"name"</previewExpression>'
            "</maplayer>"
        )
    sides = np.array([frame.total_bounds for frame in frames.values()])
    box = (*sides[:, :2].min(axis=0), *sides[:, 2:].max(axis=0))
    extent = "".join(
        f"<{name}>{float(value):.2f}</{name}>"
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    title = _about(report)
    if report.plan is not None:  # the list of layers says so, too
        band = quoteattr(tr("briefing.band.plan", plan=report.plan.name))
        tree = [
            f'<layer-tree-group name={band} checked="Qt::Checked" expanded="1">',
            *tree,
            "</layer-tree-group>",
        ]
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        f'<qgis projectname={quoteattr(title)} version="3.22.0">'
        f"<title>{escape(title)}</title><projectCrs>{srs}</projectCrs>"
        f"<layer-tree-group>{''.join(tree)}</layer-tree-group>"
        f'<mapcanvas name="theMapCanvas"><units>meters</units><extent>{extent}</extent>'
        f"<destinationsrs>{srs}</destinationsrs></mapcanvas>"
        f"<projectlayers>{''.join(layers)}</projectlayers>"
        f"<layerorder>{''.join(legend)}</layerorder>"
        '<properties><Paths><Absolute type="bool">false</Absolute></Paths></properties>'
        "</qgis>\n"
    )


def _themes(frames: dict[str, gpd.GeoDataFrame]) -> list[tuple[str, str, str, str]]:
    """Return maps of change and coverage, of the smallest areas that have them.

    Each is the id of a layer of the project, the kind of its areas, its title and renderer.
    """
    found = []
    for column in ("change_previous", "change_last_year", "outside_residents"):
        for kind in ("beat", "station", "grid"):
            if column not in frames.get(kind, ()):
                continue
            values = _numbers(frames[kind][column])
            if np.isfinite(values).any():
                title = tr("report.lead", name=tr(f"report.gis.{kind}")) + _full_label(column)
                found.append((f"{kind}_{column}", kind, title, _graduated(column, values)))
                break
    return found


def _more_styles(frame: gpd.GeoDataFrame) -> dict[str, str]:
    """Return renderers to choose in QGIS: incidents, change, people out of reach."""
    found = {}
    for column in ("incidents", "incidents_per_km2", "change_previous", "outside_residents"):
        if column in frame.columns:
            values = _numbers(frame[column])
            if np.isfinite(values).any():
                found[_full_label(column)] = _graduated(column, values)
    return found


def _renderer(kind: str, frame: gpd.GeoDataFrame) -> str:
    """Return how QGIS draws a layer."""
    if kind in {str(Kind.GRID), _INCIDENTS} and "incidents" in frame.columns:
        values = _numbers(frame["incidents"])
        return _graduated("incidents", values, points=kind == _INCIDENTS)
    look = {
        "grid": _fill("255,255,255,0", "135,150,168,255", "0.2"),
        "beat": _fill("255,255,255,0", "27,42,58,255", "0.5"),
        "station": _fill("255,255,255,0", "179,38,30,255", "0.7", dash="dash"),
        "community": _fill("255,255,255,0", "91,107,124,255", "0.4", dash="dot"),
        _REACH: _fill("15,92,85,40", "15,92,85,255", "0.4"),
        "room": _marker(),
    }[kind]
    shape = "marker" if kind == "room" else "fill"
    return (
        '<renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0">'
        f'<symbols><symbol name="0" type="{shape}" alpha="1">{look}</symbol></symbols>'
        "</renderer-v2>"
    )


def _graduated(column: str, values: Floats, *, points: bool = False) -> str:
    """Return a renderer in the classes of the printed maps; unknown values are not drawn.

    Points grow with their class.
    """
    form = _FORMS.get(column, "count")
    shade = shade_by_class(np.empty(len(values), object), values, title="", form=form)
    ranges, symbols = [], []
    for place, (colour, label) in enumerate(shade.legend):
        inside = values[(shade.rows == place) & np.isfinite(values)]
        if not len(inside):
            continue
        low, high = float(inside.min()), float(inside.max())
        ranges.append(
            f'<range lower="{low!r}" upper="{high!r}" symbol="{place}" render="true"'
            f" label={quoteattr(label)}/>"
        )
        look = _fill(_rgb(colour), "255,255,255,255", "0.1")
        if points:
            look = _marker("200,80,10,200", 1.2 + 1.1 * place)
        kind = "marker" if points else "fill"
        symbols.append(f'<symbol name="{place}" type="{kind}" alpha="1">{look}</symbol>')
    return (
        f'<renderer-v2 type="graduatedSymbol" attr="{column}" symbollevels="0"'
        ' graduatedMethod="GraduatedColor" enableorderby="0">'
        f"<ranges>{''.join(ranges)}</ranges><symbols>{''.join(symbols)}</symbols></renderer-v2>"
    )


def _qml(renderer: str) -> str:
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        f'<qgis version="3.22" styleCategories="Symbology">{renderer}</qgis>'
    )


def _fill(colour: str, outline: str, width_mm: str, *, dash: str = "solid") -> str:
    return _layer(
        "SimpleFill",
        color=colour, style="solid", outline_color=outline, outline_style=dash,
        outline_width=width_mm, outline_width_unit="MM", joinstyle="bevel",
    )  # fmt: skip


def _marker(colour: str = "15,92,85,255", size_mm: float = 2.4) -> str:
    return _layer(
        "SimpleMarker",
        name="circle", color=colour, outline_color="255,255,255,255", size=f"{size_mm:.1f}",
        size_unit="MM", outline_width="0.3",
    )  # fmt: skip


def _layer(kind: str, **options: str) -> str:
    listed = "".join(
        f'<Option type="QString" name="{name}" value={quoteattr(value)}/>'
        for name, value in options.items()
    )
    return (
        f'<layer class="{kind}" enabled="1" locked="0" pass="0">'
        f'<Option type="Map">{listed}</Option></layer>'
    )


def _rgb(colour: str) -> str:
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"
