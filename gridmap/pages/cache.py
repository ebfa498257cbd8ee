"""Every cache of the pages, keyed by content: the same bytes, the same answer, for anyone.

Streamlit cannot hash frames, and samples large ones; so every function here takes a digest
as its key and the value itself with a leading underscore, which Streamlit does not hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import streamlit as st

from gridmap.errors import InputError, MissingError
from gridmap.i18n import current_language
from gridmap.io import Finding, Workspace, check_city
from gridmap.maps import (
    Captions,
    Drawing,
    Facts,
    Overlay,
    captions_of,
    density_overlay,
    draw_geometry,
    draw_layer,
    facts_of,
)
from gridmap.maps.layers_of_city import is_main_road
from gridmap.measure import (
    CRITERIA,
    Axis,
    MeasureTable,
    ReportDelays,
    Workload,
    count_located,
    criterion_of,
    report_delays,
    summarise,
)
from gridmap.measure.change import WeeklyCounts, weekly_counts
from gridmap.measure.density import kernel_density, score_maps, top_area
from gridmap.measure.hotspots import HotSpots, find_hotspots
from gridmap.measure.present import present_plan
from gridmap.measure.summary import By
from gridmap.model import City, Kind, Layer, Plan
from gridmap.pages.keeping import Known, keep
from gridmap.pages.slices import Slices
from gridmap.plans import Ground, PlanVersion

__all__ = [
    "beat_weeks_of",
    "captions_of_city",
    "criteria_of",
    "days_of",
    "delays_of",
    "density_of",
    "drawing_of",
    "facts_of_grids",
    "findings_of",
    "ground_of_plans",
    "hot_spots_of",
    "join_grids",
    "last_whole_month",
    "open_city",
    "own_plan",
    "plan_of",
    "road_drawings",
    "slices_of",
    "table_of",
    "trust_of",
    "weeks_of",
]


def open_city(path: Path) -> tuple[City, str]:
    """Return the city in a workspace, and the digest of what is stored there."""
    key = _stored(path)
    return _city(str(path), key), key


def table_of(
    city: City, key: str, by: By, since: date | None, until: date | None, plan: Plan | None = None
) -> MeasureTable:
    """Return the measures of a city; ``until`` is the last day counted."""
    return _table(city, key, by, since, until, plan, plan.digest if plan else "")


def drawing_of(layer: Layer, *, datum: str) -> Drawing:
    """Return the drawing of a layer."""
    return _drawing(layer, layer.digest, datum)


def road_drawings(layer: Layer, *, datum: str) -> tuple[Drawing | None, Drawing | None]:
    """Return the drawings of the main and of the minor roads; None where there are none."""
    return _road_drawings(layer, layer.digest, datum)


@st.cache_resource(show_spinner=False, max_entries=12)
def _road_drawings(
    _layer: Layer, digest: str, datum: str
) -> tuple[Drawing | None, Drawing | None]:
    def draw() -> tuple[Drawing | None, Drawing | None]:
        main = is_main_road(_layer)
        first, second = (
            draw_geometry(_layer.geometry[rows], _layer.crs, datum=datum) if rows.any() else None
            for rows in (main, ~main)
        )
        return first, second

    return keep("roads", (digest, datum), draw)


def captions_of_city(city: City, key: str, *, datum: str) -> tuple[Captions, ...]:
    """Return the names that stand on a city's maps."""
    return _captions(city, key, datum, current_language())


@st.cache_resource(show_spinner=False, max_entries=12)
def _captions(_city_: City, key: str, datum: str, language: str) -> tuple[Captions, ...]:
    return keep("captions", (key, datum, language), lambda: captions_of(_city_, datum=datum))


def facts_of_grids(
    city: City,
    key: str,
    since: date | None,
    until: date | None,
    columns: tuple[str, ...],
    plan: Plan | None,
) -> Facts:
    """Return what a hover over each grid tells of the measures of a period."""
    table = table_of(city, key, "grid", since, until)
    digest = plan.digest if plan else ""
    return _facts(city, key, table, since, until, columns, plan, digest, current_language())


def own_plan(city: City, key: str) -> Plan | None:
    """Return the city's own beats as a plan, or None where it has none."""
    return _own_plan(city, key, current_language())


