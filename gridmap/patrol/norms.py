"""Figures of duty that a department may change: handling minutes, rest, equipment, prices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from gridmap.errors import InputError

__all__ = ["EQUIPMENT", "Norms", "RoomNorms", "ShiftNorms", "line_of", "read_norms"]

#: Equipment flags of a room that a norm may ask for; each is a column of the room layer.
EQUIPMENT = ("id_reader", "computer", "police_terminal", "body_camera")


@dataclass(frozen=True, slots=True)
class ShiftNorms:
    """How duty is counted and what rests between shifts.

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
    """What a police room should have.

    Parameters
    ----------
    offices_least, offices_most
        Number of office rooms.
    equipment
        Names of `EQUIPMENT` that must be there.
    auxiliaries_per_officer
        At least so many auxiliaries for each officer.
    officers_least
        At least so many officers.
    hours_least
        Hours a day that it is staffed.
    """

    offices_least: float = 1.0
    offices_most: float = 2.0
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
    except tomllib.TOMLDecodeError as error:
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
