"""Coverage and site: who is within reach of a room or facility, and where new rooms should go.

A proposal of rooms states the gap to the best possible.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypedDict, cast, get_args

from gridmap._lazy import gpd, np, pd, shapely
from gridmap.api.measure import ControlJson, HiddenJson, control_json, control_of, hidden_json
from gridmap.api.options import (
    AsDate,
    AsFile,
    Options,
    Takes,
    as_date,
    as_file,
    as_list,
    as_shapes,
    check_control,
    end_of,
    option,
)
from gridmap.api.results import FORMAT, MapView, Result, label_of, plain, rows_of, verb
from gridmap.errors import InputError, OptionError
from gridmap.fields import By, Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from shapely import Geometry, Point

    from gridmap.measure import Control, Coverage, Within
    from gridmap.model import City, Layer, Plan
    from gridmap.report import Hiding, SuppressedFrame
    from gridmap.siting import SiteProposal


ModeName = Literal["", "straight", "walk", "ebike", "car"]
AsPlaces: TypeAlias = (
    "gpd.GeoSeries | gpd.GeoDataFrame | Collection[Point | Collection[float]] | None"
)
MODES = ("", "straight", "walk", "ebike", "car")


def _within(value: object, option: str) -> str:
    """Return distances and times as ``1000m,5min``, each of them checked."""
    from gridmap.measure import parse_within

    text = ",".join(as_list(value, option))
    if not text:
        raise InputError("coverage.error.within", received=str(value))
    parse_within(text)
    return text


def _places(value: object, option: str) -> tuple[tuple[float, float], ...] | gpd.GeoSeries:
    """Return points or coordinates (m, 2) as pairs; points of a CRS wait for the city's."""
    shapes = as_shapes(value)
    points = [] if shapes is None else list(shapes)
    whole = all(isinstance(one, shapely.Point) and not one.is_empty for one in points)
    if points and whole and not isinstance(shapes, list):
        return shapes
    try:
        pairs = shapely.get_coordinates(points) if points and whole else value
        pairs = np.asarray(pairs, dtype=float).reshape(-1, 2)
    except (TypeError, ValueError):
        pairs = np.full((1, 2), np.nan)
    if not np.isfinite(pairs).all():
        raise OptionError("api.error.places", option=option, received=type(value).__name__)
    return tuple((float(x), float(y)) for x, y in pairs)


@dataclass(frozen=True, kw_only=True)
class CoverageOptions(Options):
    """What `coverage` measures: how near, by which way, to what, for whom."""

    verb: ClassVar[str] = "coverage"

    within: Takes[str | Collection[str], str] = option("", metavar="1000m,5min", parse=_within)
    mode: ModeName = option("", choices=MODES, costs=True)
    by: By = option("city", choices=get_args(By))
    network: str = option("", metavar="NAME|all")
    places: Takes[AsPlaces, tuple[tuple[float, float], ...] | None] = option(
        None, hidden=True, parse=_places
    )
    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    control: AsFile = option("", metavar="FILE", parse=as_file)
    control_weight: str = option("", metavar="COLUMN")
    suppress_below: int = option(0, metavar="N", least=0, most=1_000_000)

    def check_together(self) -> None:
        """Check that hidden counts are asked of one coverage alone."""
        check_control(self.control, self.control_weight)
        several = "," in str(self.within) or self.network == "all"
        if self.suppress_below > 1 and several:
            raise OptionError("api.error.suppress_one", option="suppress_below")

    @property
    def limits(self) -> tuple[Within, ...]:
        """The distances and times that are asked for."""
        from gridmap.measure import parse_within

        return parse_within(str(self.within)) if self.within else ()


class ReachJson(TypedDict, total=False):
    """One coverage: a distance or time, to rooms or to one network of facilities."""

    within: str
    mode: str
    network: str
    error: float | None
    rows: list[dict[str, Json]]
    worst: list[dict[str, Json]]
    unreached: list[str]
    notes: list[str]
    hidden: HiddenJson
    rooms: list[dict[str, Json]]
    hours: list[dict[str, Json]]


