"""Coverage: who is within reach of a room or a facility, and who is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict

from gridmap.api.options import Options, as_date, as_list, check_period, end_of, option
from gridmap.api.results import FORMAT, MapView, Result, label_of, rows_of
from gridmap.api.verbs import verb
from gridmap.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.measure import Coverage
    from gridmap.model import City

__all__ = ["CoverageJson", "CoverageOptions", "CoverageResult", "Mode", "coverage"]

Mode = Literal["", "straight", "walk", "ebike", "car"]
MODES = ("", "straight", "walk", "ebike", "car")


def _within(value: object, option: str) -> str:
    """Return distances and times as ``1000m,5min``, each of them checked."""
    from gridmap.measure import parse_within

    text = ",".join(as_list(value, option))
    if not text:
        raise InputError("coverage.error.within", received=str(value))
    parse_within(text)
    return text


@dataclass(frozen=True, kw_only=True)
class CoverageOptions(Options):
    """What `coverage` measures: how near, by which way, to what, for whom."""

    verb: ClassVar[str] = "coverage"

    within: str | Sequence[str] = option("", metavar="1000m,5min", parse=_within)
    mode: Mode = option("", choices=MODES, costs=True)
    by: Literal["grid", "beat", "station", "community", "city"] = option(
        "city", choices=("grid", "beat", "station", "community", "city")
    )
    network: str = option("", metavar="NAME|all")
    since: str = option("", flag="--from", metavar="DATE", parse=as_date)
    until: str = option("", flag="--to", metavar="DATE", parse=as_date)

    def check_together(self) -> None:
        """Check that the period does not end before it begins."""
        check_period(self.since, self.until)


class ReachJson(TypedDict, total=False):
    """One coverage: a distance or time, to rooms or to one network of facilities."""

    within: str
    mode: str
    network: str
    error: float | None
    rows: list[dict[str, Any]]
    worst: list[dict[str, Any]]
    unreached: list[str]
    notes: list[str]
    rooms: list[dict[str, Any]]
    hours: list[dict[str, Any]]


class CoverageJson(TypedDict):
    """The JSON of ``gridmap coverage --json``."""

    format: int
    by: str
    coverage: list[ReachJson]
    options: dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CoverageResult(Result):
    """Who is within reach, for each distance or time and each network.

    Attributes
    ----------
    city, options
        What was measured, and how.
    coverages
        One for each distance or time and network, in the order asked for.
    """

    city: City
    options: CoverageOptions
    coverages: tuple[Coverage, ...]

    def __repr__(self) -> str:
        reaches = ", ".join(
            f"{coverage.within} {coverage.mode} {coverage.network}".strip()
            for coverage in self.coverages
        )
        return f"<CoverageResult by {self.options.by}: {reaches}>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a unit and coverage, with ``within``, ``mode`` and ``network``."""
        import pandas as pd

        from gridmap.measure import coverage_table

        parts = []
        for found in self.coverages:
            table = coverage_table(self.city, found, by=self.options.by)
            table.insert(0, "within", str(found.within))
            table.insert(1, "mode", found.mode)
            table.insert(2, "network", found.network)
            parts.append(table)
        return pd.concat(parts, ignore_index=True)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the table with the ground of each row."""
        import geopandas as gpd
        import numpy as np

        from gridmap.measure.summary import ground_of

        ground = ground_of(self.city, self.options.by).geometry
        shapes = np.tile(ground, len(self.coverages))
        return gpd.GeoDataFrame(self.to_frame(), geometry=shapes, crs=self.city.crs)

    def reach(self) -> gpd.GeoDataFrame:
        """Return the ground within reach, one row a coverage."""
        from gridmap.measure import reach_frame

        return reach_frame(self.city, self.coverages)

    def record(self, found: Coverage) -> ReachJson:
        """Return everything about one coverage as plain values."""
        from gridmap.measure import coverage_by_hour, coverage_table, room_table, worst_grids
        from gridmap.model import Kind

        city = self.city
        record: ReachJson = {
            "within": str(found.within),
            "mode": found.mode,
            "network": found.network,
            "error": found.error,
            "rows": rows_of(coverage_table(city, found, by=self.options.by)),
            "worst": rows_of(worst_grids(city, found)),
            "unreached": [str(name) for name in city.grids.ids[found.unreached]],
            "notes": list(found.notes),
        }
        if not found.network:
            hours = city.layer(Kind.ROOM).has("hours")
            record["rooms"] = rows_of(room_table(city, found))
            record["hours"] = (
                rows_of(coverage_by_hour(city, found.within, mode=found.mode)) if hours else []
            )
        return record

    def to_dict(self) -> CoverageJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "by": self.options.by,
            "coverage": [self.record(found) for found in self.coverages],
            "options": self.options.to_dict(),
        }

    def figures(self) -> list[tuple[str, str]]:
        """Return the share of residents covered, for each distance or time."""
        from gridmap.measure import coverage_table

        found = []
        for item in self.coverages:
            share = coverage_table(self.city, item, by="city")["covered_residents_share"].iloc[0]
            name = f"{item.within} {item.network}".strip()
            found.append((f"{label_of('covered_residents_share')} · {name}", f"{share:.1%}"))
        return found

    def map_view(self) -> MapView:
        """Return the grids coloured by the share covered at the first distance or time."""
        import numpy as np

        from gridmap.maps import Facts, choropleth
        from gridmap.measure import coverage_table
        from gridmap.model import Kind

        table = coverage_table(self.city, self.coverages[0], by="grid")
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
    from gridmap.measure import measure_coverage, networks_of, parse_within
    from gridmap.model import Kind

    limits = parse_within(str(options.within) or f"{city.presets.room_radius_m:g}m")
    network = options.network
    # Where there is none, the first one asked for says so.
    chosen = (networks_of(city) or [str(Kind.FACILITY)]) if network == "all" else [network]
    found = [
        measure_coverage(
            city,
            limit,
            mode=options.mode,
            network=name,
            since=options.since or None,
            until=end_of(options.until),
        )
        for limit in limits
        for name in chosen
    ]
    return CoverageResult(city=city, options=options, coverages=tuple(found))
