"""Measure what each grid, beat, station or community carries, and find hot spots among grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict, cast, get_args

from gridmap import io
from gridmap._lazy import gpd, np, pd, shapely
from gridmap.api.options import (
    AsDate,
    AsFile,
    AsHours,
    AsNames,
    Options,
    as_date,
    as_file,
    as_list,
    as_plan,
    check_control,
    end_of,
    option,
)
from gridmap.api.results import FORMAT, MapView, Result, label_of, plain, rows_of, verb
from gridmap.errors import InputError, OptionError
from gridmap.fields import By as By  # noqa: PLC0414 - pages ask for it here
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.measure import Control, HotSpots, MeasureTable
    from gridmap.model import City, Layer, Plan
    from gridmap.report import SuppressedFrame

_DRAWN = ("incidents", "residents", "migrants", "households", "incidents_per_1000_residents",
          "residents_per_km2", "incidents_per_km2", "covered_residents_share",
          "area_km2")  # fmt: skip

_COUNTS = ("residents", "migrants", "households", "incidents")
_DERIVED = {
    "residents_per_km2": ("residents",),
    "incidents_per_km2": ("incidents",),
    "incidents_per_1000_residents": ("incidents", "residents"),
    "covered_residents_share": ("residents", "covered_residents"),
}  # a share of residents reveals how many of them are, and are not, covered


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(Options):
    """What `measure` counts, and by what."""

    verb: ClassVar[str] = "measure"

    by: By = option("beat", choices=get_args(By))
    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    plan: Plan | None = option(None, metavar="NAME", parse=as_plan)
    control: AsFile = option("", metavar="FILE", parse=as_file)
    control_weight: str = option("", metavar="COLUMN")
    suppress_below: int = option(0, metavar="N", least=0, most=1_000_000)

    def check_together(self) -> None:
        """Check that a weight has a file."""
        check_control(self.control, self.control_weight)


class MeasureRow(TypedDict):
    """What one row carries."""

    id: str
    name: str
    area_km2: float
    residents: float | None
    migrants: float | None
    households: float | None
    incidents: float | None
    residents_per_km2: float | None
    incidents_per_km2: float | None
    incidents_per_1000_residents: float | None
    covered_residents_share: float | None


class HiddenJson(TypedDict):
    """Columns hidden in each row, by its id: small counts and figures that would reveal them."""

    rows: dict[str, list[str]]
    totals: list[str]
    unassigned: list[str]


class ControlJson(TypedDict):
    """The file by which residents were shared out: its areas, and how many were repaired."""

    file: str
    areas: int
    repaired: int


class MeasureJson(TypedDict):
    """The JSON of ``gridmap measure --json``."""

    format: int
    by: str
    rows: list[MeasureRow]
    totals: dict[str, float | None]
    unassigned: dict[str, float | None]
    split_grids: int
    whole_share: float | None
    missing: list[str]
    control: ControlJson | None
    hidden: HiddenJson
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MeasureResult(Result[MeasureJson]):
    """What each row carries, what all carry, and what lies in no row.

    Attributes
    ----------
    city, options
        What was measured, and how.
    table
        The figures; see `gridmap.measure.MeasureTable`.
    hidden
        Which small counts are hidden (NaN in the table); None where none was to be.
    control
        By what the residents of grids that a border cuts are shared out; None for ground.
    """

    city: City
    options: MeasureOptions
    table: MeasureTable
    hidden: SuppressedFrame | None = None
    control: Control | None = None

    def __repr__(self) -> str:
        return f"<MeasureResult by {self.table.by}: {len(self.table.rows)} rows>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per grid, beat, station or community; columns nobody counted left out."""
        return self.table.rows.drop(columns=self._unknown())

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the table with each row's ground, in the working CRS."""
        return gpd.GeoDataFrame(
            self.to_frame(), geometry=self._ground().geometry, crs=self.city.crs
        )

    def to_dict(self) -> MeasureJson:
        """Return the JSON of the command; a count that nobody made is None."""
        unknown = dict.fromkeys(self._unknown())
        table = self.table
        return {
            "format": FORMAT,
            "by": table.by,
            "rows": cast("list[MeasureRow]", [{**row, **unknown} for row in rows_of(table.rows)]),
            "totals": {name: plain(value) for name, value in table.totals.items()} | unknown,
            "unassigned": {
                name: None if name in unknown else plain(value)
                for name, value in table.unassigned.items()
            },
            "split_grids": table.split_grids,
            "whole_share": plain(table.whole_share),
            "missing": list(table.missing),
            "control": control_json(self.control),
            "hidden": hidden_json(self.hidden, table.rows),
            "options": self.options.to_dict(),
        }

    def cut_grids(self) -> list[str]:
        """Return the ids of the grids that the rows' borders cut, slivers under 1 % left out."""
        from gridmap.measure.pieces import people_layer
        from gridmap.measure.summary import SLIVER_SHARE, membership_of

        options, people = self.options, people_layer(self.city)
        table = membership_of(self.city, by=options.by, plan=options.plan)
        if people is None or table is None or options.by == "grid":
            return []
        return [str(name) for name in people.ids[table.is_split(sliver_share=SLIVER_SHARE)]]

    def figures(self) -> list[tuple[str, str]]:
        """Return the totals of the city."""
        names = ("residents", "migrants", "households", "incidents")
        return [
            (label_of(name), f"{self.table.totals[name]:,.0f}")
            for name in names
            if self.table.totals[name] == self.table.totals[name]  # known and not hidden
        ]

    def map_view(self) -> MapView:
        """Return the rows coloured by each column, incidents first."""
        from gridmap.maps import Facts, choropleth

        frame = self.to_frame()
        known = [name for name in _DRAWN if name in frame and frame[name].notna().any()]
        themes = tuple(choropleth(name, frame[name].to_numpy(dtype=float)) for name in known)
        columns = {theme.title: np.asarray(frame[theme.key], dtype=float) for theme in themes}
        rooms = self.city.get(Kind.ROOM)
        return MapView(
            cells=self._ground(),
            themes=themes,
            rooms=rooms,
            facts=Facts(list(map(str, frame["name"])), columns),
        )

    def _unknown(self) -> list[str]:
        return [n for n in self.table.rows.columns if any(k in n for k in self.table.missing)]

    def _ground(self) -> Layer:
        from gridmap.measure.pieces import ground_of

        return ground_of(self.city, self.table.by, self.options.plan)


