"""Checks of incidents: where they lie, when they happened, whose they are said to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.io._audit_coverage import sound_shapes
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import City, IncidentBatch, Kind, Layer
from gridmap.model.city import bare_id

__all__ = ["incident_faults"]

_KEPT = 10_000  # places for the map
_GROUND = (Kind.GRID, Kind.COMMUNITY, Kind.BEAT, Kind.STATION)


@dataclass
class _Tally:
    """Rows of one fault, gathered over batches."""

    count: int = 0
    ids: list[str] = field(default_factory=list)
    x: list[NDArray[np.float64]] = field(default_factory=list)
    y: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, batch: IncidentBatch, rows: NDArray[np.bool_], start: int) -> None:
        """Add the rows of a batch whose first incident has number ``start``."""
        at = np.flatnonzero(rows)
        room = max(_KEPT - self.count, 0)
        self.ids += [str(start + row + 1) for row in at[: max(5 - len(self.ids), 0)]]
        self.x.append(batch.x[at[:room]])
        self.y.append(batch.y[at[:room]])
        self.count += len(at)

    def finding(self, kind: FindingKind, severity: Severity) -> Iterator[Finding]:
        """Make a finding of it, if there is anything."""
        if self.count:
            points = shapely.points(np.concatenate(self.x), np.concatenate(self.y))
            yield Finding("incidents", kind, severity, self.count, tuple(self.ids), 0.0, points)


def incident_faults(city: City, *, now: np.datetime64) -> Iterator[Finding]:
    """Find incidents outside the city, piled up, in the future, repeated or misattributed.

    The incidents are walked through in batches; repeats are looked for within a batch,
    where all incidents of one moment are.

    Parameters
    ----------
    city
        A city with incidents.
    now
        The present, in the city's local time.
    """
    if city.incidents is None:
        return
    ground = next((city.layers[kind] for kind in _GROUND if city.has(kind)), None)
    tree = shapely.STRtree(sound_shapes(ground.geometry)) if ground is not None else None
    stations = _Stations(city.layer(Kind.STATION)) if city.has(Kind.STATION) else None
    outside, future, again, other, unknown = (_Tally() for _ in range(5))
    piles: list[NDArray[np.float64]] = []
    start = 0
    for batch in city.incidents.batches():
        points = shapely.points(batch.x, batch.y)
        if tree is not None:
            outside.add(batch, ~_inside(tree, points), start)
        future.add(batch, batch.time > now, start)
        order, repeated = _equal_rows(batch)
        if city.incidents.precision == "second":  # else all of a month would be equal in time
            again.add(batch, repeated, start)
        piles.append(_piles(batch.x[order], batch.y[order]))
        if stations is not None and batch.station is not None:
            elsewhere, nameless = stations.judge(points, batch.station)
            other.add(batch, elsewhere, start)
            unknown.add(batch, nameless, start)
        start += len(batch)
    yield from outside.finding(FindingKind.OUTSIDE_CITY, Severity.WARNING)
    yield from _same_points(_merged(piles), len(city.incidents))
    yield from future.finding(FindingKind.IN_FUTURE, Severity.ERROR)
    yield from again.finding(FindingKind.DUPLICATE, Severity.WARNING)
    yield from other.finding(FindingKind.OTHER_STATION, Severity.WARNING)
    yield from unknown.finding(FindingKind.UNKNOWN_STATION, Severity.NOTE)


def _inside(tree: shapely.STRtree, points: NDArray[np.object_]) -> NDArray[np.bool_]:
    found = np.zeros(len(points), dtype=bool)
    found[tree.query(points, predicate="intersects")[0]] = True
    return found


def _equal_rows(batch: IncidentBatch) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the order by place, and which rows repeat an earlier one in everything.

    A row without a time or a category is equal to none: what was not read may differ.
    """
    time = batch.time.astype(np.int64)
    order = np.lexsort((batch.category, time, batch.y, batch.x))
    same = np.zeros(len(order), dtype=bool)
    repeats = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in (batch.x, batch.y, time, batch.category):
        repeats &= column[order[1:]] == column[order[:-1]]
    repeats &= (~np.isnat(batch.time) & (batch.category >= 0))[order[1:]]
    same[order[1:][repeats]] = True
    return order, same


def _piles(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x, y and number of each point, from sorted coordinates."""
    if len(x) == 0:
        return np.empty((0, 3))
    new = np.ones(len(x), dtype=bool)
    new[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    starts = np.flatnonzero(new)
    return np.column_stack([x[starts], y[starts], np.diff([*starts, len(x)])])


def _merged(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the points of several batches, once each, with their numbers added up."""
    if len(parts) < 2:
        return parts[0] if parts else np.empty((0, 3))
    x, y, size = np.concatenate(parts).T
    order = np.lexsort((y, x))
    x, y, size = x[order], y[order], size[order]
    new = np.ones(len(x), dtype=bool)
    new[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    starts = np.flatnonzero(new)
    return np.column_stack([x[starts], y[starts], np.add.reduceat(size, starts)])


def _same_points(piles: NDArray[np.float64], total: int) -> Iterator[Finding]:
    # Addresses repeat: an ordinary busy one holds a thousandth of a month's incidents. A
    # default holds a share of the whole, or twenty times what the busiest thousandth does.
    if len(piles) == 0:
        return
    usual = float(np.percentile(piles[:, 2], 99.9))
    size = piles[:, 2]
    much = (size >= 5) & (size >= 0.01 * total)
    much |= (size >= 10) & (size >= 0.005 * total)
    much |= (size >= 20) & (size >= 20 * usual)
    rows = piles[much][np.argsort(-size[much], kind="stable")]
    if len(rows):
        names = tuple(f"{x:.1f} {y:.1f}" for x, y, _ in rows[:5])
        points = shapely.points(rows[:, 0], rows[:, 1])
        yield Finding(
            "incidents", FindingKind.SAME_POINT, Severity.WARNING, int(rows[:, 2].sum()), names,
            0.0, points,
        )  # fmt: skip


class _Stations:
    """Which station an incident names, and which one it lies in."""

    def __init__(self, layer: Layer) -> None:
        shapes = sound_shapes(layer.geometry)
        self.tree = shapely.STRtree(shapes)
        apart = layer.provenance.get("ids_repeated", ())
        apart = set(apart) if isinstance(apart, (list, tuple)) else set()
        self.group_of: dict[str, int] = {}
        self.group = np.empty(len(layer), dtype=np.int64)
        for row, (name, title) in enumerate(zip(layer.ids, layer.names, strict=True)):
            # Polygons of one station that import told apart are that station still.
            key = bare_id(name.rsplit("-", 1)[0] if name in apart else name)
            self.group[row] = self.group_of.setdefault(key, row)
            self.group_of.setdefault(bare_id(title), int(self.group[row]))

    def judge(
        self, points: NDArray[np.object_], named: NDArray[np.object_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which incidents lie elsewhere, and which name no station of the city."""
        words, code = np.unique(named.astype(str), return_inverse=True)
        wanted = np.array([self.group_of.get(bare_id(word), -1) for word in words])[code]
        blank = np.array([word.strip() == "" for word in words])[code]
        at, station = self.tree.query(points, predicate="intersects")
        right = np.zeros(len(points), dtype=bool)
        right[at[self.group[station] == wanted[at]]] = True
        return (wanted >= 0) & ~right, (wanted < 0) & ~blank
