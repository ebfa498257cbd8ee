"""Site: where new rooms go, with the gap to the best possible."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict

from gridmap.api.coverage import MODES, CoverageOptions, CoverageResult, Mode
from gridmap.api.options import Options, Takes, as_shapes, option
from gridmap.api.results import FORMAT, MapView, Result, plain, rows_of
from gridmap.api.verbs import verb
from gridmap.errors import InputError, OptionError
from gridmap.fields import Json

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import shapely

    from gridmap.model import City, Layer
    from gridmap.siting import SiteProposal

__all__ = ["SiteJson", "SiteOptions", "SiteResult", "site"]


def _area(value: object, option: str) -> object:
    """Return the polygon of a shape or of several; shapes of a CRS wait for the city's."""
    import shapely

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
    mode: Mode = option("", choices=MODES)
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
        import numpy as np
        import shapely

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
        import geopandas as gpd
        import shapely

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
        return answer  # type: ignore[return-value] # the keys of SiteProposal.to_dict

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
        from gridmap.api.results import label_of

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
