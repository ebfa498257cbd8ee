"""Figures of duty that a department may change: handling minutes, rest, equipment, prices."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.errors import InputError
from gridmap.measure import norms as staffing_norms
from gridmap.measure import open_hours, staff_needed
from gridmap.model import City, Kind, Layer
from gridmap.typing import Floats

#: Equipment flags of a room that a norm may ask for; each is a column of the room layer.
EQUIPMENT = ("id_reader", "computer", "police_terminal", "body_camera")


@dataclass(frozen=True, slots=True)
class ShiftNorms:
    """Rules of duty time and of rest between shifts.

    Parameters
    ----------
    service
        Share of moments, 0 to 1, at which every open incident has an officer.
    prevention_share
        Share of duty time, 0 to 1, kept free for patrol and prevention.
    rest_h
        Least hours between the end of a shift and the beginning of the next.
    week_h
        Most hours that a person works in a week.
    """

    service: float = 0.9
    prevention_share: float = 0.4
    rest_h: float = 11.0
    week_h: float = 40.0


@dataclass(frozen=True, slots=True)
class RoomNorms:
    """Requirements of a police room.

    Parameters
    ----------
    offices_least
        Least number of office rooms.
    equipment
        Names of `EQUIPMENT` that must be there.
    auxiliaries_per_officer
        Least number of auxiliaries for each officer.
    officers_least
        Least number of officers.
    hours_least
        Hours a day that it is staffed.
    """

    offices_least: float = 1.0
    equipment: tuple[str, ...] = EQUIPMENT
    auxiliaries_per_officer: float = 1.0
    officers_least: float = 1.0
    hours_least: float = 8.0


@dataclass(frozen=True, slots=True)
class Norms:
    """The figures of ``norms.toml``.

    Parameters
    ----------
    handling_minutes
        Officer-minutes of one incident by category; ``default`` for all others.
    shifts, rooms
        See `ShiftNorms` and `RoomNorms`.
    prices
        Yuan by what is lacking: ``officer``, ``auxiliary``, ``office`` or a name of
        `EQUIPMENT`.
    steady_years
        Years for which an officer is not moved off a community.
    """

    handling_minutes: Mapping[str, float] = field(default_factory=lambda: {"default": 45.0})
    shifts: ShiftNorms = field(default_factory=ShiftNorms)
    rooms: RoomNorms = field(default_factory=RoomNorms)
    prices: Mapping[str, float] = field(default_factory=dict)
    steady_years: float = 3.0

    def minutes_of(self, category: str) -> float:
        """Return the officer-minutes of an incident of a category."""
        return self.handling_minutes.get(category, self.handling_minutes["default"])


def read_norms(path: Path | None = None) -> Norms:
    """Return the norms of a file; gridmap's presets for whatever it leaves out.

    Parameters
    ----------
    path
        A ``norms.toml``; None, or a file that is not there, gives the presets.

    Raises
    ------
    InputError
        If the file is no TOML, or has a wrong key or value; it names the key and the line.
    """
    bundled = (files(__package__) / "norms.toml").read_text(encoding="utf-8")
    tables = _checked(bundled, "norms.toml")
    if path is not None and path.exists():
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("patrol.error.norms_file", file=path.name) from error
        for name, table in _checked(text, path.name).items():
            tables[name] = {**tables[name], **table}
    rooms = {**tables["rooms"], "equipment": tuple(tables["rooms"]["equipment"])}
    return Norms(
        handling_minutes=tables["handling_minutes"],
        shifts=ShiftNorms(**tables["shifts"]),
        rooms=RoomNorms(**rooms),
        prices=tables["prices"],
        steady_years=tables["steadiness"]["years"],
    )


_SHARES = {"service", "prevention_share"}
_KEYS: dict[str, set[str] | None] = {
    "handling_minutes": None,  # the department's own categories
    "shifts": {item.name for item in fields(ShiftNorms)},
    "rooms": {item.name for item in fields(RoomNorms)},
    "prices": {"officer", "auxiliary", "office", *EQUIPMENT},
    "steadiness": {"years"},
}


def _checked(text: str, file: str) -> dict[str, dict[str, Any]]:
    """Return the tables of a norms file, every key and value checked."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        raise InputError("patrol.error.norms_toml", file=file, reason=str(error)) from error

    def refuse(key: str, known: set[str]) -> InputError:
        line = line_of(text, key)
        names = ", ".join(sorted(known))
        return InputError("patrol.error.norms_key", file=file, line=line, name=key, known=names)

    for name, table in tables.items():
        if name not in _KEYS or not isinstance(table, dict):
            raise refuse(name, set(_KEYS))
        known = _KEYS[name]
        for key, value in table.items():
            if known is not None and key not in known:
                raise refuse(key, known)
            if key == "equipment" and name == "rooms":
                if not isinstance(value, list) or not set(map(str, value)) <= set(EQUIPMENT):
                    raise refuse(key, set(EQUIPMENT))
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 <= value < 1e9 or (key in _SHARES and value >= 1):
                raise InputError(
                    "patrol.error.norms_value", file=file, line=line_of(text, key), name=key
                )
    return tables


