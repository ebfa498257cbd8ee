"""Around: who and what is near a point, for an emergency."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from gridmap._lazy import gpd, np, pd, shapely
from gridmap.api.options import AsDate, AsId, Options, Takes, as_date, as_shapes, end_of, option
from gridmap.api.results import FORMAT, MapView, PrintedResult, verb
from gridmap.errors import InputError, OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from datetime import date

    from gridmap.measure import Within
    from gridmap.model import City, Layer
    from gridmap.report.document import Block
    from gridmap.travel import Travel
    from gridmap.typing import Floats, Ints


_DAYS = 90
_PLACED = ("x", "y", "category")
_ROOMS = 10  # nearest rooms that are listed
_POINT = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*[,;\s]\s*(-?\d+(?:\.\d+)?)\s*$")


def _point(value: object, option: str) -> tuple[float, float]:
    """Return longitude and latitude of ``120.15,30.28``, of a pair, or of a GeoSeries's point."""
    pair: tuple[float, float] | None = None
    if isinstance(value, str):
        found = _POINT.match(value.replace("\uff0c", ","))
        pair = (float(found[1]), float(found[2])) if found else None
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        numbers = [float(part) for part in value if isinstance(part, (int, float))]
        pair = (numbers[0], numbers[1]) if len(numbers) == 2 else None
    shapes = as_shapes(value)
    if shapes is not None and not isinstance(shapes, list) and len(shapes) == 1:
        (point,) = shapes.to_crs(4326)
        pair = (point.x, point.y) if point.geom_type == "Point" and not point.is_empty else None
    if pair is not None and -180 <= pair[0] <= 180 and -90 <= pair[1] <= 90:
        return pair
    raise OptionError("api.error.point", option=option)


@dataclass(frozen=True, kw_only=True)
class AroundOptions(Options):
    """Which point, and how far around it `around` looks."""

    verb: ClassVar[str] = "around"

    at: Takes[
        str | tuple[float, float] | gpd.GeoSeries | gpd.GeoDataFrame, str | tuple[float, float]
    ] = option("", metavar="LON,LAT", parse=_point)
    grid: AsId = option("", metavar="ID")
    within: str = option("500m,10min", metavar="500m,10min")
    mode: str = option("", choices=("", "walk", "ebike", "car", "straight"))
    until: AsDate = option("", metavar="DATE", parse=as_date)

    def check_together(self) -> None:
        """Check that one point or one grid is named, and that distances can be read."""
        from gridmap.measure import parse_within

        if bool(self.at) == bool(self.grid):
            raise OptionError("api.error.one_of", option="at", other="grid")
        parse_within(self.within)


class NamedRow(TypedDict):
    """A beat, station, community or grid that is concerned."""

    id: str
    name: str
    share: float


class RoomRow(TypedDict):
    """A police room, with its cost from the point."""

    id: str
    name: str
    distance_m: float
    minutes: float | None
    officers: float | None
    auxiliaries: float | None
    hours: str | None


class RoadRow(TypedDict):
    """A place where a road crosses the ring: where it could be closed."""

    name: str
    lon: float
    lat: float


class RingRow(TypedDict):
    """What lies within one distance or time."""

    within: str
    area_km2: float
    residents: float | None
    migrants: float | None
    households: float | None
    incidents: dict[str, int] | None
    facilities: dict[str, int]
    grids: list[NamedRow]
    beats: list[NamedRow]
    stations: list[NamedRow]
    communities: list[NamedRow]
    roads: list[RoadRow]