class CoverageJson(TypedDict):
    """The JSON of ``gridmap coverage --json``."""

    format: int
    by: str
    coverage: list[ReachJson]
    control: ControlJson | None
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CoverageResult(Result[CoverageJson]):
    """Who is within reach, for each distance or time and each network.

    Attributes
    ----------
    city, options
        What was measured, and how.
    coverages
        One for each distance or time and network, in the order asked for.
    control
        By what the residents of grids that a border cuts are shared out; None for ground.
    """

    city: City
    options: CoverageOptions
    coverages: tuple[Coverage, ...]
    control: Control | None = None

    def __repr__(self) -> str:
        reaches = ", ".join(
            f"{coverage.within} {coverage.mode} {coverage.network}".strip()
            for coverage in self.coverages
        )
        return f"<CoverageResult by {self.options.by}: {reaches}>"

    def table(
        self, found: Coverage, *, by: By | None = None, plan: Plan | None = None
    ) -> tuple[pd.DataFrame, SuppressedFrame | None]:
        """Return the rows of one coverage, small counts hidden if that was asked for.

        Parameters
        ----------
        found
            One of ``coverages``.
        by
            What a row is; as in the options if None.
        plan
            Whose beats make the rows; today's if None.
        """
        from gridmap.measure import coverage_table

        rows = coverage_table(
            self.city, found, by=by or self.options.by, plan=plan, control=self.control
        )
        if self.options.suppress_below <= 1:
            return rows, None
        level = by or self.options.by
        hidden = _hidden(rows, self._hiding if plan is None else self._hide(plan), level)
        return hidden.rows, hidden

    @cached_property
    def _hiding(self) -> Hiding:
        return self._hide(None)

    def _hide(self, plan: Plan | None) -> Hiding:
        """Return what is hidden of the one coverage, by every level at once."""
        from gridmap.report.suppression import hide_reach

        asked = self.options
        return hide_reach(
            self.city, self.coverages[0], asked.suppress_below,
            since=asked.since or None, until=end_of(asked.until), plan=plan, control=self.control,
        )  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return one row per unit and coverage, with ``within``, ``mode`` and ``network``."""
        parts = []
        for found in self.coverages:
            table, _ = self.table(found)
            table.insert(0, "within", str(found.within))
            table.insert(1, "mode", found.mode)
            table.insert(2, "network", found.network)
            parts.append(table)
        return pd.concat(parts, ignore_index=True)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the table with the ground of each row."""
        from gridmap.measure.pieces import ground_of

        ground = ground_of(self.city, self.options.by).geometry
        shapes = np.tile(ground, len(self.coverages))
        return gpd.GeoDataFrame(self.to_frame(), geometry=shapes, crs=self.city.crs)

    def reach(self) -> gpd.GeoDataFrame:
        """Return the ground within reach, one row per coverage."""
        from gridmap.measure import reach_frame

        frame = reach_frame(self.city, self.coverages)
        for name in ("covered_residents", "covered_residents_share"):
            frame[name] = [float(self.table(found, by="city")[0][name].iloc[0])
                           for found in self.coverages]  # fmt: skip
        return frame

    def shape(self, found: Coverage) -> Geometry:
        """Return the ground within reach of one coverage; see `gridmap.measure.reach_shape`."""
        from gridmap.measure import reach_shape

        return reach_shape(self.city, found)

    def frame(self, found: Coverage, *, by: By | None = None) -> gpd.GeoDataFrame:
        """Return the rows of one coverage with their ground, as `table` has them."""
        from gridmap.measure.pieces import ground_of

        rows, _ = self.table(found, by=by)
        ground = ground_of(self.city, by or self.options.by).geometry
        return gpd.GeoDataFrame(rows, geometry=ground, crs=self.city.crs)

    def worst(self, found: Coverage, *, count: int = 10) -> pd.DataFrame:
        """Return the grids with most residents out of reach; see `gridmap.measure.worst_grids`."""
        from gridmap.measure import worst_grids

        return worst_grids(self.city, found, count=count)

    def rooms(self, found: Coverage) -> pd.DataFrame:
        """Return the people of each room; see `gridmap.measure.room_table`."""
        from gridmap.measure import room_table

        return room_table(self.city, found)

    def hours(self, found: Coverage) -> pd.DataFrame | None:
        """Return residents covered in each hour, or None where rooms have no hours."""
        from gridmap.measure import coverage_by_hour

        if found.network or not self.city.layer(Kind.ROOM).has("hours"):
            return None
        return coverage_by_hour(self.city, found.within, mode=found.mode)

    def record(self, found: Coverage) -> ReachJson:
        """Return everything about one coverage as plain values."""
        rows, hidden = self.table(found)
        limit = self.options.suppress_below
        record: ReachJson = {
            "within": str(found.within),
            "mode": found.mode,
            "network": found.network,
            "error": found.error,
            "rows": rows_of(rows),
            "worst": rows_of(self.worst(found)) if hidden is None else [],
            "unreached": [str(name) for name in self.city.grids.ids[found.unreached]],
            "notes": list(found.notes),
            "hidden": hidden_json(hidden, rows),
        }
        if hidden is not None:
            record["notes"].append(tr("api.coverage.hidden", limit=limit))
        elif not found.network and self.options.places is None:
            hours = self.hours(found)
            record["rooms"] = rows_of(self.rooms(found))
            record["hours"] = [] if hours is None else rows_of(hours)
        return record

    def to_dict(self) -> CoverageJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "by": self.options.by,
            "coverage": [self.record(found) for found in self.coverages],
            "control": control_json(self.control),
            "options": self.options.to_dict(),
        }

    def figures(self) -> list[tuple[str, str]]:
        """Return the share of residents covered, for each distance or time."""
        found = []
        for item in self.coverages:
            share = self.table(item, by="city")[0]["covered_residents_share"].iloc[0]
            if share != share:  # noqa: PLR0124 - nobody counted residents, or they are hidden
                continue
            name = f"{item.within} {item.network}".strip()
            found.append((f"{label_of('covered_residents_share')} · {name}", f"{share:.1%}"))
        return found

    def map_view(self) -> MapView:
        """Return the grids coloured by the share covered at the first distance or time."""
        from gridmap.maps import Facts, choropleth

        table, _ = self.table(self.coverages[0], by="grid")
        name = "covered_residents_share"
        values = table[name].to_numpy(dtype=float)
        theme = choropleth(name, values)
        return MapView(
            cells=self.city.grids,
            themes=(theme,),
            rooms=self.city.get(Kind.ROOM),
            facts=Facts(list(map(str, self.city.grids.names)), {theme.title: 100 * values},
                        {theme.title: 0}) if np.isfinite(values).any() else None,
        )  # fmt: skip


