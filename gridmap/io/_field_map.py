"""Column names for shapefiles: at most ten bytes of GBK, and still told apart."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["full_names", "short_names", "write_field_map"]

_BYTES = 10
_HEAD = ["field", "column"]


def full_names(shp: Path) -> dict[str, str]:
    """Return cut name to full name from the field map beside a shapefile; empty without one."""
    beside = shp.with_suffix(".fields.csv")
    if not beside.is_file():
        return {}
    try:
        with beside.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 2]
    except (UnicodeDecodeError, csv.Error):
        return {}  # not one of ours: the names stay as they are cut
    return dict(rows[1:]) if rows[:1] == [_HEAD] else {}


def write_field_map(shp: Path, names: Mapping[str, str]) -> None:
    """Write full name by cut name beside a shapefile."""
    with shp.with_suffix(".fields.csv").open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_HEAD)
        rows.writerows([short, full] for full, short in names.items())


def short_names(columns: Iterable[str]) -> dict[str, str]:
    """Return each column's name cut at ten bytes of GBK, told apart by a number.

    >>> short_names(["常住人口", "常住人口密度", "residents", "residents_per_km2"])
    {'常住人口': '常住人口', '常住人口密度': '常住人口密', 'residents': 'residents',
     'residents_per_km2': 'residents_'}
    >>> short_names(["incidents_per_km2", "incidents_per_1000"])
    {'incidents_per_km2': 'incidents_', 'incidents_per_1000': 'incident_1'}
    """
    taken: set[str] = set()
    made: dict[str, str] = {}
    for name in columns:
        short = _cut(name, _BYTES) or "field"
        number = 0
        while short.casefold() in taken:
            number += 1
            end = f"_{number}"
            short = _cut(name, _BYTES - len(end)) + end
        taken.add(short.casefold())
        made[name] = short
    return made


def _cut(name: str, size: int) -> str:
    raw = name.encode("gbk", errors="replace")[:size]
    return raw.decode("gbk", errors="ignore")