class AroundJson(TypedDict):
    """The JSON of ``gridmap around --json``; the first ring's figures are repeated at the top."""

    format: int
    lon: float
    lat: float
    residents: float | None
    migrants: float | None
    incidents: dict[str, int] | None
    facilities: dict[str, int]
    grids: list[NamedRow]
    beats: list[NamedRow]
    stations: list[NamedRow]
    communities: list[NamedRow]
    roads: list[RoadRow]
    rooms: list[RoomRow]
    rings: list[RingRow]
    since: str | None
    until: str | None
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AroundResult(PrintedResult[AroundJson]):
    """What is around a point.

    Attributes
    ----------
    city, options
        Where, and how far.
    xy
        The point in the working CRS, metres.
    lonlat
        The point as longitude and latitude, WGS 84.
    rings
        One entry per distance or time, as asked.
    shapes
        The ground of each ring, working CRS.
    rooms
        Rooms in the order of their minutes.
    since, until
        Days whose incidents were counted, or None without incidents that have times.
    notes
        What is missing or assumed, in words.
    """

    city: City
    options: AroundOptions
    xy: tuple[float, float]
    lonlat: tuple[float, float]
    rings: tuple[RingRow, ...]
    shapes: tuple[shapely.Geometry, ...]
    rooms: tuple[RoomRow, ...]
    since: str | None
    until: str | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<AroundResult at {self.lonlat[0]:.5f}, {self.lonlat[1]:.5f}>"

    def to_frame(self) -> pd.DataFrame:
        """Return the rooms in the order of their minutes."""
        return pd.DataFrame(list(self.rooms), columns=list(RoomRow.__annotations__))

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one polygon per ring with its counts, in the working CRS."""
        columns = ["within", "area_km2", "residents", "migrants", "households"]
        rows = pd.DataFrame(list(self.rings), columns=columns)
        return gpd.GeoDataFrame(rows, geometry=list(self.shapes), crs=self.city.crs)

    def to_dict(self) -> AroundJson:
        """Return the JSON of the command; what nobody counted is None."""
        first = self.rings[0]
        return {
            "format": FORMAT,
            "lon": round(self.lonlat[0], 6),
            "lat": round(self.lonlat[1], 6),
            "residents": first["residents"],
            "migrants": first["migrants"],
            "incidents": first["incidents"],
            "facilities": first["facilities"],
            "grids": first["grids"],
            "beats": first["beats"],
            "stations": first["stations"],
            "communities": first["communities"],
            "roads": first["roads"],
            "rooms": list(self.rooms),
            "rings": list(self.rings),
            "since": self.since,
            "until": self.until,
            "notes": list(self.notes),
            "options": self.options.to_dict(),
        }

    def label(self, name: str) -> str:
        """Return the heading of a ring's incidents, with their days, or of its facilities."""
        if name != "incidents" or self.since is None or self.until is None:
            return tr(f"duty.around.{name}")
        days = (date.fromisoformat(self.until) - date.fromisoformat(self.since)).days + 1
        return tr("duty.around.incidents_of", days=days, since=self.since, until=self.until)

    @property
    def sheet_title(self) -> str:
        """The title of the printed sheet."""
        place = f"{self.lonlat[0]:.5f}, {self.lonlat[1]:.5f}"
        if self.options.grid:
            names = dict(zip(self.city.grids.ids, self.city.grids.names, strict=True))
            place = f"{names[self.options.grid]}  {place}"
        return tr("duty.sheet.around", place=place)

    def blocks(self) -> list[Block]:
        """Return the surroundings with their map as they are printed."""
        from gridmap.report.duty import around_blocks

        return around_blocks(self.city, self.to_dict(), self.shapes, self.xy)

    def figures(self) -> list[tuple[str, str]]:
        """Return residents within each ring."""
        return [
            (f"{tr('field.residents')} {ring['within']}", f"{ring['residents']:,.0f}")
            for ring in self.rings
            if ring["residents"] is not None
        ]

    def map_view(self) -> MapView | None:
        """Return the grids concerned, coloured by residents, or None where there are none."""
        from gridmap.maps import choropleth
        from gridmap.model import Layer

        grids = self.city.get(Kind.GRID)
        wanted = {row["id"] for ring in self.rings for row in ring["grids"]}
        if grids is None or not wanted:
            return None
        rows = [row for row, one in enumerate(grids.ids) if one in wanted]
        cells = Layer(Kind.GRID, grids.frame.iloc[rows].reset_index(drop=True))
        theme = choropleth("residents", np.asarray(cells.counts("residents")))
        return MapView(cells=cells, themes=(theme,), rooms=self.city.get(Kind.ROOM))