def _hidden(rows: pd.DataFrame, hiding: Hiding, level: str) -> SuppressedFrame:
    """Take out small counts, those of who is not covered, and what is computed from them."""
    from gridmap.report import SuppressedFrame

    kinds = ("residents", "migrants", "incidents")
    derived = {f"{part}_{kind}_share": (kind, f"{part}_{kind}")
               for part in ("covered", "backup") for kind in kinds}  # fmt: skip
    derived |= {name: ("residents",) for name in rows if name.startswith(("mean_", "p95_", "unr"))}
    counts = [f"{part}{kind}" for part in ("", "covered_", "backup_") for kind in kinds]
    return SuppressedFrame.of_table(rows, hiding, level=level, counts=counts, derived=derived)


def networks_of(city: City) -> list[str]:
    """Return the names of the networks of a city's facilities; see `gridmap.measure`."""
    from gridmap.measure import networks_of as found

    return found(city)


@verb(CoverageOptions)
def coverage(city: City, options: CoverageOptions) -> CoverageResult:
    """Measure who is within reach of a police room or a facility.

    A point at exactly the given distance or time counts as covered.

    Returns
    -------
    CoverageResult
        One coverage for each distance or time, and for each network with ``network="all"``.

    Raises
    ------
    MissingError
        If the city has no rooms, or no facilities of the network.
    InputError
        If an option is invalid.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> gridmap.coverage(city, within="500m,1000m")
    <CoverageResult by city: 500m straight, 1000m straight>
    """
    from gridmap.measure import measure_coverage, parse_within

    limits = options.limits or parse_within(f"{city.presets.room_radius_m:.12g}m")
    places = None
    if options.places is not None:
        xy = np.array(options.places, dtype=float).reshape(-1, 2)
        places = np.array([str(row) for row in range(len(xy))], dtype=object), xy
    network = options.network
    # Without one, the first that was requested raises the error.
    chosen = (networks_of(city) or [str(Kind.FACILITY)]) if network == "all" else [network]
    found = [
        measure_coverage(
            city,
            limit,
            mode=options.mode,
            network=name,
            places=places,
            since=options.since or None,
            until=end_of(options.until),
        )
        for limit in limits
        for name in chosen
    ]
    control = control_of(city, options.control, options.control_weight)
    return CoverageResult(city=city, options=options, coverages=tuple(found), control=control)