@verb(MeasureOptions)
def measure(city: City, options: MeasureOptions) -> MeasureResult:
    """Measure a city by grid, beat, station or community, or as one.

    Counts of grids that a row's border cuts are divided by area, or by the areas of a
    ``control`` file (buildings, land use) inside each part; incidents are counted where they
    happened. A period includes its last day. With ``suppress_below`` counts above 0
    and below it are hidden, with the cells that would reveal them to a reader who knows that a
    hidden count is at least 1 and holds the tables by every level of one period side by side.

    Returns
    -------
    MeasureResult
        Rows plus what lies in no row make up the city.

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    InputError
        If a period is asked of counts that have no times, or the plan is another city's.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> result = gridmap.measure(city, by="station")
    >>> float(result.to_frame()["incidents"].sum())
    500.0
    """
    from gridmap.measure import summarise

    since, until = options.since or None, end_of(options.until)
    control = control_of(city, options.control, options.control_weight)
    table = summarise(
        city, by=options.by, since=since, until=until, plan=options.plan, control=control
    )
    if options.suppress_below <= 1:
        return MeasureResult(city=city, options=options, table=table, control=control)
    # A fifth of a second to load, which only those wait for who hide.
    from gridmap.report.suppression import SuppressedFrame, hide_levels

    hiding = hide_levels(
        city, options.suppress_below, since=since, until=until, plan=options.plan, control=control
    )
    hidden = SuppressedFrame.of_table(
        table.rows, hiding, level=options.by, counts=(*_COUNTS, "covered_residents"),
        derived=_DERIVED, totals=table.totals, unassigned=table.unassigned,
    )  # fmt: skip
    table = replace(
        table, rows=hidden.rows, totals=hidden.totals, unassigned=hidden.unassigned,
        whole_share=float("nan"),  # the sum of some grids, which are perhaps hidden
    )  # fmt: skip
    return MeasureResult(city=city, options=options, table=table, hidden=hidden, control=control)