@verb(AroundOptions)
def around(city: City, options: AroundOptions) -> AroundResult:
    """List who and what is around a point, as a first overview in an emergency.

    Residents, migrants and households within each distance or time (grids that the ring cuts
    are divided by area), beats, stations, communities and grids concerned, police rooms in
    the order of their minutes with their staff, facilities of the four networks, incidents of
    the last 90 days (of all, where the data cover fewer) by category, and where roads cross the
    ring and could be closed.

    Returns
    -------
    AroundResult
        Counts and places; nobody is named.

    Raises
    ------
    InputError
        If the point lies outside the city, or there is no such grid.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> result = gridmap.around(city, grid=str(city.grids.ids[0]), within="500m")
    >>> result.rings[0]["within"]
    '500m'
    """
    from gridmap.measure import parse_within

    notes: list[str] = []
    xy, lonlat = _where(city, options)
    withins = parse_within(options.within)
    shapes = [_shape(city, within, xy, options.mode, notes) for within in withins]
    batch, since, until = _recent(city, options, notes)
    rings = tuple(
        _ring(city, str(within), shape, batch)
        for within, shape in zip(withins, shapes, strict=True)
    )
    return AroundResult(
        city=city,
        options=options,
        xy=xy,
        lonlat=lonlat,
        rings=rings,
        shapes=tuple(shapes),
        rooms=tuple(_nearest_rooms(city, xy, options.mode, notes)),
        since=since,
        until=until,
        notes=tuple(dict.fromkeys(notes)),
    )