def _stored(path: Path) -> str:
    """Return a digest of the list of contents, and of size and time of every file of data."""
    sums = hashlib.blake2b(digest_size=16)
    months = sorted((path / "incidents.parquet").glob("*.parquet"))
    for file in (path / "gridmap.toml", path / "city.gpkg", *months):
        if file.exists():
            stat = file.stat()
            sums.update(f"{file.name}|{stat.st_size}|{stat.st_mtime_ns}|".encode())
    config = path / "gridmap.toml"
    sums.update(config.read_bytes() if config.exists() else b"")
    return sums.hexdigest()


@st.cache_resource(show_spinner=False, max_entries=6)
def _city(path: str, key: str) -> City:
    city = Workspace.open(path).city()
    known = keep("known", (key,), lambda: Known.of(city))
    # `vars` is where a cached property keeps its value.
    for kind, layer in city.layers.items():
        vars(layer)["digest"] = known.digests.get(str(kind)) or layer.digest
    if city.incidents is not None:
        vars(city.incidents)["period"] = known.period
    return city


def join_grids(city: City, key: str) -> None:
    """See to it that the city knows which grids border which, from an earlier run if need be."""
    _joined(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _joined(_city_: City, key: str) -> bool:
    found = keep("adjacency", (key,), lambda: _city_.adjacency)
    if found.size == len(_city_.grids):
        vars(_city_).setdefault("adjacency", found)
    return True


@st.cache_resource(show_spinner=False, max_entries=64)
def _table(
    _city_: City,
    key: str,
    by: By,
    since: date | None,
    until: date | None,
    _plan: Plan | None,
    plan_key: str,
) -> MeasureTable:
    end = until + timedelta(days=1) if until else None
    return keep(
        "table",
        (key, by, since, until, plan_key),
        lambda: summarise(_city_, by=by, since=since, until=end, plan=_plan),
    )


@st.cache_resource(show_spinner=False, max_entries=64)
def _drawing(_layer: Layer, digest: str, datum: str) -> Drawing:  # noqa: ARG001 - hashed for the layer
    return draw_layer(_layer, datum=datum)


@st.cache_resource(show_spinner=False, max_entries=64)
def _facts(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    _table_: MeasureTable,
    since: date | None,  # noqa: ARG001 - hashed for the table
    until: date | None,  # noqa: ARG001 - hashed for the table
    columns: tuple[str, ...],
    _plan: Plan | None,
    plan_key: str,  # noqa: ARG001 - hashed for the plan
    language: str,  # noqa: ARG001 - hashed for the words
) -> Facts:
    return facts_of(_city_, _table_.rows, columns, _plan)


@st.cache_resource(show_spinner=False, max_entries=6)
def _own_plan(_city_: City, key: str, language: str) -> Plan | None:
    try:
        return keep("plan", (key, language), lambda: present_plan(_city_))
    except MissingError:
        return None


def plan_of(version: PlanVersion, grids: str, load: Callable[[], Plan | None]) -> Plan | None:
    """Return a saved plan on grids of a digest; a version never changes, so it is read once."""
    return _plan_of(version.name, version.number, version.digest, grids, load)


@st.cache_resource(show_spinner=False, max_entries=64)
def _plan_of(
    name: str,  # noqa: ARG001 - hashed
    number: int,  # noqa: ARG001 - hashed
    digest: str,  # noqa: ARG001 - hashed
    grids: str,  # noqa: ARG001 - hashed
    _load: Callable[[], Plan | None],
) -> Plan | None:
    return _load()


def ground_of_plans(city: City, key: str, weights: Mapping[str, float]) -> Ground:
    """Return the ground that plans are edited on; residents and incidents unless weighted."""
    return _ground(city, key, tuple(sorted(weights.items())))


@st.cache_resource(show_spinner=False, max_entries=12)
def _ground(_city_: City, key: str, weights: tuple[tuple[str, float], ...]) -> Ground:
    join_grids(_city_, key)
    workload = Workload.from_city(_city_, dict(weights)) if weights else None
    return Ground.from_city(_city_, workload=workload)


def criteria_of(city: City, key: str) -> tuple[str, ...]:
    """Return the criteria of workload that the city has something of."""
    return _criteria(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _criteria(_city_: City, key: str) -> tuple[str, ...]:
    return keep("names", ("criteria", key), lambda: tuple(filter(partial(_has, _city_), CRITERIA)))


def _has(city: City, criterion: str) -> bool:
    try:
        return bool(criterion_of(city, criterion).sum() > 0)
    except InputError:
        return False


def slices_of(city: City, key: str, since: date | None, until: date | None) -> Slices:
    """Return the incidents of a period by grid, hour and category."""
    return _slices(city, key, since, until)


@st.cache_resource(show_spinner=False, max_entries=24)
def _slices(_city_: City, key: str, since: date | None, until: date | None) -> Slices:
    end = until + timedelta(days=1) if until else None

    def count() -> Slices:
        by: tuple[Axis, ...] = ("hour", "category")
        return Slices.of(count_located(_city_, Kind.GRID, since=since, until=end, by=by))

    return keep("slices", (key, since, until), count)


def hot_spots_of(
    city: City,
    key: str,
    values: npt.NDArray[np.float64],
    *,
    days: tuple[date | None, date | None] = (None, None),
    hours: tuple[int, ...] = (),
    categories: tuple[int, ...] = (),
) -> HotSpots:
    """Return the hot and cold spots of counts by grid: of days, hours and categories."""
    digest = hashlib.blake2b(values.tobytes()).hexdigest()
    return _hot_spots(city, key, digest, (days, hours, categories), values)


@st.cache_resource(show_spinner=False, max_entries=24)
def _hot_spots(
    _city_: City,
    key: str,
    digest: str,
    counted: tuple[tuple[date | None, date | None], tuple[int, ...], tuple[int, ...]],
    _values: npt.NDArray[np.float64],
) -> HotSpots:
    (since, until), hours, categories = counted

    def find() -> HotSpots:
        join_grids(_city_, key)
        names = () if _city_.incidents is None else _city_.incidents.categories
        return find_hotspots(
            _city_,
            counts=_values,
            since=since,
            until=until + timedelta(days=1) if until else None,
            hours=hours,
            categories=[names[row] for row in categories],
        )

    return keep("hot_spots", (key, digest, *counted), find)


def density_of(
    city: City, key: str, since: date | None, until: date | None, *, datum: str
) -> Overlay | None:
    """Return the kernel density of a period's incidents as a picture; None without incidents."""
    return _density(city, key, since, until, datum, current_language())


@st.cache_resource(show_spinner=False, max_entries=12)
def _density(
    _city_: City,
    key: str,
    since: date | None,
    until: date | None,
    datum: str,
    language: str,
) -> Overlay | None:
    parts = (key, since, until, datum, language)
    return keep("density", parts, lambda: _surface(_city_, since, until, datum))


def _surface(_city_: City, since: date | None, until: date | None, datum: str) -> Overlay | None:
    if _city_.incidents is None:
        return None
    end = np.datetime64(until + timedelta(days=1)) if until else None
    batches = list(
        _city_.incidents.batches(since=np.datetime64(since) if since else None, until=end)
    )
    x = np.concatenate([batch.x for batch in batches] or [np.empty(0)])
    y = np.concatenate([batch.y for batch in batches] or [np.empty(0)])
    if len(x) < 2:
        return None
    outline = shapely.union_all(_city_.grids.geometry)
    west, south, east, north = outline.bounds
    cell_m = max(25.0, max(east - west, north - south) / 600.0)
    surface = kernel_density(x, y, city=outline, cell_m=cell_m)
    bounds = drawing_of(_city_.grids, datum=datum).bounds
    return density_overlay(surface, _city_.crs, bounds, datum=datum)


def weeks_of(
    city: City, key: str, hours: tuple[int, ...], categories: tuple[int, ...]
) -> WeeklyCounts | None:
    """Return the city's incidents by week, of some hours of the week and categories only."""
    return _weeks(city, key, hours, categories)


@st.cache_resource(show_spinner=False, max_entries=24)
def _weeks(
    _city_: City,
    key: str,  # noqa: ARG001 - what is kept hangs on it
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> WeeklyCounts | None:
    return weekly_counts(_city_, hours=hours, categories=categories).get("city")


def beat_weeks_of(city: City, key: str, plan: Plan) -> dict[str, list[int]]:
    """Return the incidents of each beat by week, by the beat's id; empty where none are known."""
    return _beat_weeks(city, key, plan, plan.digest)


@st.cache_resource(show_spinner=False, max_entries=6)
def _beat_weeks(_city_: City, key: str, _plan: Plan, digest: str) -> dict[str, list[int]]:
    def count() -> dict[str, list[int]]:
        found = weekly_counts(_city_, ["beat"], plan=_plan).get("beat")
        if found is None:
            return {}
        counts = found.counts[:, -52:].tolist()
        return dict(zip(map(str, _plan.beat_ids), counts, strict=False))

    return keep("beat_weeks", (key, digest), count)


def days_of(
    city: City,
    key: str,
    *,
    rows: tuple[int, ...] = (),
    hours: tuple[int, ...] = (),
    categories: tuple[int, ...] = (),
) -> npt.NDArray[np.int64]:
    """Return the incidents of each day with data: of grids, hours and categories, all if empty."""
    return _days(city, key, rows, hours, categories)


@st.cache_resource(show_spinner=False, max_entries=24)
def _days(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    rows: tuple[int, ...],
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> npt.NDArray[np.int64]:
    incidents = _city_.located
    if incidents is None or incidents.period is None:
        return np.empty(0, np.int64)
    first, last = (np.datetime64(one.date(), "D") for one in incidents.period)
    counts = np.zeros(int((last - first) / np.timedelta64(1, "D")) + 1, np.int64)
    names = ["time", "category", *([str(Kind.GRID)] if rows else [])]
    for part in incidents.columns(names, since=first, until=last + 1):
        since = (part["time"].astype("datetime64[s]") - first).astype(np.int64)
        keep = np.ones(len(since), dtype=bool)
        if rows:
            keep &= np.isin(part[str(Kind.GRID)], list(rows))
        if categories:
            keep &= np.isin(part["category"], list(categories))
        if hours:
            # Day 0 of the epoch was a Thursday: hours of the week begin with Monday.
            week = (since // 3600 + 24 * ((first.astype(np.int64) + 3) % 7)) % 168
            keep &= np.isin(week, list(hours))
        counts += np.bincount(since[keep] // 86_400, minlength=len(counts))[: len(counts)]
    return counts


@st.cache_resource(show_spinner=False, max_entries=16)
def delays_of(
    _city_: City,
    key: str,  # noqa: ARG001 - what the cache knows the city by
    since: date | None,
    until: date | None,
) -> ReportDelays | None:
    """Return how late the incidents of a period were reported; ``until`` is included."""
    end = None if until is None else until + timedelta(days=1)
    return report_delays(_city_, since=since, until=end)


def trust_of(city: City, key: str) -> tuple[pd.DataFrame, str] | None:
    """Return how well maps of all but the last whole month foretell it, and that month."""
    return _trust(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _trust(_city_: City, key: str) -> tuple[pd.DataFrame, str] | None:
    return keep("trust", (key,), lambda: _foretold(_city_, key))


def _foretold(_city_: City, key: str) -> tuple[pd.DataFrame, str] | None:
    incidents = _city_.incidents
    if incidents is None or incidents.period is None:
        return None
    begin, end = last_whole_month(incidents.period[1].date())
    if (begin - incidents.period[0].date()).days < 27:
        return None
    before = _slices(_city_, key, None, begin - timedelta(days=1)).by_grid()
    after = _slices(_city_, key, begin, end).by_grid()
    area = np.maximum(_city_.grids.area_m2 / 1e6, 1e-9)
    hot = hot_spots_of(_city_, key, before, days=(None, begin - timedelta(days=1))).kind == "hot"
    share = float(area[hot].sum() / area.sum()) or 0.05
    maps = {"hot": hot, "density": top_area(before, area, share=share)}
    return score_maps(maps, after, area), f"{begin:%Y-%m}"


def last_whole_month(last: date) -> tuple[date, date]:
    """Return the first and last day of the last month that ends on a day or before it.

    >>> last_whole_month(date(2024, 3, 30))
    (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    """
    end = (last + timedelta(days=1)).replace(day=1) - timedelta(days=1)
    return end.replace(day=1), end


def findings_of(city: City, key: str) -> tuple[Finding, ...]:
    """Return what is wrong with a city's data."""
    return _findings(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _findings(_city_: City, key: str) -> tuple[Finding, ...]:
    return keep("findings", (key,), lambda: check_city(_city_))
