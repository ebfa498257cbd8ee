"""Patrol: tonight's routes past the places with most expected incidents."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict

from gridmap import io
from gridmap._lazy import gpd, np, pd, shapely
from gridmap.api.options import AsDate, AsId, Options, as_date, end_of, option
from gridmap.api.results import FORMAT, MapView, Result, verb
from gridmap.errors import InputError, MissingError, OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from pathlib import Path

    from gridmap.io._vector import Track
    from gridmap.model import City
    from gridmap.patrol import PatrolTask, Route
    from gridmap.travel import Travel
    from gridmap.typing import Floats, Ints


_DAY_S = 86_400
_HOURS = re.compile(r"^\s*(\d{1,2})(?::00)?\s*[-–~\u81f3\u5230]\s*(\d{1,2})(?::00)?\s*$")


def _hours(value: object, option: str) -> str:
    """Return hours of the day as ``18-24``; ``22-6`` goes over midnight."""
    found = _HOURS.match(value) if isinstance(value, str) else None
    if found is None or not (0 <= int(found[1]) <= 23 and 0 <= int(found[2]) <= 24):
        raise OptionError("api.error.hours", option=option, received=str(value)[:40])
    if int(found[1]) == int(found[2]):
        raise OptionError("api.error.hours", option=option, received=str(value)[:40])
    return f"{int(found[1])}-{int(found[2])}"


@dataclass(frozen=True, kw_only=True)
class PatrolOptions(Options):
    """Where, when and with whom `patrol` goes."""

    verb: ClassVar[str] = "patrol"

    beat: AsId = option("", metavar="ID")
    station: AsId = option("", metavar="ID")
    hours: str = option("18-24", metavar="18-24", parse=_hours)
    units: int = option(1, least=1, most=50, metavar="N")
    minutes: float = option(120.0, least=10, most=720, unit="min")
    mode: Literal["walk", "ebike", "car"] = option("walk", choices=("walk", "ebike", "car"))
    stop: float = option(12.0, least=1, most=60, unit="min")
    shifts: int = option(1, least=1, most=31, metavar="N")
    category: str = option("", metavar="NAME")
    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    seed: int = option(0, least=0, most=2**31 - 1)

    def check_together(self) -> None:
        """Check that one beat or one station is named."""
        if bool(self.beat) == bool(self.station):
            raise OptionError("api.error.one_of", option="beat", other="station")


class StopRow(TypedDict):
    """One place on a route."""

    order: int
    id: str
    name: str
    lon: float
    lat: float
    arrive: str
    leave: str
    minutes: float
    stop: bool
    expected: float


class RouteRow(TypedDict):
    """What one unit does in one shift."""

    unit: int
    shift: int
    room: str
    start: str
    end: str
    minutes: float
    expected: float
    stops: list[StopRow]


class PatrolJson(TypedDict):
    """The JSON of ``gridmap patrol --json``."""

    format: int
    place: str
    hours: str
    routes: list[RouteRow]
    expected: float
    bound: float
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PatrolResult(Result[PatrolJson]):
    """Routes with their stops, times and ways.

    Attributes
    ----------
    city, options
        What was planned, and how.
    routes
        One a unit and shift; places are rows of `places`.
    places
        Row of the grid layer of each place.
    rooms
        Row of the room layer at which each unit starts, -1 where it starts in the middle of
        its ground because there is no room.
    lines
        The way of each route, working CRS, shape (k, 2) each.
    starts_min
        Minutes after midnight at which each route begins.
    bound
        Expected incidents of one shift that no routes can exceed.
    notes
        What is missing or assumed, in words.
    """

    city: City
    options: PatrolOptions
    routes: tuple[Route, ...]
    places: Ints
    points: Floats
    rooms: Ints
    expected: Floats
    lines: tuple[Floats, ...]
    starts_min: tuple[int, ...]
    bound: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        stops = sum(len(route.visits) for route in self.routes)
        return f"<PatrolResult: {len(self.routes)} routes, {stops} places>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per stop: route, order, place, times, expected incidents."""
        rows = [
            {"unit": route["unit"], "shift": route["shift"], **stop}
            for route in self._routes()
            for stop in route["stops"]
        ]
        columns = ["unit", "shift", *StopRow.__annotations__]
        return pd.DataFrame(rows, columns=columns)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one line per route, in the working CRS."""
        rows = [
            {key: value for key, value in route.items() if key != "stops"}
            for route in self._routes()
        ]
        shapes = [
            shapely.LineString(line) if len(line) > 1 else shapely.LineString()
            for line in self.lines
        ]
        return gpd.GeoDataFrame(rows, geometry=shapes, crs=self.city.crs)

    def to_dict(self) -> PatrolJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "place": self.options.beat or self.options.station,
            "hours": self.options.hours,
            "routes": self._routes(),
            "expected": round(sum(route.expected for route in self.routes), 6),
            "bound": round(self.bound * self.options.shifts, 6),
            "notes": list(self.notes),
            "options": self.options.to_dict(),
        }

    def figures(self) -> list[tuple[str, str]]:
        """Return the routes' stops and the incidents expected at them."""
        stops = sum(visit.stops for route in self.routes for visit in route.visits)
        total = sum(route.expected for route in self.routes)
        return [(tr("api.patrol.stops"), f"{stops}"), (tr("api.patrol.expected"), f"{total:.2f}")]

    def map_view(self) -> MapView:
        """Return the grids of the ground coloured by what they expect."""
        from gridmap.maps import choropleth
        from gridmap.model import Layer

        grids = self.city.grids
        frame = grids.frame.iloc[self.places].reset_index(drop=True)
        cells = Layer(Kind.GRID, frame)
        theme = choropleth("incidents", np.asarray(self.expected))
        return MapView(cells=cells, themes=(theme,), rooms=self.city.get(Kind.ROOM))

    def write(self, folder: Path) -> list[str]:
        """Write the routes into a folder: GPX, KML, GeoJSON and a printed sheet a route.

        Parameters
        ----------
        folder
            Where; it must not hold anything yet.

        Returns
        -------
        list of str
            Names of the files.

        Raises
        ------
        InputError
            If there is something already.
        """
        from gridmap.io.placing import new_folder_beside, put

        io.check_new_folder(folder)
        part = new_folder_beside(folder)
        try:
            for name in ("routes.gpx", "routes.kml", "routes.geojson", "sheets.pdf"):
                self.save(part / name)
            names = sorted(item.name for item in part.iterdir())
            if folder.exists():
                folder.rmdir()
            put(part, folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return names

    def save(self, path: Path) -> None:
        """Write the routes into one file.

        Parameters
        ----------
        path
            The suffix says the format: ``.gpx``, ``.kml``, ``.geojson`` or ``.pdf``.

        Raises
        ------
        InputError
            If it is another one.
        """
        from gridmap.io._vector import write_gpx, write_kml

        suffix = path.suffix.lower()
        if suffix == ".gpx":
            write_gpx(self._tracks(), path)
        elif suffix == ".kml":
            write_kml(self._tracks(), path)
        elif suffix == ".geojson":
            lines = self.to_gdf()
            lines = lines[~lines.geometry.is_empty].to_crs(4326)
            path.write_text(lines.to_json(drop_id=True, ensure_ascii=False), encoding="utf-8")
        elif suffix == ".pdf":
            path.write_bytes(self._sheets())
        else:
            known = ".gpx, .kml, .geojson, .pdf"
            raise InputError("io.error.format", received=path.name, known=known)

    def _title(self, route: RouteRow) -> str:
        return tr(
            "api.patrol.title", place=self._place(), unit=route["unit"], shift=route["shift"]
        )

    def _place(self) -> str:
        wanted = self.options.beat or self.options.station
        layer = self.city.get(Kind.BEAT if self.options.beat else Kind.STATION)
        if layer is not None and wanted in set(layer.ids):
            return str(layer.names[list(layer.ids).index(wanted)])
        return wanted

    def _tracks(self) -> tuple[Track, ...]:
        from gridmap.io._vector import Track, Waypoint

        tracks = []
        for route, line in zip(self._routes(), self.lines, strict=True):
            places = tuple(
                Waypoint(
                    stop["lon"],
                    stop["lat"],
                    f"{stop['order']} {stop['name']}",
                    f"{stop['arrive']}-{stop['leave']}",
                )
                for stop in route["stops"]
            )
            way = tuple((float(lon), float(lat)) for lon, lat in self.lonlat(line))
            tracks.append(Track(self._title(route), way, places))
        return tuple(tracks)

    def _sheets(self) -> bytes:
        from gridmap.maps import RouteSheet, draw_route_sheets

        sheets = []
        names = ("order", "place", "arrive", "leave", "what", "expected")
        for row, route, line in zip(self._routes(), self.routes, self.lines, strict=True):
            if not route.visits:
                continue
            rows = [
                [
                    str(stop["order"]), stop["name"], stop["arrive"], stop["leave"],
                    tr(f"api.patrol.{'stay' if stop['stop'] else 'pass'}"),
                    f"{stop['expected']:.2f}",
                ]
                for stop in row["stops"]
            ]  # fmt: skip
            sheets.append(
                RouteSheet(
                    title=self._title(row),
                    subtitle=tr(
                        "api.patrol.subtitle", start=row["start"], end=row["end"],
                        minutes=row["minutes"], mode=tr(f"api.mode.{self.options.mode}"),
                        expected=row["expected"],
                    ),
                    note="\n".join(
                        [
                            *([tr("briefing.band.made_up")] if self.city.made_up else []),
                            tr("api.patrol.note", hours=self.options.hours),
                            *self.notes,
                        ]
                    ),
                    line=line,
                    places=np.array([self.points[visit.place] for visit in route.visits]),
                    start=line[0],
                    columns=[tr(f"api.patrol.column.{name}") for name in names],
                    rows=rows,
                )
            )  # fmt: skip
        kinds = (Kind.GRID, Kind.BEAT)
        outlines = [layer for kind in kinds if (layer := self.city.get(kind)) is not None]
        return draw_route_sheets(sheets, roads=self.city.get(Kind.ROAD), outlines=outlines)

    def lonlat(self, xy: Floats) -> Floats:
        """Return working coordinates as longitude and latitude, WGS 84, shape (n, 2)."""
        from gridmap.model.crs import WGS84, reproject_points

        points = np.asarray(xy, dtype=float).reshape(-1, 2)
        lon, lat = reproject_points(points[:, 0], points[:, 1], self.city.crs, WGS84)
        return np.column_stack([lon, lat])

    def _routes(self) -> list[RouteRow]:
        grids = self.city.grids
        at = self.lonlat(self.points)
        rooms = self.city.get(Kind.ROOM)
        made: list[RouteRow] = []
        for route, start in zip(self.routes, self.starts_min, strict=True):
            stops: list[StopRow] = []
            for order, visit in enumerate(route.visits, start=1):
                row = int(self.places[visit.place])
                stops.append(
                    {
                        "order": order,
                        "id": str(grids.ids[row]),
                        "name": str(grids.names[row]),
                        "lon": round(float(at[visit.place, 0]), 6),
                        "lat": round(float(at[visit.place, 1]), 6),
                        "arrive": _clock(start + visit.arrive_min),
                        "leave": _clock(start + visit.leave_min),
                        "minutes": round(visit.leave_min - visit.arrive_min, 2),
                        "stop": visit.stops,
                        "expected": round(float(self.expected[visit.place]), 4),
                    }
                )
            room = int(self.rooms[route.unit])
            made.append(
                {
                    "unit": route.unit + 1,
                    "shift": route.shift + 1,
                    "room": "" if room < 0 or rooms is None else str(rooms.ids[room]),
                    "start": _clock(start),
                    "end": _clock(start + route.minutes),
                    "minutes": round(route.minutes, 2),
                    "expected": round(route.expected, 4),
                    "stops": stops,
                }
            )
        return made


def _clock(minutes: float) -> str:
    whole = int(minutes + 0.5) % (24 * 60)
    return f"{whole // 60:02d}:{whole % 60:02d}"


@verb(PatrolOptions)
def patrol(city: City, options: PatrolOptions) -> PatrolResult:
    """Plan patrol routes from and back to the police room, along the roads.

    Each unit stops ten to fifteen minutes (Koper 1995) at the grids with the most incidents in
    these hours, and is back within its minutes: the team orienteering problem, solved by
    PyVRP, with a bound by a knapsack relaxation. With several ``shifts`` every grid is seen at
    least once in all of them (网格化巡逻), and the hot ones more often. Different seeds give
    different routes that are nearly as good, so that they cannot be predicted.

    Returns
    -------
    PatrolResult
        Places and hours only; nothing is predicted about persons.

    Raises
    ------
    MissingError
        If there are no incidents with an hour, or no such beat or station.
    InfeasibleError
        If not every grid can be seen in the shifts.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=2000)
    >>> beat = str(city.beats.ids[0])
    >>> result = gridmap.patrol(city, beat=beat, minutes=90)
    >>> all(route.minutes <= 90 for route in result.routes)
    True
    """
    from gridmap.patrol import PatrolTask, bound_routes, plan_routes

    kind, unit = ("beat", options.beat) if options.beat else ("station", options.station)
    grids = _grids_of(city, kind, unit)
    expected, points, notes = _expected(city, grids, options)
    rooms, room_xy = _rooms(city, kind, unit, points, expected, options.units, notes)
    starts, at = np.unique(room_xy, axis=0, return_inverse=True)
    travel = _travel(city, options.mode, notes)
    both = np.concatenate([points, starts])
    minutes = np.ascontiguousarray(travel.matrix(both, both).T)
    np.fill_diagonal(minutes, 0.0)
    n = len(points)
    near = np.isfinite(minutes[n:, :n]).any(axis=0) & np.isfinite(minutes[:n, n:]).any(axis=1)
    if not near.all():
        notes.append(tr("api.patrol.unreached", count=int((~near).sum())))
        grids, expected, points = grids[near], expected[near], points[near]
        keep = np.concatenate([np.flatnonzero(near), np.arange(n, len(both))])
        minutes = minutes[np.ix_(keep, keep)]
        n = len(points)
    if not n:
        raise MissingError("patrol.error.no_way", place=unit)
    task = PatrolTask(
        expected=expected,
        rooms_at=n + np.ravel(at),
        minutes=minutes,
        limit_min=options.minutes,
        stop_min=options.stop,
        shifts=options.shifts,
        see_all=options.shifts > 1,
    )
    routes = plan_routes(task, seed=options.seed)
    where = np.concatenate([points, starts])
    return PatrolResult(
        city=city,
        options=options,
        routes=routes,
        places=grids,
        points=points,
        rooms=rooms,
        expected=expected,
        lines=tuple(_line(travel, task, route, where) for route in routes),
        starts_min=_starts(options, routes),
        bound=bound_routes(task),
        notes=tuple(notes),
    )


def _grids_of(city: City, kind: str, unit: str) -> Ints:
    """Return the grids whose middle lies in a beat or station."""
    from gridmap.measure import areas_of
    from gridmap.model.city import bare_id

    areas = areas_of(city, "beat" if kind == "beat" else "station")
    wanted = [
        row
        for row, (name, title) in enumerate(zip(areas.ids, areas.names, strict=True))
        if bare_id(unit) in (bare_id(name), bare_id(title))
    ]
    if not wanted:
        known = ", ".join(map(str, areas.ids[:5]))
        raise InputError(
            "patrol.error.no_unit", kind=tr(f"maps.kind.{kind}_one"), received=unit, known=known
        )
    grids = city.grids
    if areas.row_of_grid is not None:
        inside = np.flatnonzero(areas.row_of_grid == wanted[0])
    else:
        assert areas.layer is not None  # noqa: S101 - rows are made of one or the other
        shape = areas.layer.geometry[wanted[0]]
        middle = shapely.point_on_surface(grids.geometry)
        inside = np.flatnonzero(shapely.covers(shape, middle))
    if not len(inside):
        raise MissingError("patrol.error.no_grids", place=unit)
    return inside


def _expected(city: City, grids: Ints, options: PatrolOptions) -> tuple[Floats, Floats, list[str]]:
    """Return incidents that each grid expects in one shift of these hours, and a point of it.

    The point is the mean place of those incidents, or a point inside the grid where there are
    none or the mean lies outside it.
    """
    counts, sums, days = _counts(city, options)
    shapes = city.grids.geometry[grids]
    points = shapely.get_coordinates(shapely.point_on_surface(shapes))
    held = counts[grids]
    mean = sums[grids] / np.maximum(held, 1.0)[:, None]
    good = (held > 0) & shapely.covers(shapes, shapely.points(mean))
    points[good] = mean[good]
    notes = []
    if days < 28:
        notes.append(tr("api.patrol.few_days", days=days))
    if not held.sum():
        notes.append(tr("api.patrol.none_expected"))
    return held / max(days, 1), points, notes


def _counts(city: City, options: PatrolOptions) -> tuple[Floats, Floats, int]:
    """Return incidents of these hours by grid, the sums of their coordinates, and the days."""
    from gridmap.measure.counting import require_incidents
    from gridmap.measure.period import period_between
    from gridmap.patrol import timed_parts

    incidents = require_incidents(city)
    if options.category and options.category not in incidents.categories:
        known = ", ".join(incidents.categories[:12])
        raise InputError("patrol.error.category", received=options.category, known=known)
    wanted = incidents.categories.index(options.category) if options.category else -1
    first, length = _window(options)
    since, until = period_between(options.since or None, end_of(options.until))
    size = len(city.grids)
    counts, sums = np.zeros(size), np.zeros((size, 2))
    ends: list[int] = []
    timed = False
    names = ["grid", "category", "x", "y"]
    for part, _ in timed_parts(city, names, since=since, until=until):
        seconds = part["seconds"]
        if not len(seconds):
            continue
        ends += [int(seconds.min()), int(seconds.max())]
        hour = seconds % _DAY_S // 3600
        timed |= bool(hour.any())
        keep = (hour - first) % 24 < length
        if options.category:
            keep &= part["category"] == wanted
        keep &= part["grid"] >= 0
        grid = part["grid"][keep]
        counts += np.bincount(grid, minlength=size)
        for axis, name in enumerate("xy"):
            sums[:, axis] += np.bincount(grid, weights=part[name][keep], minlength=size)
    if not ends:
        raise MissingError("patrol.error.no_times", city=city.label)
    if not timed:
        raise MissingError("patrol.error.no_hours", city=city.label)
    begin, end = min(ends) // _DAY_S, max(ends) // _DAY_S
    if since is not None:
        begin = int(since.astype("datetime64[D]").astype(np.int64))
    if until is not None:
        end = int(until.astype("datetime64[D]").astype(np.int64)) - 1
    return counts, sums, max(1, end - begin + 1)


def _window(options: PatrolOptions) -> tuple[int, int]:
    """Return the first hour and the number of hours."""
    first, last = (int(part) for part in options.hours.split("-"))
    return first, (last - first) % 24 or 24


def _rooms(
    city: City, kind: str, unit: str, points: Floats, expected: Floats, units: int,
    notes: list[str],
) -> tuple[Ints, Floats]:  # fmt: skip
    """Return the room at which each unit starts, and its coordinates.

    The rooms of the beat or station, those with most expected incidents nearest first; else
    the nearest room of the city; else the middle of the expected incidents.
    """
    from scipy.spatial import cKDTree

    weight = expected + 1e-9
    middle = (points * weight[:, None]).sum(axis=0) / weight.sum()
    rooms = city.get(Kind.ROOM)
    if rooms is None or not len(rooms):
        notes.append(tr("api.patrol.no_room"))
        return np.full(units, -1), np.tile(middle, (units, 1))
    xy = city.room_xy
    home = city.named(rooms, Kind(kind)) if rooms.has(kind) else np.full(len(rooms), "")
    layer = city.get(Kind(kind))
    ids = {unit}
    if layer is not None:
        pairs = zip(layer.ids, layer.names, strict=True)
        ids |= {str(one) for one, name in pairs if unit in (one, name)}
    own = np.flatnonzero(np.isin(home.astype(str), sorted(ids)))
    if not len(own):
        nearest = int(cKDTree(xy).query(middle)[1])
        notes.append(tr("api.patrol.far_room", room=str(rooms.names[nearest])))
        return np.full(units, nearest), np.tile(xy[nearest], (units, 1))
    served = cKDTree(xy[own]).query(points)[1]
    load = np.bincount(served, weights=expected, minlength=len(own))
    order = own[np.argsort(-load, kind="stable")]
    chosen = order[np.arange(units) % len(order)]
    return chosen, xy[chosen]


def _travel(city: City, mode: str, notes: list[str]) -> Travel:
    """Return travel minutes along the roads, or straight where the city has none."""
    from gridmap.measure import parse_within, travel_of
    from gridmap.travel import StraightLine, modes_of

    if city.has(Kind.ROAD) and len(city.layer(Kind.ROAD)):
        (within,) = parse_within("10min")
        return travel_of(city, within, mode)[1]
    notes.append(tr("api.patrol.straight"))
    return StraightLine(unit="min", mode=modes_of(city.presets)[mode])


def _line(travel: Travel, task: PatrolTask, route: Route, where: Floats) -> Floats:
    """Return the way of a route: along the roads where travel goes along them."""
    from gridmap.travel import RoadTravel

    room = int(task.rooms_at[route.unit])
    order = [room, *(visit.place for visit in route.visits), room]
    if len(order) < 3:
        return where[[room]]
    if not isinstance(travel, RoadTravel):
        return where[order]
    legs = [travel.path(where[a], where[b]) for a, b in pairwise(order)]
    return np.concatenate(legs)


def _starts(options: PatrolOptions, routes: tuple[Route, ...]) -> tuple[int, ...]:
    """Return when each route begins: in the hours, at a moment that the seed shifts."""
    first, hours = _window(options)
    rng = np.random.default_rng(options.seed)
    spare = max(0, int(60 * hours - options.minutes)) // 10
    late = rng.integers(0, spare + 1, len(routes)) if options.seed else np.zeros(len(routes), int)
    return tuple(int(first * 60 + 10 * step) for step in late)
