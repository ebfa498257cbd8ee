"""Every cache of the pages, keyed by content: the same bytes, the same answer, for anyone.

Streamlit cannot hash frames, and samples large ones; so every function here takes a digest
as its key and the value itself with a leading underscore, which Streamlit does not hash.

What takes long is also kept between runs of the app, in the user's cache folder
(`gridmap.io.keep_arrays`), which is bounded, never in the workspace, which may be read-only. A
name there is a digest of what the value depends on; a damaged file, or one of other code, is
made again. Values are dataclasses of `_KINDS`, frames, arrays, bytes and plain values, nested as
they like: arrays are kept as they are, all else as one tree of JSON that says where each array
belongs. Nothing else is made of a file, whatever it says.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import shapely
import streamlit as st
from numpy.typing import NDArray

from gridmap.api.check import CheckOptions, check
from gridmap.api.incidents import (
    Days,
    RateChange,
    Slices,
    change_of,
    count_days,
    density,
    foretell,
    known_criteria,
    late_reports,
    slice_incidents,
    weeks_of_beats,
)
from gridmap.api.measure import (
    By,
    HotspotsOptions,
    HotspotsResult,
    MeasureOptions,
    MeasureResult,
    hotspots,
    measure,
)
from gridmap.api.open import todays_plan
from gridmap.api.results import figure_types
from gridmap.i18n import current_language
from gridmap.io import Finding, Workspace, keep_arrays, kept_arrays
from gridmap.io.findings import FindingKind
from gridmap.maps import (
    Captions,
    Drawing,
    Facts,
    Hours,
    Overlay,
    Theme,
    captions_of,
    density_overlay,
    draw_geometry,
    draw_layer,
    facts_of,
    hour_theme,
)
from gridmap.maps.layers_of_city import is_main_road
from gridmap.model import Adjacency, BeatInfo, City, Kind, Layer, Plan
from gridmap.model.adjacency import Bridge
from gridmap.plans import Ground, PlanVersion
from gridmap.typing import Ints

Arrays = Mapping[str, NDArray[np.generic]]
T = TypeVar("T")

_WORTH_S = 0.15  # seconds of making
_STRANGE = (KeyError, ValueError, TypeError, IndexError, AttributeError, shapely.GEOSException)
_TREE = "tree"


@dataclass(frozen=True, slots=True)
class Known:
    """What is asked of a city at once, and takes reading all of it.

    Parameters
    ----------
    digests
        Of each layer, by its kind.
    period
        First and last moment of the incidents, or None.
    """

    digests: Mapping[str, str]
    period: tuple[pd.Timestamp, pd.Timestamp] | None

    @classmethod
    def of(cls, city: City) -> Known:
        """Return what is known of a city."""
        digests = {str(kind): layer.digest for kind, layer in city.layers.items()}
        return cls(digests, None if city.incidents is None else city.incidents.period)


_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Adjacency, BeatInfo, Bridge, Captions, Drawing, Finding, FindingKind, Known,
                 Overlay, Plan, Slices, *figure_types())
}  # fmt: skip


def keep(kind: str, parts: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return a value that was kept, or make it and keep it.

    Parameters
    ----------
    kind
        What it is, one word.
    parts
        All that it depends on, as short values: digests, days, names.
    make
        Makes it; what is made at once is not kept.
    """
    found: tuple[T] | None = recall(kind, parts)
    if found is not None:
        return found[0]
    begun = time.perf_counter()
    value = make()
    if time.perf_counter() - begun >= _WORTH_S:
        remember(kind, parts, value)
    return value


def recall(kind: str, parts: tuple[object, ...]) -> Any:  # noqa: ANN401 - whatever was remembered
    """Return what was remembered under these words, in a tuple of one, or None."""
    arrays = kept_arrays(_name(kind, parts))
    with suppress(*_STRANGE):  # of another form: as good as none
        found = None if arrays is None else unpacked(arrays)
        return found if isinstance(found, tuple) and len(found) == 1 else None
    return None


def remember(kind: str, parts: tuple[object, ...], value: object) -> None:
    """Keep a value for the next run of the app."""
    keep_arrays(_name(kind, parts), packed((value,)))


def _name(kind: str, parts: tuple[object, ...]) -> str:
    said = repr((kind, *parts)).encode()
    return f"{kind}-{hashlib.blake2b(said, digest_size=16).hexdigest()}"


