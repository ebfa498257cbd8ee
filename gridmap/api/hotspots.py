"""Hot spots: grids with more, or fewer, incidents around them than chance allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict

from gridmap._lazy import gpd, pd
from gridmap.api.options import (
    AsDate,
    AsHours,
    AsNames,
    Options,
    as_date,
    as_list,
    end_of,
    option,
)
from gridmap.api.results import FORMAT, MapView, Result, rows_of, verb
from gridmap.errors import OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.measure import HotSpots
    from gridmap.model import City


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

    since: AsDate = option("", flag="--from", metavar="DATE", parse=as_date)
    until: AsDate = option("", flag="--to", metavar="DATE", parse=as_date)
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
            period before, ``change`` too: ``emerging, lasting, fading`` or ``none``.
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
            "rows": [{"change": None, **row} for row in rows_of(self.to_frame())],  # type: ignore[typeddict-item] # the columns of to_frame
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
                for kind in ("emerging", "lasting", "fading")
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