def _area(value: object, option: str) -> object:
    """Return the polygon of a shape or of several; shapes of a CRS wait for the city's."""
    shapes = as_shapes(value)
    if shapes is not None and not isinstance(shapes, list):
        return shapes
    shape = value if shapes is None else shapely.union_all(shapes)
    if not isinstance(shape, shapely.Geometry) or shape.is_empty:
        raise OptionError("api.error.shape", option=option, received=type(value).__name__)
    return shape


def _one_within(value: object, option: str) -> str:
    from gridmap.measure import parse_within

    if not isinstance(value, str):
        raise OptionError("api.error.text", option=option, received=type(value).__name__)
    if len(parse_within(value)) != 1:
        raise OptionError("siting.error.one_within", option=option, received=value)
    return value


@dataclass(frozen=True, kw_only=True)
class SiteOptions(Options):
    """What `site` is asked for: how many rooms, where they may be, and what is optimised."""

    verb: ClassVar[str] = "site"

    rooms: int | None = option(None, kind=int, least=1)
    within: str = option("1000m", metavar="1000m|5min", parse=_one_within)
    model: Literal["cover", "all", "backup", "median", "center", "capacitated"] = option(
        "cover", choices=("cover", "all", "backup", "median", "center", "capacitated")
    )
    mode: ModeName = option("", choices=MODES)
    fixed: Literal["existing", "none"] = option("existing", choices=("existing", "none"))
    candidates: Literal["auto", "community", "facility", "grid", "area"] = option(
        "auto", choices=("auto", "community", "facility", "grid", "area")
    )
    area: Takes[
        shapely.Geometry | gpd.GeoSeries | gpd.GeoDataFrame | None, shapely.Geometry | None
    ] = option(None, hidden=True, parse=_area)
    weight: Literal["residents", "migrants", "incidents"] = option(
        "residents", choices=("residents", "migrants", "incidents")
    )
    budget: float | None = option(None, kind=float, least=0.0)
    price: str = option("", metavar="COLUMN")
    apart: float = option(0.0, metavar="METRES", least=0.0, most=1_000_000.0, unit="m")
    capacity: float | None = option(None, kind=float, metavar="N", least=0.0, most=1_000_000_000.0)
    gap: float = option(0.0, least=0.0, most=1.0)
    seconds: float = option(60.0, least=0.1, unit="s")


class SiteRow(TypedDict):
    """A new room: degrees in WGS 84, metres in the working CRS, and the weight it covers."""

    id: str
    name: str
    lon: float
    lat: float
    beat: str
    x: float
    y: float
    covers: float