def control_of(city: City, file: str, weight: str) -> Control | None:
    """Return the control layer in a file, None where there is none.

    Raises
    ------
    InputError
        If the file cannot be used, or none of its areas lies in the city.
    """
    if not file:
        return None
    from gridmap.measure import Control
    from gridmap.measure.pieces import people_layer

    people = people_layer(city)
    ground = people or next(iter(city.layers.values()))
    near = shapely.box(*shapely.total_bounds(ground.geometry))
    shapes, weights, repaired = io.read_control(Path(file), city.crs, near=near, weight=weight)
    if people is not None:
        grids = shapely.STRtree(people.geometry)
        if not len(grids.query(shapes, predicate="intersects")[0]):
            raise InputError("api.error.control_elsewhere", file=Path(file).name, city=city.label)
    return Control(shapes, weights, Path(file).name, repaired)


def control_json(control: Control | None) -> ControlJson | None:
    """Return what the JSON says about a control layer."""
    if control is None:
        return None
    return {"file": control.source, "areas": len(control), "repaired": control.repaired}


def control_line(control: Control) -> str:
    """Return in words by what residents are shared out."""
    key = "repaired" if control.repaired else "used"
    return tr(
        f"api.control.{key}", file=control.source, areas=len(control), repaired=control.repaired
    )


def hidden_json(hidden: SuppressedFrame | None, rows: pd.DataFrame) -> HiddenJson:
    """Return which numbers of a table are hidden, as plain values."""
    if hidden is None:
        return {"rows": {}, "totals": [], "unassigned": []}
    shown = hidden.hidden[[name for name in hidden.hidden.columns if name in rows]]
    dark = {
        str(one): [str(name) for name in shown.columns[row]]
        for one, row in zip(rows["id"], shown.to_numpy(dtype=bool), strict=True)
    }
    return {
        "rows": {one: names for one, names in dark.items() if names},
        "totals": sorted(hidden.hidden_totals & set(rows.columns)),
        "unassigned": sorted(hidden.hidden_unassigned & set(rows.columns)),
    }


def _hours(value: object, option: str) -> tuple[int, ...]:
    """Return hours of the day from ``22-6``, ``18,19`` or numbers.

    >>> _hours("22-1", "hours")
    (22, 23, 0)
    """
    if isinstance(value, str):
        parts = as_list(value, option)
    elif isinstance(value, Sequence):
        parts = tuple(str(item) for item in value)
    else:
        raise OptionError("api.error.hours_of_day", option=option, received=type(value).__name__)
    found: list[int] = []
    for part in parts:
        first, sign, last = (word.strip() for word in part.partition("-"))
        ends = (first, last) if sign else (first, str(int(first) + 1) if first.isdecimal() else "")
        if not all(end.isdecimal() and int(end) <= 24 for end in ends) or ends[0] == ends[1]:
            raise OptionError("api.error.hours_of_day", option=option, received=part)
        start, end = int(ends[0]) % 24, int(ends[1])
        count = (end - start) % 24 or 24
        found += [(start + step) % 24 for step in range(count)]
    return tuple(dict.fromkeys(found))


def _names(value: object, option: str) -> tuple[str, ...]:
    """Return the names of ``a, b``, or of a sequence: there a name may have a comma in it."""
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return as_list(value, option)


def _week_hours(value: object, option: str) -> tuple[int, ...]:
    """Return hours of the week, 0 to 167."""
    found = tuple(value) if isinstance(value, Sequence) else (None,)
    if not all(isinstance(hour, int) and 0 <= hour < 168 for hour in found):
        raise OptionError("api.error.hours_of_week", option=option, received=str(value))
    return found


@dataclass(frozen=True, kw_only=True)
class HotspotsOptions(Options):
    """Which incidents `hotspots` counts, and what it expects of chance."""

    verb: ClassVar[str] = "hotspots"

    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    hours: AsHours = option((), metavar="22-6", parse=_hours)
    week_hours: AsHours = option((), hidden=True, parse=_week_hours)
    categories: AsNames = option((), metavar="NAME,...", parse=_names)
    expect: Literal["area", "residents"] = option("area", choices=("area", "residents"))
    method: Literal["counts", "gi"] = option("counts", choices=("counts", "gi"), costs=True)
    compare: Literal["", "previous", "last-year"] = option(
        "", choices=("", "previous", "last-year")
    )

    def check_together(self) -> None:
        """Check that the period can be compared."""
        if self.compare and (self.method == "gi" or not (self.since and self.until)):
            raise OptionError("api.error.hotspots_compare", option="compare")


class HotspotRow(TypedDict):
    """One hot or cold grid."""

    id: str
    kind: str
    observed: float
    expected: float
    p: float
    change: str | None