def line_of(text: str, key: str) -> int:
    """Return the number of the first line that sets a key or opens its table."""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        name = bare.split("=")[0].strip().strip("\"'")
        if key in (name, bare.strip("[] ")):
            return number
    return 1


# -- what police rooms and beats lack compared with the norms: offices, equipment, staff, hours


_PRICED = {"officers": "officer", "auxiliaries": "auxiliary", "offices": "office"}
_STAFF = ("officers", "auxiliaries")
_NormCheck = tuple[str, str, Layer, Floats, Floats]  # kind, item, whose, norm, has
_VILLAGE = "村"
_YES = {"yes", "y", "true", "t", "have", "是", "有", "√", "✓", "已配",
        "已配备", "配备"}  # fmt: skip
_NO = {"no", "n", "false", "f", "否", "无", "没有", "×", "x",
       "未配", "未配备", "缺"}  # fmt: skip
_NUMBER = re.compile(r"^(\d+(?:\.\d+)?)\D{0,2}$")


@dataclass(frozen=True, eq=False)
class Lacks:
    """What is lacking, by thing, by room and in all.

    Attributes
    ----------
    rows
        One row per thing that a room or beat lacks: ``kind`` (``room`` or ``beat``), ``id``,
        ``name, item, has, norm, lacking, cost`` (NaN without a price); the rooms that lack
        most things first, then the beats.
    units
        One row per room, then one per beat with the same columns: ``kind, id, name, things``
        (how many it lacks), ``unknown`` (things that nobody stated), ``cost``.
    items
        One row per thing: ``kind, item, norm`` (least norm of all), ``units`` (that lack it),
        ``lacking, unknown, cost``.
    missing
        Columns that the layers do not have, as ``kind.field``.
    """

    rows: pd.DataFrame
    units: pd.DataFrame
    items: pd.DataFrame
    missing: tuple[str, ...]


def lacks_of(city: City, norms: Norms) -> Lacks:
    """Compare a city's rooms and beats with the norms.

    A cell that is blank is unknown, never lacking. A room's auxiliaries are compared with its
    own officers; a beat's staff against the norms by beat and by village that
    `gridmap.measure.norms` carries; it is rural where the middle of a village lies in it.

    Parameters
    ----------
    city
        A city with rooms, beats or both.
    norms
        The department's figures.
    """
    tables = [
        table
        for kind, held in ((Kind.ROOM, _of_room), (Kind.BEAT, _of_beat))
        if (layer := city.get(kind)) is not None and len(layer)
        for table in held(city, layer, norms)
    ]
    missing = tuple(
        f"{kind}.{item}" for kind, item, _, _, has in tables if not np.isfinite(has).any()
    )
    prices = {item: norms.prices.get(_PRICED.get(item, item), np.nan) for item in _items()}
    rows, units, items = [], {}, []
    for kind, item, layer, norm, has in tables:
        known = np.isfinite(has)
        if not known.any():
            continue
        lacking = np.where(known, np.maximum(norm - has, 0.0), 0.0)
        cost = lacking * prices[item]
        if kind not in units:
            units[kind] = _blank_units(kind, layer)
        units[kind]["things"] += lacking > 0
        units[kind]["unknown"] += ~known
        units[kind]["cost"] += np.nan_to_num(cost)
        items.append(
            (kind, item, norm.min(), int((lacking > 0).sum()), lacking.sum(), int((~known).sum()),
             cost.sum())
        )  # fmt: skip
        rows += [
            (kind, str(layer.ids[at]), str(layer.names[at]), item, has[at], norm[at], lacking[at],
             cost[at])
            for at in np.flatnonzero(lacking > 0)
        ]  # fmt: skip
    every = pd.concat(units.values(), ignore_index=True) if units else _blank_units("room", None)
    every = every.sort_values(
        ["kind", "things", "cost", "id"], ascending=[False, False, False, True],
        ignore_index=True, kind="stable",
    )  # fmt: skip
    columns = ["kind", "id", "name", "item", "has", "norm", "lacking", "cost"]
    order = {pair: at for at, pair in enumerate(zip(every["kind"], every["id"], strict=True))}
    rows.sort(key=lambda row: order[row[0], row[1]])
    return Lacks(
        rows=pd.DataFrame(rows, columns=columns),
        units=every,
        items=pd.DataFrame(
            items, columns=["kind", "item", "norm", "units", "lacking", "unknown", "cost"]
        ),
        missing=missing,
    )


