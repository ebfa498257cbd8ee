"""The values of the pages that are kept between runs, as arrays and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.io import Finding
from gridmap.io.findings import FindingKind
from gridmap.maps import Drawing, Overlay
from gridmap.measure import Coverage, MeasureTable, Within
from gridmap.measure.hotspots import HotSpots
from gridmap.model import Adjacency, BeatInfo, City, Plan
from gridmap.model.adjacency import Bridge
from gridmap.pages.keeping import Arrays, Form, text_of, told
from gridmap.pages.slices import Slices

__all__ = [
    "ADJACENCY",
    "COVERAGE",
    "DENSITY",
    "DRAWING",
    "FINDINGS",
    "HOT_SPOTS",
    "KNOWN",
    "NAMES",
    "PLAN",
    "SLICES",
    "TABLE",
    "TRUST",
    "Known",
]


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


def _pack_known(found: Known) -> Arrays:
    period = None if found.period is None else [day.isoformat() for day in found.period]
    return {"told": text_of([dict(found.digests), period])}


def _unpack_known(arrays: Arrays) -> Known:
    digests, period = told(arrays, "told")
    if period is None:
        return Known(digests, None)
    return Known(digests, (pd.Timestamp(period[0]), pd.Timestamp(period[1])))


def _pack_adjacency(found: Adjacency) -> Arrays:
    bridges = [[bridge.first, bridge.second, bridge.name] for bridge in found.bridges]
    return {
        "first": found.first,
        "second": found.second,
        "length_m": found.length_m,
        "barrier": found.barrier,
        "told": text_of([found.size, bridges]),
    }


def _unpack_adjacency(arrays: Arrays) -> Adjacency:
    size, bridges = told(arrays, "told")
    return Adjacency(
        int(size),
        arrays["first"].astype(np.int32),
        arrays["second"].astype(np.int32),
        arrays["length_m"].astype(float),
        arrays["barrier"].astype(bool),
        tuple(Bridge(int(first), int(second), str(name)) for first, second, name in bridges),
    )


def _pack_table(table: MeasureTable) -> Arrays:
    names = {name: list(map(str, table.rows[name])) for name in ("id", "name")}
    figures = {name: column for name, column in table.rows.items() if name not in names}
    rest = [list(figures), table.totals, table.unassigned, table.split_grids, table.missing]
    columns = [column.to_numpy(dtype=float) for column in figures.values()]
    return {
        "figures": np.array(columns),
        "names": text_of(names),
        "told": text_of([table.by, *rest]),
    }


def _unpack_table(arrays: Arrays) -> MeasureTable:
    by, columns, totals, unassigned, split, missing = told(arrays, "told")
    rows = pd.DataFrame(told(arrays, "names"), dtype=object)
    for name, column in zip(columns, arrays["figures"], strict=True):
        rows[name] = column
    return MeasureTable(by, rows, totals, unassigned, int(split), tuple(missing))


def _pack_slices(found: Slices) -> Arrays:
    small = (found.grid.astype(np.int32), found.hour.astype(np.uint8))
    return {
        "grid": small[0],
        "hour": small[1],
        "category": found.category.astype(np.int32),
        "count": found.count.astype(np.int32),
        "told": text_of(found.grids),
    }


def _unpack_slices(arrays: Arrays) -> Slices:
    grid, hour, category, count = (
        arrays[name].astype(np.int64) for name in ("grid", "hour", "category", "count")
    )
    return Slices(int(told(arrays, "told")), grid, hour, category, count)


def _pack_spots(found: HotSpots) -> Arrays:
    return {
        "kind": found.kind,
        "score": found.score,
        "p_value": found.p_value,
        "told": text_of([found.threshold, found.method]),
    }


def _unpack_spots(arrays: Arrays) -> HotSpots:
    threshold, method = told(arrays, "told")
    score, p_value = arrays["score"].astype(float), arrays["p_value"].astype(float)
    return HotSpots(arrays["kind"].astype(str), score, p_value, float(threshold), method)


def _pack_density(found: Overlay | None) -> Arrays:
    if found is None:
        return {"told": text_of(None)}
    picture = np.frombuffer(found.picture, dtype=np.uint8)
    return {"picture": picture, "told": text_of([found.name, found.colour, found.bounds])}


def _unpack_density(arrays: Arrays) -> Overlay | None:
    found = told(arrays, "told")
    if found is None:
        return None
    name, colour, (south, west, north, east) = found
    picture = arrays["picture"].tobytes()
    bounds = (south, west, north, east)
    return Overlay("density", name, colour, picture=picture, bounds=bounds, shown=False)


def _pack_drawing(found: Drawing | None) -> Arrays:
    if found is None:
        return {"told": text_of(None)}
    data = np.frombuffer(found.data, dtype=np.uint8)
    return {"data": data, "told": text_of([found.bounds, found.count])}


def _unpack_drawing(arrays: Arrays) -> Drawing | None:
    found = told(arrays, "told")
    if found is None:
        return None
    (south, west, north, east), count = found
    return Drawing.of(arrays["data"].tobytes(), (south, west, north, east), int(count))


def _pack_trust(found: tuple[pd.DataFrame, str] | None) -> Arrays:
    if found is None:
        return {"told": text_of(None)}
    table, month = found
    return {"told": text_of([month, list(map(str, table.index)), table.to_dict("list")])}


def _unpack_trust(arrays: Arrays) -> tuple[pd.DataFrame, str] | None:
    found = told(arrays, "told")
    if found is None:
        return None
    month, index, columns = found
    return pd.DataFrame(columns, index=pd.Index(index)), str(month)


def _pack_shapes(shapes: NDArray[np.object_]) -> Arrays:
    parts = [bytes(one or b"") for one in shapely.to_wkb(shapes)]
    sizes = np.array([len(one) for one in parts], dtype=np.int64)
    return {"shapes": np.frombuffer(b"".join(parts), dtype=np.uint8), "sizes": sizes}


def _unpack_shapes(arrays: Arrays, low: int, high: int) -> NDArray[np.object_]:
    ends = np.concatenate([[0], np.cumsum(arrays["sizes"].astype(np.int64))])
    data = arrays["shapes"].tobytes()
    found = np.empty(high - low, dtype=object)
    for at in range(low, high):
        found[at - low] = data[ends[at] : ends[at + 1]] or None
    return np.asarray(shapely.from_wkb(found), dtype=object)


def _pack_findings(found: tuple[Finding, ...]) -> Arrays:
    places = [item.places for item in found]
    lines = [
        {**{name: value for name, value in asdict(item).items() if name != "places"},
         "places": len(item.places)}
        for item in found
    ]  # fmt: skip
    shapes = np.concatenate([np.empty(0, dtype=object), *places])
    return {**_pack_shapes(shapes), "told": text_of(lines)}


def _unpack_findings(arrays: Arrays) -> tuple[Finding, ...]:
    found, low = [], 0
    for line in told(arrays, "told"):
        high = low + int(line.pop("places"))
        kind, ids = FindingKind(line.pop("kind")), tuple(line.pop("ids"))
        found.append(Finding(kind=kind, ids=ids, places=_unpack_shapes(arrays, low, high), **line))
        low = high
    return tuple(found)


def _pack_plan(found: Plan) -> Arrays:
    beats = [asdict(beat) for beat in found.beats]
    ids = list(map(str, found.grid_ids))
    return {
        "assignment": found.assignment,
        "told": text_of([found.name, ids, beats, found.city_digest]),
    }


def _unpack_plan(arrays: Arrays) -> Plan:
    name, ids, beats, digest = told(arrays, "told")
    return Plan(
        name,
        np.array(ids, dtype=object),
        arrays["assignment"].astype(np.int32),
        tuple(BeatInfo(**beat) for beat in beats),
        digest,
    )


_FLOATS = ("place_xy", "share", "backup", "cost", "incidents", "incidents_covered",
           "incidents_backup")  # fmt: skip
_WHOLE = ("place", "unreached")


def _pack_coverage(found: Coverage) -> Arrays:
    within = [found.within.value, found.within.unit]
    rest = [list(map(str, found.place_ids)), found.error, found.notes]
    return {
        **{name: getattr(found, name) for name in (*_FLOATS, *_WHOLE)},
        "told": text_of([within, found.mode, found.network, *rest]),
    }


def _unpack_coverage(arrays: Arrays) -> Coverage:
    within, mode, network, ids, error, notes = told(arrays, "told")
    floats = {name: arrays[name].astype(float) for name in _FLOATS}
    whole = {name: arrays[name].astype(np.int64) for name in _WHOLE}
    return Coverage(
        within=Within(*within),
        mode=mode,
        network=network,
        place_ids=np.array(ids, dtype=object),
        place_xy=floats["place_xy"],
        share=floats["share"],
        backup=floats["backup"],
        cost=floats["cost"],
        place=whole["place"],
        incidents=floats["incidents"],
        incidents_covered=floats["incidents_covered"],
        incidents_backup=floats["incidents_backup"],
        error=float(error),
        unreached=whole["unreached"],
        notes=tuple(notes),
    )


ADJACENCY = Form("adjacency-1", _pack_adjacency, _unpack_adjacency)
COVERAGE = Form("coverage-1", _pack_coverage, _unpack_coverage)
DENSITY = Form("density-1", _pack_density, _unpack_density)
DRAWING = Form("drawn-1", _pack_drawing, _unpack_drawing)
FINDINGS = Form("findings-1", _pack_findings, _unpack_findings)
KNOWN = Form("known-1", _pack_known, _unpack_known)
HOT_SPOTS = Form("hot_spots-1", _pack_spots, _unpack_spots)
NAMES: Form[tuple[str, ...]] = Form(
    "names-1",
    lambda found: {"told": text_of(found)},
    lambda arrays: tuple(told(arrays, "told")),
)
PLAN = Form("plan-1", _pack_plan, _unpack_plan)
SLICES = Form("slices-1", _pack_slices, _unpack_slices)
TABLE = Form("table-1", _pack_table, _unpack_table)
TRUST = Form("trust-1", _pack_trust, _unpack_trust)