def packed(value: object) -> Arrays:
    """Return a value as arrays.

    Raises
    ------
    TypeError
        If something in it is of no kind that is kept.

    Examples
    --------
    >>> unpacked(packed({"甲": (1, None, Known({}, None))}))
    {'甲': (1, None, Known(digests={}, period=None))}
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    tree = json.dumps(_told(value, arrays), ensure_ascii=False)
    return {**arrays, _TREE: np.frombuffer(tree.encode(), dtype=np.uint8)}


def unpacked(arrays: Arrays) -> Any:  # noqa: ANN401 - whatever was packed
    """Return the value that `packed` made arrays of.

    Raises
    ------
    KeyError, ValueError, TypeError, IndexError, AttributeError, shapely.GEOSException
        If the arrays are none of `packed`.
    """
    return _made(json.loads(arrays[_TREE].tobytes()), arrays)


def _told(value: object, arrays: dict[str, NDArray[np.generic]]) -> object:
    """Return a value as JSON, its arrays put aside; a list is a word and what it holds."""
    word = type(value).__name__
    if _KINDS.get(word) is type(value):
        return [word, _told_parts(value, arrays)]
    for kinds, tell in _TELLERS:
        if isinstance(value, kinds):
            return tell(value, arrays)
    raise TypeError(word)


def _told_parts(value: Any, arrays: dict[str, NDArray[np.generic]]) -> object:  # noqa: ANN401 - of `_KINDS`
    if isinstance(value, Enum):
        return str(value.value)
    names = [part.name for part in fields(value) if part.init]
    return {name: _told(getattr(value, name), arrays) for name in names}


def _told_frame(value: pd.DataFrame, arrays: dict[str, NDArray[np.generic]]) -> object:
    columns = [[str(name), _told(value[name].to_numpy(), arrays)] for name in value]
    return ["frame", [_told(value.index.to_numpy(), arrays), columns]]


def _told_array(value: NDArray[Any], arrays: dict[str, NDArray[np.generic]]) -> object:
    if value.dtype != object:
        return ["array", _aside(value, arrays)]
    if any(isinstance(one, shapely.Geometry) for one in value):
        parts = [bytes(one or b"") for one in shapely.to_wkb(value)]
        sizes = np.array([len(one) for one in parts], dtype=np.int64)
        data = np.frombuffer(b"".join(parts), dtype=np.uint8)
        return ["shapes", [_aside(sizes, arrays), _aside(data, arrays)]]
    return ["objects", [_told(one, arrays) for one in value]]


def _aside(value: NDArray[np.generic], arrays: dict[str, NDArray[np.generic]]) -> str:
    name = f"a{len(arrays)}"
    arrays[name] = value
    return name


def _made(told: Any, arrays: Arrays) -> Any:  # noqa: ANN401 - whatever was told
    if isinstance(told, dict):
        return {key: _made(one, arrays) for key, one in told.items()}
    if not isinstance(told, list):
        return told
    word, held = told
    if word in _KINDS:
        kind = _KINDS[word]
        return kind(**_made(held, arrays)) if isinstance(held, dict) else kind(held)
    return _MAKERS[word](held, arrays)


def _frame(held: Any, arrays: Arrays) -> pd.DataFrame:  # noqa: ANN401 - as told
    index, columns = held
    return pd.DataFrame(
        {name: _made(column, arrays) for name, column in columns}, index=_made(index, arrays)
    )


def _objects(held: Any, arrays: Arrays) -> NDArray[np.object_]:  # noqa: ANN401 - as told
    found = np.empty(len(held), dtype=object)
    found[:] = [_made(one, arrays) for one in held]
    return found


def _shapes(held: Any, arrays: Arrays) -> NDArray[np.object_]:  # noqa: ANN401 - as told
    sizes, data = arrays[held[0]].astype(np.int64), arrays[held[1]].tobytes()
    ends = np.concatenate([[0], np.cumsum(sizes)])
    parts = [data[low:high] or None for low, high in pairwise(ends)]
    return np.asarray(shapely.from_wkb(parts), dtype=object)


_TELLERS: tuple[tuple[Any, Callable[[Any, dict[str, NDArray[np.generic]]], object]], ...] = (
    ((type(None), bool, int, float), lambda value, _: value),
    (np.generic, lambda value, _: value.item()),
    (str, lambda value, _: str(value)),
    ((tuple, list), lambda value, arrays: [
        "list" if isinstance(value, list) else "tuple", [_told(one, arrays) for one in value],
    ]),
    (Mapping, lambda value, arrays: {str(key): _told(one, arrays) for key, one in value.items()}),
    (pd.Timestamp, lambda value, _: ["time", value.isoformat()]),
    (pd.DataFrame, _told_frame),
    (bytes, lambda value, arrays: [
        "bytes", _aside(np.frombuffer(value, dtype=np.uint8), arrays),
    ]),
    (np.ndarray, _told_array),
)  # fmt: skip
_MAKERS: dict[str, Callable[[Any, Arrays], Any]] = {
    "tuple": lambda held, arrays: tuple(_made(one, arrays) for one in held),
    "list": lambda held, arrays: [_made(one, arrays) for one in held],
    "time": lambda held, _: pd.Timestamp(held),
    "frame": _frame,
    "bytes": lambda held, arrays: arrays[held].tobytes(),
    "array": lambda held, arrays: arrays[held],
    "objects": _objects,
    "shapes": _shapes,
}


# -- what pages ask for, worked out once for all readers


def open_city(path: Path) -> tuple[City, str]:
    """Return the city in a workspace, and the digest of what is stored there."""
    key = _stored(path)
    return _city(str(path), key), key


def table_of(
    city: City, key: str, by: By, since: date | None, until: date | None, plan: Plan | None = None
) -> MeasureResult:
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
    """Return the names shown on a city's maps."""
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
    """Return what the tooltip of each grid shows of the measures of a period."""
    rows = table_of(city, key, "grid", since, until).table.rows
    digest = plan.digest if plan else ""
    return _facts(city, key, rows, since, until, columns, plan, digest, current_language())


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
    """Make sure that the city knows its neighbouring grids, from an earlier run if possible."""
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
) -> MeasureResult:
    options = MeasureOptions(by=by, since=str(since or ""), until=str(until or ""), plan=_plan)
    parts = (key, by, since, until, plan_key)
    table = keep("table", parts, lambda: measure(_city_, options).table)
    return MeasureResult(city=_city_, options=options, table=table)