def _where(city: City, options: AroundOptions) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the point in the working CRS and in degrees."""
    from gridmap.model.crs import WGS84, reproject_points

    if options.grid:
        grids = city.grids
        rows = np.flatnonzero(grids.ids == options.grid)
        if not len(rows):
            raise InputError(
                "patrol.error.no_unit", kind=tr("maps.kind.grid_one"), received=options.grid,
                known=", ".join(map(str, grids.ids[:5])),
            )  # fmt: skip
        point = shapely.point_on_surface(grids.geometry[rows[0]])
        x, y = float(point.x), float(point.y)
        lon, lat = reproject_points(np.array([x]), np.array([y]), city.crs, WGS84)
        return (x, y), (float(lon[0]), float(lat[0]))
    assert not isinstance(options.at, str)  # noqa: S101 - the option is a pair of numbers
    lon_lat = options.at
    xs, ys = reproject_points(np.array([lon_lat[0]]), np.array([lon_lat[1]]), WGS84, city.crs)
    x, y = float(xs[0]), float(ys[0])
    areas = [layer for kind in (Kind.GRID, Kind.BEAT, Kind.STATION) if (layer := city.get(kind))]
    if areas:
        west, south, east, north = shapely.total_bounds(areas[0].geometry)
        margin = 0.25 * max(east - west, north - south)
        inside = west - margin <= x <= east + margin and south - margin <= y <= north + margin
        if not inside:
            raise InputError("patrol.error.outside", city=city.label)
    return (x, y), lon_lat


def _shape(
    city: City, within: Within, xy: tuple[float, float], mode: str, notes: list[str]
) -> shapely.Geometry:
    """Return the ground within a distance (straight) or a time (along roads where there are)."""
    from gridmap.travel import isochrone, ring

    if within.unit == "m" and mode in ("", "straight"):
        return ring([xy], within.value)
    travel = _travel(city, within, mode, notes)
    fastest_m_per_min = 2000.0  # 120 km/h: nothing farther can be reached
    reach = within.value if within.unit == "m" else within.value * fastest_m_per_min
    ground = ring([xy], reach)
    outline = _outline(city)
    if outline is not None:
        ground = ground.intersection(outline.buffer(200.0))
    if ground.is_empty:
        return ground
    return isochrone(travel, [xy], within.value, clip=ground)


def _outline(city: City) -> shapely.Geometry | None:
    for kind in (Kind.STATION, Kind.BEAT, Kind.GRID, Kind.ROAD):
        layer = city.get(kind)
        if layer is not None and len(layer):
            return shapely.box(*shapely.total_bounds(layer.geometry))
    return None


def _travel(city: City, within: Within, mode: str, notes: list[str]) -> Travel:
    from gridmap.measure import travel_of
    from gridmap.travel import StraightLine, modes_of

    if within.unit == "min" and not (city.has(Kind.ROAD) and len(city.layer(Kind.ROAD))):
        by = mode if mode in ("walk", "ebike", "car") else "car"
        notes.append(tr("api.around.straight", mode=tr(f"api.mode.{by}")))
        return StraightLine(unit="min", mode=modes_of(city.presets)[by])
    return travel_of(city, within, mode)[1]


def _recent(
    city: City, options: AroundOptions, notes: list[str]
) -> tuple[tuple[Floats, Floats, Ints] | None, str | None, str | None]:
    """Return places and categories of the last 90 days' incidents, and those days."""
    from gridmap.patrol import timed_parts

    incidents = city.incidents
    if incidents is None or not len(incidents):
        notes.append(tr("api.around.no_incidents"))
        return None, None, None
    period = incidents.period
    if period is None:
        notes.append(tr("api.around.no_times"))
        return None, None, None
    end = end_of(options.until)
    last = pd.Timestamp(period[1]) if end is None else pd.Timestamp(end) - pd.Timedelta(seconds=1)
    until = np.datetime64(last.normalize() + pd.Timedelta(days=1), "s")
    begin = last.normalize() - pd.Timedelta(days=_DAYS - 1)
    if period[0].normalize() > begin:  # the data cover fewer days
        begin = min(period[0].normalize(), last.normalize())
        days = (last.normalize() - begin).days + 1
        notes.append(tr("api.around.few_days", days=days, first=begin.date(), most=_DAYS))
    since = np.datetime64(begin, "s")
    parts = [part for part, _ in timed_parts(city, _PLACED, since=since, until=until)]
    none = {name: np.empty(0) for name in _PLACED}
    columns = [np.concatenate([part[name] for part in parts or [none]]) for name in _PLACED]
    first = pd.Timestamp(since).date()
    return (columns[0], columns[1], columns[2].astype(np.int64)), str(first), str(last.date())


def _ring(
    city: City, within: str, shape: shapely.Geometry, batch: tuple[Floats, Floats, Ints] | None
) -> RingRow:
    """Return what lies within the ground of a ring."""
    shapely.prepare(shape)
    counts: dict[str, float | None] = dict.fromkeys(("residents", "migrants", "households"))
    people = city.get(Kind.GRID) or city.get(Kind.COMMUNITY)
    if people is not None:
        shares = _shares(people, shape)
        for name in counts:
            if people.has(name):
                counts[name] = round(float(shares @ people.counts(name)), 6)
    found: dict[str, int] | None = None
    if batch is not None:
        x, y, category = batch
        inside = shapely.contains_xy(shape, x, y)
        names = (*(city.incidents.categories if city.incidents else ()), tr("api.around.unnamed"))
        tally = np.bincount(
            np.where(category < 0, len(names) - 1, category)[inside], minlength=len(names)
        )
        order = np.argsort(-tally, kind="stable")
        found = {names[i]: int(tally[i]) for i in order if tally[i]}
    return {
        "within": within,
        "area_km2": round(shape.area / 1e6, 6),
        "residents": counts["residents"],
        "migrants": counts["migrants"],
        "households": counts["households"],
        "incidents": found,
        "facilities": _facilities(city, shape),
        "grids": _concerned(city, Kind.GRID, shape),
        "beats": _concerned(city, Kind.BEAT, shape),
        "stations": _concerned(city, Kind.STATION, shape),
        "communities": _concerned(city, Kind.COMMUNITY, shape),
        "roads": _crossings(city, shape),
    }


