"""Check: everything in a city's data that would make a number wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypedDict

from gridmap.api.options import Options, option
from gridmap.api.results import FORMAT, MapView, Result
from gridmap.api.verbs import Progress, verb
from gridmap.errors import OptionError
from gridmap.fields import Json

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.io import Finding
    from gridmap.model import City

__all__ = ["CheckJson", "CheckOptions", "CheckResult", "check"]


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Options):
    """What `check` looks for besides what it always looks for."""

    verb: ClassVar[str] = "check"

    grid_code: int = option(0, metavar="15|20")
    strict: bool = option(default=False)

    def check_together(self) -> None:
        """Check that there is a rule for so many digits."""
        if self.grid_code not in {0, 15, 20}:
            raise OptionError(
                "api.error.choice", option="grid_code", known="15, 20", received=self.grid_code
            )


class FindingJson(TypedDict):
    """One kind of fault in one layer."""

    layer: str
    kind: str
    severity: str
    count: int
    ids: list[str]
    area_m2: float
    effect: str
    command: str


class CheckJson(TypedDict):
    """The JSON of ``gridmap check --json``."""

    format: int
    findings: list[FindingJson]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CheckResult(Result[CheckJson]):
    """What is wrong with a city's data, the gravest first.

    Attributes
    ----------
    city, options
        What was checked, and how.
    findings
        One a layer and kind.
    """

    city: City
    options: CheckOptions
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found but notes: no number is wrong, and none may be."""
        return all(str(item.severity) == "note" for item in self.findings)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{item.count} {item.kind}" for item in self.findings[:5])
        return f"<CheckResult: {kinds or 'nothing wrong'}>"

    def to_dict(self) -> CheckJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "findings": [item.as_json() for item in self.findings],  # type: ignore[misc] # the keys of Finding.as_json
            "options": self.options.to_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding, with its name in the current language."""
        import pandas as pd

        from gridmap.i18n import tr

        rows = [
            {**item.as_json(), "ids": ", ".join(item.ids),
             "text": tr(f"io.finding.{item.kind}")}
            for item in self.findings
        ]  # fmt: skip
        columns = [
            "layer",
            "kind",
            "severity",
            "count",
            "ids",
            "area_m2",
            "effect",
            "command",
            "text",
        ]
        return pd.DataFrame(rows, columns=columns)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one row per place, with its layer, kind and severity."""
        import geopandas as gpd

        rows = [
            {"layer": item.layer, "kind": str(item.kind), "severity": str(item.severity),
             "geometry": place}
            for item in self.findings
            for place in item.places
        ]  # fmt: skip
        columns = ["layer", "kind", "severity", "geometry"]
        return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=self.city.crs)

    def figures(self) -> list[tuple[str, str]]:
        """Return how many findings of each severity there are."""
        from collections import Counter

        from gridmap.i18n import tr

        if not self.findings:
            return [("", tr("cli.check.clean"))]
        counts = Counter(str(item.severity) for item in self.findings)
        return [(tr(f"io.severity.{name}"), f"{count:,}") for name, count in counts.items()]

    def map_view(self) -> MapView | None:
        """Return the grids coloured by whether a fault lies in them, or None without grids."""
        import numpy as np
        import shapely

        from gridmap.i18n import tr
        from gridmap.maps import Theme
        from gridmap.model import Kind

        grids = self.city.get(Kind.GRID)
        if grids is None:
            return None
        rows = np.zeros(len(grids), dtype=np.uint8)
        tree = shapely.STRtree(grids.geometry)
        for item in self.findings:
            places = item.places[~shapely.is_missing(item.places)]
            level = {"error": 3, "warning": 2}.get(str(item.severity), 1)
            if len(places):
                # What is invalid has a middle all the same.
                found = np.unique(tree.query(shapely.centroid(places))[1])
                rows[found] = np.maximum(rows[found], level)
        palette = ("#eef2f5", "#9ecae1", "#fdae61", "#d7301f")
        names = ("", "note", "warning", "error")
        legend = tuple(
            (palette[at], tr(f"io.severity.{names[at]}")) for at in (3, 2, 1) if (rows == at).any()
        )
        title = tr("api.check.title")
        theme = Theme("check", title, title, palette, rows, legend)
        return MapView(cells=grids, themes=(theme,))


@verb(CheckOptions)
def check(city: City, options: CheckOptions, *, progress: Progress | None = None) -> CheckResult:
    """Check a city's data; nothing is changed.

    Returns
    -------
    CheckResult
        One finding a layer and kind, the gravest first; none where nothing is wrong.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> gridmap.check(city).to_frame()["severity"].isin(["error", "warning", "note"]).all()
    np.True_
    """
    from gridmap.io import check_city

    def tell(share: float) -> None:
        if progress is not None:
            progress(share)

    findings = check_city(city, code_digits=options.grid_code, progress=tell)
    return CheckResult(city=city, options=options, findings=findings)
