"""Check and repair: what in a city's data would make a number wrong, and correcting its shapes.

Counts of people never change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, cast

from gridmap import io
from gridmap._lazy import gpd, np, pd, shapely
from gridmap.api.options import AsNames, Options, as_list, option
from gridmap.api.results import FORMAT, MapView, Progress, Result, verb
from gridmap.errors import InputError, OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.io import Finding, FindingKind, Repair, Repaired
    from gridmap.model import City


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Options):
    """What `check` looks for besides what it always looks for."""

    verb: ClassVar[str] = "check"

    grid_code: int = option(0, metavar="15|20")
    strict: bool = option(default=False)

    def check_together(self) -> None:
        """Check that a rule exists for this number of digits."""
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
            "findings": [cast("FindingJson", item.as_json()) for item in self.findings],
            "options": self.options.to_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding, with its name in the current language."""
        from gridmap.io.findings import finding_name

        rows = [
            {**item.as_json(), "ids": ", ".join(item.ids),
             "text": finding_name(item.kind, item.count)}
            for item in self.findings
        ]  # fmt: skip
        columns = [
            "layer", "kind", "severity", "count", "ids", "area_m2", "effect", "command", "text",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one row per place, with its layer, kind and severity."""
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
        if not self.findings:
            return [("", tr("cli.check.clean"))]
        counts = Counter(str(item.severity) for item in self.findings)
        return [(tr(f"io.severity.{name}"), f"{count:,}") for name, count in counts.items()]

    def map_view(self) -> MapView | None:
        """Return the grids coloured by whether a fault lies in them, or None without grids."""
        from gridmap.maps import Theme

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

    def tell(share: float) -> None:
        if progress is not None:
            progress(share)

    findings = io.check_city(city, code_digits=options.grid_code, progress=tell)
    return CheckResult(city=city, options=options, findings=findings)


def _kinds(value: object, option: str) -> tuple[str, ...]:
    known = [str(kind) for kind in io.MENDABLE]
    names = as_list(value, option)
    wrong = [name for name in names if name not in known]
    if wrong:
        raise InputError("io.error.not_mendable", received=wrong[0], known=", ".join(known))
    return names


@dataclass(frozen=True, kw_only=True)
class RepairOptions(Options):
    """What `repair` repairs, and how far it may move a border."""

    verb: ClassVar[str] = "repair"

    only: AsNames = option(
        (), metavar="invalid|sliver|overlap|unmatched_edge|gap", many=True, parse=_kinds
    )
    tolerance_m: float = option(5.0, metavar="M", unit="m")

    def check_together(self) -> None:
        """Check that a border may be moved at all."""
        if not self.tolerance_m > 0:
            raise OptionError(
                "io.error.tolerance", option="tolerance_m", received=self.tolerance_m
            )

    def kinds(self) -> tuple[FindingKind, ...]:
        """Return the faults to repair."""
        return tuple(kind for kind in io.MENDABLE if not self.only or str(kind) in self.only)


class RepairedJson(TypedDict):
    """What was done to one kind of fault in one layer."""

    layer: str
    kind: str
    rows: int
    area_m2: float
    moved_max_m: float


class LeftJson(TypedDict):
    """Faults that stay."""

    layer: str
    kind: str
    count: int


class RepairJson(TypedDict):
    """The JSON of ``gridmap repair --json``."""

    format: int
    repaired: list[RepairedJson]
    coverage_valid: bool
    tolerance_m: float
    left: list[LeftJson]
    originals: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RepairResult(Result[RepairJson]):
    """A repaired city, and what was done.

    Attributes
    ----------
    city
        The city with its layers repaired.
    before
        The city as it was.
    options
        How it was repaired.
    report
        What was done, one entry per layer and kind.
    """

    city: City
    before: City
    options: RepairOptions
    report: Repair

    def __repr__(self) -> str:
        return f"<RepairResult: {sum(item.rows for item in self.report.done)} features changed>"

    def to_dict(self) -> RepairJson:
        """Return the JSON of the command."""
        answer: dict[str, Any] = {
            "format": FORMAT, **self.report.as_json(), "options": self.options.to_dict(),
        }  # fmt: skip
        return cast("RepairJson", answer)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per layer and kind of fault."""
        rows = [{**item.as_json(), "left": item.left} for item in self.report.done]
        columns = ["layer", "kind", "rows", "area_m2", "moved_max_m", "left"]
        return pd.DataFrame(rows, columns=columns)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the features that changed or went, as they are now (empty where they went)."""
        parts = []
        for kind, old in self.before.layers.items():
            new = dict(zip(self.city.layers[kind].ids, self.city.layers[kind].geometry,
                           strict=True))  # fmt: skip
            now = np.array([new.get(name, shapely.Polygon()) for name in old.ids], dtype=object)
            moved = ~shapely.equals_exact(shapely.normalize(old.geometry),
                                          shapely.normalize(now))  # fmt: skip
            parts.append(
                pd.DataFrame({"layer": str(kind), "id": old.ids[moved], "geometry": now[moved]})
            )
        whole = pd.concat(parts, ignore_index=True)
        return gpd.GeoDataFrame(whole, geometry="geometry", crs=self.city.crs)

    def figures(self) -> list[tuple[str, str]]:
        """Return how many features changed."""
        return [(tr("api.repair.changed"), f"{sum(item.rows for item in self.report.done)}")]

    def map_view(self) -> MapView | None:
        """Return the grids, the changed ones coloured, or None without grids."""
        from gridmap.maps import Theme

        grids = self.city.get(Kind.GRID)
        if grids is None:
            return None
        gone = self.to_gdf()
        rows = np.isin(grids.ids, gone.loc[gone["layer"] == str(Kind.GRID), "id"]).astype(np.uint8)
        title, palette = tr("api.repair.changed"), ("#eef2f5", "#d7301f")
        theme = Theme("changed", title, title, palette, rows, ((palette[1], title),))
        return MapView(cells=grids, themes=(theme,))


@verb(RepairOptions)
def repair(
    city: City, options: RepairOptions, *, progress: Progress | None = None
) -> RepairResult:
    """Repair the shapes of a city on a copy; every column and every count stays.

    To repair a workspace in place, with the originals kept beside, use ``gridmap repair`` or
    `gridmap.io.repair_workspace`.

    Returns
    -------
    RepairResult
        ``result.city`` is the repaired city.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> gridmap.repair(city, tolerance_m=1.0).report.coverage_valid
    True
    """
    from gridmap.model import AREA_KINDS

    mended, valid = city, True
    done: list[Repaired] = []
    for step, (kind, layer) in enumerate(city.layers.items()):
        if progress is not None:
            progress(step / len(city.layers))
        result = io.repair_layer(
            layer,
            only=options.kinds(),
            tolerance_m=options.tolerance_m,
            sliver_m=min(city.presets.gap_m, options.tolerance_m),
        )
        done += result.done
        valid &= result.coverage_valid or kind not in AREA_KINDS
        mended = mended.with_layer(result.layer)
    report = io.Repair(tuple(done), valid, options.tolerance_m)
    return RepairResult(city=mended, before=city, options=options, report=report)
