"""What a planner writes for a proposal, read: tolerances, shares, locks, groups, hours."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from gridmap.api.options import as_list, as_share
from gridmap.errors import InputError, OptionError

if TYPE_CHECKING:
    from gridmap.api.options import Takes
    from gridmap.measure.coverage import Within

__all__ = [
    "ALL",
    "AsGroups",
    "AsShares",
    "Shares",
    "read_bands",
    "read_border_kinds",
    "read_groups",
    "read_keep",
    "read_limit",
    "read_locks",
    "read_per_officer",
    "read_targets",
    "read_tolerance",
]

#: One share for all, or one for each criterion named.
Shares: TypeAlias = "float | Mapping[str, float]"
#: Fields of shares, and of groups of ids.
AsShares: TypeAlias = "Takes[Shares | str | Sequence[str] | None, Shares | None]"
AsGroups: TypeAlias = (
    "Takes[str | Collection[str | Collection[str | int]], tuple[tuple[str, ...], ...]]"
)
#: What a share without a name is of.
ALL = "workload"
_BORDERS = ("road", "community", "station", "barrier")


def read_tolerance(value: object, option: str) -> Shares:
    """Return the deviation allowed of the workload, or of each criterion named.

    >>> read_tolerance(["3%", "residents=5%,incidents=0.1"], "tolerance")
    {'workload': 0.03, 'residents': 0.05, 'incidents': 0.1}
    """
    if isinstance(value, Mapping):
        pairs = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, (str, list, tuple)):
        items = [value] if isinstance(value, str) else value
        pieces = [piece for item in items for piece in as_list(item, option) or [str(item)]]
        pairs = [_named_share(piece) for piece in pieces]
    else:
        pairs = [("", value)]
    made: dict[str, float] = {}
    for name, item in pairs:
        share = as_share(item)
        if share is None or not 0 < share <= 1:
            received = f"{name}={item}" if name else item
            raise OptionError("api.error.tolerance", option=option, received=received)
        if (name or ALL) in made:
            raise OptionError("api.error.tolerance_twice", option=option, received=name or item)
        made[name or ALL] = share
    return made[ALL] if list(made) == [ALL] else made


def _named_share(text: str) -> tuple[str, object]:
    name, sign, figure = (word.strip() for word in text.rpartition("="))
    return (name, figure) if name or not sign else ("", None)


def read_keep(value: object, option: str) -> Shares:
    """Return the share that keeps its beat, or that of a criterion named.

    >>> read_keep("incidents=90%", "keep")
    {'incidents': 0.9}
    """
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, item),) = value.items()
    elif isinstance(value, str):
        name, item = _named_share(value)
    else:
        name, item = "", value
    share = as_share(item)
    if share is None or not 0 <= share <= 1:
        raise OptionError("api.error.keep", option=option, received=str(value))
    return {str(name): share} if name else share


def read_per_officer(value: object, option: str) -> str:
    """Return people per officer as ``residents=3000``, or the name of a norm."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, figure),) = value.items()
        return f"{name}={figure}"
    if not isinstance(value, str):
        raise OptionError("api.error.text", option=option, received=type(value).__name__)
    return value.strip()


def read_targets(value: object, option: str) -> str | tuple[float, ...]:
    """Return ``officers``, or what each beat is to carry."""
    if value == "officers":
        return "officers"
    parts: Sequence[object] = as_list(value, option) if isinstance(value, str) else ()
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = value
    try:
        numbers = tuple(float(str(part)) for part in parts)
    except ValueError:
        numbers = ()
    if not numbers or not all(number > 0 and math.isfinite(number) for number in numbers):
        raise OptionError("api.error.targets", option=option, received=str(value))
    return numbers


def read_locks(value: object, option: str) -> tuple[str, ...]:
    """Return ``beat=ID`` and ``grid=ID``, each checked for its form."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence):
        raise OptionError("api.error.lock", option=option, received=str(value))
    for item in items:
        what, _, name = (word.strip() for word in str(item).partition("="))
        if what not in {"beat", "grid"} or not name:
            raise OptionError("api.error.lock", option=option, received=item)
    return tuple(map(str, items))


def read_border_kinds(value: object, option: str) -> tuple[str, ...]:
    """Return what borders run along: roads, communities, stations, barriers."""
    names = as_list(value, option)
    for name in names:
        if name not in _BORDERS:
            known = ", ".join(_BORDERS)
            raise OptionError("api.error.choice", option=option, received=name, known=known)
    return tuple(dict.fromkeys(names))


def read_bands(value: object, option: str) -> tuple[str, ...]:
    """Return bands of hours from ``6-14,14-22,22-6``."""
    bands = as_list(value, option)
    for band in bands:
        hours = band.split("-")
        if len(hours) != 2 or not all(hour.isdigit() and int(hour) <= 24 for hour in hours):
            raise OptionError("api.error.bands", option=option, received=band)
    return tuple(dict.fromkeys(bands))


def read_limit(text: str) -> Within | None:
    """Return the one distance or time of a text, None where it is none."""
    from gridmap.measure import parse_within

    with suppress(InputError):
        limits = parse_within(text) if text else ()
        return limits[0] if len(limits) == 1 else None
    return None


def read_groups(value: object, option: str) -> tuple[tuple[str, ...], ...]:
    """Return groups of ids from ``["A,B", ["C", "D"]]``; one group may stand alone."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence):
        raise OptionError("api.error.grids", option=option, received=str(value), lost="-")
    groups = []
    for item in items:
        names = as_list(item, option)
        if len(set(names)) < 2:
            raise OptionError("api.error.grids", option=option, received=item, lost="-")
        groups.append(tuple(dict.fromkeys(names)))
    return tuple(groups)