def _shares(layer: Layer, shape: shapely.Geometry) -> Floats:
    """Return which share of each feature's ground lies within a shape."""
    shares = np.zeros(len(layer))
    near = np.flatnonzero(shapely.intersects(layer.geometry, shape))
    whole = shapely.area(layer.geometry[near])
    inside = shapely.area(shapely.intersection(layer.geometry[near], shape))
    shares[near] = np.divide(inside, whole, out=np.zeros(len(near)), where=whole > 0)
    return shares


def _concerned(city: City, kind: Any, shape: shapely.Geometry) -> list[NamedRow]:  # noqa: ANN401 - a Kind
    """Return the features that a ring meets, those with most of its ground first."""
    layer = city.get(kind)
    if layer is None:
        return []
    shares = _shares(layer, shape)
    ground = shares * np.nan_to_num(layer.area_m2)
    rows = np.argsort(-ground, kind="stable")
    return [
        {
            "id": str(layer.ids[row]),
            "name": str(layer.names[row]),
            "share": round(float(shares[row]), 6),
        }
        for row in rows
        if ground[row] > 1.0
    ]


def _facilities(city: City, shape: shapely.Geometry) -> dict[str, int]:
    """Return how many facilities of each network lie within a ring."""
    layer = city.get(Kind.FACILITY)
    if layer is None:
        return {}
    inside = shapely.covers(shape, layer.geometry)
    names = layer.texts("network")[inside]
    return dict(Counter(map(str, names)).most_common())


def _crossings(city: City, shape: shapely.Geometry) -> list[RoadRow]:
    """Return where roads cross the edge of a ring, clockwise from the north."""
    from gridmap.model.crs import WGS84, reproject_points

    roads = city.get(Kind.ROAD)
    if roads is None or shape.is_empty:
        return []
    edge = shape.boundary
    rows = np.flatnonzero(shapely.intersects(roads.geometry, edge))
    points, owner = shapely.get_parts(
        shapely.intersection(roads.geometry[rows], edge), return_index=True
    )
    points = shapely.point_on_surface(points)
    x, y = shapely.get_coordinates(points).T if len(points) else (np.empty(0), np.empty(0))
    middle = shape.centroid
    order = np.argsort(np.arctan2(x - middle.x, y - middle.y) % (2 * np.pi), kind="stable")
    lon, lat = reproject_points(x, y, city.crs, WGS84)
    names = roads.texts("name")
    return [
        {
            "name": str(names[rows[owner[at]]]),
            "lon": round(float(lon[at]), 6),
            "lat": round(float(lat[at]), 6),
        }
        for at in order
    ]


def _nearest_rooms(
    city: City, xy: tuple[float, float], mode: str, notes: list[str]
) -> list[RoomRow]:
    """Return the rooms in the order of their minutes to the point, with staff and hours."""
    from gridmap.measure import parse_within

    rooms = city.get(Kind.ROOM)
    if rooms is None or not len(rooms):
        notes.append(tr("api.around.no_rooms"))
        return []
    (within,) = parse_within("10min")
    travel = _travel(city, within, "" if mode == "straight" else mode, notes)
    minutes = travel.matrix([xy], city.room_xy)[0]
    metres = np.hypot(*(city.room_xy - np.asarray(xy)).T)
    order = np.lexsort((metres, np.where(np.isfinite(minutes), minutes, np.inf)))[:_ROOMS]

    def count(name: str, row: int) -> float | None:
        return float(rooms.counts(name)[row]) if rooms.has(name) else None

    return [
        {
            "id": str(rooms.ids[row]),
            "name": str(rooms.names[row]),
            "distance_m": round(float(metres[row]), 1),
            "minutes": round(float(minutes[row]), 2) if np.isfinite(minutes[row]) else None,
            "officers": count("officers", row),
            "auxiliaries": count("auxiliaries", row),
            "hours": str(rooms.texts("hours")[row]) or None if rooms.has("hours") else None,
        }
        for row in order
    ]