class SiteJson(TypedDict):
    """The JSON of ``gridmap site --json``."""

    format: int
    model: str
    within: str
    sites: list[SiteRow]
    objective: float
    bound: float | None
    gap: float | None
    proven: bool
    seconds: float
    before: dict[str, float | None]
    after: dict[str, float | None]
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SiteResult(Result[SiteJson]):
    """Where new rooms go, how good that is proven to be, and what it changes.

    Attributes
    ----------
    city, options
        What was asked.
    proposal
        The answer; see `gridmap.siting.SiteProposal`.
    """

    city: City
    options: SiteOptions
    proposal: SiteProposal

    def __repr__(self) -> str:
        return f"<SiteResult: {len(self.proposal.sites)} new rooms, gap {self.proposal.answer.gap:.1%}>"  # noqa: E501 # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return one row per new room, with longitude, latitude and beat.

        Returns
        -------
        DataFrame
            ``id, name, lon, lat, beat, x, y, covers``: degrees in WGS 84, the name of the
            beat the room stands in (blank for none), metres in the working CRS, and the
            weight it would look after as the nearest.
        """
        from gridmap.maps import degrees_of
        from gridmap.measure.pieces import has_beats, present_plan

        sites = self.proposal.sites.copy()
        points = shapely.points(sites[["x", "y"]].to_numpy(dtype=float).reshape(-1, 2))
        degrees = degrees_of(points, self.city.crs)
        beat = np.full(len(sites), "", dtype=object)
        if has_beats(self.city):
            plan = present_plan(self.city)
            labels = np.array([*(one.label for one in plan.beats), ""], dtype=object)
            rows, grids = shapely.STRtree(self.city.grids.geometry).query(points, "intersects")
            beat[rows] = labels[plan.assignment[grids]]
        sites.insert(2, "lon", np.round(degrees[:, 1], 6))
        sites.insert(3, "lat", np.round(degrees[:, 0], 6))
        sites.insert(4, "beat", beat)
        return sites

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the new rooms as points in the working CRS."""
        sites = self.to_frame()
        points = shapely.points(sites[["x", "y"]].to_numpy(dtype=float).reshape(-1, 2))
        return gpd.GeoDataFrame(sites, geometry=points, crs=self.city.crs)

    def to_dict(self) -> SiteJson:
        """Return the JSON of the command."""
        answer: dict[str, Any] = {
            "format": FORMAT,
            **plain(self.proposal.to_dict()),
            "sites": rows_of(self.to_frame()),
            "options": self.options.to_dict(),
        }
        return cast("SiteJson", answer)

    @cached_property
    def after(self) -> CoverageResult:
        """The coverage of the rooms that stay and the new ones."""
        asked = self.options
        return CoverageResult(
            city=self.city_with_rooms(),
            options=CoverageOptions(within=asked.within, mode=asked.mode),
            coverages=self.proposal.covered[1:],
        )

    def city_with_rooms(self) -> City:
        """Return the city with the new rooms among its rooms."""
        return self.city.with_layer(self.room_layer())

    def room_layer(self) -> Layer:
        """Return the layer of rooms with the new ones in it."""
        from gridmap.siting import rooms_with

        return rooms_with(self.city, self.proposal)

    def figures(self) -> list[tuple[str, str]]:
        """Return the share covered before and after."""
        shares = (self.proposal.before["covered_share"], self.proposal.after["covered_share"])
        return [(label_of("covered_residents_share"), f"{shares[0]:.1%} → {shares[1]:.1%}")]

    def map_view(self) -> MapView:
        """Return the grids coloured by the share covered with the new rooms."""
        return self.after.map_view()


@verb(SiteOptions)
def site(city: City, options: SiteOptions) -> SiteResult:
    """Propose where new police rooms go; the gap to the best possible is always reported.

    Returns
    -------
    SiteResult
        The new rooms, and coverage before and after.

    Raises
    ------
    InputError
        If an option is invalid, or neither a number nor a budget is given.
    InfeasibleError
        If the limits allow no choice.
    MissingError
        If the city lacks a layer or column that the request needs.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> len(gridmap.site(city, rooms=2, within="500m").to_frame())
    2
    """
    from gridmap.measure import parse_within
    from gridmap.siting import SiteRequest, propose_sites

    if options.candidates == "area" and options.area is None:
        raise InputError("siting.error.area_needed")
    request = SiteRequest(
        parse_within(options.within)[0],
        rooms=options.rooms,
        budget=options.budget,
        price=options.price,
        model=options.model,
        mode=options.mode,
        keep_existing=options.fixed == "existing",
        candidates=options.candidates,
        area=options.area,
        weight=options.weight,
        apart_m=options.apart,
        capacity=options.capacity,
        seconds=options.seconds,
        gap=options.gap,
    )
    return SiteResult(city=city, options=options, proposal=propose_sites(city, request))
