"""What is beside the map of coverage: lists, tables, the day's hours, and files."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import shapely
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gridmap.api.coverage import (
    CoverageOptions,
    CoverageResult,
    SiteOptions,
    SiteResult,
    coverage,
    networks_of,
    site,
)
from gridmap.api.measure import By
from gridmap.errors import MissingError, in_page
from gridmap.fields import Json
from gridmap.i18n import current_language, tr
from gridmap.io import write_frame
from gridmap.maps import Drawing, draw_geometry
from gridmap.model import City, Kind
from gridmap.pages.cache import keep
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import Line, number, show_chart, show_frame, show_list
from gridmap.pages.session import choice_key, session_id
from gridmap.pages.visitors import SHOWN
from gridmap.plans import Action, logged

VIEWS = ("worst", "rooms", "hours", "areas", "networks")
_ROWS: tuple[By, ...] = ("station", "beat", "community")
_BYTES = "application/octet-stream"
_NETWORKS = ("village", "camera", "fire", "service")


def network_name(name: str) -> str:
    """Return what a network is called; blank stands for the rooms."""
    if not name or name == Kind.FACILITY:
        return tr(f"page.network.{'facility' if name else 'room'}")
    for key in _NETWORKS:
        if name == tr(f"coverage.words.{key}", language="zh"):
            return tr(f"page.network.{key}")
    return name


def show_view(name: str, ground: PageGround, result: CoverageResult) -> None:
    """Draw one of `VIEWS` for the first of the limits."""
    show = {
        "worst": _show_worst,
        "rooms": _show_rooms,
        "hours": _show_hours,
        "areas": _show_areas,
        "networks": _show_networks,
    }[name]
    show(ground, result)


def _show_worst(ground: PageGround, result: CoverageResult) -> None:
    worst = result.worst(result.coverages[0], count=6)
    people = "incidents" not in worst.columns
    st.header(
        tr("page.coverage.worst" if people else "coverage.page.worst_incidents"), anchor=False
    )
    if worst.empty:
        st.caption(tr("page.coverage.all_reached"))
    share = f"covered_{'residents' if people else 'incidents'}_share"
    row_of = {str(one): at for at, one in enumerate(ground.city.grids.ids)}
    show_list(
        [
            Line(
                str(row["name"]),
                tr(
                    "page.coverage.outside" if people else "coverage.page.outside_incidents",
                    count=number(row["outside"]),
                    share=f"{1 - row[share]:.0%}",
                ),
                cells=(row_of[str(row["id"])],),
            )
            for row in worst.to_dict("records")
        ]
    )


def _show_rooms(ground: PageGround, result: CoverageResult) -> None:
    coverage = result.coverages[0]
    rooms = result.rooms(coverage).sort_values(
        ["residents_per_officer", "residents"], ascending=False
    )
    unit = coverage.within.unit
    staff = [name for name in ("officers", "auxiliaries") if ground.city.rooms.has(name)]
    per_officer = ["residents_per_officer"] if "officers" in staff else []
    names = ["name", "residents", *staff, *per_officer, f"mean_{unit}"]
    labels = {name: tr(f"field.{name}") for name in ("name", "residents", *staff)}
    labels["residents_per_officer"] = tr("coverage.page.per_officer")
    labels[f"mean_{unit}"] = tr(f"coverage.column.mean_{unit}")
    _show_table(rooms[names], labels)
    st.caption(tr("coverage.page.rooms_help"))


def _show_hours(ground: PageGround, result: CoverageResult) -> None:
    hours = hours_of(result, ground.key)
    if hours is None:
        return
    shown = pd.DataFrame(
        {
            tr("coverage.page.hour"): hours["hour"],
            tr("page.figure.reached"): 100.0 * hours["covered_residents_share"],
            tr("page.figure.rooms"): hours["rooms"],
            tr("field.officers"): hours["officers"],
        }
    )
    hour, share, rooms, officers = map(str, shown.columns)
    chart = (
        alt.Chart(shown, height=230)
        .mark_bar(color="#1b8a7f")
        .encode(
            x=alt.X(f"{hour}:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(f"{share}:Q", scale=alt.Scale(domain=[0, 100]), title=f"{share} (%)"),
            tooltip=[hour, alt.Tooltip(share, format=".1f"), rooms, officers],
        )
    )
    show_chart(chart, tr("coverage.page.hours_help"))
    st.caption(tr("coverage.page.hours_help"))


def _show_areas(ground: PageGround, result: CoverageResult) -> None:
    by = st.segmented_control(
        tr("coverage.page.rows"),
        _ROWS,
        format_func=lambda name: tr(f"page.kind.{name}"),
        label_visibility="collapsed",
        required=True,
        key=choice_key(ground.session, "coverage-by", "station", _ROWS),
    )
    plan = ground.plan if by == "beat" and not ground.city.has(Kind.BEAT) else None
    try:
        rows, _ = result.table(result.coverages[0], by=by or "station", plan=plan)
    except MissingError as error:
        st.caption(in_page(error.text()))
        return
    unit = result.coverages[0].within.unit
    shares = ("covered_residents_share", "backup_residents_share", "covered_migrants_share",
              "covered_incidents_share")  # fmt: skip
    names = ["name", "residents", *shares, f"mean_{unit}", f"p95_{unit}"]
    labels = {name: tr(f"coverage.column.{name}") for name in names[2:]}
    labels |= {name: tr(f"field.{name}") for name in names[:2]}
    rows = rows.assign(**{name: 100.0 * rows[name] for name in shares})
    _show_table(rows[names].sort_values("covered_residents_share"), labels)


def _show_networks(ground: PageGround, result: CoverageResult) -> None:
    """Draw one line for the rooms and each network: the same limit, the same code."""
    city, within = ground.city, str(result.coverages[0].within)
    networks = ([""] if city.has(Kind.ROOM) else []) + networks_of(city)
    rows = []
    for network in networks:
        asked = replace(result.options, within=within, network=network, places=None)
        found = coverage_of(city, ground.key, asked)
        whole = found.to_frame().iloc[0]
        rows.append(
            {
                "name": network_name(network),
                "places": len(found.coverages[0].place_ids),
                "covered_residents_share": 100.0 * whole["covered_residents_share"],
                "backup_residents_share": 100.0 * whole["backup_residents_share"],
                "outside": whole["residents"] - whole["covered_residents"],
            }
        )
    labels = {
        "name": tr("field.network"),
        "places": tr("coverage.page.places"),
        "outside": tr("field.outside"),
    }
    for name in ("covered_residents_share", "backup_residents_share"):
        labels[name] = tr(f"coverage.column.{name}")
    _show_table(pd.DataFrame(rows), labels)
    st.caption(tr("coverage.page.networks_help"))


def _show_table(rows: pd.DataFrame, labels: dict[str, str]) -> None:
    """Draw a table, its shares and minutes with one decimal."""
    fine = {
        name: rows[name].map("{:,.1f}".format, na_action="ignore")
        for name in rows.columns
        if _is_fine(name)
    }
    whole = {
        name: rows[name].round()
        for name in rows.columns
        if name not in fine and rows[name].dtype.kind == "f"
    }
    rounded = rows.assign(**fine, **whole).rename(columns=labels)
    show_frame(rounded, right=[labels[name] for name in fine])


def _is_fine(name: str) -> bool:
    return name.endswith(("_share", "_min"))


def show_download(ground: PageGround, result: CoverageResult) -> None:
    """Offer the ground in reach and the grids as a GeoPackage, made when it is asked for."""
    found = result.coverages
    names = "_".join(str(coverage.within) for coverage in found)
    put_download(
        ground,
        tr("coverage.page.download"),
        f"coverage_{found[0].mode}_{names}.gpkg",
        lambda path: _write_package(result, path),
    )


def put_download(
    ground: PageGround,
    label: str,
    file: str,
    write: Callable[[Path], None],
    *,
    place: DeltaGenerator | None = None,
    subject: str = "coverage",
) -> None:
    """Offer a file, written and logged when it is asked for; say so where the role has none.

    Parameters
    ----------
    ground
        The city.
    label
        What the button says.
    file
        The file's name.
    write
        Writes it to a path.
    place
        Where the button goes; here if None.
    subject
        What the log calls it.
    """
    session, put = ground.session, place or st
    if not session.may(Action.EXPORT):
        put.caption(tr("page.people.no_export"))
        return
    # Asked here, not in the thread that writes: there the browser's cookies are not known.
    actor, url, home = session.someone(), session.settings.database_url, session.path
    keeps_log = bool(url) or not session.is_bundled
    here = session_id()

    def written() -> bytes:
        log = logged(home, actor, Action.EXPORT, subject, url=url)
        with (
            log if keeps_log else nullcontext(dict[str, Json]()) as detail,
            tempfile.TemporaryDirectory(
                prefix=f"gridmap-{subject}-", ignore_cleanup_errors=True
            ) as folder,
        ):
            path = Path(folder) / file
            write(path)
            data = path.read_bytes()
            detail.update(file=file, bytes=len(data))
        SHOWN.offer_download(here, data, _BYTES, file)
        return data

    put.download_button(label, written, file, _BYTES, on_click="ignore", width="stretch")


def _write_package(result: CoverageResult, path: Path) -> None:
    write_frame(result.reach(), path, layer="reach")
    for found in result.coverages:
        layer = f"grid_{found.within}_{found.mode}"
        write_frame(result.frame(found, by="grid"), path, layer=layer)


# -- the caches of the coverage page, keyed by content like those of `gridmap.pages.cache`


def coverage_of(city: City, key: str, options: CoverageOptions) -> CoverageResult:
    """Return the coverage of a city; each distance or time is kept by itself.

    A city without rooms is covered by none.
    """
    if options.places is None and not options.network and not city.has(Kind.ROOM):
        options = replace(options, places=())
    single = [replace(options, within=str(limit)) for limit in options.limits]
    found = [_coverage(city, one, key, repr(one), current_language()) for one in single]
    return CoverageResult(
        city=city,
        options=options,
        coverages=tuple(item for result in found for item in result.coverages),
    )


@st.cache_resource(show_spinner=False, max_entries=48)
def _coverage(
    _city_: City, _options_: CoverageOptions, key: str, asked: str, language: str
) -> CoverageResult:
    if _options_.places:  # of a working plan: nobody asks for it again
        return coverage(_city_, _options_)
    parts = (key, asked, language)  # notes are sentences
    found = keep("coverage", parts, lambda: coverage(_city_, _options_).coverages)
    return CoverageResult(city=_city_, options=_options_, coverages=found)


def reach_drawings_of(result: CoverageResult, key: str, *, datum: str) -> list[Drawing | None]:
    """Return the drawing of the ground within reach of each coverage; None where there is none."""
    return [_reach_drawing(result, row, key, _place(result, row), datum)
            for row in range(len(result.coverages))]  # fmt: skip


def _place(result: CoverageResult, row: int) -> tuple[str, ...]:
    """Return what the ground within reach hangs on besides the city."""
    found = result.coverages[row]
    places = hashlib.blake2b(found.place_xy.tobytes(), digest_size=16).hexdigest()
    return str(found.within), found.mode, places


@st.cache_resource(show_spinner=False, max_entries=48)
def _reach_drawing(
    _result: CoverageResult, _row: int, key: str, names: tuple[str, ...], datum: str
) -> Drawing | None:
    def draw() -> Drawing | None:
        shape = _result.shape(_result.coverages[_row])
        if shape.is_empty:
            return None
        return draw_geometry(np.array([shape], dtype=object), _result.city.crs, datum=datum)

    return keep("drawn", (key, names, datum), draw)


def hours_of(result: CoverageResult, key: str) -> pd.DataFrame | None:
    """Return residents covered in each hour by the rooms that are staffed then, if known."""
    found = result.coverages[0]
    return _hours(result, key, str(found.within), found.mode)


@st.cache_resource(show_spinner=False, max_entries=24)
def _hours(_result: CoverageResult, key: str, within: str, mode: str) -> pd.DataFrame | None:  # noqa: ARG001 - hashed for the result
    return _result.hours(_result.coverages[0])


def sites_of(city: City, key: str, options: SiteOptions, drawn: tuple[int, ...]) -> SiteResult:
    """Return where rooms go; rows of grids in ``drawn`` are the ground they may stand on."""
    return _sites(city, options, key, repr(options), drawn, current_language())


@st.cache_resource(show_spinner=False, max_entries=24)
def _sites(
    _city_: City,
    _options: SiteOptions,
    key: str,  # noqa: ARG001 - hashed for the city
    asked: str,  # noqa: ARG001 - hashed for the options
    drawn: tuple[int, ...],
    language: str,  # noqa: ARG001 - notes are sentences
) -> SiteResult:
    if drawn:
        shapes = shapely.make_valid(_city_.grids.geometry[list(drawn)])
        _options = replace(_options, area=shapely.union_all(shapes))
    return site(_city_, _options)