@st.cache_resource(show_spinner=False, max_entries=64)
def _drawing(_layer: Layer, digest: str, datum: str) -> Drawing:  # noqa: ARG001 - hashed for the layer
    return draw_layer(_layer, datum=datum)


@st.cache_resource(show_spinner=False, max_entries=64)
def _facts(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    _rows_: pd.DataFrame,
    since: date | None,  # noqa: ARG001 - hashed for the table
    until: date | None,  # noqa: ARG001 - hashed for the table
    columns: tuple[str, ...],
    _plan: Plan | None,
    plan_key: str,  # noqa: ARG001 - hashed for the plan
    language: str,  # noqa: ARG001 - hashed for the words
) -> Facts:
    return facts_of(_city_, _rows_, columns, _plan)


@st.cache_resource(show_spinner=False, max_entries=6)
def _own_plan(_city_: City, key: str, language: str) -> Plan | None:
    return keep("plan", (key, language), lambda: todays_plan(_city_))


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
    return Ground.from_city(_city_, workload=dict(weights) or None)


def criteria_of(city: City, key: str) -> tuple[str, ...]:
    """Return the criteria of workload that the city has something of."""
    return _criteria(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _criteria(_city_: City, key: str) -> tuple[str, ...]:
    return keep("names", ("criteria", key), lambda: known_criteria(_city_))


def slices_of(
    city: City, key: str, since: date | None, until: date | None, kind: Kind = Kind.GRID
) -> Slices:
    """Return the incidents of a period by grid (or row of another layer), hour and category."""
    return _slices(city, key, since, until, kind)


@st.cache_resource(show_spinner=False, max_entries=24)
def _slices(_city_: City, key: str, since: date | None, until: date | None, kind: Kind) -> Slices:
    parts = (key, since, until, str(kind))
    return keep("slices", parts, lambda: slice_incidents(_city_, since, until, kind))


def hours_of(
    city: City,
    key: str,
    since: date | None,
    until: date | None,
    categories: tuple[int, ...],
) -> tuple[Theme, Hours] | None:
    """Return what a player of a period's hours steps through; None where no hour is known."""
    return _hours(city, key, since, until, categories, current_language())


@st.cache_resource(show_spinner=False, max_entries=12)
def _hours(
    _city_: City,
    key: str,
    since: date | None,
    until: date | None,
    categories: tuple[int, ...],
    language: str,  # noqa: ARG001 - hashed for the words
) -> tuple[Theme, Hours] | None:
    found = slices_of(_city_, key, since, until).located(categories=categories)
    return hour_theme(len(_city_.grids), *found) if len(found[0]) else None


def hot_spots_of(city: City, key: str, options: HotspotsOptions) -> HotspotsResult:
    """Return the hot and cold spots of a city."""
    return _hot_spots(city, options, key, repr(options))


@st.cache_resource(show_spinner=False, max_entries=24)
def _hot_spots(_city_: City, _options_: HotspotsOptions, key: str, asked: str) -> HotspotsResult:
    def find() -> HotspotsResult:
        join_grids(_city_, key)
        return hotspots(_city_, _options_)

    found = keep("hot_spots", (key, asked), lambda: find().found)
    return HotspotsResult(city=_city_, options=_options_, found=found)


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
    surface = density(_city_, since, until)
    if surface is None:
        return None
    bounds = drawing_of(_city_.grids, datum=datum).bounds
    return density_overlay(surface, _city_.crs, bounds, datum=datum)


def change_since(
    city: City,
    key: str,
    days: Days,
    counts: tuple[float, float],
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> RateChange:
    """Return the change of a city's incidents, counted now and before, on the period before."""
    return _change(city, key, days, counts, hours, categories, current_language())


@st.cache_resource(show_spinner=False, max_entries=24)
def _change(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    days: Days,
    counts: tuple[float, float],
    hours: tuple[int, ...],
    categories: tuple[int, ...],
    language: str,  # noqa: ARG001 - hashed for the words
) -> RateChange:
    return change_of(_city_, days, *counts, hours=hours, categories=categories)


def beat_weeks_of(city: City, key: str, plan: Plan) -> dict[str, list[int]]:
    """Return the incidents of each beat by week, by the beat's id; empty where none are known."""
    return _beat_weeks(city, key, plan, plan.digest)


@st.cache_resource(show_spinner=False, max_entries=6)
def _beat_weeks(_city_: City, key: str, _plan: Plan, digest: str) -> dict[str, list[int]]:
    return keep("beat_weeks", (key, digest), lambda: weeks_of_beats(_city_, _plan))


def days_of(
    city: City,
    key: str,
    *,
    rows: tuple[int, ...] = (),
    hours: tuple[int, ...] = (),
    categories: tuple[int, ...] = (),
) -> Ints:
    """Return the incidents of each day with data: of grids, hours and categories, all if empty."""
    return _days(city, key, rows, hours, categories)


@st.cache_resource(show_spinner=False, max_entries=24)
def _days(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    rows: tuple[int, ...],
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> Ints:
    return count_days(_city_, rows=rows, hours=hours, categories=categories)


def delays_of(city: City, key: str, since: date | None, until: date | None) -> tuple[str, ...]:
    """Return how late the incidents of a period were reported, in words."""
    return _delays(city, key, since, until, current_language())


@st.cache_resource(show_spinner=False, max_entries=16)
def _delays(
    _city_: City,
    key: str,  # noqa: ARG001 - hashed for the city
    since: date | None,
    until: date | None,
    language: str,  # noqa: ARG001 - hashed for the words
) -> tuple[str, ...]:
    return late_reports(_city_, since, until)


def trust_of(city: City, key: str) -> tuple[pd.DataFrame, str] | None:
    """Return how well maps of all but the last whole month predict it, and that month."""
    return _trust(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _trust(_city_: City, key: str) -> tuple[pd.DataFrame, str] | None:
    def find() -> tuple[pd.DataFrame, str] | None:
        join_grids(_city_, key)
        return foretell(_city_)

    return keep("trust", (key,), find)


def findings_of(city: City, key: str) -> tuple[Finding, ...]:
    """Return what is wrong with a city's data."""
    return _findings(city, key)


@st.cache_resource(show_spinner=False, max_entries=6)
def _findings(_city_: City, key: str) -> tuple[Finding, ...]:
    return keep("findings", (key,), lambda: check(_city_, CheckOptions()).findings)