def _items() -> tuple[str, ...]:
    return ("offices", *EQUIPMENT, *_STAFF, "hours")


def _blank_units(kind: str, layer: Layer | None) -> pd.DataFrame:
    size = 0 if layer is None else len(layer)
    return pd.DataFrame(
        {
            "kind": np.full(size, kind, dtype=object),
            "id": [] if layer is None else layer.ids.astype(str),
            "name": [] if layer is None else layer.names.astype(str),
            "things": np.zeros(size, np.int64),
            "unknown": np.zeros(size, np.int64),
            "cost": np.zeros(size),
        }
    )


def _counts(layer: Layer, name: str) -> Floats:
    """Return a column of counts; NaN where nobody counted."""
    if not layer.has(name):
        return np.full(len(layer), np.nan)
    return np.asarray(pd.to_numeric(layer.frame[name], errors="coerce"), dtype=float)


def _of_room(city: City, rooms: Layer, norms: Norms) -> list[_NormCheck]:
    del city  # a room is compared by its own columns
    rule, same = norms.rooms, np.ones(len(rooms))
    officers = _counts(rooms, "officers")
    some = np.maximum(np.where(np.isfinite(officers), officers, 0.0), rule.officers_least)
    table = [("offices", rule.offices_least * same, _counts(rooms, "offices"))]
    table += [(name, same, has_equipment(rooms.texts(name))) for name in rule.equipment]
    table += [
        ("officers", rule.officers_least * same, officers),
        ("auxiliaries", np.ceil(rule.auxiliaries_per_officer * some - 1e-9),
         _counts(rooms, "auxiliaries")),
        ("hours", rule.hours_least * same, _hours(rooms)),
    ]  # fmt: skip
    return [(str(Kind.ROOM), item, rooms, norm, has) for item, norm, has in table]


def _hours(rooms: Layer) -> Floats:
    texts = rooms.texts("hours")
    return np.array([float(open_hours(str(t)).sum()) if t else np.nan for t in texts])


def _of_beat(city: City, beats: Layer, norms: Norms) -> list[_NormCheck]:
    del norms  # staff by beat and village have their own file, with their sources
    villages = _villages(city, beats)
    frame = pd.DataFrame(
        {"residents": np.zeros(len(beats)), "villages": villages, "urban": villages == 0}
    )
    rules = [rule for rule in staffing_norms() if rule.kind in ("per_beat", "per_village")]
    needed = staff_needed(frame, rules=rules)
    return [
        (str(Kind.BEAT), name, beats, needed[f"{name}_needed"].to_numpy(float),
         _counts(beats, name))
        for name in _STAFF
    ]  # fmt: skip


def _villages(city: City, beats: Layer) -> Floats:
    """Return how many villages have their middle in each beat."""
    layer = city.get(Kind.COMMUNITY)
    found = np.zeros(len(beats))
    if layer is None:
        return found
    rows = [row for row, name in enumerate(layer.names) if _VILLAGE in str(name)]
    points = shapely.point_on_surface(layer.geometry[rows])
    _, owner = shapely.STRtree(beats.geometry).query(points, predicate="within")
    np.add.at(found, owner, 1.0)
    return found


def has_equipment(cells: npt.ArrayLike) -> Floats:
    """Return the number of items that each cell states; NaN where it is blank.

    Examples
    --------
    >>> has_equipment(["是", "无", "3 台", "", "1"]).tolist()
    [1.0, 0.0, 3.0, nan, 1.0]
    """

    def read(cell: str) -> float:
        plain = unicodedata.normalize("NFKC", cell).strip().lower()
        number = _NUMBER.match(plain)
        if number:
            return float(number[1])
        return 1.0 if plain in _YES else 0.0 if plain in _NO else np.nan

    return np.array([read(str(cell)) for cell in np.asarray(cells, dtype=object).ravel()])