class HotspotsJson(TypedDict):
    """The JSON of ``gridmap hotspots --json``."""

    format: int
    rows: list[HotspotRow]
    grids: int
    method: str
    weeks: int | None
    before: str | None
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HotspotsResult(Result[HotspotsJson]):
    """The hot and cold grids of a city.

    Attributes
    ----------
    city, options
        What was looked at, and how.
    found
        The answer for every grid; see `gridmap.measure.HotSpots`.
    before
        The period it was compared with, as ``2024-02``, or None.
    """

    city: City
    options: HotspotsOptions
    found: HotSpots
    before: str | None = None

    def __repr__(self) -> str:
        hot, cold = (int((self.found.kind == kind).sum()) for kind in ("hot", "cold"))
        return f"<HotspotsResult: {hot} hot, {cold} cold of {len(self.found.kind)} grids>"

    def to_frame(self) -> pd.DataFrame:
        """Return the hot and cold grids, the least p first.

        Returns
        -------
        DataFrame
            ``id, kind, observed, expected, p``: incidents in the grid and its neighbours
            together, how many chance would put there, and the two-sided p; compared with a
            period before, ``change`` too: ``emerging, growing, lasting, fading`` or ``none``.
        """
        return self.found.to_frame()

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the hot and cold grids with their ground."""
        rows = self.to_frame()
        at = pd.Index(self.city.grids.ids).get_indexer(rows["id"])
        return gpd.GeoDataFrame(rows, geometry=self.city.grids.geometry[at], crs=self.city.crs)

    def to_dict(self) -> HotspotsJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "rows": cast(
                "list[HotspotRow]", [{"change": None, **row} for row in rows_of(self.to_frame())]
            ),
            "grids": len(self.found.kind),
            "method": self.found.method,
            "weeks": self.found.weeks,
            "before": self.before,
            "options": self.options.to_dict(),
        }

    def sentences(self) -> list[str]:
        """Return which dispersion was assumed where none was estimated."""
        return [tr("report.note.poisson").strip()] if self.found.weeks == 0 else []

    def figures(self) -> list[tuple[str, str]]:
        """Return how many grids are hot, and how many cold."""
        found = [
            (tr(f"api.hotspots.{kind}"), f"{int((self.found.kind == kind).sum()):,}")
            for kind in ("hot", "cold")
        ]
        if self.found.change is not None:
            found += [
                (tr(f"api.hotspots.{kind}"), f"{int((self.found.change == kind).sum()):,}")
                for kind in ("emerging", "growing", "lasting", "fading")
            ]
        return found

    def map_view(self) -> MapView:
        """Return the grids by whether they are hot, cold or neither."""
        from gridmap.maps import hot_spot_theme

        outlines = [layer for kind in (Kind.BEAT,) if (layer := self.city.get(kind)) is not None]
        return MapView(
            cells=self.city.grids, themes=(hot_spot_theme(self.found),), outlines=outlines
        )


@verb(HotspotsOptions)
def hotspots(city: City, options: HotspotsOptions) -> HotspotsResult:
    """Find the grids with more, or fewer, incidents around them than chance allows.

    Each grid is judged with its neighbours; testing many grids is corrected for, so that of
    the grids named one in twenty at most is there by chance. Compared with a period before,
    the change itself is tested: emerging and fading are not two maps held side by side.

    Returns
    -------
    HotspotsResult
        The hot and cold grids.

    Raises
    ------
    InputError
        If there are no incidents to count, or a category is unknown.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=2000)
    >>> list(gridmap.hotspots(city).to_frame().columns)
    ['id', 'kind', 'observed', 'expected', 'p']
    """
    from gridmap.measure import find_hotspots
    from gridmap.measure.period import Period, period_before

    earlier = None
    if options.compare:
        first, last = (date.fromisoformat(day[:10]) for day in (options.since, options.until))
        earlier = period_before(Period.of_days(first, last), options.compare)
    hours = options.week_hours or [24 * day + hour for day in range(7) for hour in options.hours]
    found = find_hotspots(
        city,
        since=options.since or None,
        until=end_of(options.until),
        hours=hours,
        categories=tuple(options.categories),
        expect=options.expect,
        method=options.method,
        before=None if earlier is None else (earlier.since, earlier.until),
    )
    code = None if earlier is None else earlier.code
    return HotspotsResult(city=city, options=options, found=found, before=code)
